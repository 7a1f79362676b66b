"""Where the backward pass goes: to the layers between a loss and what learns, and no further."""

from __future__ import annotations

from collections.abc import Container, Sequence

from ftcaffe.engine.layers import Layer


def backward(layers: Sequence[Layer], losses: Container[str], forced: bool) -> tuple[list[bool], list[list[bool]]]:
    """Which layers need a backward, and to which of its bottoms each sends a gradient.

    Parameters
    ----------
    layers : in forward order.
    losses : names of the blobs that are summed in the loss.
    forced : `force_backward`: every bottom that allows it gets a gradient.
    """
    needed, propagated = _from_parameters(layers)
    under_loss: set[str] = set()
    skipped: set[str] = set()
    for number in range(len(layers) - 1, -1, -1):
        bottoms, tops = layers[number].message.bottom, layers[number].message.top
        contributes = any(name in losses or name in under_loss for name in tops)
        if needed[number] and tops and all(name in skipped for name in tops):
            needed[number] = False
            propagated[number] = [False] * len(bottoms)
        if not contributes:
            needed[number] = False
        for index, name in enumerate(bottoms):
            if contributes:
                under_loss.add(name)
            else:
                propagated[number][index] = False
            if not propagated[number][index]:
                skipped.add(name)
    if forced:
        _force(layers, needed, propagated)
    return needed, propagated


def _from_parameters(layers: Sequence[Layer]) -> tuple[list[bool], list[list[bool]]]:
    """The same, seen only from below: a layer needs a backward that learns or stands on one that does."""
    reached: dict[str, bool] = {}
    needed: list[bool] = []
    propagated: list[list[bool]] = []
    for layer in layers:
        message = layer.message
        below = [reached[name] for name in message.bottom]
        needs = any(below) or any(layer.propagate)
        if message.propagate_down:
            below = list(message.propagate_down)
            if len(below) != len(message.bottom):
                raise layer.fault("propagate_down is given for some bottoms only")
        needed.append(needs)
        propagated.append(below)
        reached.update((name, needs) for name in message.top)
    return needed, propagated


def _force(layers: Sequence[Layer], needed: list[bool], propagated: list[list[bool]]) -> None:
    """Every layer with bottoms, to every bottom that it allows and to its parameters, whatever their lr_mult."""
    for number, layer in enumerate(layers):
        layer.propagate = [True] * len(layer.propagate)
        needed[number] = needed[number] or bool(layer.message.bottom)
        allowed = layer.forced_backward
        propagated[number] = [
            wanted or allowed is None or index in allowed for index, wanted in enumerate(propagated[number])
        ]
