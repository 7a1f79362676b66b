"""Softmax, the loss on it, Accuracy."""

from __future__ import annotations

from parity.nets import TEST, Cases, one


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for axis in (1, 2, -1):
        found.add(f"softmax-axis{axis}", one("Softmax", f"softmax_param {{ axis: {axis} }}"))
    spatial, flat = "x: 3 4 2 5, label: 3 1 2 5", "x: 6 4, label: 6"
    for normalization in ("VALID", "FULL", "BATCH_SIZE", "NONE"):
        found.add(
            f"softmax-loss-{normalization}",
            one("SoftmaxWithLoss", f"loss_param {{ normalization: {normalization} ignore_label: 1 }}", "x label"),
            spatial,
            classes={"label": 4},
            loss=True,
        )
    for name, parameter, inputs in (
        ("plain", "", flat),
        ("weight", "loss_weight: 2.5", flat),
        ("normalize-false", "loss_param { normalize: false }", spatial),
        ("normalize-true", "loss_param { normalize: true }", spatial),
        ("axis2", "softmax_param { axis: 2 }", "x: 3 5 4 2, label: 3 5 2"),
    ):
        found.add(
            f"softmax-loss-{name}",
            one("SoftmaxWithLoss", parameter, "x label"),
            inputs,
            classes={"label": 4},
            loss=True,
        )
    for name, parameter, tops in (
        ("top1", "", "y"),
        ("top2", "top_k: 2", "y"),
        ("ignore", "ignore_label: 2", "y"),
        ("each-class", "", "y each"),
    ):
        for inputs in (flat, spatial):
            found.add(
                f"accuracy-{name}-{'flat' if inputs == flat else 'spatial'}",
                one("Accuracy", f"accuracy_param {{ {parameter} }}", "x label", tops),
                inputs.replace("6 4", "30 4").replace("label: 6", "label: 30"),
                TEST,
                classes={"label": 4},
                backward=False,
                whole_numbers=True,
            )
    return found
