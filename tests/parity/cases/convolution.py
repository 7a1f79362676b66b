"""Convolution, Deconvolution and Im2col over a grid of parameters, again with larger bottoms in a second pass."""

from __future__ import annotations

from parity.nets import Cases, one

WINDOWS = {
    "k3": "kernel_size: 3",
    "k1": "kernel_size: 1",
    "k1-s2": "kernel_size: 1 stride: 2",
    "k3-s9-beyond-the-last-position": "kernel_size: 3 stride: 9 pad: 1",
    "k5-s2-p2": "kernel_size: 5 stride: 2 pad: 2",
    "k3-s4-p1": "kernel_size: 3 stride: 4 pad: 1",
    "k3-dilation2": "kernel_size: 3 dilation: 2 pad: 2",
    "k3-s2-dilation-1-2": "kernel_size: 3 stride: 2 dilation: 1 dilation: 2 pad: 2",
    "kh2-kw4": "kernel_h: 2 kernel_w: 4",
    "kh3-kw1-sh2-pw1": "kernel_size: 3 kernel_size: 2 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 1",
    "pad-h-alone": "kernel_size: 3 pad_h: 1",
    "each-axis": "kernel_size: 3 kernel_size: 2 stride: 1 stride: 2 pad: 2 pad: 1",
    "force-nd": "kernel_size: 3 stride: 2 pad: 1 force_nd_im2col: true",
    "dilation-0-takes-one-pixel": "kernel_size: 3 dilation: 0",
}
SPACES = {  # number of axes of space, bottoms with them and their other shapes
    "0d": ("x: 5 4", [7, 4]),
    "1d": ("x: 2 4 9", [3, 4, 12]),
    "3d": ("x: 1 2 5 4 5", [2, 2, 4, 5, 6]),
    "4d": ("x: 2 2 3 4 3 4", [1, 2, 4, 3, 4, 3]),
}
AXES = {  # axis of the channels, and bottoms
    "axis0": ("axis: 0", "x: 4 6 5"),
    "axis2": ("axis: 2", "x: 2 3 4 7"),
    "axis-3": ("axis: -3", "x: 2 3 4 6 5"),
    "axis3-of-four": ("axis: 3", "x: 2 3 5 4"),
}


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for kind in ("Convolution", "Deconvolution"):
        _products(found, kind)
    for name, text in WINDOWS.items():
        _add(found, f"im2col-{name}", "Im2col", text)
    for name, (shape, other) in SPACES.items():
        if name != "0d":
            _add(found, f"im2col-{name}", "Im2col", "kernel_size: 2 stride: 2 pad: 1", shape, other)
    _add(found, "im2col-axis2", "Im2col", "axis: 2 kernel_size: 2", "x: 2 3 4 5", [1, 3, 4, 7])
    for kind in ("Convolution", "Im2col"):
        # Division in C rounds −1/2 to 0: one position, with zeros past the border.
        text, name = "kernel_size: 3 stride: 2", f"{kind.lower()}-window-larger-than-its-bottom"
        _add(found, name, kind, text, "x: 2 4 2 2", [2, 4, 5, 2])
    return found


def _products(found: Cases, kind: str) -> None:
    name = kind.lower()
    for window, text in WINDOWS.items():
        _add(found, f"{name}-{window}", kind, text)
    for group, text in {
        "k3-group2": "kernel_size: 3 group: 2",
        "k3-s4-p1-group2": "kernel_size: 3 stride: 4 pad: 1 group: 2",
        "k3-nobias": "kernel_size: 3 bias_term: false",
        "group2-dilation0": "kernel_size: 2 dilation: 0 group: 2",
    }.items():
        _add(found, f"{name}-{group}", kind, text)
    for text, outputs in (("kernel_size: 4 stride: 2 pad: 1 group: 4", 4), ("kernel_size: 3 group: 4", 8)):
        found.add(
            f"{name}-a-group-a-channel-{outputs}",
            one(kind, f"convolution_param {{ num_output: {outputs} {text} }}"),
            reshapes=[{"x": [3, 4, 9, 8]}],
        )
    for space, (shape, other) in SPACES.items():
        text = "" if space == "0d" else "kernel_size: 3"
        _add(found, f"{name}-{space}", kind, text, shape, other)
        _add(
            found,
            f"{name}-{space}-group2",
            kind,
            "group: 2" + (text and " kernel_size: 2 stride: 2 pad: 1"),
            shape,
            other,
        )
    for axis, (text, shape) in AXES.items():
        text += " kernel_size: 3" if axis != "axis3-of-four" else ""
        found.add(f"{name}-{axis}", one(kind, f"convolution_param {{ num_output: 4 {text} }}"), shape, reshapes=[{}])
    found.add(
        f"{name}-two-bottoms",
        one(kind, "convolution_param { num_output: 3 kernel_size: 3 }", "x z", "u v"),
        "x: 2 4 7 6, z: 2 4 7 6",
        reshapes=[{"x": [1, 4, 6, 8], "z": [1, 4, 6, 8]}],
    )
    found.add(
        f"{name}-two-bottoms-4d",
        one(kind, "convolution_param { num_output: 3 kernel_size: 2 }", "x z", "u v"),
        "x: 2 2 3 3 3 3, z: 2 2 3 3 3 3",
    )


def _add(
    found: Cases, name: str, kind: str, text: str, shape: str = "x: 2 4 7 6", other: list[int] | None = None
) -> None:
    layer = one(kind, f"convolution_param {{ num_output: 4 {text} }}")
    # Bias gradients are long sums of numbers of both signs.
    found.add(name, layer, shape, reshapes=[{"x": other or [3, 4, 9, 8]}], tolerance=5e-6)
