"""What Convolution, Deconvolution and Im2col have in common: windows that slide over the axes after the channels."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from ftcaffe.engine.layers.base import Layer, Shape, axis_of


class Sliding(Layer):
    """A layer with a ConvolutionParameter's kernel, stride, pad and dilation, a number for each spatial axis.

    The channels lie on `axis`; all axes before it are a batch, all after it are space.
    """

    def setup_windows(self, shape: Shape) -> None:
        """Read the sizes for bottoms with as many axes as this shape."""
        message = self.message.convolution_param
        self.axis = axis_of(self, message.axis, shape)
        self.axes = len(shape) - self.axis - 1
        self.kernel = self._sizes("kernel", None)
        self.stride = self._sizes("stride", 1)
        self.pad = self._sizes("pad", 0)
        self.dilation = self._sizes("dilation", 1)
        if min((*self.kernel, *self.stride), default=1) < 1:
            raise self.fault(f"kernel {self.kernel} and stride {self.stride} are at least 1")
        self.extent = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def _sizes(self, name: str, default: int | None) -> tuple[int, ...]:
        """A number for each axis, from the repeated field or from ``_h`` and ``_w``, of which one left out is 0."""
        message, axes = self.message.convolution_param, self.axes
        field, high, wide = "kernel_size" if name == "kernel" else name, f"{name}_h", f"{name}_w"
        given = tuple(getattr(message, field))
        if name != "dilation" and (message.HasField(high) or message.HasField(wide)):
            if given or axes != 2:
                raise self.fault(f"{high} and {wide} are for two spatial axes without {field}, here are {axes}")
            return getattr(message, high), getattr(message, wide)
        if not given and (default is not None or not axes):
            return (default or 0,) * axes
        if len(given) not in (1, axes):
            raise self.fault(f"{field} is given {len(given)} times for {axes} spatial axes")
        return given * axes if len(given) == 1 else given

    def check_axes(self, shape: Shape) -> None:
        """`Error` where a bottom has more or fewer axes than the layer was made for."""
        if len(shape) != self.axis + 1 + self.axes:
            raise self.fault(f"made for {self.axis + 1 + self.axes} axes, the bottom has shape {shape}")

    def positions(self, shape: Shape) -> Shape:
        """How often the window fits along each axis: (size + 2·pad − extent) / stride + 1.

        The extent is (kernel − 1)·dilation + 1. The quotient is rounded towards zero, so a bottom smaller than the
        window, by less than a stride, has one position, with zeros past the border.
        """
        spare = [size + 2 * p - e for size, p, e in zip(shape[self.axis + 1 :], self.pad, self.extent, strict=True)]
        counts = tuple(math.trunc(n / s) + 1 for n, s in zip(spare, self.stride, strict=True))
        if min(counts, default=1) < 1:
            fields = f"pad {self.pad}, dilation {self.dilation}"
            raise self.fault(f"a kernel of {self.kernel} does not fit a bottom of shape {shape} ({fields})")
        return counts

    def plain(self, space: Shape) -> bool:
        """Whether PyTorch's own functions serve: one to three axes of these lengths, no window that hangs over."""
        fits = all(size + 2 * p >= e for size, p, e in zip(space, self.pad, self.extent, strict=True))
        return 1 <= self.axes <= 3 and min(self.dilation) >= 1 and fits

    def images(self, tensor: torch.Tensor) -> torch.Tensor:
        """The axes before the channels made one."""
        return tensor if self.axis == 1 else tensor.reshape(-1, *tensor.shape[self.axis :])

    def columns(self, images: torch.Tensor) -> torch.Tensor:
        """Every window of N × C × space as a column: N × C × kernel × positions, zeros past the border."""
        if self.axes == 2 and self.plain(images.shape[2:]):
            rows = functional.unfold(images, self.kernel, self.dilation, self.pad, self.stride)
            return rows.view(*images.shape[:2], *self.kernel, *self.positions((1,) * self.axis + images.shape[1:]))
        spare = [max(0, e - size - 2 * p) for size, p, e in zip(images.shape[2:], self.pad, self.extent, strict=True)]
        sides = [(p, p + more) for p, more in zip(self.pad, spare, strict=True)]
        windows = functional.pad(images, [n for side in reversed(sides) for n in side])
        for axis, (k, s, d, e) in enumerate(zip(self.kernel, self.stride, self.dilation, self.extent, strict=True)):
            taps = torch.arange(k, device=images.device) * d
            windows = windows.unfold(2 + axis, e, s).index_select(-1, taps)
        space = range(2, 2 + self.axes)
        return windows.permute(0, 1, *(n + self.axes for n in space), *space)

    def correlate(self, images: torch.Tensor, weight: torch.Tensor, group: int) -> torch.Tensor:
        """Σ weight · window as a product with columns: for what PyTorch's convolution lacks.

        images : N × C × space.
        weight : O × (C / group) × kernel.

        Returns N × O × positions.
        """
        columns = self.columns(images)
        positions = columns.shape[2 + self.axes :]
        taps = math.prod(weight.shape[1:])
        rows = columns.reshape(len(images), group, taps, math.prod(positions))
        product = weight.reshape(group, weight.shape[0] // group, taps) @ rows
        return product.reshape(len(images), weight.shape[0], *positions)


def channels_last(tensor: torch.Tensor) -> torch.Tensor:
    """Images in the memory layout that is fastest on a CPU; other tensors as they are."""
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
