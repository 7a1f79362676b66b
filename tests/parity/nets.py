"""What the cases are written in: a small net of Input layers and the layers under test."""

from __future__ import annotations

from typing import Any

TRAIN, TEST = 0, 1


class Cases(dict[str, dict[str, Any]]):
    """Cases by name."""

    def add(self, name: str, *given: Any, **more: Any) -> None:
        """Add a `case`."""
        self[name] = case(*given, **more)


def case(
    layers: str, inputs: str = "x: 2 4 7 6", phase: int = TRAIN, force: bool = True, **more: Any
) -> dict[str, Any]:
    """A case of `record.layer`: layers on Input layers, ``name: shape`` each, separated by commas.

    Gradients reach the inputs by force, unless `force` is False.

    What more there can be: `seed`, `forwards` (how many), `backward` (False: none), `passes` (how many times forward
    and backward), `loss` (True: the net has its own), `keep_fillers` (True: parameters stay as filled), `statistics`
    (True: parameters are not negative, and what a forward makes of them counts), `tolerance`; of the inputs by name
    `classes` (whole numbers below), `ranges` (uniform within) and `values` (given); `whole_numbers` (True: all inputs
    are −2 to 2); `reshapes` (of the inputs that
    change, their shapes in each further pass; what the tops' shapes become counts).
    """
    return {"text": net(inputs, layers, force), "phase": phase, **more}


def one(kind: str, parameter: str, bottoms: str = "x", tops: str = "y", extra: str = "", name: str = "l") -> str:
    """A layer of a type with its parameter message, bottoms and tops by name."""
    wires = "".join(f'bottom: "{b}" ' for b in bottoms.split()) + "".join(f'top: "{t}" ' for t in tops.split())
    return f'layer {{ name: "{name}" type: "{kind}" {wires}{parameter} {extra} }}\n'


def net(inputs: str, layers: str, force: bool = True) -> str:
    """A prototxt of Input layers and the layers; gradients reach the inputs by force."""
    text = "force_backward: true\n" if force else ""
    for given in filter(None, inputs.split(", ")):
        name, shape = given.split(":")
        dims = " ".join(f"dim: {n}" for n in shape.split())
        text += f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'
    return text + layers + "\n"
