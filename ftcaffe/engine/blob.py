"""Blobs: Caffe's arrays with a gradient beside the values, seen by layers as tensors and by users as NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from ftcaffe.engine import mode
from ftcaffe.errors import Error

_MOST = 2**31 - 1  # values of a blob, and its longest axis: Caffe counts in an int
_AXES = 32


class Memory:
    """Values of one shape, float32, held where they were last needed.

    Layers see a tensor of any memory layout on the current device, and may put a fresh one in its place. A user
    sees one C-contiguous array for as long as the shape stands: once it has been handed out, fresh results are
    copied into it, so that it stays live, as pycaffe's is.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self._shape = tuple(shape)
        self._tensor: torch.Tensor | None = None  # zeros until written
        self._home: torch.Tensor | None = None  # where layers write that choose where
        self._host: torch.Tensor | None = None  # what the handed-out array shows
        self._host_is_newer = False
        self.lent = False  # whether the tensor is held elsewhere too: then it is not written in place

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self._shape

    def reshape(self, shape: Sequence[int]) -> None:
        """Take another shape; values are kept where the count stays, else lost."""
        shape = tuple(shape)
        if shape == self._shape:
            return
        self._home = None
        if math.prod(shape) == math.prod(self._shape):
            if self._tensor is not None:
                self._tensor = self.tensor.contiguous().view(shape)
            self._host = self._host.view(shape) if self._host is not None else None
        else:
            self._tensor = self._host = None
            self._host_is_newer = False
        self._shape = shape

    @property
    def tensor(self) -> torch.Tensor:
        """The values on the current device, to read or to write in place."""
        device = mode.device()
        if self._tensor is None:
            self._tensor = torch.zeros(self._shape, device=device)
        elif self._host_is_newer:
            assert self._host is not None
            self._tensor = self._host.to(device)
        elif self._tensor.device != device:
            moved = self._tensor.to(device)
            if self._host is not None and device.type == "cpu":
                moved = self._host.copy_(moved)
            self._tensor = moved
        self._host_is_newer = False
        return self._tensor

    @property
    def array(self) -> np.ndarray:
        """The values on the host, to read or to write; always the same memory while the shape stands."""
        if self._host is None:
            tensor = self.tensor
            self._host = tensor.detach().cpu().contiguous()
            if self.lent:
                self._host = self._host.clone()
            if tensor.device.type == "cpu":
                self._tensor = self._host
        elif self._tensor is not self._host and not self._host_is_newer:
            self._host.copy_(self.tensor)
        if self._tensor is not self._host:
            self._host_is_newer = True
        return self._host.numpy()

    def replace(self, fresh: torch.Tensor, *, lent: bool = False) -> None:
        """Take a layer's fresh result for the values; `lent` where the layer or another memory holds it too."""
        if fresh is not self._home:
            self._leave()
        if self._host is not None and fresh.device.type == "cpu":
            if self._tensor is not self._host:
                self._tensor = self._host
            self._host.copy_(fresh)
            self.lent = False
        else:
            self._tensor = fresh
            self.lent = lent
        self._host_is_newer = False

    def release(self) -> None:
        """Give back the memory of values that are about to be replaced, so that the fresh ones can lie there."""
        if self._host is None:
            self._leave()
            self._tensor, self.lent = None, False

    def room(self, layout: torch.memory_format = torch.contiguous_format) -> torch.Tensor:
        """Where to write what is about to replace the values: the same memory each time, unless it is lent.

        The caller hands the tensor to `replace` when it is filled. It may hold the values until then, or not.
        """
        device = mode.device()
        if self.lent or self._host is not None:
            self._home = None
        if self._home is None or self._home.device != device or not self._home.is_contiguous(memory_format=layout):
            self._home = torch.empty(self._shape, device=device, memory_format=layout)
        return self._home

    def _leave(self) -> None:
        """Never write again to memory that is held elsewhere."""
        if self.lent and self._tensor is self._home:
            self._home = None

    def lend(self) -> torch.Tensor:
        """The values to hold on to: nothing that is written here later changes them."""
        tensor = self.tensor
        if tensor is self._host:
            return tensor.clone()
        self.lent = True
        return tensor


class Gradient(Memory):
    """A memory that is summed into, and knows when it is zero, which saves a pass over it each way."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__(shape)
        self.is_zero = True
        self._shown: Gradient | None = None

    def reshape(self, shape: Sequence[int]) -> None:
        """As `Memory.reshape`."""
        if tuple(shape) != self._shape:
            self._shown = None
        super().reshape(shape)

    @property
    def tensor(self) -> torch.Tensor:
        """As `Memory.tensor`; the caller may write, so it counts as not zero from here on."""
        if self.lent and (self.is_zero or self._shown is not None):
            self._leave()
            self._tensor, self.lent = None, False
        tensor = super().tensor
        if self._shown is not None:
            tensor.copy_(self._shown.tensor)
            self._shown = None
        if self.is_zero:
            tensor.zero_()
            self.is_zero = False
        return tensor

    @property
    def array(self) -> np.ndarray:
        """As `Memory.array`."""
        _ = self.tensor
        return super().array

    def replace(self, fresh: torch.Tensor, *, lent: bool = False) -> None:
        """As `Memory.replace`."""
        self.is_zero = False
        self._shown = None
        super().replace(fresh, lent=lent)

    def release(self) -> None:
        """As `Memory.release`; zero until replaced."""
        if self._host is None:
            super().release()
            self.is_zero, self._shown = True, None

    def show(self, other: Gradient) -> None:
        """Hold another's values, which are copied only when someone looks, or holds the array already."""
        self.is_zero = False
        self._shown = other
        if self._host is not None:
            _ = self.array

    def clear(self) -> None:
        """Make it zero; an array that has been handed out shows it at once."""
        self.is_zero = True
        self._shown = None
        if self._host is not None:
            self._host.zero_()

    def add(self, fresh: torch.Tensor) -> None:
        """Add a fresh tensor, which is taken over where nothing stands yet."""
        if self.is_zero:
            self.replace(fresh)
        else:
            self.tensor.add_(fresh)

    def add_product(self, left: torch.Tensor, right: torch.Tensor) -> None:
        """Add the matrix product of two tensors, written straight to the memory."""
        if self.is_zero:
            self.is_zero, keep, tensor = False, 0, super().tensor
        else:
            keep, tensor = 1, self.tensor
        torch.addmm(tensor, left, right, beta=keep, out=tensor)


class Blob:
    """An array of values and one of gradients of the same shape, as pycaffe's ``Blob``."""

    def __init__(self, shape: Sequence[int] = ()) -> None:
        self._shape = _checked(shape)
        self.values = Memory(self._shape)
        self.gradient = Gradient(self._shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self._shape

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self._shape)

    @property
    def data(self) -> np.ndarray:
        """The values: a live float32 array."""
        return self.values.array

    @property
    def diff(self) -> np.ndarray:
        """The gradients: a live float32 array."""
        return self.gradient.array

    def reshape(self, *shape: int) -> None:
        """Take another shape; layers above follow at the next forward pass or `Net.reshape`."""
        self._shape = _checked(shape)
        self.values.reshape(self._shape)
        self.gradient.reshape(self._shape)

    def share(self, other: Blob, *, gradient: bool = False) -> None:
        """Hold the very values of another blob, and its gradients when asked."""
        self.values = other.values
        if gradient:
            self.gradient = other.gradient

    num = property(lambda self: self._legacy(0), doc="Length of the first of four axes.")
    channels = property(lambda self: self._legacy(1), doc="Length of the second of four axes.")
    height = property(lambda self: self._legacy(2), doc="Length of the third of four axes.")
    width = property(lambda self: self._legacy(3), doc="Length of the last of four axes.")

    def _legacy(self, axis: int) -> int:
        if len(self._shape) > 4:
            raise ValueError(f"a blob of {len(self._shape)} axes has no num, channels, height and width")
        return self._shape[axis] if axis < len(self._shape) else 1


def _checked(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape, where it is one that a blob of Caffe's can have."""
    shape = tuple(int(n) for n in shape)
    if len(shape) > _AXES:
        raise Error(f"a blob of {len(shape)} axes, and Caffe has {_AXES} at the most")
    if min(shape, default=0) < 0:
        raise Error(f"a blob of shape {shape}: an axis is 0 or longer")
    if max(shape, default=0) > _MOST or math.prod(shape) > _MOST:
        size = f"{math.prod(shape)} values, {4 * math.prod(shape)} bytes"
        raise Error(f"a blob of shape {shape} would hold {size}, and Caffe's hold {_MOST} values at the most")
    return shape
