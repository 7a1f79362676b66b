"""Layers that pick or sum up values.

Where gradients end at a bottom of indices, the values come from a Parameter layer, as they cannot be forced.
"""

from __future__ import annotations

from parity.nets import Cases, one

PARAMETER = one("Parameter", "parameter_param { shape { dim: 4 dim: 3 } }", "", "x", name="p")
LOSS = one("InnerProduct", "inner_product_param { num_output: 2 }", "s", "y", "loss_weight: 1", "m")


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    _crops(found)
    _picks(found)
    for axis, text in {"all": "", "axis1": "axis: 1", "axis2": "axis: 2", "last": "axis: -1"}.items():
        for name in ("", "out_max_val: true", "top_k: 3", "out_max_val: true top_k: 2"):
            top = name.replace(": ", "").replace(" ", "-")
            for ties in (False, True):
                found.add(
                    f"argmax-{axis}-{top}{'-ties' if ties else ''}",
                    one("ArgMax", f"argmax_param {{ {text} {name} }}"),
                    "x: 2 3 4 5",
                    force=False,
                    backward=False,
                    whole_numbers=ties,
                    reshapes=[{"x": [3, 3, 5, 4]}],
                )
    for shape in ("6", "2 6", "2 3 2", "2 3 2 1 2"):
        found.add(
            f"argmax-of-{len(shape.split())}-axes",
            one("ArgMax", "argmax_param { out_max_val: true }"),
            f"x: {shape}",
            force=False,
            backward=False,
            reshapes=[{}],
        )
    for operation in ("SUM", "ASUM", "SUMSQ", "MEAN"):
        for axis in (0, 1, 2, -1):
            for coefficient in ("", "coeff: -0.5"):
                found.add(
                    f"reduction-over-tail-axes-{operation}-axis{axis}{'-coeff' if coefficient else ''}",
                    one("Reduction", f"reduction_param {{ operation: {operation} axis: {axis} {coefficient} }}"),
                    "x: 3 4 2 5",
                    reshapes=[{"x": [2, 4, 3, 5]}],
                )
        found.add(
            f"reduction-{operation}-zeros",
            one("Reduction", f"reduction_param {{ operation: {operation} axis: 1 }}"),
            whole_numbers=True,
        )
    return found


def _crops(found: Cases) -> None:
    for name, text, like in (
        ("plain", "", "2 3 4 5"),
        ("offset", "offset: 1", "2 3 4 5"),
        ("offsets", "offset: 2 offset: 1", "2 3 4 5"),
        ("axis1", "axis: 1 offset: 1", "2 2 4 5"),
        ("axis1-offsets", "axis: 1 offset: 0 offset: 2 offset: 1", "2 2 4 5"),
        ("axis-1", "axis: -1 offset: 2", "2 3 6 5"),
        ("axis0", "axis: 0", "1 3 2 7"),
        ("other-axes-before", "offset: 1", "5 1 4 5"),
        ("reference-of-more-axes", "offset: 1", "2 3 4 5 9"),
        ("whole", "", "2 3 6 7"),
    ):
        found.add(
            f"crop-{name}",
            one("Crop", f"crop_param {{ {text} }}", "x z"),
            f"x: 2 3 6 7, z: {like}",
            reshapes=[{"x": [2, 3, 9, 8]}],
        )
    found.add("crop-of-three-axes", one("Crop", "crop_param { axis: 1 offset: 1 }", "x z"), "x: 2 4 5, z: 2 2 3")


def _picks(found: Cases) -> None:
    for name, chosen in {"some": [0, 1, -1, 0], "all": [1, 2, 3, 4], "last": [0, 0, 0, 1]}.items():
        found.add(
            f"filter-{name}",
            PARAMETER + one("Filter", "", "x i", "s") + LOSS,
            "i: 4",
            force=False,
            loss=True,
            values={"i": chosen},
            reshapes=[{}],
        )
    found.add(
        "filter-of-two",
        one("Filter", "", "x z i", "u v"),
        "x: 5 3, z: 5 2 2, i: 5 1 1",
        force=False,
        backward=False,
        values={"i": [1, 0, 1, 1, 0]},
        reshapes=[{}],
    )
    found.add(
        "filter-with-nothing-selected",
        one("Filter", "", "x i", "s")
        + one("InnerProduct", "inner_product_param { num_output: 2 }", "s", "t", "", "m")
        # what the original cannot show, a blob without values, is summed up
        + one("Reduction", "", "t", "y", name="n"),
        "x: 4 3, i: 4",
        force=False,
        backward=False,
        values={"i": [0, 0, 0, 0]},
        reshapes=[{}],
    )
    for name, index in {"repeats": [3, 0, 0, 1, 3, 3], "leaves-out": [2], "turns": [3, 2, 1, 0]}.items():
        found.add(
            f"batch-reindex-{name}",
            PARAMETER + one("BatchReindex", "", "x i", "s") + LOSS,
            f"i: {len(index)}",
            force=False,
            loss=True,
            values={"i": index},
            reshapes=[{}],
        )
    found.add(
        "batch-reindex-images",
        one("BatchReindex", "", "x i"),
        "x: 3 2 4 5, i: 5",
        force=False,
        backward=False,
        classes={"i": 3},
        reshapes=[{"i": [2]}],
    )
    for name, text in {"plain": "", "nobias": "bias_term: false"}.items():
        for shape in ("6", "3 4", "2 3 1"):
            found.add(
                f"embed-{name}-{shape.replace(' ', 'x')}",
                one("Embed", f"embed_param {{ input_dim: 5 num_output: 3 {text} }}", "x", "s")
                + one(
                    "InnerProduct", "inner_product_param { num_output: 2 axis: -1 }", "s", "y", "loss_weight: 1", "m"
                ),
                f"x: {shape}",
                force=False,
                loss=True,
                classes={"x": 5},
                reshapes=[{}],
            )
