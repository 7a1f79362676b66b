"""Layers that only move values about: Split, Flatten, Reshape, Concat, Slice, Tile, Parameter, Silence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, axis_of, layout, register
from ftcaffe.engine.view import GradientView, View


class Apart(Layer):
    """A layer that does not work in place."""

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """As `Layer.reshape`."""
        if any(top is bottom for top in tops for bottom in bottoms):
            raise self.fault("does not work in place; give its top a name of its own")
        super().reshape(bottoms, tops)


@register("Split")
class Split(Apart):
    """Every top is the bottom; their gradients are summed. `Net` puts one where a blob is used more than once.

    The tops hold the bottom's own memory: a layer in place on one changes them all.
    """

    tops = (1, None)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's, for each."""
        return [bottoms[0]] * len(self.message.top)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Also share the memory, so that an array taken before the first forward stays live."""
        super().reshape(bottoms, tops)
        self.forward(bottoms, tops)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Nothing is copied."""
        for top in tops:
            top.share(bottoms[0])

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The sum, over the tops that a gradient has reached."""
        reached = [top.gradient for top in tops if not top.gradient.is_zero]
        if not propagate[0]:
            return
        if not reached:
            bottoms[0].gradient.clear()
        elif len(reached) == 1:
            bottoms[0].gradient.replace(reached[0].lend(), lent=True)
        else:
            total = bottoms[0].gradient.room(layout(reached[0].tensor))
            torch.add(reached[0].tensor, reached[1].tensor, out=total)
            for gradient in reached[2:]:
                total += gradient.tensor
            bottoms[0].gradient.replace(total)


class Viewing(Apart):
    """A layer whose top is its bottom's memory in another shape."""

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Also make the view, so that an array taken before the first forward stays live."""
        super().reshape(bottoms, tops)
        self.forward(bottoms, tops)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Nothing is copied."""
        tops[0].values = View(bottoms[0].values, tops[0].shape)


@register("Flatten")
class Flatten(Viewing):
    """The axes from `axis` to `end_axis` made one; an `end_axis` just before `axis` puts in an axis of length 1.

    In the backward the bottom takes over the top's gradients. Where the bottom's were shared already, by a Reshape or
    a Parameter or by a Concat or Slice of one blob, those below get none: Caffe's nets do not learn past that.
    """

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The axes between are multiplied."""
        (bottom,) = bottoms
        message = self.message.flatten_param
        first, last = axis_of(self, message.axis, bottom), axis_of(self, message.end_axis, bottom)
        if last < first - 1:
            raise self.fault(f"axis {first} lies after end_axis {last}, for a bottom of shape {bottom}")
        return [(*bottom[:first], math.prod(bottom[first : last + 1]), *bottom[last + 1 :])]

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Nothing is copied."""
        if propagate[0]:
            bottoms[0].gradient = GradientView(tops[0].gradient, bottoms[0].shape)


@register("Reshape")
class Reshape(Viewing):
    """`num_axes` axes from `axis` on (all, unless given) become those of `shape`.

    A 0 copies the bottom's length at the same place, counted from `axis`; one −1 is what remains. A negative `axis`
    is counted from behind the last, so that −1 appends.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The lengths."""
        message = self.message.reshape_param
        self.lengths = tuple(message.shape.dim)
        if self.lengths.count(-1) > 1 or min(self.lengths, default=0) < -1:
            raise self.fault(f"shape {self.lengths} may hold one −1, and no other negative length")
        if message.num_axes < -1:
            raise self.fault(f"num_axes {message.num_axes} is not −1 or more")

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """As many values as before."""
        (bottom,) = bottoms
        message = self.message.reshape_param
        first = message.axis if message.axis >= 0 else len(bottom) + message.axis + 1
        last = len(bottom) if message.num_axes == -1 else first + message.num_axes
        if not 0 <= first <= last <= len(bottom):
            raise self.fault(f"axis {message.axis}, num_axes {message.num_axes} for a bottom of shape {bottom}")
        lengths = list(self.lengths)
        for place, length in enumerate(lengths):
            if length == 0:
                if first + place >= len(bottom):
                    raise self.fault(f"a 0 in shape {self.lengths} finds no axis in a bottom of shape {bottom}")
                lengths[place] = bottom[first + place]
        top = [*bottom[:first], *lengths, *bottom[last:]]
        if -1 in lengths:
            known = -math.prod(top)
            top[top.index(-1)] = math.prod(bottom) // known if known else -1
        if math.prod(top) != math.prod(bottom):
            raise self.fault(f"a bottom of shape {bottom} cannot take shape {self.lengths} from axis {first} on")
        return [tuple(top)]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The gradients are shared as well."""
        super().forward(bottoms, tops)
        tops[0].gradient = GradientView(bottoms[0].gradient, tops[0].shape)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Nothing: the gradients are there."""


class Joint(Apart):
    """A layer along one axis, which `axis` gives or its old name; with one bottom and one top the two are shared."""

    old_name: str

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The axis."""
        message = self.parameter()
        old = message.HasField(self.old_name)
        if old and message.HasField("axis"):
            raise self.fault(f"gives both axis and {self.old_name}, its old name")
        self.axis = axis_of(self, getattr(message, self.old_name) if old else message.axis, bottoms[0].shape)
        self.shared = len(self.message.bottom) == len(self.message.top) == 1

    def parameter(self) -> Any:
        """The message that has the axis."""
        raise NotImplementedError

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Also share where nothing is to be moved."""
        super().reshape(bottoms, tops)
        if self.shared:
            tops[0].share(bottoms[0], gradient=True)

    def cut(self, whole: torch.Tensor, blobs: Sequence[Blob]) -> Sequence[torch.Tensor]:
        """The parts of a tensor that belong to these blobs, not copied."""
        return whole.split([blob.shape[self.axis] for blob in blobs], self.axis)


@register("Concat")
class Concat(Joint):
    """The bottoms one after the other along `axis` (1 unless given; `concat_dim` is its old name)."""

    bottoms = (1, None)
    old_name = "concat_dim"

    def parameter(self) -> Any:
        """ConcatParameter."""
        return self.message.concat_param

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The lengths along the axis added, the others equal."""
        first, axis = bottoms[0], self.axis
        for shape in bottoms[1:]:
            if (*shape[:axis], *shape[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]):
                raise self.fault(f"shapes {first} and {shape} differ in more than axis {axis}")
        return [(*first[:axis], sum(shape[axis] for shape in bottoms), *first[axis + 1 :])]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The concatenation."""
        if self.shared:
            tops[0].share(bottoms[0], gradient=True)
        else:
            parts = [bottom.values.tensor for bottom in bottoms]
            whole = tops[0].values.room(layout(parts[0]))
            tops[0].values.replace(torch.cat(parts, self.axis, out=whole))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """To each bottom its part."""
        if not self.shared:
            parts = self.cut(tops[0].gradient.lend(), bottoms)
            for bottom, part, wanted in zip(bottoms, parts, propagate, strict=True):
                if wanted:
                    bottom.gradient.replace(part, lent=True)


@register("Slice")
class Slice(Joint):
    """The bottom cut along `axis` (`slice_dim` is its old name) at each `slice_point`, or in equal parts."""

    tops = (1, None)
    old_name = "slice_dim"

    def parameter(self) -> Any:
        """SliceParameter."""
        return self.message.slice_param

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The parts add up to the bottom."""
        (bottom,) = bottoms
        length, count = bottom[self.axis], len(self.message.top)
        points = [0, *self.parameter().slice_point, length]
        if len(points) == 2:
            if length % count:
                raise self.fault(f"{count} equal parts of axis {self.axis} of a bottom of shape {bottom}")
            points = list(range(0, length + 1, length // count))
        if len(points) != count + 1:
            raise self.fault(f"slice_point is given {len(points) - 2} times for {count} tops, one fewer is needed")
        lengths = [after - before for before, after in itertools.pairwise(points)]
        if min(lengths) < 1:
            raise self.fault(
                f"slice points {points[1:-1]} do not rise between 0 and {length}, "
                f"the length of axis {self.axis} of a bottom of shape {bottom}"
            )
        return [(*bottom[: self.axis], part, *bottom[self.axis + 1 :]) for part in lengths]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The parts, lent: they are copied where a layer in place or a user would write to them."""
        if self.shared:
            return tops[0].share(bottoms[0], gradient=True)
        for top, part in zip(tops, self.cut(bottoms[0].values.lend(), tops), strict=True):
            top.values.replace(part, lent=True)
        return None

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The parts' gradients joined."""
        if propagate[0] and not self.shared:
            bottoms[0].gradient.replace(torch.cat([top.gradient.tensor for top in tops], self.axis))


@register("Tile")
class Tile(Apart):
    """The bottom `tiles` times, one after the other along `axis`."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """How often and where."""
        message = self.message.tile_param
        self.axis = axis_of(self, message.axis, bottoms[0].shape)
        self.times = message.tiles
        if self.times < 1:
            raise self.fault("tiles is at least 1")

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The axis `tiles` times as long."""
        (bottom,) = bottoms
        return [tuple(n * times for n, times in zip(bottom, self._times(len(bottom)), strict=True))]

    def compute(self, *bottoms: torch.Tensor) -> torch.Tensor:
        """A copy even of one tile."""
        return bottoms[0].repeat(self._times(bottoms[0].dim()))

    def _times(self, axes: int) -> list[int]:
        return [self.times if axis == self.axis else 1 for axis in range(axes)]


@register("Parameter")
class Parameter(Layer):
    """The top is a parameter of the shape given, which begins as zeros: it has no filler.

    The two are one memory, gradients too, so that passes overwrite the gradient where other layers' add to it.
    """

    bottoms = (0, 0)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The parameter."""
        self.blobs.append(Blob(self.message.parameter_param.shape.dim))
        self.propagate.append(True)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The parameter's."""
        return [self.blobs[0].shape]

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Share the memory."""
        super().reshape(bottoms, tops)
        self.forward(bottoms, tops)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The parameter, which may have come to share another's memory."""
        tops[0].share(self.blobs[0], gradient=True)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Nothing: the gradient is there."""


@register("Silence")
class Silence(Layer):
    """Takes its bottoms and prints nothing; their gradients are zero."""

    bottoms, tops = (1, None), (0, 0)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """No tops."""
        return []

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Nothing."""

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Zero."""
        for bottom, wanted in zip(bottoms, propagate, strict=True):
            if wanted:
                bottom.gradient.clear()
