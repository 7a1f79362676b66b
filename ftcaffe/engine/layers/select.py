"""Layers that pick or sum up values: Crop, Filter, BatchReindex, Embed, ArgMax, Reduction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Shape, axis_of, register
from ftcaffe.engine.layers.shape import Apart


class Picking(Apart):
    """A layer with a bottom of whole numbers, through which no gradient passes."""

    def indices(self, blob: Blob, count: int) -> torch.Tensor:
        """The numbers of a bottom, cut to integers; `Error` for one that is not 0 to `count` − 1."""
        numbers = blob.values.tensor.flatten().long()
        wrong = (numbers < 0) | (numbers >= count)
        if wrong.any():
            raise self.fault(f"an index is {int(numbers[wrong][0])}, and there are 0 to {count - 1}")
        return numbers

    def refuse(self, wanted: bool, what: str) -> None:
        """`Error` where a gradient is asked for that there is not."""
        if wanted:
            raise self.fault(f"there is no gradient of {what}; force_backward cannot be used with this layer")


@register("Crop")
class Crop(Apart):
    """The part of the first bottom that has the second's lengths from `axis` (2) on, begun at `offset`.

    One offset serves every axis, or each has its own; none is 0. The axes before `axis` stay the first bottom's,
    whatever the second's are.
    """

    bottoms = (2, 2)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The axis, and an offset for each axis from there on."""
        message, shape = self.message.crop_param, bottoms[0].shape
        self.axis = axis_of(self, message.axis, shape)
        axes = len(shape) - self.axis
        offsets = list(message.offset) or [0]
        if len(offsets) not in (1, axes):
            raise self.fault(f"offset is given {len(offsets)} times for {axes} axes")
        self.offsets = offsets * axes if len(offsets) == 1 else offsets

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The first bottom's axes, then the second's."""
        whole, like = bottoms
        lengths = like[self.axis : len(whole)]
        starts = [0] * self.axis + self.offsets
        top = (*whole[: self.axis], *lengths)
        if len(top) < len(whole) or any(
            start + part > size for start, part, size in zip(starts, top, whole, strict=True)
        ):
            raise self.fault(
                f"a bottom of shape {whole} holds no {like} from axis {self.axis} at offset {self.offsets}"
            )
        self.window = tuple(slice(start, start + part) for start, part in zip(starts, top, strict=True))
        return [top]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The part, copied."""
        tops[0].values.replace(bottoms[0].values.tensor[self.window].clone())

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Zero around the part; the second bottom's gradient is left as it stands."""
        if propagate[0]:
            below = torch.zeros_like(bottoms[0].values.tensor)
            below[self.window] = tops[0].gradient.tensor
            bottoms[0].gradient.replace(below)


@register("Filter")
class Filter(Picking):
    """Of each bottom but the last, the items whose number in the last, the selector, is not 0.

    The tops are as long as there are such items, none at all it may be; before the first forward they have the
    bottoms' shapes.
    """

    bottoms = (2, None)
    tops = (1, None)
    reshapes_always = True

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Nothing is selected yet."""
        self._selected: torch.Tensor | None = None
        self._begun = False
        if len(self.message.top) != len(bottoms) - 1:
            raise self.fault(f"has {len(self.message.top)} tops, {len(bottoms) - 1} are needed: a selector has none")

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """As many items as are selected."""
        *shapes, selector = bottoms
        if not selector or any(n != 1 for n in selector[1:]):
            raise self.fault(f"the selector is one number an item, not of shape {selector}")
        for shape in shapes:
            if shape[:1] != selector[:1]:
                raise self.fault(f"a selector of shape {selector} for a bottom of shape {shape}")
        if self._selected is None:
            return shapes
        return [(len(self._selected), *shape[1:]) for shape in shapes]

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Reads the selector, but not as the net is made."""
        if self._begun:
            self._selected = bottoms[-1].values.tensor.flatten().nonzero().flatten()
        self._begun = True
        super().reshape(bottoms, tops)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The items, in order."""
        assert self._selected is not None
        for bottom, top in zip(bottoms, tops, strict=False):
            top.values.replace(bottom.values.tensor.index_select(0, self._selected))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Zero for the items that were not selected."""
        self.refuse(propagate[-1], "the selector")
        assert self._selected is not None
        for bottom, top, wanted in zip(bottoms, tops, propagate, strict=False):
            if wanted:
                below = torch.zeros_like(bottom.values.tensor)
                bottom.gradient.replace(below.index_copy_(0, self._selected, top.gradient.tensor))


@register("BatchReindex")
class BatchReindex(Picking):
    """top[i] = bottom[index[i]]: items may be left out, repeated or put in another order."""

    bottoms = (2, 2)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """As many items as indices."""
        items, index = bottoms
        if len(index) != 1 or not items:
            raise self.fault(f"items and one axis of indices are needed, not the shapes {items} and {index}")
        return [(*index, *items[1:])]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The items copied."""
        items = bottoms[0].values.tensor
        self._index = self.indices(bottoms[1], len(items))
        tops[0].values.replace(items.index_select(0, self._index))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """For each item the sum over where it went."""
        self.refuse(propagate[1], "the indices")
        if propagate[0]:
            below = torch.zeros_like(bottoms[0].values.tensor)
            bottoms[0].gradient.replace(below.index_add_(0, self._index, tops[0].gradient.tensor))


@register("Embed")
class Embed(Picking):
    """top[i] = weight[bottom[i]] + bias: InnerProduct of a one-hot bottom. Caffe reads past the weights unchecked."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Weights input_dim × num_output, biases num_output."""
        message = self.message.embed_param
        self.inputs, self.output = message.input_dim, message.num_output
        if min(self.inputs, self.output) < 1:
            raise self.fault("num_output and input_dim are at least 1")
        self.add_parameter((self.inputs, self.output), message.weight_filler)
        if message.bias_term:
            self.add_parameter((self.output,), message.bias_filler)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's, and an axis of outputs."""
        return [(*bottoms[0], self.output)]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Rows of the weights."""
        weight, *bias = (blob.values.tensor for blob in self.blobs)
        self._index = self.indices(bottoms[0], self.inputs)
        rows = weight.index_select(0, self._index)
        if bias:
            rows += bias[0]
        tops[0].values.replace(rows.view(tops[0].shape))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Only the rows that were taken change."""
        self.refuse(propagate[0], "the indices")
        rows = tops[0].gradient.tensor.reshape(-1, self.output)
        if self.propagate[0]:
            self.blobs[0].gradient.tensor.index_add_(0, self._index, rows)
        if len(self.blobs) > 1 and self.propagate[1]:
            self.blobs[1].gradient.add(rows.sum(0))


@register("ArgMax")
class ArgMax(Picking):
    """The indices of the `top_k` greatest values, greatest first; of equal values the one with the greater index.

    Along `axis`, or, without one, over all axes but the first: the top is then N × 1 × top_k (and 1s up to the
    bottom's axes), N × 2 × top_k with `out_max_val`, which adds the values. With an axis it gives the values alone.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """How many, and where."""
        message, shape = self.message.argmax_param, bottoms[0].shape
        self.count, self.values = message.top_k, message.out_max_val
        first = axis_of(self, message.axis, shape)
        self.axis = first if message.HasField("axis") else None
        places = math.prod(shape[1:]) if self.axis is None else shape[self.axis]
        if not 1 <= self.count <= places:
            raise self.fault(f"top_k {self.count} of {places} values, for a bottom of shape {shape}")

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """top_k along the axis, or as the class says."""
        (bottom,) = bottoms
        if self.axis is not None:
            return [(*bottom[: self.axis], self.count, *bottom[self.axis + 1 :])]
        return [(bottom[0], 2 if self.values else 1, self.count, *[1] * (len(bottom) - 3))]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Seen from behind, since PyTorch gives the first of equal values and keeps their order in sorting."""
        x = bottoms[0].values.tensor
        x, axis = (x.flatten(1) if x.dim() > 1 else x[:, None], 1) if self.axis is None else (x, self.axis)
        behind = x.flip(axis)
        if self.count == 1:  # many times as fast as sorting
            values, index = behind.max(axis, keepdim=True)
        else:
            values, index = behind.sort(dim=axis, descending=True, stable=True)
            values, index = values.narrow(axis, 0, self.count), index.narrow(axis, 0, self.count)
        index = (x.shape[axis] - 1 - index).to(x.dtype)
        if self.axis is None and self.values:
            top = torch.stack([index, values], 1)
        else:
            top = values.clone() if self.values else index
        tops[0].values.replace(top.reshape(tops[0].shape))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """There is none."""
        self.refuse(any(propagate), "an index")


@register("Reduction")
class Reduction(Apart):
    """coeff · Σ x, Σ |x|, Σ x² or the mean, over `axis` and every axis after it (Caffe reduces tails only)."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The operation."""
        message = self.message.reduction_param
        self.operation, self.coefficient = message.operation, message.coeff
        self.axis = axis_of(self, message.axis, bottoms[0].shape)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The axes before."""
        return [bottoms[0][: self.axis]]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The sum of the tail, in whatever order it lies in memory."""
        message, x = self.message.reduction_param, bottoms[0].values.tensor
        if self.operation == message.ASUM:
            x = x.abs()
        elif self.operation == message.SUMSQ:
            x = x * x
        total = x.sum(tuple(range(self.axis, x.dim())))
        tops[0].values.replace(total.mul_(self._factor(bottoms[0].shape)))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """coeff, coeff · sign(x) or 2 · coeff · x times the gradient above."""
        if not propagate[0]:
            return
        message, x = self.message.reduction_param, bottoms[0].values.tensor
        above = tops[0].gradient.tensor * self._factor(bottoms[0].shape)
        above = above.reshape(*above.shape, *[1] * (x.dim() - self.axis))
        if self.operation == message.ASUM:
            below = x.sign().mul_(above)
        elif self.operation == message.SUMSQ:
            below = x * (2 * above)
        else:
            below = torch.empty_like(x).copy_(above)
        bottoms[0].gradient.replace(below)

    def _factor(self, shape: Shape) -> float:
        mean = self.operation == self.message.reduction_param.MEAN
        return self.coefficient / math.prod(shape[self.axis :]) if mean else self.coefficient
