"""Fillers, number for number.

The layer after shows how many words the filler before has taken.
"""

from __future__ import annotations

from parity.nets import Cases, one

FILLERS = {
    "constant": 'type: "constant" value: 0.25',
    "uniform": 'type: "uniform" min: -0.3 max: 0.7',
    "uniform-of-one-value": 'type: "uniform" min: 2 max: 2',  # half of the words round to more, and are passed over
    "gaussian": 'type: "gaussian" mean: 0.1 std: 0.02',
    "gaussian-sparse": 'type: "gaussian" std: 2 sparse: 3',
    "gaussian-sparse-0": 'type: "gaussian" sparse: 0',
    "gaussian-sparse-all": 'type: "gaussian" sparse: 6',
    "positive-unitball": 'type: "positive_unitball"',
    **{
        f"{kind}-{norm.lower().replace('_', '-')}": f'type: "{kind}" variance_norm: {norm}'
        for kind in ("xavier", "msra")
        for norm in ("FAN_IN", "FAN_OUT", "AVERAGE")
    },
}


SHAPES = {"2-and-1": "2 3 3 2", "2-transposed": "2 3 3 2", "3": "2 3 6", "4": "2 3 4 3", "5": "2 3 3 2 3"}


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for name, filler in FILLERS.items():
        for seed, (axes, layer) in enumerate(_layers(filler).items()):
            _add(found, f"filler-{name}-axes-{axes}", layer, seed, SHAPES[axes])
    for size in range(1, 8):
        filler = 'type: "bilinear"'
        convolution = f"num_output: 2 kernel_size: {size} pad: {size} weight_filler {{ {filler} }}"
        _add(found, f"filler-bilinear-{size}", one("Convolution", f"convolution_param {{ {convolution} }}"), 1)
    # Enough values for hundreds of draws of the normal distribution's tail, and a seed of all bits.
    dense = 'num_output: 5000 weight_filler { type: "gaussian" std: 0.01 } bias_filler { type: "uniform" }'
    _add(found, "filler-gaussian-500000", one("InnerProduct", f"inner_product_param {{ {dense} }}"), 2**32 - 1)
    return found


def _layers(filler: str) -> dict[str, str]:
    """Layers by the number of axes of their parameters."""
    both = f"weight_filler {{ {filler} }} bias_filler {{ {filler} }}"
    dense, convolution = f"num_output: 6 {both}", f"num_output: 6 kernel_size: 2 {both}"
    return {
        "2-and-1": one("InnerProduct", f"inner_product_param {{ {dense} }}"),
        "2-transposed": one("InnerProduct", f"inner_product_param {{ {dense} transpose: true }}"),
        **{axes: one("Convolution", f"convolution_param {{ {convolution} }}") for axes in "345"},
    }


def _add(found: Cases, name: str, layer: str, seed: int, shape: str = "1 4 5 5") -> None:
    after = 'inner_product_param { num_output: 3 weight_filler { type: "gaussian" } bias_filler { type: "uniform" } }'
    layers = layer + one("InnerProduct", after, "y", "z", name="after")
    found.add(name, layers, f"x: {shape}", seed=seed, keep_fillers=True, backward=False)
