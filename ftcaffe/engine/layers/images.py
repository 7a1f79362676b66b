"""ImageData: pictures from a list of files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ftcaffe.engine import glog, mode
from ftcaffe.engine.layers.base import Shape, register
from ftcaffe.engine.layers.source import Batch, Reading
from ftcaffe.engine.random import Random
from ftcaffe.engine.transformer import DataTransformer
from ftcaffe.errors import Error
from ftcaffe.store import image, listing
from ftcaffe.store.resize import bilinear


@register("ImageData")
class ImageData(Reading):
    """Batches of the pictures that a list names, ``file label`` a line; begun and shuffled anew after the last.

    Without new_height, new_width and a crop, a batch has the size of its first picture. `rand_skip` passes over up to
    so many pictures at the start, of the first round only.
    """

    tops = (2, 2)
    origin = "image_data_layer.cpp:90"

    def open(self) -> Listed:
        """The list's batches."""
        message = self.message.image_data_param
        if (message.new_height == 0) != (message.new_width == 0):
            raise self.fault("new_height and new_width are given together")
        if message.batch_size < 1:
            raise self.fault("batch_size is at least 1")
        return Listed(message, self.transformer)


class Listed:
    """Transformed batches of listed pictures."""

    def __init__(self, message: Any, transformer: DataTransformer) -> None:
        self._message, self._transformer = message, transformer
        glog.info("image_data_layer.cpp:38", "Opening file %s", message.source)
        self._entries = listing.read(message.source)
        if message.shuffle:
            glog.info("image_data_layer.cpp:53", "Shuffling data")
        glog.info("image_data_layer.cpp:63", "A total of %d images.", len(self._entries))
        self._seed = mode.random.word() if message.shuffle else None
        self._skip = mode.random.word() % message.rand_skip if message.rand_skip else 0
        if message.rand_skip:
            glog.info("image_data_layer.cpp:70", "Skipping first %d data points.", self._skip)
        if self._skip >= len(self._entries):
            raise Error(f"has {len(self._entries)} entries, too few to skip {self._skip}", message.source)
        first = next(self._order(0))
        self.shape: Shape = (message.batch_size, *transformer.shape(self._read(first[0]).shape))

    def batches(self, start: int) -> Iterator[Batch]:
        """Batch after batch."""
        count = self._message.batch_size
        order = self._order(start * count)
        while True:
            entries = [next(order) for _ in range(count)]
            pictures = [self._read(name) for name, _ in entries]
            try:
                places = np.empty((count, *self._transformer.shape(pictures[0].shape)), np.float32)
                self._transformer.into(places, pictures)
            except Error as error:
                raise Error(error.what, error.path or self._message.source) from None
            yield places, np.array([label for _, label in entries], np.float32)

    def _order(self, start: int) -> Iterator[tuple[str, int]]:
        """The entries from the `start`th on, without end."""
        entries = list(self._entries)
        random = Random(self._seed) if self._seed is not None else None
        rounds, place = divmod(start + self._skip, len(entries))
        if random is not None:
            for _ in range(1 + rounds):
                random.shuffle(entries)
        while True:
            yield from entries[place:]
            place = 0
            if random is not None:
                random.shuffle(entries)

    def _read(self, name: str) -> np.ndarray:
        message = self._message
        picture = image.read(message.root_folder + name, "color" if message.is_color else "gray")
        return bilinear(picture, message.new_height, message.new_width) if message.new_height else picture
