"""Convolution over a grid of its parameters."""

from __future__ import annotations

from parity.nets import Cases, one


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for name, text in {
        "k3": "kernel_size: 3",
        "k1": "kernel_size: 1",
        "k5-s2-p2": "kernel_size: 5 stride: 2 pad: 2",
        "k3-group2": "kernel_size: 3 group: 2",
        "k3-s4-p1-group2": "kernel_size: 3 stride: 4 pad: 1 group: 2",
        "k3-dilation2": "kernel_size: 3 dilation: 2 pad: 2",
        "k3-nobias": "kernel_size: 3 bias_term: false",
        "kh2-kw4": "kernel_h: 2 kernel_w: 4",
        "kh3-kw1-sh2-pw1": "kernel_size: 3 kernel_size: 2 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 1",
    }.items():
        found.add(f"convolution-{name}", one("Convolution", f"convolution_param {{ num_output: 6 {text} }}"))
    found.add(
        "convolution-two-bottoms",
        one("Convolution", "convolution_param { num_output: 3 kernel_size: 3 }", "x z", "u v"),
        "x: 2 4 7 6, z: 2 4 7 6",
    )
    for nd, shape in {"1d": "x: 2 3 9", "3d": "x: 1 2 5 4 5"}.items():
        found.add(f"convolution-{nd}", one("Convolution", "convolution_param { num_output: 3 kernel_size: 3 }"), shape)
    return found
