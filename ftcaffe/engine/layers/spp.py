"""Spatial pyramid pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, register
from ftcaffe.engine.layers.pooling import Pooling
from ftcaffe.proto import caffe_pb2


@register("SPP")
class SPP(Layer):
    """Pooling into 1, 2 × 2, 4 × 4 … bins, one after the other as N × (C · bins): a length whatever the bottom's.

    A level's kernel and stride are ⌈size / bins⌉, its pad half of what that covers too much, rounded up; so a small
    bottom may have fewer bins than the level, or no room for it. One level alone is a plain Pooling, not flattened.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The number of levels."""
        self.levels = self.message.spp_param.pyramid_height
        if self.levels < 1:
            raise self.fault("pyramid_height is at least 1")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the poolings anew: their kernels follow the bottom's size."""
        if len(bottoms[0].shape) != 4:
            raise self.fault(f"four axes are needed, the bottom has shape {bottoms[0].shape}")
        self._poolings = [self._pooling(level, bottoms[0].shape) for level in range(self.levels)]
        self._tops = list(tops) if self.levels == 1 else [Blob() for _ in self._poolings]
        for pooling, top in zip(self._poolings, self._tops, strict=True):
            pooling.setup(bottoms)
            pooling.reshape(bottoms, [top])
        if self.levels > 1:
            tops[0].reshape(bottoms[0].shape[0], sum(self._lengths()))

    def _lengths(self) -> list[int]:
        """Values an image of each level."""
        return [math.prod(top.shape[1:]) for top in self._tops]

    def _pooling(self, level: int, shape: Shape) -> Pooling:
        bins = 2**level
        kernel = [math.ceil(size / bins) for size in shape[2:]]
        pad = [(k * bins - size + 1) // 2 for k, size in zip(kernel, shape[2:], strict=True)]
        if any(p >= k for p, k in zip(pad, kernel, strict=True)):
            raise self.fault(f"a bottom of shape {shape} is too small for level {level}, {bins} × {bins} bins")
        message = caffe_pb2.LayerParameter(name=self.name, phase=self.message.phase, bottom=["bottom"], top=["top"])
        parameter = message.pooling_param
        parameter.pool = self.message.spp_param.pool
        parameter.kernel_h, parameter.kernel_w = kernel
        parameter.stride_h, parameter.stride_w = kernel
        parameter.pad_h, parameter.pad_w = pad
        return Pooling(message)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Each level, then all in a row."""
        for pooling, top in zip(self._poolings, self._tops, strict=True):
            pooling.forward(bottoms, [top])
        if self.levels > 1:
            tops[0].values.replace(torch.cat([top.values.tensor.flatten(1) for top in self._tops], 1))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The sum over the levels."""
        if self.levels == 1:
            return self._poolings[0].backward(tops, propagate, bottoms)
        if propagate[0]:
            total = torch.zeros_like(bottoms[0].values.tensor)
            parts = tops[0].gradient.tensor.split(self._lengths(), 1)
            for pooling, top, part in zip(self._poolings, self._tops, parts, strict=True):
                top.gradient.replace(part.reshape(top.shape))
                pooling.backward([top], propagate, bottoms)
                total += bottoms[0].gradient.tensor
            bottoms[0].gradient.replace(total)
        return None
