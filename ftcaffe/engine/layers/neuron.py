"""Layers that work value by value: rectifiers, squashing functions, thresholds, Dropout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ftcaffe.engine import mode
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, layout, register
from ftcaffe.proto import caffe_pb2

aten = torch.ops.aten


class Neuron(Layer):
    """A layer whose top has its bottom's shape, and may be its bottom.

    A subclass gives `value` and `gradient`. In place, the bottom that a gradient is computed from is the top already,
    as in Caffe, whether the mathematics can bear it or not: x and y are then the same tensor.
    """

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's."""
        return bottoms

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The top, a fresh tensor."""
        raise NotImplementedError

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The bottom's gradient, a fresh tensor, from the top's, the bottom and the top."""
        raise NotImplementedError

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The value of each."""
        x = bottoms[0].values.tensor
        tops[0].values.release()
        tops[0].values.replace(self.value(x))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The gradient of each."""
        if propagate[0]:
            x, y, above = bottoms[0].values.tensor, tops[0].values.tensor, tops[0].gradient.tensor
            bottoms[0].gradient.release()
            bottoms[0].gradient.replace(self.gradient(above, x, y))


@register("ReLU")
class ReLU(Neuron):
    """top = max(0, bottom) + negative_slope · min(0, bottom). The gradient at 0 is the slope's."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The slope."""
        self.slope = self.message.relu_param.negative_slope

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """In place, this is where a convolution's fresh result comes to lie where the last one lay."""
        x = bottoms[0].values.tensor
        y = tops[0].values.room(layout(x))
        aten.leaky_relu.out(x, self.slope, out=y) if self.slope else torch.clamp_min(x, 0, out=y)
        tops[0].values.replace(y)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The top's gradient where the bottom is positive, slope times it elsewhere; it comes to lie likewise."""
        if propagate[0]:
            above, x = tops[0].gradient.tensor, bottoms[0].values.tensor
            below = bottoms[0].gradient.room(layout(x))
            if self.slope:
                aten.leaky_relu_backward.grad_input(above, x, self.slope, False, grad_input=below)
            else:
                aten.threshold_backward.grad_input(above, x, 0, grad_input=below)
            bottoms[0].gradient.replace(below)


@register("PReLU")
class PReLU(Neuron):
    """top = max(0, bottom) + slope · min(0, bottom), a learnt slope for each channel or one for all.

    The slope is 0.25 unless filled otherwise. In place, the bottom is kept for the backward.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Slopes: as many as channels, or a single one without axes (`channel_shared`)."""
        message, shape = self.message.prelu_param, bottoms[0].shape
        if len(shape) < 2:
            raise self.fault(f"two axes or more are needed, the bottom has shape {shape}")
        filler = message.filler if message.HasField("filler") else caffe_pb2.FillerParameter(value=0.25)
        self.add_parameter(() if message.channel_shared else (shape[1],), filler)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's."""
        if self.blobs[0].count not in (1, bottoms[0][1]):
            raise self.fault(f"made for {self.blobs[0].count} channels, the bottom has shape {bottoms[0]}")
        return bottoms

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """In place, the bottom is held on to."""
        self._x = bottoms[0].values.lend() if tops[0] is bottoms[0] else None
        super().forward(bottoms, tops)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The slope where it is not positive."""
        return torch.prelu(x, self.blobs[0].values.tensor.view(-1))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Σ dy · min(0, x) for the slope."""
        above, x = tops[0].gradient.tensor, bottoms[0].values.tensor if self._x is None else self._x
        positive = aten.threshold_backward(above, x, 0)
        rest = above - positive
        if self.propagate[0]:
            each = rest * x
            axes = [axis for axis in range(x.dim()) if axis != 1 or not self.blobs[0].shape]
            self.blobs[0].gradient.add(each.sum(axes))
        if propagate[0]:
            bottoms[0].gradient.replace(positive.addcmul_(rest, self._slope(x)))

    def _slope(self, x: torch.Tensor) -> torch.Tensor:
        return self.blobs[0].values.tensor.view(-1, *(1,) * (x.dim() - 2))


@register("ELU")
class ELU(Neuron):
    """top = bottom where it is positive, alpha · (exp(bottom) − 1) elsewhere. The gradient at 0 is alpha."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The positive part, and the exponential of the other."""
        return x.clamp(max=0).exp_().sub_(1).mul_(self.message.elu_param.alpha).add_(x.clamp(min=0))

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy · (alpha + top) where the bottom is not positive."""
        positive = aten.threshold_backward(above, x, 0)
        return positive.addcmul_(above - positive, y + self.message.elu_param.alpha)


@register("Sigmoid")
class Sigmoid(Neuron):
    """top = 1 / (1 + exp(−bottom))."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The logistic function."""
        return x.sigmoid()

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy · top · (1 − top)."""
        return aten.sigmoid_backward(above, y)


@register("Swish")
class Swish(Neuron):
    """top = bottom · sigmoid(beta · bottom)."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The sigmoid is kept, since in place it cannot be had from the top; by tanh, as Caffe has it."""
        self._sigmoid = (x * (0.5 * self.message.swish_param.beta)).tanh_().mul_(0.5).add_(0.5)
        return x * self._sigmoid

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy · (beta · top + sigmoid · (1 − beta · top))."""
        scaled = y * self.message.swish_param.beta
        return (1 - scaled).mul_(self._sigmoid).add_(scaled).mul_(above)


@register("TanH")
class TanH(Neuron):
    """top = tanh(bottom)."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The hyperbolic tangent."""
        return x.tanh()

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy · (1 − top²)."""
        return aten.tanh_backward(above, y)


@register("AbsVal")
class AbsVal(Neuron):
    """top = |bottom|. The gradient at 0 is 0. Not in place: the sign would be lost."""

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The bottom's shape."""
        if tops[0] is bottoms[0]:
            raise self.fault("cannot work in place; give the top another name")
        super().reshape(bottoms, tops)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The absolute value."""
        return x.abs()

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The bottom's sign times dy."""
        return x.sign().mul_(above)


@register("BNLL")
class BNLL(Neuron):
    """top = log(1 + exp(bottom)), binomial normal log likelihood."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """Linear from 50 on, where float32 shows no difference."""
        return torch.nn.functional.softplus(x, threshold=50)

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy · sigmoid(bottom)."""
        return x.sigmoid().mul_(above)


@register("Clip")
class Clip(Neuron):
    """top = max(min, min(bottom, max)). The gradient passes at the limits too, and in place everywhere."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The limits."""
        self.least, self.greatest = self.message.clip_param.min, self.message.clip_param.max
        # The kernel of the gradient shuts the limits out: the next numbers outside are given to it.
        limits = np.array([self.least, self.greatest], np.float32)
        self._outside = np.nextafter(limits, np.array([-np.inf, np.inf], np.float32)).tolist()

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The lower limit counts where they cross."""
        return x.clamp(max=self.greatest).clamp_(min=self.least)

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy within the limits."""
        return aten.hardtanh_backward(above, x, *self._outside)


@register("Threshold")
class Threshold(Neuron):
    """top = 1 where bottom > threshold, strictly, else 0. There is no gradient."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """Zeros and ones."""
        return (x > self.message.threshold_param.threshold).to(x.dtype)

    def gradient(self, above: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Always an `Error`; Caffe ends the process."""
        raise self.fault("has no gradient; nothing below it can learn (lr_mult: 0, and no force_backward)")


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
            tops[0].values.release()
            tops[0].values.replace(x * self._mask)
        elif tops[0] is not bottoms[0]:
            tops[0].values.replace(bottoms[0].values.lend(), lent=True)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The same mask."""
        if propagate[0]:
            above = tops[0].gradient.tensor
            if self.training:
                bottoms[0].gradient.release()
                bottoms[0].gradient.replace(above * self._mask)
            elif tops[0] is not bottoms[0]:
                bottoms[0].gradient.replace(tops[0].gradient.lend(), lent=True)
