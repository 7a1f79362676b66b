"""Layers that only move values about: Split, Concat, Silence."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, axis_of, register


@register("Split")
class Split(Layer):
    """Every top is the bottom; their gradients are summed. `Net` puts one where a blob is used more than once."""

    tops = (1, None)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's, for each."""
        return [bottoms[0]] * len(self.message.top)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The tops hold the bottom's own memory, as in Caffe."""
        for top in tops:
            top.share(bottoms[0])

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The sum."""
        if propagate[0]:
            total = tops[0].gradient.tensor.clone()
            for top in tops[1:]:
                total.add_(top.gradient.tensor)
            bottoms[0].gradient.replace(total)


@register("Concat")
class Concat(Layer):
    """The bottoms one after the other along `axis` (1 unless given; `concat_dim` is its old name)."""

    bottoms = (1, None)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The axis."""
        message = self.message.concat_param
        axis = message.concat_dim if message.HasField("concat_dim") else message.axis
        self.axis = axis_of(self, axis, bottoms[0].shape)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The lengths along the axis added, the others equal."""
        first, axis = bottoms[0], self.axis
        for shape in bottoms[1:]:
            if (*shape[:axis], *shape[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]):
                raise self.fault(f"shapes {first} and {shape} differ in more than axis {axis}")
        return [(*first[:axis], sum(shape[axis] for shape in bottoms), *first[axis + 1 :])]

    def compute(self, *bottoms: torch.Tensor) -> torch.Tensor:
        """The concatenation."""
        return torch.cat(bottoms, self.axis)


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
