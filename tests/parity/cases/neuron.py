"""Layers that work value by value."""

from __future__ import annotations

from parity.nets import TEST, TRAIN, Cases, one

FORMS = {
    "relu": ("ReLU", ""),
    "relu-slope": ("ReLU", "relu_param { negative_slope: 0.2 }"),
    "relu-slope-negative": ("ReLU", "relu_param { negative_slope: -0.5 engine: CAFFE }"),
    "prelu": ("PReLU", ""),
    "prelu-shared": ("PReLU", "prelu_param { channel_shared: true }"),
    "elu": ("ELU", ""),
    "elu-alpha": ("ELU", "elu_param { alpha: 0.3 }"),
    "elu-alpha-negative": ("ELU", "elu_param { alpha: -0.7 }"),
    "sigmoid": ("Sigmoid", ""),
    "swish": ("Swish", ""),
    "swish-beta": ("Swish", "swish_param { beta: 1.7 }"),
    "tanh": ("TanH", ""),
    "bnll": ("BNLL", ""),
    "clip": ("Clip", "clip_param { min: -1 max: 1 }"),
    "clip-crossed": ("Clip", "clip_param { min: 1 max: -1 }"),
    "exp": ("Exp", ""),
    "exp-scale": ("Exp", "exp_param { scale: 0.5 shift: -1 }"),
    "exp-base": ("Exp", "exp_param { base: 2 scale: 1.5 shift: 3 }"),
    "exp-base-below-1": ("Exp", "exp_param { base: 0.3 }"),
    "power-default": ("Power", ""),
    "power-scale": ("Power", "power_param { scale: -1.5 }"),
    "power-shift": ("Power", "power_param { shift: 2 }"),
    "power-2": ("Power", "power_param { power: 2 }"),
    "power-2-scale-shift": ("Power", "power_param { power: 2 scale: 3 shift: 0.5 }"),
    "power-3": ("Power", "power_param { power: 3 }"),
    "power-3-scale": ("Power", "power_param { power: 3 scale: 0.4 }"),
    "power-3-shift": ("Power", "power_param { power: 3 scale: 2 shift: 7 }"),
    "power-0": ("Power", "power_param { power: 0 scale: 2 shift: 3 }"),
    "power-scale-0": ("Power", "power_param { power: 1.5 scale: 0 shift: 3 }"),
    "power-scale-0-shift-0": ("Power", "power_param { power: 2 scale: 0 }"),
    "power-inverse": ("Power", "power_param { power: -1 scale: 2 shift: 0.3 }"),
}
POSITIVE = {
    "log": ("Log", ""),
    "log-scale": ("Log", "log_param { scale: 0.5 }"),
    "log-base": ("Log", "log_param { base: 2 scale: 1.5 shift: 3 }"),
    "log-base-below-1": ("Log", "log_param { base: 0.3 shift: 3 }"),
    "power-root": ("Power", "power_param { power: 0.5 }"),
    "power-fraction": ("Power", "power_param { power: -0.75 scale: 0.1 shift: 1 }"),
}


def cases() -> Cases:
    """Each form beside its bottom and in place of it, of plain values, whole ones (0 and ties) and large ones."""
    found = Cases()
    for name, form in FORMS.items():
        for place, top in (("", "y"), ("-in-place", "x")):
            found.add(f"{name}{place}", one(*form, tops=top), "x: 2 3 5 4")
            found.add(f"{name}{place}-whole", one(*form, tops=top), "x: 3 5", whole_numbers=True, passes=2)
            found.add(f"{name}{place}-large", one(*form, tops=top), "x: 2 3 15", ranges={"x": (-30, 30)})
    for name, form in POSITIVE.items():
        for place, top in (("", "y"), ("-in-place", "x")):
            found.add(f"{name}{place}", one(*form, tops=top), "x: 2 3 5", ranges={"x": (0.5, 4)})
    found.add("power-3-at-0", one("Power", "power_param { power: 3 }"), "x: 3 5", whole_numbers=True)
    found.add("log-at-0", one("Log", ""), "x: 3 5", ranges={"x": (0, 0)})
    for place, inputs in (("vector", "x: 7"), ("volume", "x: 2 3 2 3 2")):
        for name in ("relu", "elu", "power-3-shift"):
            found.add(f"{name}-{place}", one(*FORMS[name]), inputs)
    found.add("prelu-rows", one("PReLU", ""), "x: 5 3", keep_fillers=True)
    found.add(
        "prelu-filled", one("PReLU", 'prelu_param { filler { type: "constant" value: 0.1 } }'), keep_fillers=True
    )
    found.add("prelu-twice", one("PReLU", ""), passes=2)
    found.add("absval", one("AbsVal", ""))
    found.add("absval-at-0", one("AbsVal", ""), whole_numbers=True)
    for name, value in (("", 0), ("-strictly-greater", 1)):
        found.add(
            f"threshold{name}",
            one("Threshold", f"threshold_param {{ threshold: {value} }}"),
            whole_numbers=True,
            backward=False,
        )
    _chains(found)
    _dropout(found)
    return found


def _chains(found: Cases) -> None:
    """In place between layers that learn."""
    for name in ("relu", "relu-slope", "prelu", "swish", "power-scale"):
        found.add(
            f"{name}-chained",
            one("InnerProduct", "inner_product_param { num_output: 9 }", "x", "i")
            + one(*FORMS[name], "i", "i", name="m")
            + one("InnerProduct", "inner_product_param { num_output: 4 }", "i", "y", name="n"),
            passes=2,
        )


def _dropout(found: Cases) -> None:
    for phase in (TRAIN, TEST):
        for place, top in (("", "y"), ("-in-place", "x")):
            found.add(
                f"dropout-{('train', 'test')[phase]}{place}",
                one("Dropout", "dropout_param { dropout_ratio: 0.3 }", tops=top),
                phase=phase,
                seed=7,
                forwards=2,
            )
    found.add("dropout-0", one("Dropout", "dropout_param { dropout_ratio: 0 }"), seed=7)
    found.add("dropout-default", one("Dropout", ""), seed=7)
