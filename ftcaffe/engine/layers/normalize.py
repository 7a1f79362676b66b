"""Local response normalisation."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, register

# Rows of channels at a time on a CPU: few enough for every intermediate array to stay in the cache.
_BLOCK = 2048


@register("LRN")
class LRN(Layer):
    """top = bottom · scale^−beta, scale = k + (alpha / n) · Σ bottom² over the n = local_size nearest channels.

    WITHIN_CHANNEL sums over an n × n window of the same channel instead, with k = 1, and divides by the window's
    area: alpha is per value there too. Channels and pixels past the border count as 0.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The constants."""
        message = self.message.lrn_param
        self.size, self.alpha, self.beta, self.k = message.local_size, message.alpha, message.beta, message.k
        self.within = message.norm_region == message.WITHIN_CHANNEL
        if self.size % 2 == 0:
            raise self.fault(f"local_size {self.size} is not odd")

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's."""
        if len(bottoms[0]) != 4:
            raise self.fault(f"four axes are needed, the bottom has shape {bottoms[0]}")
        return bottoms

    def compute(self, *bottoms: torch.Tensor) -> torch.Tensor:
        """Within a channel; autograd gives the backward."""
        (x,) = bottoms
        mean = torch.nn.functional.avg_pool2d(x * x, self.size, 1, self.size // 2)
        return x * (1 + self.alpha * mean) ** -self.beta

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Across channels: the sum over channels is a product with a band matrix, block by block."""
        if self.within:
            return super().forward(bottoms, tops)
        x = _rows(bottoms[0].values.tensor)
        band = self._band(x)
        self._scale, y = torch.empty_like(x), torch.empty_like(x)
        for part in _blocks(x):
            scale = self._scale[part]
            torch.mm(x[part] * x[part], band, out=scale)
            scale.add_(self.k)
            torch.mul(x[part], _power(scale, self.beta), out=y[part])
        tops[0].values.replace(_images(y, bottoms[0].shape))
        return None

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """dx = dy · scale^−beta − 2·beta·(alpha/n) · x · Σ (dy · y / scale)."""
        if self.within:
            return super().backward(tops, propagate, bottoms)
        if not propagate[0]:
            return None
        x, y, above = (_rows(t) for t in (bottoms[0].values.tensor, tops[0].values.tensor, tops[0].gradient.tensor))
        band = self._band(x)
        below = torch.empty_like(x)
        for part in _blocks(x):
            scale = self._scale[part]
            ratio = (above[part] * y[part]).div_(scale)
            torch.mul(above[part], _power(scale, self.beta), out=below[part])
            below[part].addcmul_(x[part], torch.mm(ratio, band), value=-2 * self.beta)
        bottoms[0].gradient.replace(_images(below, bottoms[0].shape))
        return None

    def _band(self, rows: torch.Tensor) -> torch.Tensor:
        """alpha / n where two channels are within reach of each other, else 0."""
        channel = torch.arange(rows.shape[1], device=rows.device)
        near = (channel[:, None] - channel[None, :]).abs() <= self.size // 2
        return near.to(rows.dtype) * (self.alpha / self.size)


def _rows(images: torch.Tensor) -> torch.Tensor:
    """N × C × H × W as (N·H·W) × C; no copy where the channels lie last."""
    return images.permute(0, 2, 3, 1).reshape(-1, images.shape[1])


def _images(rows: torch.Tensor, shape: Shape) -> torch.Tensor:
    n, c, h, w = shape
    return rows.view(n, h, w, c).permute(0, 3, 1, 2)


def _blocks(rows: torch.Tensor) -> Sequence[slice]:
    step = _BLOCK if rows.device.type == "cpu" else len(rows)
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def _power(scale: torch.Tensor, beta: float) -> torch.Tensor:
    """scale^−beta; for the 3/4 that every published net uses, by square roots, which are several times faster."""
    if beta == 0.75:
        root = scale.rsqrt()
        return root.sqrt().mul_(root)
    return scale.pow(-beta)
