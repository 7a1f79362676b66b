"""Normalisation without parameters: LRN over neighbours, MVN over an image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, register

# Rows of channels at a time on a CPU: few enough for every intermediate array to stay in the cache.
_BLOCK = 2048


@register("LRN")
class LRN(Layer):
    """top = bottom · scale^−beta, scale = k + (alpha / n) · Σ bottom² over the n = local_size nearest channels.

    WITHIN_CHANNEL takes the mean over an n × n window of the same channel instead of the sum over n, with k = 1
    whatever is given. Channels and pixels past the border count as 0, and count in the mean.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The constants."""
        message = self.message.lrn_param
        self.size, self.alpha, self.beta, self.k = message.local_size, message.alpha, message.beta, message.k
        self.within = message.norm_region == message.WITHIN_CHANNEL
        if self.size % 2 == 0:
            raise self.fault(f"local_size {self.size} is not odd")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The bottom's shape. In place across channels Caffe computes another thing on the CPU than on a GPU."""
        if tops[0] is bottoms[0] and not self.within:
            raise self.fault("cannot work in place across channels; give the top another name")
        super().reshape(bottoms, tops)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's."""
        if len(bottoms[0]) != 4:
            raise self.fault(f"four axes are needed, the bottom has shape {bottoms[0]}")
        return bottoms

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Across channels, block by block."""
        x = bottoms[0].values.tensor
        if self.within:
            self._within = self._windows(x * x).mul_(self.alpha).add_(1)  # in place, x is lost
            tops[0].values.replace(x * _power(self._within, self.beta))
            return
        x = _rows(x)
        top = tops[0].values.room(torch.channels_last)
        y = _rows(top)
        for part in _blocks(x):
            torch.mul(x[part], _power(self._scale(x[part]), self.beta), out=y[part])
        tops[0].values.replace(top)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """dx = dy · scale^−beta − 2·beta·(alpha/n) · x · Σ (dy · y / scale); within a channel the mean for Σ / n.

        Across channels the scale is computed again: kept, it would be a blob more, and reading it as slow.
        """
        if not propagate[0]:
            return
        x, y, above = bottoms[0].values.tensor, tops[0].values.tensor, tops[0].gradient.tensor
        if self.within:
            power = _power(self._within, self.beta)
            ratio = self._windows(above * x * power / self._within)
            below = (above * power).addcmul_(x, ratio, value=-2 * self.beta * self.alpha)
            bottoms[0].gradient.replace(below)
            return
        x, y, above = _rows(x), _rows(y), _rows(above)
        gradient = bottoms[0].gradient.room(torch.channels_last)
        below = _rows(gradient)
        for part in _blocks(x):
            scale = self._scale(x[part])
            ratio = self._sums((above[part] * y[part]).div_(scale))
            torch.mul(above[part], _power(scale, self.beta), out=below[part])
            below[part].addcmul_(x[part], ratio, value=-2 * self.beta * self.alpha / self.size)
        bottoms[0].gradient.replace(gradient)

    def _scale(self, rows: torch.Tensor) -> torch.Tensor:
        """Of rows of channels."""
        return self._sums(rows * rows).mul_(self.alpha / self.size).add_(self.k)

    def _sums(self, rows: torch.Tensor) -> torch.Tensor:
        """Over the nearest channels of each."""
        sums = rows.clone()
        for away in range(1, self.size // 2 + 1):
            sums[:, away:] += rows[:, :-away]
            sums[:, :-away] += rows[:, away:]
        return sums

    def _windows(self, images: torch.Tensor) -> torch.Tensor:
        """The mean over the window around each pixel."""
        return torch.nn.functional.avg_pool2d(images, self.size, 1, self.size // 2)


@register("MVN")
class MVN(Layer):
    """top = (bottom − mean) / (√variance + eps), over each channel of each image or each whole image
    (`across_channels`). eps is added to the deviation, not to the variance.

    The top has four axes whatever the bottom has. In place, the first part of the gradient is written over the top's,
    as Caffe does, and what follows is computed from that.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The constants."""
        message = self.message.mvn_param
        self.eps, self.divides = message.eps, message.normalize_variance
        self.over = (1, 2, 3) if message.across_channels else (2, 3)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's, with axes of length 1 added."""
        (shape,) = bottoms
        if len(shape) > 4:
            raise self.fault(f"at most four axes are possible, the bottom has shape {shape}")
        return [(*shape, *(1,) * (4 - len(shape)))]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The variance is that of the differences from the mean."""
        x = bottoms[0].values.tensor.view(tops[0].shape)
        y = x - x.mean(self.over, keepdim=True)
        if self.divides:
            self._deviation = (y * y).mean(self.over, keepdim=True).sqrt_().add_(self.eps)
            y.div_(self._deviation)
        tops[0].values.replace(y)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """dx = (dy − (y · Σ(dy · y) + Σ dy) / count) / deviation; dy − mean(dy) where only the mean is taken off."""
        if not propagate[0]:
            return
        above, y = tops[0].gradient.tensor, tops[0].values.tensor
        if self.divides:
            below = y * (above * y).sum(self.over, keepdim=True)
            if tops[0] is bottoms[0]:
                above = below
            count = math.prod(y.shape[axis] for axis in self.over)
            below.add_(above.sum(self.over, keepdim=True)).mul_(-1 / count)
            below = (above + below).div_(self._deviation)
        else:
            below = above - above.mean(self.over, keepdim=True)
        bottoms[0].gradient.replace(below.view(bottoms[0].shape))


def _rows(images: torch.Tensor) -> torch.Tensor:
    """N × C × H × W as (N·H·W) × C; no copy where the channels lie last."""
    return images.permute(0, 2, 3, 1).reshape(-1, images.shape[1])


def _blocks(rows: torch.Tensor) -> Sequence[slice]:
    step = _BLOCK if rows.device.type == "cpu" else len(rows)
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def _power(scale: torch.Tensor, beta: float) -> torch.Tensor:
    """scale^−beta; for the 3/4 that every published net uses, by square roots, which are several times faster."""
    if beta == 0.75:
        root = scale.rsqrt()
        return root.sqrt().mul_(root)
    return scale.pow(-beta)
