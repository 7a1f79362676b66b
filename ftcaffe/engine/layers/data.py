"""Layers that bring data in: Input and Data."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from ftcaffe.engine import mode
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, register
from ftcaffe.engine.transformer import DataTransformer
from ftcaffe.errors import Error
from ftcaffe.store import datum
from ftcaffe.store.lmdb import Records


class Source(Layer):
    """A layer without bottoms; nothing flows back."""

    bottoms = (0, 0)
    tops: tuple[int, int | None] = (1, None)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Nothing."""


@register("Input")
class Input(Source):
    """Tops of given shapes, which the user fills; one shape serves all tops, or each has its own."""

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """As given; a top that the user has reshaped since keeps his shape (see `Net`)."""
        given = [tuple(shape.dim) for shape in self.message.input_param.shape]
        count = len(self.message.top)
        if len(given) not in (1, count):
            raise self.fault(f"{len(given)} shapes for {count} tops")
        return given * count if len(given) == 1 else given

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Nothing: the values are the user's."""


@register("Data")
class Data(Source):
    """Batches of an LMDB's records in key order, begun again after the last; tops are images and labels.

    A thread reads ahead by `prefetch` batches. `seek` moves to the batch of an iteration, which a resumed solver
    uses: Caffe itself begins at record 0 again.
    """

    tops = (1, 2)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Open the LMDB, see the first record's shape, start reading."""
        message = self.message.data_param
        if message.backend != message.LMDB:
            raise self.fault("LevelDB is not read; convert it to LMDB")
        if message.batch_size < 1:
            raise self.fault("batch_size is at least 1")
        self.batches = Batches(message, DataTransformer(self.message.transform_param, self.training))
        skip = mode.random.word() % message.rand_skip if message.rand_skip else 0
        self._ahead = ReadAhead(self.batches, skip, message.prefetch)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """batch × channels × height × width, and batch."""
        shape = self.batches.shape
        return [shape, shape[:1]]

    def seek(self, batches: int) -> None:
        """Go on with the batch that follows `batches` others from record 0."""
        self._ahead.stop()
        self._ahead = ReadAhead(self.batches, batches * self.batches.shape[0], self.message.data_param.prefetch)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The next batch."""
        for top, batch in zip(tops, self._ahead.next(), strict=False):
            top.values.replace(torch.from_numpy(batch).to(mode.device()))


class Batches:
    """Transformed batches of an LMDB."""

    def __init__(self, message: Any, transformer: DataTransformer) -> None:
        self.records = Records(message.source)
        self._transformer = transformer
        _, first = next(iter(self.records))
        image, _ = datum.decode(first, self.records.path)
        self._image_shape = image.shape
        self.shape = (message.batch_size, *transformer.shape(image))

    def from_record(self, start: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Images and labels, batch after batch without end."""
        stream = self.records.cycle(start)
        while True:
            images, labels = np.empty(self.shape, np.float32), np.empty(self.shape[0], np.float32)
            for place, (_, record) in zip(range(len(labels)), stream, strict=False):
                image, labels[place] = datum.decode(record, self.records.path)
                if image.shape != self._image_shape:
                    raise Error(
                        f"has images of shapes {self._image_shape} and {image.shape}; a batch needs one",
                        self.records.path,
                    )
                self._transformer.into(images[place], image)
            yield images, labels


class ReadAhead:
    """A thread that fills a queue with batches; an error in it is raised to whoever takes the next.

    The thread knows only the batches and the queue, so that it ends when its layer is forgotten.
    """

    def __init__(self, batches: Batches, start: int, depth: int) -> None:
        self._ended = threading.Event()
        self._queue: queue.Queue = queue.Queue(max(1, depth))
        threading.Thread(target=_fill, args=(batches, start, self._queue, self._ended), daemon=True).start()

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """The next batch."""
        batch = self._queue.get()
        if isinstance(batch, Exception):
            raise batch
        return batch

    def stop(self) -> None:
        """Have the thread end."""
        self._ended.set()

    __del__ = stop


def _fill(batches: Batches, start: int, batch_queue: queue.Queue, ended: threading.Event) -> None:
    try:
        for batch in batches.from_record(start):
            while not ended.is_set():
                try:
                    batch_queue.put(batch, timeout=0.1)
                    break
                except queue.Full:
                    continue
            else:
                return
    except Exception as error:  # noqa: BLE001 raised again where the batch is taken
        batch_queue.put(error)
