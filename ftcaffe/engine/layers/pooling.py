"""Pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, register
from ftcaffe.engine.layers.sliding import channels_last


@register("Pooling")
class Pooling(Layer):
    """MAX or AVE over windows; a second top of MAX holds the index of each maximum in its plane.

    Caffe rounds the output size up, so that the last window may hang over the border, and drops a last window that
    would begin in the padding (where either axis has padding; without any, a window may lie past the border, and
    then MAX is the least float, AVE not a number). AVE divides by the window's area within the padded plane, so
    padding counts as zeros and what hangs over does not count. STOCHASTIC has no CPU form in Caffe and none here.
    """

    tops = (1, 2)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Kernel, stride and padding, each for height and width."""
        message = self.message.pooling_param
        self.max, self.stochastic = message.pool == message.MAX, message.pool == message.STOCHASTIC
        if len(self.message.top) > 1 and not self.max:
            raise self.fault("a second top, of indices, is for MAX alone")
        self.whole, self.ceil = message.global_pooling, message.round_mode == message.CEIL
        self.stride, self.pad = self._pair("stride"), self._pair("pad")
        one, two = message.HasField("kernel_size"), message.HasField("kernel_h") and message.HasField("kernel_w")
        if self.whole:
            if one or message.HasField("kernel_h") or message.HasField("kernel_w"):
                raise self.fault("global_pooling takes no kernel size")
            if self.pad != (0, 0) or self.stride != (1, 1):
                raise self.fault("global_pooling takes no pad and a stride of 1")
            return
        if one == two:
            raise self.fault("its size is either kernel_size or kernel_h and kernel_w")
        self.kernel = (message.kernel_size,) * 2 if one else (message.kernel_h, message.kernel_w)
        if min(self.kernel) < 1 or min(self.stride) < 1:
            raise self.fault(f"kernel {self.kernel} and stride {self.stride} are at least 1")
        if any(self.pad) and (self.stochastic or any(p >= k for p, k in zip(self.pad, self.kernel, strict=True))):
            raise self.fault(f"pad {self.pad} is for MAX and AVE, and smaller than the kernel {self.kernel}")

    def _pair(self, name: str) -> tuple[int, int]:
        message = self.message.pooling_param
        high, wide = message.HasField(f"{name}_h"), message.HasField(f"{name}_w")
        if high != wide or (high and message.HasField(name)):
            raise self.fault(f"its {name} is either {name} or {name}_h and {name}_w")
        return (
            (getattr(message, f"{name}_h"), getattr(message, f"{name}_w")) if high else (getattr(message, name),) * 2
        )

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """N × C × the rounded-up sizes."""
        (bottom,) = bottoms
        if len(bottom) != 4:
            raise self.fault(f"four axes are needed, the bottom has shape {bottom}")
        if self.whole:
            self.kernel = bottom[2:]
        self.sizes = tuple(self._size(*of) for of in zip(bottom[2:], self.kernel, self.stride, self.pad, strict=True))
        if min(self.sizes) < 1:
            raise self.fault(f"a kernel of {self.kernel} does not fit a bottom of shape {bottom}")
        # PyTorch's rule is Caffe's but where a window lies wholly past the border or the padding is wide.
        self.native = all(
            2 * pad <= kernel and (count - 1) * stride < size + pad
            for count, size, kernel, stride, pad in zip(
                self.sizes, bottom[2:], self.kernel, self.stride, self.pad, strict=True
            )
        )
        return [(*bottom[:2], *self.sizes)] * len(self.message.top)

    def _size(self, size: int, kernel: int, stride: int, pad: int) -> int:
        windows = (math.ceil if self.ceil else math.floor)((size + 2 * pad - kernel) / stride) + 1
        return windows - 1 if any(self.pad) and (windows - 1) * stride >= size + pad else windows

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """MAX keeps the index of each maximum."""
        if self.stochastic:
            raise self.fault("STOCHASTIC has no CPU form in Caffe either; use MAX or AVE")
        if not self.max:
            return super().forward(bottoms, tops)
        x = channels_last(bottoms[0].values.tensor)
        y = tops[0].values.room(torch.channels_last)
        index = self._maxima(x, y)
        tops[0].values.replace(y)
        if self.descends:
            # PyTorch's eight bytes a value are more than the blob has itself.
            self._index = index.to(torch.int16 if math.prod(x.shape[2:]) < 2**15 else torch.int32)
        if len(tops) > 1:
            tops[1].values.replace(index.to(torch.float32))
        return None

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """MAX: to the maxima. AVE: to every value of the window."""
        if not propagate[0]:
            return None
        if not self.native and not self.max:
            return super().backward(tops, propagate, bottoms)
        # PyTorch asks for the bottom, and looks at its shape and layout only.
        like = bottoms[0].values.tensor
        if not like.is_contiguous(memory_format=torch.channels_last):
            like = torch.empty_like(like, memory_format=torch.channels_last)
        above = channels_last(tops[0].gradient.tensor)
        below = bottoms[0].gradient.room(torch.channels_last)
        window = (self.kernel, self.stride, self.pad)
        if not self.native:
            index = self._index.flatten(2).long()
            sums = torch.zeros(like.shape, device=like.device).flatten(2)
            below.copy_(sums.scatter_add_(2, index.clamp(min=0), above.flatten(2) * (index >= 0)).view(like.shape))
        elif self.max:
            torch.ops.aten.max_pool2d_with_indices_backward.grad_input(
                above, like, *window, (1, 1), self.ceil, self._index.long(), grad_input=below
            )
        elif self.pad == (0, 0) and all(k >= n for k, n in zip(self.kernel, like.shape[2:], strict=True)):
            # One window over all, as before a classifier: many times as fast as PyTorch's backward.
            below.copy_(above / math.prod(like.shape[2:]))
        else:
            torch.ops.aten.avg_pool2d_backward.grad_input(
                above, like, *window, self.ceil, True, None, grad_input=below
            )
        bottoms[0].gradient.replace(below)
        return None

    def compute(self, *bottoms: torch.Tensor) -> torch.Tensor:
        """AVE."""
        x = channels_last(bottoms[0])
        if self.native:
            return functional.avg_pool2d(x, self.kernel, self.stride, self.pad, ceil_mode=self.ceil)
        sums = functional.avg_pool2d(self._padded(x, 0.0), self.kernel, self.stride, divisor_override=1)
        areas = [
            torch.tensor(
                [min(n * stride - pad + kernel, size + pad) - (n * stride - pad) for n in range(count)],
                device=x.device,
            )
            for count, size, kernel, stride, pad in zip(
                self.sizes, x.shape[2:], self.kernel, self.stride, self.pad, strict=True
            )
        ]
        return sums / (areas[0][:, None] * areas[1][None, :])

    def _maxima(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Write the maxima to y; returns their indices in the plane, −1 for a window past the border."""
        index = torch.empty_like(y, dtype=torch.int64)
        pool = torch.ops.aten.max_pool2d_with_indices.out
        if self.native:
            pool(x, self.kernel, self.stride, self.pad, (1, 1), self.ceil, out=y, indices=index)
            return index
        padded = self._padded(x, torch.finfo(torch.float32).min)
        pool(padded, self.kernel, self.stride, out=y, indices=index)
        row = torch.div(index, padded.shape[3], rounding_mode="floor") - self.pad[0]
        column = index % padded.shape[3] - self.pad[1]
        inside = (row >= 0) & (row < x.shape[2]) & (column >= 0) & (column < x.shape[3])
        return torch.where(inside, row * x.shape[3] + column, -1)

    def _padded(self, x: torch.Tensor, value: float) -> torch.Tensor:
        """The plane grown, or cut, to what the windows cover exactly."""
        (top, left), (high, wide) = self.pad, x.shape[2:]
        bottom, right = (
            (count - 1) * stride + kernel - size - pad
            for count, size, kernel, stride, pad in zip(
                self.sizes, (high, wide), self.kernel, self.stride, self.pad, strict=True
            )
        )
        return functional.pad(x, (left, right, top, bottom), value=value)
