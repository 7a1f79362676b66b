"""MemoryData: batches of arrays that the program gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ftcaffe.engine import mode
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Shape, register
from ftcaffe.engine.layers.source import Source


@register("MemoryData")
class MemoryData(Source):
    """Batches of the arrays given to `Net.set_input_arrays`, in their order, begun again after the last.

    They are not transformed. A forward pass makes the labels batch × 1 × 1 × 1, which before it are batch, as in
    Caffe.
    """

    tops = (2, 2)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Check the shape; a seed is taken for a transformation that will mirror or crop, though none is made."""
        message = self.message.memory_data_param
        self.batch_size = message.batch_size
        self.channels, self.height, self.width = message.channels, message.height, message.width
        if not (self.batch_size and self.channels and self.height and self.width):
            raise self.fault("batch_size, channels, height and width are given, each at least 1")
        transform = self.message.transform_param
        if transform.mirror or (self.training and transform.crop_size):
            mode.random.word()
        self._data: np.ndarray | None = None

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """batch × channels × height × width, and batch."""
        return [(self.batch_size, self.channels, self.height, self.width), (self.batch_size,)]

    def reset(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Take arrays for the coming batches, from their first.

        Parameters
        ----------
        data : float32, C-contiguous, images × channels × height × width, images a multiple of the batch size.
        labels : float32, C-contiguous, images × 1 × 1 × 1.

        Raises
        ------
        RuntimeError : they are otherwise, in pycaffe's words; `Net.set_input_arrays` hands it on.
        """
        _check("data array", data, (self.channels, self.height, self.width))
        _check("labels array", labels, (1, 1, 1))
        if len(data) != len(labels):
            raise RuntimeError("data and labels must have the same first dimension")
        if len(data) % self.batch_size or not len(data):
            raise RuntimeError("first dimensions of input arrays must be a multiple of batch size")
        self._data, self._labels, self._place = data, labels, 0

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The next batch."""
        if self._data is None:
            raise self.fault("has no data yet; give it arrays by Net.set_input_arrays(data, labels)")
        part = slice(self._place, self._place + self.batch_size)
        self._place = part.stop % len(self._data)
        for top, array in zip(tops, (self._data[part], self._labels[part]), strict=True):
            top.reshape(*array.shape)
            top.values.replace(torch.tensor(array, device=mode.device()))


def _check(what: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if not array.flags.c_contiguous:
        raise RuntimeError(f"{what} must be C contiguous")
    if array.ndim != 4:
        raise RuntimeError(f"{what} must be 4-d")
    if array.dtype != np.float32:
        raise RuntimeError(f"{what} must be float32")
    for name, found, wanted in zip(("number of channels", "height", "width"), array.shape[1:], shape, strict=True):
        if found != wanted:
            raise RuntimeError(f"{what} has wrong {name}")
