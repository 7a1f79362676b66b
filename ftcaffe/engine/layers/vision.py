"""Convolution, Deconvolution and Im2col."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Shape, register
from ftcaffe.engine.layers.sliding import Sliding, channels_last


@register("Convolution")
class Convolution(Sliding):
    """top[n, o] = Σ_c weight[o, c] ⋆ bottom[n, c] + bias[o], the channels in groups; each bottom gives a top.

    The number of positions is rounded towards zero (pooling's is not); see `Sliding`.
    """

    bottoms = tops = (1, None)
    same_number = True
    transposed = False

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Weights output × (channels / group) × kernel, biases output."""
        message = self.message.convolution_param
        self.setup_windows(bottoms[0].shape)
        self.channels, self.output, self.group = bottoms[0].shape[self.axis], message.num_output, message.group
        if min(self.output, self.group) < 1:
            raise self.fault("num_output and group are at least 1")
        if self.channels % self.group or self.output % self.group:
            raise self.fault(f"{self.channels} channels and {self.output} outputs do not part in {self.group} groups")
        first, second = (self.channels, self.output) if self.transposed else (self.output, self.channels)
        self.add_parameter((first, second // self.group, *self.kernel), message.weight_filler)
        if message.bias_term:
            self.add_parameter((self.output,), message.bias_filler)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The axes before the channels, the outputs, the positions."""
        shape = bottoms[0]
        self.check_axes(shape)
        if shape[self.axis] != self.channels:
            raise self.fault(f"made for {self.channels} channels, the bottom has shape {shape}")
        for other in bottoms[1:]:
            if other != shape:
                raise self.fault(f"bottoms of shapes {shape} and {other}; all need the same")
        space = self.space(shape)
        lengths = self.convolved(shape, space)
        self.native = self.plain(lengths)
        # A stride beyond the last position moves nothing, and PyTorch's backward would take its square in time.
        self.step = tuple(
            min(s, max(1, size + 2 * p - e + 1))
            for size, s, p, e in zip(lengths, self.stride, self.pad, self.extent, strict=True)
        )
        return [(*shape[: self.axis], self.output, *space)] * len(bottoms)

    def space(self, shape: Shape) -> Shape:
        """Lengths of the top's spatial axes."""
        return self.positions(shape)

    def convolved(self, shape: Shape, space: Shape) -> Shape:
        """Lengths of the axes that the windows slide over."""
        return shape[self.axis + 1 :]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """PyTorch's convolution, channels last for images (twice as fast on a CPU)."""
        if not self.native:
            return super().forward(bottoms, tops)
        weight, *bias = (blob.values.tensor for blob in self.blobs)
        for bottom, top in zip(bottoms, tops, strict=True):
            x = channels_last(self.images(bottom.values.tensor))
            top.values.release()
            y = torch.convolution(
                x,
                weight,
                bias[0] if bias else None,
                self.step,
                self.pad,
                self.dilation,
                self.transposed,
                (0,) * self.axes,
                self.group,
            )
            top.values.replace(y if self.axis == 1 else y.reshape(top.shape))
        return None

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Only the gradients that are needed: none of the data below conv1, none of a frozen layer."""
        if not self.native:
            return super().backward(tops, propagate, bottoms)
        weight = self.blobs[0].values.tensor
        needs_bias = len(self.blobs) > 1 and self.propagate[1]
        for top, wanted, bottom in zip(tops, propagate, bottoms, strict=True):
            above = channels_last(self.images(top.gradient.tensor))
            if wanted:
                bottom.gradient.release()
            of_bottom, of_weight, of_bias = torch.ops.aten.convolution_backward(
                above,
                channels_last(self.images(bottom.values.tensor)),
                weight,
                [self.output],
                self.step,
                self.pad,
                self.dilation,
                self.transposed,
                (0,) * self.axes,
                self.group,
                (wanted, self.propagate[0], needs_bias),
            )
            if wanted:
                bottom.gradient.replace(of_bottom if self.axis == 1 else of_bottom.reshape(bottom.shape))
            if self.propagate[0]:
                self.blobs[0].gradient.add(of_weight)
            if needs_bias:
                self.blobs[1].gradient.add(of_bias)
        return None

    def compute(self, *bottoms: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What PyTorch's convolution lacks, by products with columns."""
        weight, *bias = self.weights
        tops = []
        for bottom in bottoms:
            y = self.product(self.images(bottom), weight)
            if bias:
                y = y + bias[0].view(-1, *[1] * self.axes)
            tops.append(y.reshape(*bottom.shape[: self.axis], *y.shape[1:]))
        return tuple(tops)

    def product(self, images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The tops without bias."""
        return self.correlate(images, weight, self.group)


@register("Deconvolution")
class Deconvolution(Convolution):
    """The transpose of a Convolution whose top is this bottom: each value spreads a kernel, stride apart.

    Lengths are stride·(size − 1) + extent − 2·pad. The weights' first axis is the bottom's channels.
    """

    transposed = True

    def space(self, shape: Shape) -> Shape:
        """Lengths of the axes of a bottom that such a convolution would have."""
        space = tuple(
            s * (size - 1) + e - 2 * p
            for size, s, e, p in zip(shape[self.axis + 1 :], self.stride, self.extent, self.pad, strict=True)
        )
        if min(space, default=1) < 1:
            raise self.fault(f"a bottom of shape {shape} leaves nothing between pads of {self.pad}")
        return space

    def convolved(self, shape: Shape, space: Shape) -> Shape:
        """The top's."""
        return space

    def product(self, images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The gradient that such a convolution would give its bottom, itself differentiable."""
        shape = (len(images), self.output, *self.space((1,) * self.axis + images.shape[1:]))
        differentiable = torch.is_grad_enabled()
        with torch.enable_grad():
            whole = images.new_zeros(shape, requires_grad=True)
            (top,) = torch.autograd.grad(
                self.correlate(whole, weight, self.group), whole, images, create_graph=differentiable
            )
        return top


@register("Im2col")
class Im2col(Sliding):
    """Every window as a column: the channels become channels × kernel, the lengths the positions of the window."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The windows."""
        self.setup_windows(bottoms[0].shape)
        if not self.axes:
            raise self.fault(f"no axis of space after the channels in a bottom of shape {bottoms[0].shape}")

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The channels outermost among the rows."""
        (shape,) = bottoms
        self.check_axes(shape)
        rows = shape[self.axis] * math.prod(self.kernel)
        return [(*shape[: self.axis], rows, *self.positions(shape))]

    def compute(self, *bottoms: torch.Tensor) -> torch.Tensor:
        """A copy of the windows."""
        (x,) = bottoms
        columns = self.columns(self.images(x))
        return columns.reshape(*x.shape[: self.axis], -1, *columns.shape[2 + self.axes :])
