"""Fillers, number for number."""

from __future__ import annotations

from parity.nets import Cases, one


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for filler in ('type: "constant" value: 0.25', 'type: "xavier"', 'type: "xavier" variance_norm: AVERAGE'):
        name = filler.replace('type: "', "").replace('"', "").replace(":", "").replace(" ", "-").lower()
        found.add(
            f"filler-{name}",
            one("InnerProduct", f"inner_product_param {{ num_output: 7 weight_filler {{ {filler} }} }}"),
            seed=3,
            keep_fillers=True,
        )
    return found
