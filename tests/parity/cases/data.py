"""Data layers and the transformation of images; `pictures` writes what they read."""

from __future__ import annotations

from parity.nets import TEST, TRAIN, Cases, one

AFTER = one("InnerProduct", 'inner_product_param { num_output: 3 weight_filler { type: "xavier" } }', "data")


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for more in (_records, _encoded, _listed, _dummy, _hdf5, _memory, _windows):
        more(found)
    return found


def _add(found: Cases, name: str, text: str, phase: int = TRAIN, forwards: int = 5, **more: object) -> None:
    found.add(name, text, "", phase, seed=5, forwards=forwards, backward=False, **more)


def _source(kind: str, parameters: str, transform: str = "") -> str:
    return one(kind, parameters, "", "data label", f"transform_param {{ {transform} }}" if transform else "")


def _data(source: str, batch: int, transform: str = "", more: str = "") -> str:
    parameters = f'data_param {{ source: "{source}.lmdb" batch_size: {batch} backend: LMDB prefetch: 2 {more} }}'
    return _source("Data", parameters, transform)


def _records(found: Cases) -> None:
    for name, transform, phase in (
        ("plain", "", TEST),
        ("scale-mean-file", 'scale: 0.5 mean_file: "mean.binaryproto"', TRAIN),
        ("mean-values", "mean_value: 10 mean_value: 20 mean_value: 30", TRAIN),
        ("mean-value-crop-test", "mean_value: 100 crop_size: 60", TEST),
        ("crop-mirror-train", 'mean_file: "mean.binaryproto" crop_size: 61 mirror: true', TRAIN),
        ("mirror-test", "mirror: true", TEST),
    ):
        _add(found, f"data-{name}", _data("records", 12, transform), phase)
    _add(found, "data-small-raw-images", _data("digits", 4, "scale: 0.00390625 mirror: true"))
    _add(found, "data-small-raw-images-crop", _data("digits", 4, "crop_size: 7 mirror: true"))
    _add(found, "data-floats", _data("floats", 2, "scale: 2 mean_value: 0.5 crop_size: 4"))
    _add(found, "data-a-batch-takes-its-first-images-size", _data("sizes", 1))
    _add(found, "data-sizes-with-crop", _data("sizes", 3, "crop_size: 9 mirror: true"))
    _add(found, "data-rand-skip-does-nothing", _data("digits", 3, "", "rand_skip: 7"))
    for name, transform, phase in (
        ("plain", "", TRAIN),
        ("mirror", "mirror: true", TEST),
        ("crop", "crop_size: 5", TRAIN),
        ("crop-test", "crop_size: 5", TEST),
    ):
        _add(found, f"data-leaves-the-seed-{name}", _data("digits", 2, transform) + AFTER, phase, keep_fillers=True)


def _encoded(found: Cases) -> None:
    _add(found, "data-encoded", _data("encoded", 1), forwards=7)
    _add(found, "data-encoded-gray-is-one-channel", _data("encoded-gray", 2))
    _add(found, "data-encoded-alpha-is-four-channels", _data("encoded-alpha", 2))
    _add(found, "data-force-encoded-color-does-nothing", _data("encoded-gray", 1, "", "force_encoded_color: true"))
    for force in ("color", "gray"):
        text = _data("encoded-mixed", 5, f"force_{force}: true crop_size: 40 mirror: true")
        _add(found, f"data-force-{force}", text)
        _add(found, f"data-force-{force}-turned", _data("encoded", 3, f"force_{force}: true"))


def _listed(found: Cases) -> None:
    def add(name: str, parameters: str, transform: str = "", phase: int = TRAIN, **more: object) -> None:
        source = "" if "source" in parameters else 'source: "pictures.txt" root_folder: "pictures/"'
        text = _source("ImageData", f"image_data_param {{ {source} {parameters} }}", transform)
        _add(found, f"imagedata-{name}", text + more.pop("after", ""), phase, **more)

    add("plain", "batch_size: 4")
    add("one-by-one", "", forwards=21)
    add("gray", "batch_size: 7 is_color: false", forwards=3)
    add("smaller", "batch_size: 7 new_height: 31 new_width: 29")
    add("larger-gray", "batch_size: 7 new_height: 91 new_width: 85 is_color: false")
    add("stretched", "batch_size: 5 new_height: 20 new_width: 130")
    add("shuffle", "batch_size: 6 shuffle: true", forwards=9)
    add("rand-skip", "batch_size: 6 rand_skip: 9", forwards=5)
    add("shuffle-rand-skip", "batch_size: 6 rand_skip: 9 shuffle: true", forwards=7)
    add("crop-mirror", "batch_size: 6", "crop_size: 33 mirror: true mean_value: 7 scale: 0.1")
    add("shuffle-crop-test", "batch_size: 6 shuffle: true", "crop_size: 33 mirror: true", TEST)
    add("sizes", 'source: "sizes.txt"')
    add("halved-is-the-mean-of-four", 'source: "sizes.txt" new_height: 25 new_width: 20')
    add("label-as-atoi-reads-it", 'source: "odd.txt" batch_size: 3')
    long = {"after": AFTER, "tolerance": 1e-5}  # sums of 7524 products
    add("leaves-the-seed", "batch_size: 2 shuffle: true rand_skip: 3", "mirror: true", keep_fillers=True, **long)


def _dummy(found: Cases) -> None:
    def add(name: str, parameters: str, tops: str = "data label", **more: object) -> None:
        _add(found, f"dummydata-{name}", one("DummyData", f"dummy_data_param {{ {parameters} }}", "", tops), **more)

    add("zeros", "shape { dim: 2 dim: 3 }")
    add("constant", "data_filler { value: 3 } shape { dim: 2 dim: 3 }", "data")
    add("gaussian", 'data_filler { type: "gaussian" std: 2 } shape { dim: 4 dim: 3 dim: 5 } shape { dim: 4 }')
    add(
        "each-its-own",
        'data_filler { type: "uniform" min: -1 max: 4 } data_filler { type: "constant" value: 2 } '
        'data_filler { type: "gaussian" } num: 3 channels: 2 channels: 1 channels: 4 height: 5 width: 2',
        "a b c",
    )


def _hdf5(found: Cases) -> None:
    for name, parameters, tops in (
        ("across-files", 'source: "rows.txt" batch_size: 7', "data label"),
        ("one-file", 'source: "row.txt" batch_size: 4', "data label"),
        ("dataset-for-each-top", 'source: "rows.txt" batch_size: 2', "double byte label"),
        ("no-label", 'source: "row.txt" batch_size: 12', "data"),
        ("shuffle-is-the-c-librarys", 'source: "rows.txt" batch_size: 5 shuffle: true', "data label"),
        ("shuffle-goes-on", 'source: "row.txt" batch_size: 3 shuffle: true', "label"),
    ):
        text = one("HDF5Data", f"hdf5_data_param {{ {parameters} }}", "", tops)
        _add(found, f"hdf5data-{name}", text, forwards=6)


def _memory(found: Cases) -> None:
    text = one("MemoryData", "memory_data_param { batch_size: 3 channels: 2 height: 4 width: 5 }", "", "data label")
    _add(found, "memorydata", text, forwards=4, memory=[9, 2, 4, 5])


def _windows(found: Cases) -> None:
    def add(name: str, parameters: str, transform: str = "", phase: int = TRAIN, after: str = "") -> None:
        source = "" if "source" in parameters else 'source: "windows.txt"'
        text = f"window_data_param {{ {source} batch_size: 9 {parameters} }}"
        keep = {"keep_fillers": True} if after else {}
        _add(
            found,
            f"windowdata-{name}",
            _source("WindowData", text, f"crop_size: 24 {transform}") + after,
            phase,
            **keep,
        )

    add("warp", "")
    add("mirror", "fg_fraction: 0.5", "mirror: true")
    add("context", "context_pad: 5 fg_threshold: 0.7 bg_threshold: 0.3", "mirror: true")
    add("square", 'crop_mode: "square"', "mirror: true mean_value: 100", TEST)
    add("square-context", 'crop_mode: "square" context_pad: 3', "mean_value: 1 mean_value: 2 mean_value: 3")
    add("cached", "context_pad: 2 cache_images: true", 'mirror: true mean_file: "mean.binaryproto"')
    add("scale-is-window-data-params", "scale: 0.5", "scale: 3")
    add("root-folder", 'source: "windows-rooted.txt" root_folder: "pictures/"')
    add("leaves-the-seed", "", "mirror: true", after=AFTER)
