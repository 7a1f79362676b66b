"""Memory of one blob shown by another in another shape, as Caffe's Flatten and Reshape have it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ftcaffe.engine import mode
from ftcaffe.engine.blob import Gradient, Memory


class View(Memory):
    """The values of another memory in another shape of the same count: what is written to one shows in the other."""

    def __init__(self, whole: Memory, shape: Sequence[int]) -> None:
        self._whole = whole
        self._shape = tuple(shape)

    def reshape(self, shape: Sequence[int]) -> None:
        """Take another shape, of the count that the other has by then."""
        self._shape = tuple(shape)

    @property
    def tensor(self) -> torch.Tensor:
        """As `Memory.tensor`; the other becomes C-contiguous, or the two would not be one memory."""
        whole = self._whole
        if not whole.tensor.is_contiguous():
            whole.replace(whole.tensor.contiguous())
        return whole.tensor.view(self._shape)

    @property
    def array(self) -> np.ndarray:
        """As `Memory.array`."""
        return self._whole.array.reshape(self._shape)

    @property
    def lent(self) -> bool:  # type: ignore[override]
        """As `Memory.lent`."""
        return self._whole.lent

    def replace(self, fresh: torch.Tensor, *, lent: bool = False) -> None:
        """As `Memory.replace`."""
        self._whole.replace(fresh.reshape(self._whole.shape), lent=lent)

    def release(self) -> None:
        """Nothing: the other may still be needed."""

    def room(self, layout: torch.memory_format = torch.contiguous_format) -> torch.Tensor:
        """As `Memory.room`, always fresh."""
        return torch.empty(self._shape, device=mode.device(), memory_format=layout)

    def lend(self) -> torch.Tensor:
        """As `Memory.lend`."""
        return self._whole.lend().reshape(self._shape)


class GradientView(View, Gradient):
    """The gradients of another memory in another shape of the same count."""

    _whole: Gradient

    @property
    def is_zero(self) -> bool:  # type: ignore[override]
        """As `Gradient.is_zero`."""
        return self._whole.is_zero

    def show(self, other: Gradient) -> None:
        """As `Gradient.show`, but copied at once."""
        self.replace(other.tensor.clone())

    def clear(self) -> None:
        """As `Gradient.clear`."""
        self._whole.clear()
