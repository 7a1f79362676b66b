"""Data layers and the transformation of images."""

from __future__ import annotations

from parity.nets import TEST, TRAIN, Cases


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for name, transform, phase in (
        ("plain", "", TEST),
        ("scale-mean-file", 'scale: 0.5 mean_file: "mean.binaryproto"', TRAIN),
        ("mean-values", "mean_value: 10 mean_value: 20 mean_value: 30", TRAIN),
        ("mean-value-crop-test", "mean_value: 100 crop_size: 60", TEST),
        ("crop-mirror-train", 'mean_file: "mean.binaryproto" crop_size: 61 mirror: true', TRAIN),
        ("mirror-test", "mirror: true", TEST),
    ):
        found.add(
            f"data-{name}",
            f'layer {{ name: "data" type: "Data" top: "data" top: "label" transform_param {{ {transform} }} '
            'data_param { source: "records.lmdb" batch_size: 12 backend: LMDB prefetch: 2 } }',
            "",
            phase,
            seed=5,
            forwards=5,
            backward=False,
        )
    return found
