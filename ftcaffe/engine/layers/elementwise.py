"""Layers that join blobs value by value: Eltwise, and a parameter or a smaller blob along some axes (Scale, Bias)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers import channels
from ftcaffe.engine.layers.base import Layer, Shape, axis_of, register
from ftcaffe.proto import caffe_pb2


@register("Eltwise")
class Eltwise(Layer):
    """top = Σ coeff · bottom, Π bottom or max bottom, value by value.

    Of equal values MAX takes the second bottom's before the first's, and the earlier of later ones; its gradient goes
    to the one that was taken. PROD's gradient is the product of the others, or top / bottom where `stable_prod_grad`
    is false, which is no number at 0. In place, SUM and MAX lose the first bottom: Caffe clears the top first.
    """

    bottoms = (2, None)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The operation and a coefficient for each bottom."""
        message = self.message.eltwise_param
        self.sum, self.product = message.operation == message.SUM, message.operation == message.PROD
        self.stable = message.stable_prod_grad
        if len(message.coeff) not in (0, len(bottoms)):
            raise self.fault(f"coeff is given {len(message.coeff)} times for {len(bottoms)} bottoms")
        if message.coeff and self.product:
            raise self.fault("coeff is for SUM only")
        self.coefficients = list(message.coeff) or [1.0] * len(bottoms)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottoms', all equal."""
        for shape in bottoms[1:]:
            if shape != bottoms[0]:
                raise self.fault(f"the bottoms' shapes {bottoms[0]} and {shape} differ")
        return bottoms[:1]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Two bottoms at once, then each of the others."""
        first, *others = (bottom.values.tensor for bottom in bottoms)
        if tops[0] is bottoms[0] and not self.product:
            first = torch.full_like(first, 0.0 if self.sum else torch.finfo(first.dtype).min)
        tops[0].values.release()
        if self.sum:
            y = self._sum(first, others)
        elif self.product:
            y = first * others[0]
            for x in others[1:]:
                y.mul_(x)
        else:
            y = self._maximum(first, others)
        tops[0].values.replace(y)

    def _sum(self, first: torch.Tensor, others: list[torch.Tensor]) -> torch.Tensor:
        weight, *weights = self.coefficients
        y = torch.add(first if weight == 1 else first * weight, others[0], alpha=weights[0])
        for x, weight in zip(others[1:], weights[1:], strict=True):
            y.add_(x, alpha=weight)
        return y

    def _maximum(self, first: torch.Tensor, others: list[torch.Tensor]) -> torch.Tensor:
        """Also keeps by how much the first exceeds the second, and each later one those before it."""
        self._lead = [first - others[0]]
        y = torch.maximum(first, others[0])
        for x in others[1:]:
            self._lead.append(x - y)
            y = torch.maximum(x, y)
        return y

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Bottom by bottom: in place, the first one's gradient is written over the top's."""
        shares = [] if self.sum or self.product else self._shares(bottoms, tops[0])
        for number, (bottom, wanted) in enumerate(zip(bottoms, propagate, strict=True)):
            if not wanted:
                continue
            if shares:
                bottom.gradient.replace(shares[number])
            elif self.product:
                others = self._others(number, tops[0], bottoms)
                bottom.gradient.replace(others * (others if bottom is tops[0] else tops[0].gradient.tensor))
            elif self.coefficients[number] != 1:
                bottom.gradient.replace(tops[0].gradient.tensor * self.coefficients[number])
            elif bottom is not tops[0]:
                bottom.gradient.replace(tops[0].gradient.lend(), lent=True)

    def _shares(self, bottoms: Sequence[Blob], top: Blob) -> list[torch.Tensor]:
        """MAX: each bottom's part of the top's gradient. In place the first has none, which overwrites the top's."""
        rest = top.gradient.tensor if top is not bottoms[0] else torch.zeros_like(top.gradient.tensor)
        shares = []
        for lead in reversed(self._lead):
            shares.append(torch.ops.aten.threshold_backward(rest, lead, 0))
            rest = rest - shares[-1]
        return [shares[-1], rest, *shares[-2::-1]]

    def _others(self, number: int, top: Blob, bottoms: Sequence[Blob]) -> torch.Tensor:
        """The product of all bottoms but one."""
        if not self.stable:
            return top.values.tensor / bottoms[number].values.tensor
        first, *others = (bottom.values.tensor for index, bottom in enumerate(bottoms) if index != number)
        for x in others:
            first = first * x
        return first


class Along(Layer):
    """A layer with a second operand that spans axes of the first bottom from `axis` on: the second bottom, or a
    parameter of `num_axes` axes (−1: all that follow; 0: a single value, wherever `axis` stands).
    """

    bottoms = (1, 2)

    def setup_along(self, message: Any, bottoms: Sequence[Blob], default: float) -> None:
        """Make the parameter, if it is one, filled with `default` unless the message has a filler."""
        self.axis, self.learns = message.axis, len(bottoms) == 1
        if not self.learns:
            return
        shape, count = bottoms[0].shape, message.num_axes
        axis = axis_of(self, self.axis, shape)
        if count < -1 or axis + count > len(shape):
            raise self.fault(f"num_axes {count} from axis {axis} of a bottom of shape {shape}")
        filler = message.filler if message.HasField("filler") else caffe_pb2.FillerParameter(value=default)
        self.add_parameter(shape[axis:] if count == -1 else shape[axis : axis + count], filler)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The first bottom's."""
        x = bottoms[0]
        operand = self.blobs[0].shape if self.learns else bottoms[1]
        axis = axis_of(self, self.axis, x) if operand else 0
        if x[axis : axis + len(operand)] != operand:
            raise self.fault(f"the operand's shape {operand} is not that of {x} from axis {axis} on")
        self.before, self.spanned = math.prod(x[:axis]), math.prod(operand)
        self._view = (*operand, *(1,) * (len(x) - axis - len(operand)))
        self.along_channels = axis == 1 and len(operand) == 1
        self._summed = [i for i in range(len(x)) if not axis <= i < axis + len(operand)]
        return bottoms[:1]

    def spread(self, operand: Blob) -> torch.Tensor:
        """The operand shaped to broadcast."""
        return operand.values.tensor.view(self._view)

    def summed(self, each: torch.Tensor) -> torch.Tensor:
        """The sum, a fresh tensor, over the axes that the operand does not span."""
        return each.sum(self._summed) if self._summed else each.clone()


@register("Bias")
class Bias(Along):
    """top = bottom + bias, the bias a parameter (0 unless filled otherwise) or the second bottom."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The bias, where it is a parameter."""
        self.setup_along(self.message.bias_param, bottoms, 0.0)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """A broadcast sum."""
        tops[0].values.replace(bottoms[0].values.tensor + self.spread((self.blobs or bottoms[1:])[0]))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The bottom's is the top's, the bias' its sum."""
        above = tops[0].gradient.tensor
        if propagate[0] and bottoms[0] is not tops[0]:
            bottoms[0].gradient.replace(tops[0].gradient.lend(), lent=True)
        if self.learns and self.propagate[0]:
            self.blobs[0].gradient.add(self.summed(above))
        elif not self.learns and propagate[1]:
            bottoms[1].gradient.replace(self.summed(above))


@register("Scale")
class Scale(Along):
    """top = bottom · scale + bias, the scale a parameter (1 unless filled otherwise) or the second bottom.

    With `bias_term` the last parameter is a bias of the scale's shape. In place, the bottom is kept for the backward.
    The scale's gradient is not added to what was there, as every other parameter's is, but overwrites it, where
    the scale spans the whole bottom, or nothing but axes of length 1 lie before its own and it has several values.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The scale, where it is a parameter, and the bias."""
        message = self.message.scale_param
        self.setup_along(message, bottoms, 1.0)
        self.biased = message.bias_term
        if self.biased:
            self.add_parameter((bottoms[1] if not self.learns else self.blobs[0]).shape, message.bias_filler)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The first bottom's; a bias does not follow a second bottom that changes its shape."""
        if self.biased and not self.learns and self.blobs[0].shape != bottoms[1]:
            raise self.fault(f"the bias has shape {self.blobs[0].shape}, and the second bottom {bottoms[1]} by now")
        return super().shapes(bottoms)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """A broadcast product and sum."""
        self._x = bottoms[0].values.lend() if tops[0] is bottoms[0] else None
        x = bottoms[0].values.tensor
        scale = self.spread(self.blobs[0] if self.learns else bottoms[1])
        tops[0].values.release()
        if self.biased and not x.is_contiguous():
            y = torch.addcmul(self.spread(self.blobs[-1]), x, scale)  # fast where the channels lie last
        elif self.biased:
            y = (x * scale).add_(self.spread(self.blobs[-1]))
        else:
            y = x * scale
        tops[0].values.replace(y)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Σ dy for the bias, Σ dy · bottom for the scale, dy · scale for the bottom."""
        above, x = tops[0].gradient.tensor, bottoms[0].values.tensor if self._x is None else self._x
        scale = self.blobs[0] if self.learns else bottoms[1]
        scale_wanted = self.propagate[0] if self.learns else propagate[1]
        bias_wanted = self.biased and self.propagate[-1]
        if self.along_channels and (scale_wanted or bias_wanted):
            of_scale, of_bias = channels.products(above, x)
        else:
            of_scale = self.summed(above * x) if scale_wanted else above
            of_bias = self.summed(above) if bias_wanted else above
        if bias_wanted:
            self.blobs[-1].gradient.add(of_bias)
        overwrites = self.spanned == x.numel() or (self.before == 1 and self.spanned > 1)
        if scale_wanted and self.learns and not overwrites:
            scale.gradient.add(of_scale)
        elif scale_wanted:
            scale.gradient.replace(of_scale)
        if propagate[0]:
            bottoms[0].gradient.release()
            bottoms[0].gradient.replace(above * self.spread(scale))
