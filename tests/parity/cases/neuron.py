"""Layers that work value by value."""

from __future__ import annotations

from parity.nets import TEST, TRAIN, Cases, one


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for slope in (0, 0.2):
        parameter = f"relu_param {{ negative_slope: {slope} }}"
        found.add(f"relu-{slope}", one("ReLU", parameter))
        found.add(
            f"relu-{slope}-in-place",
            one("InnerProduct", "inner_product_param { num_output: 9 }", "x", "i")
            + one("ReLU", parameter, "i", "i", name="m")
            + one("InnerProduct", "inner_product_param { num_output: 4 }", "i", "y", name="n"),
        )
    for phase in (TRAIN, TEST):
        found.add(
            f"dropout-{('train', 'test')[phase]}",
            one("Dropout", "dropout_param { dropout_ratio: 0.3 }"),
            phase=phase,
            seed=7,
            forwards=2,
        )
    found.add("dropout-0", one("Dropout", "dropout_param { dropout_ratio: 0 }"), seed=7)
    return found
