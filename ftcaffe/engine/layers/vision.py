"""Convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, axis_of, register


def spatial(layer: Layer, message: Any, name: str, axes: int, default: int) -> tuple[int, ...]:
    """A size per spatial axis from a repeated field or from its ``_h`` and ``_w``; `default` where none is given."""
    given = list(getattr(message, name if name != "kernel" else "kernel_size"))
    high, wide = f"{name}_h", f"{name}_w"
    if hasattr(message, high) and (message.HasField(high) or message.HasField(wide)):
        if given or axes != 2:
            raise layer.fault(f"{high} and {wide} stand beside {name}, or for {axes} axes")
        return getattr(message, high), getattr(message, wide)
    if len(given) not in (0, 1, axes):
        raise layer.fault(f"{name} is given {len(given)} times for {axes} spatial axes")
    if not given:
        return (default,) * axes
    return tuple(given * axes if len(given) == 1 else given)


@register("Convolution")
class Convolution(Layer):
    """top[n, o] = Σ_c weight[o, c] ⋆ bottom[n, c] + bias[o], the channels in groups; each bottom gives a top.

    The output size is floored, ⌊(H + 2·pad − ((kernel − 1)·dilation + 1)) / stride⌋ + 1 (pooling's is not).
    """

    bottoms = tops = (1, None)
    same_number = True

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Weights output × (channels / group) × kernel, biases output."""
        message = self.message.convolution_param
        shape = bottoms[0].shape
        self.axis = axis_of(self, message.axis, shape)
        axes = len(shape) - self.axis - 1
        if self.axis != 1 or not 1 <= axes <= 3:
            raise self.fault(f"one axis of images, one of channels and 1 to 3 of space are needed, not {shape}")
        self.kernel = spatial(self, message, "kernel", axes, 0)
        self.stride = spatial(self, message, "stride", axes, 1)
        self.pad = spatial(self, message, "pad", axes, 0)
        self.dilation = spatial(self, message, "dilation", axes, 1)
        self.group = message.group
        self.output = message.num_output
        self.channels = shape[1]
        if min(self.kernel) < 1 or min(self.stride) < 1 or self.output < 1:
            raise self.fault("num_output, kernel_size and stride are at least 1")
        if self.channels % self.group or self.output % self.group:
            raise self.fault(f"{self.channels} channels and {self.output} outputs do not part in {self.group} groups")
        self.add_parameter((self.output, self.channels // self.group, *self.kernel), message.weight_filler)
        if message.bias_term:
            self.add_parameter((self.output,), message.bias_filler)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """N × output × the floored sizes."""
        return [self._shape(bottom) for bottom in bottoms]

    def _shape(self, bottom: Shape) -> Shape:
        if bottom[1] != self.channels:
            raise self.fault(f"made for {self.channels} channels, the bottom has shape {bottom}")
        sizes = []
        for size, k, s, p, d in zip(bottom[2:], self.kernel, self.stride, self.pad, self.dilation, strict=True):
            sizes.append((size + 2 * p - (d * (k - 1) + 1)) // s + 1)
        if min(sizes) < 1:
            raise self.fault(f"a kernel of {self.kernel} does not fit a bottom of shape {bottom}")
        return (bottom[0], self.output, *sizes)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """PyTorch's convolution, channels last for images (twice as fast on a CPU)."""
        weight, *bias = (blob.values.tensor for blob in self.blobs)
        for bottom, top in zip(bottoms, tops, strict=True):
            x = _channels_last(bottom.values.tensor)
            top.values.replace(
                torch.convolution(
                    x,
                    weight,
                    bias[0] if bias else None,
                    self.stride,
                    self.pad,
                    self.dilation,
                    False,
                    (0,) * len(self.kernel),
                    self.group,
                )
            )

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Only the gradients that are needed: none of the data below conv1, none of a frozen layer."""
        weight = self.blobs[0].values.tensor
        needs_bias = len(self.blobs) > 1 and self.propagate[1]
        for top, wanted, bottom in zip(tops, propagate, bottoms, strict=True):
            of_bottom, of_weight, of_bias = torch.ops.aten.convolution_backward(
                _channels_last(top.gradient.tensor),
                _channels_last(bottom.values.tensor),
                weight,
                [self.output],
                self.stride,
                self.pad,
                self.dilation,
                False,
                (0,) * len(self.kernel),
                self.group,
                (wanted, self.propagate[0], needs_bias),
            )
            if wanted:
                bottom.gradient.replace(of_bottom)
            if self.propagate[0]:
                self.blobs[0].gradient.add(of_weight)
            if needs_bias:
                self.blobs[1].gradient.add(of_bias)


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
