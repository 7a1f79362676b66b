"""Net: layers and blobs in order, forward and backward, as pycaffe's ``Net``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ftcaffe.engine import graph, memory, reach
from ftcaffe.engine.assemble import assemble
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers import Layer
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
            made = assemble(self.message)
            self._needs_backward, self._propagate = reach.backward(
                [node.layer for node in made.nodes], made.loss_of, self.message.force_backward
            )
        self._nodes, self._loss_of = made.nodes, made.loss_of
        self.blobs: OrderedDict[str, Blob] = made.blobs
        self.layers = [node.layer for node in made.nodes]
        self.learnable, self.lr_mult, self.decay_mult = made.learnable, made.lr_mult, made.decay_mult
        self._fits = False  # in memory: seen to when the net first runs
        self._before_forward: list[Callable[[int], None]] = []
        self._after_forward: list[Callable[[int], None]] = []
        self._before_backward: list[Callable[[int], None]] = []
        self._after_backward: list[Callable[[int], None]] = []

    # What pycaffe shows.

    @property
    def params(self) -> OrderedDict[str, list[Blob]]:
        """Parameters by layer name, of the layers that have any."""
        return OrderedDict((layer.name, layer.blobs) for layer in self.layers if layer.blobs)

    @property
    def layer_dict(self) -> OrderedDict[str, Layer]:
        """Layers by name."""
        return OrderedDict((layer.name, layer) for layer in self.layers)

    @property
    def _layer_names(self) -> list[str]:
        """Names of the layers, in order."""
        return [layer.name for layer in self.layers]

    @property
    def inputs(self) -> list[str]:
        """Names of the tops of Input layers."""
        return [top for layer in self.message.layer if layer.type == "Input" for top in layer.top]

    @property
    def outputs(self) -> list[str]:
        """Names of the blobs that no layer takes."""
        taken = {bottom for layer in self.message.layer for bottom in layer.bottom}
        return [name for name in self.blobs if name not in taken]

    @property
    def top_names(self) -> OrderedDict[str, list[str]]:
        """Names of each layer's tops."""
        return OrderedDict((layer.name, list(layer.top)) for layer in self.message.layer)

    @property
    def bottom_names(self) -> OrderedDict[str, list[str]]:
        """Names of each layer's bottoms."""
        return OrderedDict((layer.name, list(layer.bottom)) for layer in self.message.layer)

    @property
    def blob_loss_weights(self) -> OrderedDict[str, float]:
        """Weight in the loss of each blob."""
        return OrderedDict((name, self._loss_of.get(name, 0.0)) for name in self.blobs)

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
            for node in self._nodes:
                node.reshape()
        self._fits = False

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
        with _located(self.path), self._within_memory():
            for number in range(first, last + 1):
                for call in self._before_forward:
                    call(number)
                node = self._nodes[number]
                node.reshape()
                node.layer.forward(node.bottoms, node.tops)
                losses.extend(node.tops[index].values.tensor.sum() * weight for index, weight in node.losses)
                for call in self._after_forward:
                    call(number)
        return float(sum(losses))

    def _backward(self, first: int, last: int) -> None:
        """Run layers `first` down to `last` backward, those that need it."""
        for name, weight in self._loss_of.items():
            self.blobs[name].gradient.tensor.fill_(weight)
        with _located(self.path), self._within_memory():
            for number in range(first, last - 1, -1):
                if not self._needs_backward[number]:
                    continue
                for call in self._before_backward:
                    call(number)
                node = self._nodes[number]
                node.layer.backward(node.tops, self._propagate[number], node.bottoms)
                for call in self._after_backward:
                    call(number)

    def _within_memory(self) -> AbstractContextManager[None]:
        """Checks once for each batch size that the net fits; where it turns out not to, says which batch would."""
        backward = any(self._needs_backward)
        if not self._fits:
            with _located(self.path):
                memory.check(self._nodes, backward)
            self._fits = True
        return memory.guard(self._nodes, backward)

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
