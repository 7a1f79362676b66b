"""What the cases are written in: a small net of Input layers and the layers under test."""

from __future__ import annotations

from typing import Any

TRAIN, TEST = 0, 1


class Cases(dict[str, dict[str, Any]]):
    """Cases by name."""

    def add(self, name: str, *given: Any, **more: Any) -> None:
        """Add a `case`."""
        self[name] = case(*given, **more)


def case(layers: str, inputs: str = "x: 2 4 7 6", phase: int = TRAIN, **more: Any) -> dict[str, Any]:
    """A case of `record.layer`: layers on Input layers, ``name: shape`` each, separated by commas.

    What more there can be: `seed`, `forwards` (how many), `backward` (False: none), `loss` (True: the net has its
    own), `keep_fillers` (True: parameters stay as filled), `tolerance`; of the inputs by name `classes` (whole numbers
    below), `ranges` (uniform within) and `values` (given); `whole_numbers` (True: all inputs are −2 to 2).
    """
    return {"text": net(inputs, layers), "phase": phase, **more}


def one(kind: str, parameter: str, bottoms: str = "x", tops: str = "y", extra: str = "", name: str = "l") -> str:
    """A layer of a type with its parameter message, bottoms and tops by name."""
    wires = "".join(f'bottom: "{b}" ' for b in bottoms.split()) + "".join(f'top: "{t}" ' for t in tops.split())
    return f'layer {{ name: "{name}" type: "{kind}" {wires}{parameter} {extra} }}\n'


def net(inputs: str, layers: str) -> str:
    """A prototxt of Input layers and the layers; gradients reach the inputs."""
    text = "force_backward: true\n"
    for given in filter(None, inputs.split(", ")):
        name, shape = given.split(":")
        dims = " ".join(f"dim: {n}" for n in shape.split())
        text += f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'
    return text + layers + "\n"
