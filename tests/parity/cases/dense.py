"""InnerProduct, and parameters that layers share."""

from __future__ import annotations

from parity.nets import Cases, one


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for name, text in {
        "plain": "",
        "nobias": "bias_term: false",
        "axis2": "axis: 2",
        "axis-1": "axis: -1",
        "transpose": "transpose: true",
    }.items():
        found.add(f"inner-product-{name}", one("InnerProduct", f"inner_product_param {{ num_output: 5 {text} }}"))
    shared = 'param { name: "w" } param { name: "b" }'
    found.add(
        "shared-parameters",
        one("InnerProduct", "inner_product_param { num_output: 3 }", "x", "u", shared)
        + one("InnerProduct", "inner_product_param { num_output: 3 }", "z", "v", shared, "m"),
        "x: 4 5, z: 3 5",
    )
    return found
