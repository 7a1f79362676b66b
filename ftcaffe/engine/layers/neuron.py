"""Layers that work value by value."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ftcaffe.engine import mode
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, register


class Neuron(Layer):
    """A layer whose top has its bottom's shape, and may be its bottom."""

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's."""
        return bottoms


@register("ReLU")
class ReLU(Neuron):
    """top = max(0, bottom) + negative_slope · min(0, bottom).

    The gradient at 0 is the slope's. It is taken from the top where that is the bottom, which has the same sign for a
    slope that is not negative.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The slope."""
        self.slope = self.message.relu_param.negative_slope

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """In place where the top is the bottom."""
        x = bottoms[0].values.tensor
        if tops[0] is bottoms[0]:
            torch.nn.functional.leaky_relu_(x, self.slope) if self.slope else x.relu_()
        else:
            tops[0].values.replace(torch.nn.functional.leaky_relu(x, self.slope) if self.slope else x.relu())

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The top's gradient where the bottom is positive, slope times it elsewhere."""
        if propagate[0]:
            above, x = tops[0].gradient.tensor, bottoms[0].values.tensor
            if self.slope:
                below = torch.where(x > 0, above, above * self.slope)
            else:
                below = torch.ops.aten.threshold_backward(above, x, 0)
            bottoms[0].gradient.replace(below)


@register("Dropout")
class Dropout(Neuron):
    """Training: top = bottom · mask / (1 − ratio), each value kept with probability 1 − ratio. Test: the bottom."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The ratio."""
        self.ratio = self.message.dropout_param.dropout_ratio
        if not 0 <= self.ratio < 1:
            raise self.fault(f"dropout_ratio {self.ratio:g} is not at least 0 and below 1")

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """A new mask each time, drawn as Caffe draws it."""
        x = bottoms[0].values.tensor
        if self.training:
            kept = mode.random.bernoulli(1.0 - self.ratio, bottoms[0].count).reshape(bottoms[0].shape)
            self._mask = torch.from_numpy(kept).to(x.device, torch.float32).mul_(1.0 / (1.0 - self.ratio))
            tops[0].values.replace(x * self._mask)
        elif tops[0] is not bottoms[0]:
            tops[0].values.replace(x.clone())

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The same mask."""
        if propagate[0]:
            above = tops[0].gradient.tensor
            if self.training:
                bottoms[0].gradient.replace(above * self._mask)
            elif tops[0] is not bottoms[0]:
                bottoms[0].gradient.replace(above.clone())
