"""What a layer is, and the table of layer types."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch

from ftcaffe.engine import fillers
from ftcaffe.engine.blob import Blob
from ftcaffe.errors import Error
from ftcaffe.proto import forks

Shape = tuple[int, ...]
L = TypeVar("L", bound=type["Layer"])
_TYPES: dict[str, type[Layer]] = {}


def register(name: str) -> Callable[[L], L]:
    """Make a class the layer type of that Caffe name."""

    def keep(layer: L) -> L:
        _TYPES[name] = layer
        layer.type = name
        return layer

    return keep


def layer_type_list() -> list[str]:
    """The layer types there are, in order."""
    return sorted(_TYPES)


def layer_class(message: Any) -> type[Layer]:
    """The class for a LayerParameter's type; for another, `Error` naming the fork that it is of or those that are."""
    try:
        return _TYPES[message.type]
    except KeyError:
        what = f"layer '{message.name}': no layer type '{message.type}'"
        if fork := forks.of_type(message.type):
            what += f", which BVLC Caffe has not: it is of {fork}"
            raise Error(what, remedy="write it as a Python layer, or leave it out") from None
        raise Error(what, remedy=f"there are: {', '.join(layer_type_list())}") from None


class BlobVec(list[Blob]):
    """Parameters of a layer: a list to which a Python layer adds its own."""

    def add_blob(self, *shape: int) -> None:
        """Append a blob of zeros."""
        self.append(Blob(shape))


class Layer:
    """One layer. A subclass says its parameters, its shapes and its forward; the rest has a default.

    A simple layer gives `compute`, tensors to tensors, and PyTorch's autograd gives its backward, that of the
    parameters (`weights`) too. One that can do better by hand gives `forward` and `backward` on blobs, as Caffe's
    layers do: `backward` overwrites the gradients of the bottoms that are asked for and adds to those of the
    parameters.
    """

    type: str
    bottoms: tuple[int, int | None] = (1, 1)  # least and greatest number
    tops: tuple[int, int | None] = (1, 1)
    same_number = False  # a top for each bottom
    loss_weights: tuple[float, ...] = ()  # of the tops, unless the prototxt gives them
    automatic_tops = False  # tops that the prototxt leaves out are made
    forced_backward: tuple[int, ...] | None = None  # bottoms that force_backward reaches; None is all
    reshapes_always = False  # whether the tops' shapes can change although the bottoms' do not

    def __init__(self, message: Any) -> None:
        self.message = message
        self.name: str = message.name
        self.training = message.phase == 0
        self.blobs = BlobVec()
        self.descends = True  # whether a bottom gets a gradient: if none does, nothing need be kept for that
        self.propagate: list[bool] = []  # which parameters need a gradient
        self.weights: list[torch.Tensor] = []  # the parameters, while `compute` runs
        self.room = math.inf  # values that memory has beyond the parameters so far

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Read what depends on the bottoms' shapes; make the parameters with `add_parameter`."""

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """Shapes of the tops."""
        raise NotImplementedError

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the tops their shapes; called again before a forward pass when those of the bottoms have changed."""
        for top, shape in zip(tops, self.shapes([bottom.shape for bottom in bottoms]), strict=False):
            top.reshape(*shape)

    def compute(self, *bottoms: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The tops from the bottoms and `weights`, differentiably; it may not write to either."""
        raise NotImplementedError

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Fill the tops. In place where a top is a bottom."""
        self._inputs = [bottom.values.tensor.detach() for bottom in bottoms]
        self.weights = [blob.values.tensor.detach() for blob in self.blobs]
        with torch.no_grad():
            results = self.compute(*self._inputs)
        if any(top.values is bottom.values for top in tops for bottom in bottoms):
            self._inputs = [x.clone() for x in self._inputs]
        for top, result in zip(tops, results if isinstance(results, tuple) else (results,), strict=True):
            top.values.replace(result)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Fill the gradients of the bottoms to be reached, and add to the parameters'."""
        inputs = [x.detach().requires_grad_(wanted) for x, wanted in zip(self._inputs, propagate, strict=True)]
        self.weights = [
            blob.values.tensor.detach().requires_grad_(wanted)
            for blob, wanted in zip(self.blobs, self.propagate, strict=True)
        ]
        with torch.enable_grad():
            results = self.compute(*inputs)
        results = results if isinstance(results, tuple) else (results,)
        above = [
            (result, top.gradient.tensor) for result, top in zip(results, tops, strict=True) if result.requires_grad
        ]
        reached = [x for x in (*inputs, *self.weights) if x.requires_grad]
        gradients = iter(
            torch.autograd.grad([r for r, _ in above], reached, [g for _, g in above], allow_unused=True)
        )
        for bottom, x in zip(bottoms, inputs, strict=True):
            if x.requires_grad:
                gradient = next(gradients)
                bottom.gradient.clear() if gradient is None else bottom.gradient.replace(gradient)
        for blob, weight in zip(self.blobs, self.weights, strict=True):
            if weight.requires_grad and (gradient := next(gradients)) is not None:
                blob.gradient.add(gradient)

    def add_parameter(self, shape: Shape, filler: Any) -> None:
        """Append a parameter blob, filled; `Error` before that where it does not fit in memory."""
        blob = Blob(shape)
        needed = blob.count if filler.type == "constant" else 2 * blob.count  # random numbers are copied to it
        if needed > self.room:
            held, left = (f"{count / 2**28:.1f} GB" for count in (needed, self.room))
            what = f"out of memory: to fill a parameter of shape {shape} takes {held}, those before it leave {left}"
            raise self.fault(f"{what}; make the net smaller")
        self.room -= blob.count
        self.fill(blob, filler)
        self.blobs.append(blob)
        self.propagate.append(True)

    def fill(self, blob: Blob, filler: Any) -> None:
        """Fill a blob; `Error` naming this layer where the filler does not do for it."""
        try:
            fillers.fill(blob, filler)
        except Error as error:
            raise self.fault(str(error)) from None

    @property
    def shown(self) -> Any:
        """What `Net.layers` has for it."""
        return self

    def fault(self, what: str) -> Error:
        """An `Error` that names this layer."""
        return Error(f"layer '{self.name}' ({self.type}): {what}")


def axis_of(layer: Layer, axis: int, shape: Shape) -> int:
    """The axis counted from the front; `Error` where the shape has none such."""
    if not -len(shape) <= axis < len(shape):
        raise layer.fault(f"axis {axis} of a blob of shape {shape}")
    return axis % len(shape)


def layout(tensor: torch.Tensor) -> torch.memory_format:
    """Whether the channels lie last, in a part of a tensor too."""
    last = tensor.dim() == 4 and tensor.stride(1) == 1 and tensor.shape[1] > 1
    return torch.channels_last if last else torch.contiguous_format
