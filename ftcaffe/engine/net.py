"""Net: layers and blobs in order, forward and backward, as pycaffe's ``Net``."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ftcaffe.engine import graph, reach
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers import Layer, layer_class
from ftcaffe.errors import Error
from ftcaffe.proto import blobs as blob_files
from ftcaffe.proto import caffe_pb2, read_net


class Net:
    """A net from a prototxt, for training or for testing.

    Parameters
    ----------
    network_file : prototxt.
    weights : caffemodel to copy from; in the old order of arguments the phase comes third.
    phase : `TRAIN` (0) or `TEST` (1).
    level, stages : what the layers' rules are held against.
    """

    def __init__(self, network_file: str, *arguments: Any, **named: Any) -> None:
        weights, phase, level, stages = _arguments(*arguments, **named)
        message = read_net(network_file)
        message.state.MergeFrom(caffe_pb2.NetState(phase=phase, level=level, stage=stages))
        self._build(message, network_file)
        if weights is not None:
            self.copy_from(weights)

    @classmethod
    def from_message(cls, message: Any, path: str | Path | None = None) -> Net:
        """A net from a NetParameter whose `state` is set; `path` is named in errors."""
        net = cls.__new__(cls)
        net._build(message, path)
        return net

    def _build(self, message: Any, path: str | Path | None) -> None:
        self.path = path
        with _located(path):
            self.message = graph.prepare(message)
            self._make_layers()
            self._needs_backward, self._propagate = reach.backward(
                self.layers, self._loss_of, self.message.force_backward
            )
        self._before_forward: list[Callable[[int], None]] = []
        self._after_forward: list[Callable[[int], None]] = []
        self._before_backward: list[Callable[[int], None]] = []
        self._after_backward: list[Callable[[int], None]] = []

    # What pycaffe shows.

    @property
    def blobs(self) -> OrderedDict[str, Blob]:
        """Every blob by name, in order."""
        return self._blobs_by_name

    @property
    def params(self) -> OrderedDict[str, list[Blob]]:
        """Parameters by layer name, of the layers that have any."""
        return OrderedDict((layer.name, layer.blobs) for layer in self.layers if layer.blobs)

    @property
    def layer_dict(self) -> OrderedDict[str, Layer]:
        """Layers by name."""
        return OrderedDict(zip(self._layer_names, self.layers, strict=True))

    @property
    def inputs(self) -> list[str]:
        """Names of the tops of Input layers."""
        return [top for layer in self.message.layer if layer.type == "Input" for top in layer.top]

    @property
    def outputs(self) -> list[str]:
        """Names of the blobs that no layer takes."""
        taken = {bottom for layer in self.message.layer for bottom in layer.bottom}
        return [name for name in self._blobs_by_name if name not in taken]

    @property
    def top_names(self) -> OrderedDict[str, list[str]]:
        """Names of each layer's tops."""
        return OrderedDict(
            (name, [b for b, _ in tops]) for name, tops in zip(self._layer_names, self._tops, strict=True)
        )

    @property
    def bottom_names(self) -> OrderedDict[str, list[str]]:
        """Names of each layer's bottoms."""
        return OrderedDict(
            (name, [b for b, _ in bottoms]) for name, bottoms in zip(self._layer_names, self._bottoms, strict=True)
        )

    @property
    def blob_loss_weights(self) -> OrderedDict[str, float]:
        """Weight in the loss of each blob."""
        return OrderedDict((name, self._loss_of.get(name, 0.0)) for name in self._blobs_by_name)

    def forward(
        self,
        blobs: Iterable[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Run the layers from `start` to `end`; returns the outputs (or the tops of `end`) and `blobs`, live.

        Arrays given by name are copied to the input blobs first.
        """
        if inputs:
            if set(inputs) != set(self.inputs):
                raise Error(f"inputs are {', '.join(inputs)}, the net's are {', '.join(self.inputs)}", self.path)
            for name, array in inputs.items():
                if array.shape[0] != self.blobs[name].shape[0]:
                    raise Error(f"input '{name}' is a batch of {array.shape[0]}, not {self.blobs[name].shape[0]}")
                self.blobs[name].data[...] = array
        first = self._index(start) if start is not None else 0
        last = self._index(end) if end is not None else len(self.layers) - 1
        self._forward(first, last)
        shown = self.top_names[end] if end is not None else self.outputs
        return {name: self.blobs[name].data for name in dict.fromkeys([*shown, *(blobs or ())])}

    def backward(
        self, diffs: Iterable[str] | None = None, start: str | None = None, end: str | None = None, **tops: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Run the layers backward from `start` down to `end`; returns the gradients of the inputs and of `diffs`.

        Arrays given by name are copied to the gradients of those outputs first.
        """
        for name, array in tops.items():
            if name not in self.outputs:
                raise Error(f"'{name}' is no output; the outputs are {', '.join(self.outputs)}", self.path)
            self.blobs[name].diff[...] = array
        first = self._index(start) if start is not None else len(self.layers) - 1
        last = self._index(end) if end is not None else 0
        self._backward(first, last)
        shown = self.bottom_names[end] if end is not None else self.inputs
        return {name: self.blobs[name].diff for name in dict.fromkeys([*shown, *(diffs or ())])}

    def reshape(self) -> None:
        """Let every layer follow the shapes of the blobs below it."""
        with _located(self.path):
            for number in range(len(self.layers)):
                self._shape_tops(number)

    def copy_from(self, weights: str | Path) -> None:
        """Copy the parameters of a caffemodel to the layers of the same names; other layers are left as they are.

        Raises `Error` naming the layer and both shapes where they do not fit; nothing is copied then.
        """
        pairs = []
        layers = self.layer_dict
        for name, arrays in blob_files.read_layers(weights).items():
            if name not in layers:
                continue
            targets = layers[name].blobs
            if len(arrays) != len(targets):
                raise Error(f"layer '{name}': {len(arrays)} blobs, the net has {len(targets)}", weights)
            for array, target in zip(arrays, targets, strict=True):
                if not blob_files.legacy_equal(array.shape, target.shape):
                    raise Error(
                        f"layer '{name}': weights of shape {array.shape}, the net's are {target.shape}",
                        weights,
                        remedy="rename the layer to start it fresh, or use the net that the weights belong to",
                    )
                pairs.append((target, array))
        for target, array in pairs:
            target.data[...] = array.reshape(target.shape)

    def save(self, path: str | Path) -> None:
        """Write the parameters as a caffemodel."""
        blob_files.write_layers(path, self.message, [[blob.data for blob in layer.blobs] for layer in self.layers])

    def share_with(self, other: Net) -> None:
        """Hold the very parameters of the layers of the same names of another net."""
        layers = other.layer_dict
        for name, blobs in self.params.items():
            for blob, source in zip(blobs, layers[name].blobs if name in layers else [], strict=name in layers):
                if blob.shape != source.shape:
                    raise Error(f"layer '{name}': shapes {blob.shape} and {source.shape} cannot be shared", self.path)
                blob.share(source)

    def clear_param_diffs(self) -> None:
        """Make the gradients of the parameters zero."""
        for blob in self.learnable:
            blob.gradient.clear()

    def before_forward(self, call: Callable[[int], None]) -> None:
        """Have a function called with each layer's number before its forward."""
        self._before_forward.append(call)

    def after_forward(self, call: Callable[[int], None]) -> None:
        """Have a function called with each layer's number after its forward."""
        self._after_forward.append(call)

    def before_backward(self, call: Callable[[int], None]) -> None:
        """Have a function called with each layer's number before its backward."""
        self._before_backward.append(call)

    def after_backward(self, call: Callable[[int], None]) -> None:
        """Have a function called with each layer's number after its backward."""
        self._after_backward.append(call)

    # What the solver uses.

    def _forward(self, first: int, last: int) -> float:
        """Run layers `first` to `last`; returns their weighted loss."""
        losses: list[torch.Tensor] = []
        with _located(self.path):
            for number in range(first, last + 1):
                for call in self._before_forward:
                    call(number)
                self._shape_tops(number)
                layer, tops = self.layers[number], self._tops[number]
                layer.forward([b for _, b in self._bottoms[number]], [b for _, b in tops])
                losses.extend(
                    blob.values.tensor.sum() * self._loss_of[name] for name, blob in tops if name in self._loss_of
                )
                for call in self._after_forward:
                    call(number)
        return float(sum(losses))

    def _backward(self, first: int, last: int) -> None:
        """Run layers `first` down to `last` backward, those that need it."""
        for name, weight in self._loss_of.items():
            self.blobs[name].gradient.tensor.fill_(weight)
        for number in range(first, last - 1, -1):
            if not self._needs_backward[number]:
                continue
            for call in self._before_backward:
                call(number)
            self.layers[number].backward(
                [b for _, b in self._tops[number]],
                self._propagate[number],
                [b for _, b in self._bottoms[number]],
            )
            for call in self._after_backward:
                call(number)

    # How it is made.

    def _make_layers(self) -> None:
        self.layers: list[Layer] = []
        self._layer_names: list[str] = []
        self._bottoms: list[list[tuple[str, Blob]]] = []
        self._tops: list[list[tuple[str, Blob]]] = []
        self._blobs_by_name: OrderedDict[str, Blob] = OrderedDict()
        self._shapes_seen: list[list[tuple[int, ...]] | None] = []
        self._loss_of: dict[str, float] = {}
        self.learnable: list[Blob] = []
        self.lr_mult: list[float] = []
        self.decay_mult: list[float] = []
        owners: dict[str, Blob] = {}
        for message in self.message.layer:
            kind = layer_class(message)
            if kind.automatic_tops and not message.top:
                message.top.append(f"(automatic) {message.name}")
            layer = kind(message)
            _check_count(layer, "bottom", len(message.bottom), kind.bottoms)
            _check_count(layer, "top", len(message.top), kind.tops)
            bottoms = [(name, self._blobs_by_name[name]) for name in message.bottom]
            layer.setup([blob for _, blob in bottoms])
            tops = [(name, self._blobs_by_name.setdefault(name, Blob())) for name in message.top]
            self.layers.append(layer)
            self._layer_names.append(layer.name)
            self._bottoms.append(bottoms)
            self._tops.append(tops)
            self._shapes_seen.append(None)
            self._shape_tops(len(self.layers) - 1)
            self._weigh_losses(layer, message)
            self._own_parameters(layer, message, owners)

    def _weigh_losses(self, layer: Layer, message: Any) -> None:
        if len(message.loss_weight) not in (0, len(message.top)):
            raise layer.fault(f"loss_weight is given {len(message.loss_weight)} times for {len(message.top)} tops")
        for name, weight in zip(message.top, message.loss_weight or layer.loss_weights, strict=False):
            if weight:
                self._loss_of[name] = weight

    def _own_parameters(self, layer: Layer, message: Any, owners: dict[str, Blob]) -> None:
        """Take up each parameter with its multipliers; one of a name that was seen shares the first one's memory."""
        if len(message.param) > len(layer.blobs):
            raise layer.fault(f"{len(message.param)} param entries for {len(layer.blobs)} parameters")
        for index, blob in enumerate(layer.blobs):
            spec = message.param[index] if index < len(message.param) else caffe_pb2.ParamSpec()
            layer.propagate[index] = spec.lr_mult != 0
            owner = owners.get(spec.name) if spec.name else None
            if owner is None:
                self.learnable.append(blob)
                self.lr_mult.append(spec.lr_mult)
                self.decay_mult.append(spec.decay_mult)
                if spec.name:
                    owners[spec.name] = blob
            else:
                if math.prod(owner.shape) != blob.count or (spec.share_mode == 0 and owner.shape != blob.shape):
                    raise layer.fault(f"shares '{spec.name}' of shape {owner.shape}, its own is {blob.shape}")
                blob.share(owner, gradient=True)

    def _shape_tops(self, number: int) -> None:
        """Give a layer's tops their shapes, when the bottoms' have changed since."""
        layer = self.layers[number]
        bottoms = [blob.shape for _, blob in self._bottoms[number]]
        if bottoms == self._shapes_seen[number]:
            return
        self._shapes_seen[number] = bottoms
        for (_, top), shape in zip(self._tops[number], layer.shapes(bottoms), strict=False):
            top.reshape(*shape)

    def _index(self, layer: str) -> int:
        try:
            return self._layer_names.index(layer)
        except ValueError:
            raise Error(f"no layer '{layer}'; there are: {', '.join(self._layer_names)}", self.path) from None


class _located:
    """Gives an `Error` without a file the net's."""

    def __init__(self, path: str | Path | None) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, Error) and error.path is None and self.path is not None:
            raise Error(error.what, self.path, remedy=error.remedy) from None


def _arguments(
    *arguments: Any,
    phase: int | None = None,
    weights: Any = None,
    level: int = 0,
    stages: Sequence[str] | None = None,
) -> tuple[Any, int, int, Sequence[str]]:
    """pycaffe's two orders: (file, phase, …) and the old (file, weights, phase)."""
    given = list(arguments)
    if given and isinstance(given[0], str | Path):
        weights = given.pop(0)
    if given:
        phase = given.pop(0)
    if given:
        level = given.pop(0)
    if phase not in (0, 1):
        raise TypeError("the phase is TRAIN or TEST")
    return weights, phase, level, stages or ()


def _check_count(layer: Layer, what: str, count: int, allowed: tuple[int, int | None]) -> None:
    least, most = allowed
    if count < least or (most is not None and count > most):
        wanted = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
        raise layer.fault(f"has {count} {what}s, and takes {wanted}")
