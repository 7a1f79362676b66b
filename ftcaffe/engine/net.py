"""Net: layers and blobs in order, forward and backward, as pycaffe's ``Net``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, reduce
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ftcaffe.engine import debug, graph, memory, net_log, parameters, reach
from ftcaffe.engine.assemble import assemble
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.node import Node
from ftcaffe.errors import Error, located
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

    def __init__(self, network_file: str | Path, *arguments: Any, **named: Any) -> None:
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
        with located(path):
            self.message = graph.prepare(message)
            made = assemble(self.message)
            self._needs_backward, self._propagate = reach.backward(
                [node.layer for node in made.nodes], made.loss_of, self.message.force_backward
            )
        for node, wanted in zip(made.nodes, self._propagate, strict=True):
            node.layer.descends = any(wanted)
        self._nodes, self._loss_of = made.nodes, made.loss_of
        self.blobs: OrderedDict[str, Blob] = made.blobs
        self.layers = [node.layer.shown for node in made.nodes]
        self.learnable, self.lr_mult, self.decay_mult = made.learnable, made.lr_mult, made.decay_mult
        self._loss_shapes: dict[str, tuple[int, ...]] = {}  # of the blobs whose gradient holds their loss weight
        for name in self._loss_of:
            self._weigh(name)
        self._fits = False  # in memory: seen to when the net first runs
        self._before_forward: list[Callable[[int], None]] = []
        self._after_forward: list[Callable[[int], None]] = []
        self._before_backward: list[Callable[[int], None]] = []
        self._after_backward: list[Callable[[int], None]] = []
        self.watch: debug.Watch | None = None
        if self.message.debug_info:
            self._debug()
        net_log.end(self.message, self._needs_backward, self.outputs)

    # What pycaffe shows.

    @cached_property
    def params(self) -> OrderedDict[str, list[Blob]]:
        """Parameters by layer name, of the layers that have any."""
        return OrderedDict((node.layer.name, node.layer.blobs) for node in self._nodes if node.layer.blobs)

    @cached_property
    def layer_dict(self) -> OrderedDict[str, Any]:
        """Layers by name."""
        return OrderedDict(zip(self._layer_names, self.layers, strict=True))

    @cached_property
    def _layer_names(self) -> list[str]:
        """Names of the layers, in order."""
        return [layer.name for layer in self.message.layer]

    @cached_property
    def inputs(self) -> list[str]:
        """Names of the tops of Input layers."""
        return [top for layer in self.message.layer if layer.type == "Input" for top in layer.top]

    @cached_property
    def outputs(self) -> list[str]:
        """Names of the blobs that no layer takes further, in the alphabet's order, as Caffe has them."""
        left: set[str] = set()
        for layer in self.message.layer:
            left.difference_update(layer.bottom)
            left.update(layer.top)
        return sorted(name for name in left if not name.startswith("(automatic)"))

    @cached_property
    def top_names(self) -> OrderedDict[str, list[str]]:
        """Names of each layer's tops."""
        return OrderedDict((layer.name, list(layer.top)) for layer in self.message.layer)

    @cached_property
    def bottom_names(self) -> OrderedDict[str, list[str]]:
        """Names of each layer's bottoms."""
        return OrderedDict((layer.name, list(layer.bottom)) for layer in self.message.layer)

    @cached_property
    def blob_loss_weights(self) -> OrderedDict[str, float]:
        """Weight in the loss of each blob, as the last layer has it that gives it: 0 of a loss worked on in place."""
        weights = OrderedDict.fromkeys(self.blobs, 0.0)
        for node, layer in zip(self._nodes, self.message.layer, strict=True):
            given = dict(node.losses)
            weights.update((name, given.get(index, 0.0)) for index, name in enumerate(layer.top))
        return weights

    # pycaffe's own numbering: blobs by their place in the net.

    _blob_names = property(lambda self: list(self.blobs), doc="Names of the blobs, in order.")
    _blobs = property(lambda self: list(self.blobs.values()), doc="The blobs, in order.")
    _blob_loss_weights = property(lambda self: list(self.blob_loss_weights.values()), doc="Of each blob.")
    _inputs = property(lambda self: self._ids(self.inputs), doc="Numbers of the input blobs.")
    _outputs = property(lambda self: self._ids(self.outputs), doc="Numbers of the output blobs.")

    def _top_ids(self, layer: int) -> list[int]:
        """Numbers of the tops of the layer of a number."""
        return self._ids(self.message.layer[layer].top)

    def _bottom_ids(self, layer: int) -> list[int]:
        """Numbers of the bottoms of the layer of a number."""
        return self._ids(self.message.layer[layer].bottom)

    def _ids(self, names: Iterable[str]) -> list[int]:
        numbers = {name: number for number, name in enumerate(self.blobs)}
        return [numbers[name] for name in names]

    def forward(
        self,
        blobs: Iterable[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Run the layers from `start` to `end`; returns the outputs (or the tops of `end`) and `blobs`, live.

        Arrays given by name are copied to the input blobs first: all of the net's inputs, or none.
        """
        first = self._index(start) if start is not None else 0
        last = self._index(end) if end is not None else len(self.layers) - 1
        self._check_given("inputs", inputs, self.inputs)
        for name, array in inputs.items():
            self.blobs[name].data[...] = array
        self._forward(first, last)
        shown = self.top_names[end] if end is not None else self.outputs
        return {name: self.blobs[name].data for name in dict.fromkeys([*shown, *(blobs or ())])}

    def backward(
        self, diffs: Iterable[str] | None = None, start: str | None = None, end: str | None = None, **tops: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Run the layers backward from `start` down to `end`; returns the gradients of the inputs and of `diffs`.

        Arrays given by name are copied to the gradients of the outputs first: all of them, or none.
        """
        first = self._index(start) if start is not None else len(self.layers) - 1
        last = self._index(end) if end is not None else 0
        self._check_given("outputs", tops, self.outputs)
        for name, array in tops.items():
            self.blobs[name].diff[...] = array
        self._backward(first, last)
        shown = self.bottom_names[end] if end is not None else self.inputs
        return {name: self.blobs[name].diff for name in dict.fromkeys([*shown, *(diffs or ())])}

    def forward_all(self, blobs: Iterable[str] | None = None, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """As `forward` for arrays of any length, batch by batch, the last one filled up with zeros."""
        found, _ = self._all([*self.outputs, *(blobs or ())], None, blobs, None, inputs)
        return found

    def forward_backward_all(
        self, blobs: Iterable[str] | None = None, diffs: Iterable[str] | None = None, **arrays: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """As `forward` and `backward` for arrays of any length: inputs, and gradients of outputs, by name."""
        return self._all([*self.outputs, *(blobs or ())], [*self.inputs, *(diffs or ())], blobs, diffs, arrays)

    def _all(
        self,
        shown: list[str],
        shown_diffs: list[str] | None,
        blobs: Iterable[str] | None,
        diffs: Iterable[str] | None,
        arrays: dict[str, np.ndarray],
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        if not arrays:
            raise Error("no arrays are given to run through the net", self.path)
        found: dict[str, list[np.ndarray]] = {name: [] for name in shown}
        found_diffs: dict[str, list[np.ndarray]] = {name: [] for name in shown_diffs or ()}
        below = self._batch({name: array for name, array in arrays.items() if name in self.inputs})
        above = self._batch({name: array for name, array in arrays.items() if name not in self.inputs})
        nothing: dict[str, np.ndarray] = {}
        for inputs, tops in zip_longest(below, above, fillvalue=nothing):
            for name, array in self.forward(blobs, None, None, **inputs).items():
                found[name].append(array.copy())
            if shown_diffs is not None:
                for name, array in self.backward(diffs, None, None, **tops).items():
                    found_diffs[name].append(array.copy())
        count = len(next(iter(arrays.values())))
        return (
            {name: np.concatenate(batches)[:count] for name, batches in found.items()},
            {name: np.concatenate(batches)[:count] for name, batches in found_diffs.items()},
        )

    def _batch(self, arrays: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
        """Arrays cut in batches of the net's size, which is the first blob's; zeros fill up the last."""
        size = next(iter(self.blobs.values())).shape[0]
        count = len(next(iter(arrays.values()))) if arrays else 0
        for start in range(0, count, size):
            batch = {name: array[start : start + size] for name, array in arrays.items()}
            missing = start + size - count
            if missing > 0:
                batch = {
                    name: np.concatenate([part, np.zeros((missing, *part.shape[1:]))]) for name, part in batch.items()
                }
            yield batch

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Give the net's MemoryData layer, its first, what to read: images, N×C×H×W, and N labels, float32."""
        self._set_input_arrays(data, np.asarray(labels).reshape(-1, 1, 1, 1) if np.ndim(labels) == 1 else labels)

    def _set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        if self.message.layer[0].type != "MemoryData":
            raise Error("set_input_arrays is for a net whose first layer is a MemoryData layer", self.path)
        with located(self.path):
            self.layers[0].reset(data, labels)

    def reshape(self) -> None:
        """Let every layer follow the shapes of the blobs below it."""
        with located(self.path):
            for node in self._nodes:
                node.reshape()
        self._fits = False

    def copy_from(self, weights: str | Path) -> None:
        """Copy the parameters of a caffemodel of either form to the layers of the same names (`parameters.copy`)."""
        parameters.copy(self._nodes, weights)

    def save(self, path: str | Path, write_diff: bool = False) -> None:
        """Write the parameters as a caffemodel, with their gradients when asked."""
        parameters.save(self.message, self._nodes, path, write_diff)

    def load_hdf5(self, path: str | Path) -> None:
        """Copy the parameters of a caffemodel in HDF5 to the layers of the same names."""
        parameters.copy_hdf5(self._nodes, path)

    def save_hdf5(self, path: str | Path, write_diff: bool = False) -> None:
        """Write the parameters as a caffemodel in HDF5, with their gradients when asked."""
        parameters.save_hdf5(self._nodes, path, write_diff)

    def share_with(self, other: Net) -> None:
        """Hold the very parameters of the layers of the same names of another net."""
        with located(self.path):
            parameters.share(self._nodes, other._nodes)

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

    def _debug(self) -> None:
        """Have `watch` say what each layer computes, as `debug_info` has it."""
        if self.watch is None:
            self.watch = debug.Watch(self._nodes, self._propagate, self.learnable)
            self.after_forward(self.watch.forward)
            self.after_backward(self.watch.backward)

    def _forward(self, first: int, last: int) -> float:
        """Run layers `first` to `last`; returns their weighted loss."""
        self._check_range(first, last)
        losses: list[torch.Tensor] = []
        with located(self.path), self._within_memory():
            for number in range(first, last + 1):
                for call in self._before_forward:
                    call(number)
                node = self._nodes[number]
                node.reshape()
                node.layer.forward(node.bottoms, node.tops)
                losses.extend(self._weighted(node))
                for call in self._after_forward:
                    call(number)
        return float(reduce(torch.add, losses)) if losses else 0.0

    def _backward(self, first: int, last: int) -> None:
        """Run layers `first` down to `last` backward, those that need it; callbacks hear of them all, as in Caffe."""
        self._check_range(last, first)
        with located(self.path), self._within_memory():
            for number in range(first, last - 1, -1):
                for call in self._before_backward:
                    call(number)
                if self._needs_backward[number]:
                    node = self._nodes[number]
                    node.layer.backward(node.tops, self._propagate[number], node.bottoms)
                for call in self._after_backward:
                    call(number)

    def _within_memory(self) -> AbstractContextManager[None]:
        """Checks once for each batch size that the net fits; where it turns out not to, says which batch would."""
        backward = any(self._needs_backward)
        if not self._fits:
            with located(self.path):
                memory.check(self._nodes, backward)
            self._fits = True
        return memory.guard(self._nodes, backward)

    def _weighted(self, node: Node) -> Iterator[torch.Tensor]:
        """The losses that a layer gives, weighed by what stands in their gradients, as Caffe weighs them.

        That is the loss weight, unless a user has written another there, or a layer that works on the loss in place.
        """
        for index, _ in node.losses:
            self._weigh(node.layer.message.top[index])
            yield (node.tops[index].values.tensor * node.tops[index].gradient.tensor).sum()

    def _weigh(self, name: str) -> None:
        """Write a loss's weight to its gradient, once for each shape."""
        blob = self.blobs[name]
        if self._loss_shapes.get(name) != blob.shape:
            blob.gradient.tensor.fill_(self._loss_of[name])
            self._loss_shapes[name] = blob.shape

    def _check_range(self, low: int, high: int) -> None:
        if low < 0 or high >= len(self.layers):
            raise Error(f"layers {low} to {high} are asked for, there are 0 to {len(self.layers) - 1}", self.path)

    def _check_given(self, what: str, given: dict[str, np.ndarray], wanted: list[str]) -> None:
        if given and set(given) != set(wanted):
            raise Error(f"arrays are given for {', '.join(given)}; the {what} are {', '.join(wanted)}", self.path)
        for name, array in given.items():
            if array.shape[0] != self.blobs[name].shape[0]:
                raise Error(f"'{name}' is given a batch of {array.shape[0]}, not of {self.blobs[name].shape[0]}")

    def _index(self, layer: str) -> int:
        try:
            return self._layer_names.index(layer)
        except ValueError:
            raise _NoLayer(f"no layer '{layer}'; there are: {', '.join(self._layer_names)}", self.path) from None


class _NoLayer(Error, ValueError):
    """For pycaffe programs that expect a ValueError."""


def _arguments(*given: Any, **named: Any) -> tuple[Any, int, int, Sequence[str]]:
    """Weights, phase, level and stages of pycaffe's two orders: (phase, level, stages, weights), (weights, phase)."""
    old = bool(given) and isinstance(given[0], str | Path)
    names = ("weights", "phase") if old else ("phase", "level", "stages", "weights")
    twice = set(names[: len(given)]) & set(named)
    if len(given) > len(names) or twice or set(named) - {"phase", "level", "stages", "weights"}:
        raise TypeError("Net takes (network_file, phase, level, stages, weights) or (network_file, weights, phase)")
    values = dict(zip(names, given, strict=False)) | named
    if values.get("phase") not in (0, 1):
        raise TypeError("the phase is TRAIN or TEST")
    return values.get("weights"), values["phase"], values.get("level", 0), values.get("stages") or ()
