"""Exponentials, logarithms and powers, value by value."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, register
from ftcaffe.engine.layers.neuron import Neuron


@register("Exp")
class Exp(Neuron):
    """top = base ^ (shift + scale · bottom); base −1 stands for e."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """exp(inner · bottom) · outer."""
        message = self.message.exp_param
        logarithm = _log_of_base(self, message.base)
        self.inner = logarithm * message.scale
        self.outer = torch.tensor(logarithm * message.shift).exp().item()  # infinite rather than an OverflowError

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The power."""
        return (x * self.inner).exp_().mul_(self.outer)

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy · top · scale · log(base)."""
        return (above * y).mul_(self.inner)


class OwnFactor(Neuron):
    """A layer whose gradient is `slope` · dy, but in place slope², dy being lost.

    In place, Caffe writes the slope where dy stands and then multiplies the two.
    """

    def slope(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The derivative."""
        raise NotImplementedError

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The derivative times dy, or what stands in its place."""
        slope = self.slope(x, y)
        return slope.mul_(slope if x is y else above)


@register("Log")
class Log(OwnFactor):
    """top = log(shift + scale · bottom) to the base; base −1 stands for e."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The base's logarithm."""
        message = self.message.log_param
        self.logarithm = _log_of_base(self, message.base)
        self.scale, self.shift = message.scale, message.shift
        if not self.logarithm:
            raise self.fault("base 1 has no logarithms")

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """Natural logarithms over that of the base."""
        return (x * self.scale).add_(self.shift).log_().mul_(1 / self.logarithm)

    def slope(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """scale / log(base) / (shift + scale · bottom)."""
        return (x * self.scale).add_(self.shift).reciprocal_().mul_(self.scale / self.logarithm)


@register("Power")
class Power(OwnFactor):
    """top = (shift + scale · bottom) ^ power.

    Without a shift, the gradient is power · top / bottom, which is no number at 0, unless power is 1 or 2.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The three, and what every value is where the bottom does not count."""
        message = self.message.power_param
        self.power, self.scale, self.shift = message.power, message.scale, message.shift
        self.constant = torch.tensor(self.shift).pow(self.power).item()

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """A constant where power or scale is 0, even of a bottom that is no number."""
        if self.power * self.scale == 0:
            return torch.full_like(x, self.constant)
        base = (x * self.scale).add_(self.shift)
        return base.pow_(self.power) if self.power != 1 else base

    def slope(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """power · scale · (shift + scale · bottom) ^ (power − 1), as the top over the base."""
        factor = self.power * self.scale
        if factor == 0 or self.power == 1:
            return torch.full_like(x, factor)
        if self.power == 2:
            return (x * (factor * self.scale)).add_(factor * self.shift)
        if self.shift == 0:
            return (y / x).mul_(self.power)
        return (y / (x * self.scale).add_(self.shift)).mul_(factor)


def _log_of_base(layer: Layer, base: float) -> float:
    if base == -1:
        return 1.0
    if base <= 0:
        raise layer.fault(f"base {base:g} is neither positive nor −1, which stands for e")
    return math.log(base)
