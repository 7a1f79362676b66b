"""Eltwise, Scale and Bias."""

from __future__ import annotations

from parity.nets import TEST, Cases, one

SAME = "x: 2 3 4 5, z: 2 3 4 5"
AXES = {
    "default": "",
    "axis0": "axis: 0",
    "axis0-2": "axis: 0 num_axes: 2",
    "axis1-2": "axis: 1 num_axes: 2",
    "axis2": "axis: 2",
    "axis-last": "axis: -1",
    "axis-before-last-all": "axis: -2 num_axes: -1",
    "axis0-all": "axis: 0 num_axes: -1",
    "single": "num_axes: 0",
}


def cases() -> Cases:
    """Each form beside its bottom and in place of it, over two passes: gradients of parameters are summed."""
    found = Cases()
    _eltwise(found)
    _along(found)
    _batch_of_one(found)
    _two_bottoms(found)
    _chains(found)
    return found


def _eltwise(found: Cases) -> None:
    for name, parameter in {
        "default": "",
        "sum": "operation: SUM coeff: 2 coeff: -0.5",
        "sum-one-coeff-1": "operation: SUM coeff: 1 coeff: 3",
        "product": "operation: PROD",
        "product-unstable": "operation: PROD stable_prod_grad: false",
        "max": "operation: MAX",
    }.items():
        layer = ("Eltwise", f"eltwise_param {{ {parameter} }}")
        found.add(f"eltwise-{name}", one(*layer, "x z"), SAME, passes=2)
        found.add(f"eltwise-{name}-in-place", one(*layer, "x z", "x"), SAME)
        found.add(f"eltwise-{name}-rows", one(*layer, "x z"), "x: 3 5, z: 3 5")
        if "coeff" not in parameter:
            three = one(*layer, "x z w")
            found.add(f"eltwise-{name}-of-three", three, f"{SAME}, w: 2 3 4 5")
            found.add(f"eltwise-{name}-of-three-zeros-and-ties", three, f"{SAME}, w: 2 3 4 5", whole_numbers=True)
        found.add(f"eltwise-{name}-zeros-and-ties", one(*layer, "x z"), SAME, whole_numbers=True)
        found.add(f"eltwise-{name}-of-itself", one(*layer, "x x"), "x: 2 3 4")
    found.add(
        "eltwise-sum-of-three",
        one("Eltwise", "eltwise_param { coeff: 2 coeff: 1 coeff: -1 }", "x z w"),
        f"{SAME}, w: 2 3 4 5",
    )


def _along(found: Cases) -> None:
    for name, axes in AXES.items():
        for place, top in (("", "y"), ("-in-place", "x")):
            for kind, more in (("Scale", ""), ("Scale", "bias_term: true"), ("Bias", "")):
                parameter = f"{kind.lower()}_param {{ {axes} {more} }}"
                title = f"{kind.lower()}{'-biased' if more else ''}-{name}{place}"
                found.add(title, one(kind, parameter, tops=top), "x: 2 3 4 5", passes=2)
    filler = 'filler { type: "uniform" min: 1 max: 2 }'
    for kind, parameter in (
        ("scale", ""),
        ("scale-biased", "bias_term: true"),
        ("scale-filled", f"bias_term: true {filler} bias_{filler}"),
        ("bias", ""),
        ("bias-filled", filler),
    ):
        word = kind.split("-")[0]
        net = one(word.capitalize(), f"{word}_param {{ {parameter} }}")
        found.add(f"{kind}-as-filled", net, "x: 3 4", TEST, keep_fillers=True, seed=3)


def _batch_of_one(found: Cases) -> None:
    """Where the scale's gradient overwrites, and where it does not although the batch is one."""
    for name, shape, parameter in (
        ("channels", "1 3 4 5", ""),
        ("one-channel", "1 1 4 5", ""),
        ("row", "1 3", ""),
        ("single-value", "1 1", ""),
        ("first-axis", "3 4", "axis: 0"),
        ("vector", "5", "axis: 0"),
        ("two-images", "2 3 4 5", "axis: 2"),
        ("one-by-one", "1 1 4 5", "axis: 2"),
    ):
        for place, top in (("", "y"), ("-in-place", "x")):
            layer = one("Scale", f"scale_param {{ {parameter} bias_term: true }}", tops=top)
            found.add(f"scale-batch-of-one-{name}{place}", layer, f"x: {shape}", passes=2)


def _two_bottoms(found: Cases) -> None:
    for name, axis, shape in (
        ("axis0", 0, "2"),
        ("axis0-2", 0, "2 3"),
        ("axis1", 1, "3"),
        ("axis1-2", 1, "3 4"),
        ("axis-last", -1, "5"),
        ("whole", 0, "2 3 4 5"),
    ):
        for place, top in (("", "y"), ("-in-place", "x")):
            for kind, more in (("Scale", ""), ("Scale", "bias_term: true"), ("Bias", "")):
                parameter = f"{kind.lower()}_param {{ axis: {axis} {more} }}"
                title = f"{kind.lower()}{'-biased' if more else ''}-by-bottom-{name}{place}"
                found.add(title, one(kind, parameter, "x z", top), f"x: 2 3 4 5, z: {shape}", passes=2)


def _chains(found: Cases) -> None:
    """In place one after the other between layers that learn."""
    first = one("InnerProduct", "inner_product_param { num_output: 9 }", "x", "i")
    last = one("InnerProduct", "inner_product_param { num_output: 4 }", "i", "y", name="n")
    scale, bias = one("Scale", "scale_param { bias_term: true }", "i", "i"), one("Bias", "", "i", "i", name="b")
    relu = one("ReLU", "", "i", "i", name="r")
    found.add("scale-relu-chained", first.replace('"l"', '"f"') + scale + relu + last, passes=2)
    found.add("bias-scale-relu-chained", first.replace('"l"', '"f"') + bias + scale + relu + last, passes=2)
    found.add(
        "sum-relu-chained",
        one("InnerProduct", "inner_product_param { num_output: 9 }", "x", "i", name="f")
        + one("InnerProduct", "inner_product_param { num_output: 9 }", "x", "j", name="g")
        + one("Eltwise", "", "i j", "k")
        + one("ReLU", "", "k", "k", name="r")
        + one("InnerProduct", "inner_product_param { num_output: 4 }", "k", "y", name="n"),
        passes=2,
    )
