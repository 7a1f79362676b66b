"""BatchNorm: each channel to mean 0 and variance 1, by the batch's statistics or by running ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers import channels
from ftcaffe.engine.layers.base import Layer, Shape, register
from ftcaffe.proto import caffe_pb2


@register("BatchNorm")
class BatchNorm(Layer):
    """top = (bottom − mean) / √(variance + eps), for each channel (axis 1).

    The parameters are a sum of means, a sum of variances (those by m − 1 of m values) and the weight of both sums.
    A forward pass multiplies all three by `moving_average_fraction` and adds the batch's, with weight 1; the running
    statistics are the sums over the weight (0 where that is 0). They are used in the test phase or as
    `use_global_stats` says. A solver never changes the parameters: their lr_mult is 0.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The three sums, zero."""
        message, shape = self.message.batch_norm_param, bottoms[0].shape
        self.running = message.use_global_stats if message.HasField("use_global_stats") else not self.training
        self.fraction, self.eps = message.moving_average_fraction, message.eps
        if len(shape) < 2:
            raise self.fault(f"two axes or more are needed, the bottom has shape {shape}")
        self.channels = shape[1]
        for count in (self.channels, self.channels, 1):
            self.add_parameter((count,), caffe_pb2.FillerParameter())
        for index in range(3):
            if index == len(self.message.param):
                self.message.param.add(lr_mult=0)
            elif self.message.param[index].lr_mult:
                raise self.fault("its parameters are statistics, which a solver cannot learn: their lr_mult is 0")

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's."""
        (shape,) = bottoms
        if shape[1:2] != (self.channels,):
            raise self.fault(f"made for {self.channels} channels, the bottom has shape {shape}")
        return bottoms

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The mean taken off first: the variance is that of the differences."""
        x = bottoms[0].values.tensor
        count = x.numel() // self.channels
        mean, variance = self._running() if self.running else (x.mean([0, *range(2, x.dim())]), None)
        tops[0].values.release()
        self._y = None
        y = x - channels.spread(mean, x.dim())
        if variance is None:
            variance = channels.products(y, y)[0] / count
            self._update(mean, variance, count)
        self._inverse = (variance + self.eps).rsqrt_()
        y.mul_(channels.spread(self._inverse, x.dim()))
        self._y = y if self.descends and not self.running else None
        tops[0].values.replace(y, lent=self._y is not None)

    def _running(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance from the sums."""
        means, variances, weight = (blob.values.tensor for blob in self.blobs)
        factor = torch.where(weight == 0, 0, 1 / weight)
        return means * factor, variances * factor

    def _update(self, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
        """Add the statistics of a batch, of `count` values a channel, to the sums."""
        means, variances, weight = (blob.values.tensor for blob in self.blobs)
        weight.mul_(self.fraction).add_(1)
        means.mul_(self.fraction).add_(mean)
        variances.mul_(self.fraction).add_(variance, alpha=count / (count - 1) if count > 1 else 1)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """dx = (dy − mean(dy) − y · mean(dy · y)) / √(variance + eps); running statistics are constants."""
        if not propagate[0]:
            return
        above = tops[0].gradient.tensor
        bottoms[0].gradient.release()
        if self.running:
            below = above * channels.spread(self._inverse, above.dim())
        else:
            # PyTorch's backward given y for the input: of mean 0 and deviation 1, the true one being the weight.
            zero, one = torch.zeros_like(self._inverse), torch.ones_like(self._inverse)
            below, _, _ = torch.ops.aten.native_batch_norm_backward(
                above, self._y, self._inverse, None, None, zero, one, True, 0.0, (True, False, False)
            )
        bottoms[0].gradient.replace(below)
