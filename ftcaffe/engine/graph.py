"""A net's prototxt made ready: rules applied for the phase, splits put in where a blob is used more than once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ftcaffe.engine import net_log
from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2, rules

_MOST = 2**31 - 1


def prepare(net: Any) -> Any:
    """The NetParameter that is run, from one of current form: layers filtered by `net.state`, splits inserted.

    Raises `Error` for a bottom that no layer before gives, a top given twice, and a layer in place on a blob that has
    another use.
    """
    ready = caffe_pb2.NetParameter()
    ready.CopyFrom(net)
    ready.ClearField("layer")
    for layer in net.layer:
        if layer.include and layer.exclude:
            raise Error(f"layer '{layer.name}': include and exclude rules exclude each other")
        net_log.rules_unmet(layer, net.state)
        if rules.included(layer, net.state):
            _check_numbers(layer, layer.name)
            ready.layer.append(layer)
    net_log.begin(ready)
    for layer in ready.layer:
        if not layer.HasField("phase"):
            layer.phase = net.state.phase
    return _split(ready)


def _check_numbers(message: Any, name: str) -> None:
    """`Error` for a number that Caffe, which takes every one into an int, would turn negative."""
    for field, value in message.ListFields():
        for item in value if hasattr(value, "append") else (value,):
            if field.message_type is not None:
                _check_numbers(item, name)
            elif field.type == field.TYPE_UINT32 and item > _MOST:
                raise Error(f"layer '{name}': {field.name} is {item}, more than the {_MOST} that an int holds")


def _split(net: Any) -> Any:
    """A Split layer, named as Caffe names it, after each layer whose top has several uses; a loss is one use."""
    giver: dict[str, tuple[int, int]] = {}  # blob → the layer and top that gave it last
    sources: dict[tuple[int, int], tuple[int, int]] = {}  # (layer, bottom) → (layer, top)
    uses: Counter[tuple[int, int]] = Counter()
    for number, layer in enumerate(net.layer):
        for index, bottom in enumerate(layer.bottom):
            if bottom not in giver:
                raise Error(f"layer '{layer.name}': unknown bottom '{bottom}'", remedy=_known(giver))
            sources[number, index] = giver[bottom]
            uses[giver[bottom]] += 1
        for index, top in enumerate(layer.top):
            in_place = index < len(layer.bottom) and layer.bottom[index] == top
            if top in giver and not in_place:
                raise Error(f"layer '{layer.name}': top '{top}' is given by an earlier layer too")
            giver[top] = (number, index)
        for index in range(len(layer.top)):
            uses[number, index] += _given_loss(layer, index) != 0
    names: dict[tuple[int, int], list[str]] = {}
    out = caffe_pb2.NetParameter()
    out.CopyFrom(net)
    out.ClearField("layer")
    for number, layer in enumerate(net.layer):
        copy = out.layer.add()
        copy.CopyFrom(layer)
        for index in range(len(layer.bottom)):
            if waiting := names.get(sources[number, index]):
                if list(layer.bottom[index : index + 1]) == list(layer.top[index : index + 1]):
                    raise Error(
                        f"layer '{layer.name}': works in place on '{layer.bottom[index]}', which has another use",
                        remedy="give its top a name of its own",
                    )
                copy.bottom[index] = waiting.pop(0)
        for index, top in enumerate(layer.top):
            if uses[number, index] > 1:
                split = _split_layer(layer, index, top, uses[number, index])
                names[number, index] = list(split.top)
                if weight := _given_loss(layer, index):
                    # The loss moves to the split's first top, which then is no one's bottom.
                    split.loss_weight.extend([weight] + [0.0] * (len(split.top) - 1))
                    copy.ClearField("loss_weight")
                    names[number, index].pop(0)
                out.layer.append(split)
    return out


def _split_layer(layer: Any, index: int, top: str, count: int) -> Any:
    name = f"{top}_{layer.name}_{index}_split"
    return caffe_pb2.LayerParameter(
        name=name, type="Split", phase=layer.phase, bottom=[top], top=[f"{name}_{k}" for k in range(count)]
    )


def _given_loss(layer: Any, index: int) -> float:
    return layer.loss_weight[index] if index < len(layer.loss_weight) else 0.0


def _known(names: dict[str, Any]) -> str:
    return f"the blobs before it are: {', '.join(names) or 'none'}"
