"""Layers that move values about."""

from __future__ import annotations

from parity.nets import Cases, one


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for axis in (0, 1, 3):
        found.add(
            f"concat-axis{axis}",
            one("Concat", f"concat_param {{ axis: {axis} }}", "x z"),
            "x: 2 3 4 5, z: 2 3 4 5",
        )
    found.add("concat-dim", one("Concat", "concat_param { concat_dim: 2 }", "x z"), "x: 2 3 4 5, z: 2 3 1 5")
    found.add("split", one("Split", "", "x", "y z"))
    found.add(
        "split-inserted",
        one("InnerProduct", "inner_product_param { num_output: 3 }", "x", "i")
        + one("Concat", "", "i i", "y", name="m")
        + one("Silence", "", "i", "", name="n"),
    )
    return found
