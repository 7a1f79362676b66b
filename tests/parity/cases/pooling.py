"""Pooling and SPP over a grid of their parameters; whole numbers make ties."""

from __future__ import annotations

from parity.nets import Cases, one

WINDOWS = ("k2-s2", "k3-s2", "k3-s2-p1", "k3-s1-p1", "k2-s3", "k3-s3-p2", "k5-s2-p2", "k4-s3-p1")


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for pool in ("MAX", "AVE"):
        for text in WINDOWS:
            words = {"k": "kernel_size", "s": "stride", "p": "pad"}
            fields = " ".join(f"{words[word[0]]}: {word[1:]}" for word in text.split("-"))
            for rounding in ("", "FLOOR"):
                for shape, other in (("7 8", [2, 3, 8, 10]), ("8 10", [1, 3, 10, 7])):
                    if (text, shape) == ("k2-s3", "8 10"):
                        continue  # below: a window past the border
                    _add(
                        found,
                        f"{pool}-{text}-{shape.replace(' ', 'x')}{'-floor' if rounding else ''}",
                        f"pool: {pool} {fields} {'round_mode: FLOOR' if rounding else ''}",
                        f"x: 2 3 {shape}",
                        reshapes=[{"x": other}] if text != "k2-s3" else [{}],
                    )
        _add(found, f"{pool}-global", f"pool: {pool} global_pooling: true", reshapes=[{"x": [2, 4, 3, 9]}])
        for name, fields in {
            "hw": "kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 0 pad_w: 1",
            "kernel-size-and-h-takes-size": "kernel_size: 2 kernel_h: 3",
            "pad-on-one-axis-clips-both": "kernel_size: 2 stride: 3 pad_h: 0 pad_w: 1",
            "kernel-larger-than-bottom": "kernel_size: 8 stride: 3",
        }.items():
            _add(found, f"{pool}-{name}", f"pool: {pool} {fields}", "x: 2 4 6 6", reshapes=[{}])
        _add(found, f"{pool}-one-channel", f"pool: {pool} kernel_size: 3 stride: 2", "x: 3 1 7 8", reshapes=[{}])
        for levels, shape, other in (
            (1, "5 7", "8 6"),
            (2, "5 7", "8 6"),
            (3, "6 7", "11 4"),
            (3, "4 9", "10 10"),
            (4, "8 8", "16 15"),
        ):
            found.add(
                f"spp-{pool}-{levels}-levels-of-{shape.replace(' ', 'x')}",
                one("SPP", f"spp_param {{ pyramid_height: {levels} pool: {pool} }}"),
                f"x: 2 3 {shape}",
                reshapes=[{"x": [3, 2, *(int(n) for n in other.split())]}],
            )
        found.add(
            f"pooling-{pool}-of-convolution",
            one("Convolution", "convolution_param { num_output: 5 kernel_size: 3 }", "x", "c", name="c")
            + one("Pooling", f"pooling_param {{ pool: {pool} kernel_size: 3 stride: 2 }}", "c"),
            "x: 2 3 9 8",
            reshapes=[{"x": [3, 3, 8, 11]}],
        )
    _add(found, "MAX-ties", "kernel_size: 3 stride: 2", whole_numbers=True)
    _add(found, "MAX-ties-past-the-border", "kernel_size: 3 stride: 3 pad: 2", whole_numbers=True)
    for text in ("kernel_size: 3 stride: 2", "kernel_size: 3 stride: 3 pad: 2"):
        found.add(
            f"pooling-MAX-indices-{text[-1]}",
            one("Pooling", f"pooling_param {{ {text} }}", "x", "y m"),
            reshapes=[{"x": [3, 4, 9, 8]}],
        )
    _add(
        found, "AVE-window-past-the-border-is-nan", "pool: AVE kernel_size: 2 stride: 3", "x: 2 3 6 6", backward=False
    )
    return found


def _add(found: Cases, name: str, fields: str, shape: str = "x: 2 4 7 6", **more: object) -> None:
    found.add(f"pooling-{name}", one("Pooling", f"pooling_param {{ {fields} }}"), shape, **more)
