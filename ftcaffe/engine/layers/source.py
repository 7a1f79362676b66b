"""What the layers that bring data in have in common."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch

from ftcaffe.engine import glog, mode
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape
from ftcaffe.engine.transformer import DataTransformer
from ftcaffe.errors import Error

Batch = tuple[np.ndarray, np.ndarray]  # images (float32, batch × channels × height × width) and labels (float32)


class Source(Layer):
    """A layer without bottoms; nothing flows back."""

    bottoms = (0, 0)
    tops: tuple[int, int | None] = (1, None)

    def seek(self, batches: int) -> None:
        """Go on with the batch that follows `batches` others from the first, where the data have an order.

        A resumed solver asks for it; Caffe itself begins with the first batch again.
        """

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Nothing."""


class Stream(Protocol):
    """Batches in their order: what a `Reading` layer opens. It must not know its layer (see `ReadAhead`)."""

    shape: Shape  # of a batch of images, for as long as no batch is of another

    def batches(self, start: int) -> Iterator[Batch]:
        """Batch after batch without end, from that number on."""


class Reading(Source):
    """A layer that reads its batches from files: a thread transforms them ahead, `prefetch` batches at a time.

    Random words are taken from Caffe's own numbers in its order: a seed for the transformation, what `open` draws,
    that seed anew, and one for the thread.
    """

    tops = (1, 2)
    origin: str  # where Caffe's log has it that the size of the data comes from

    def open(self) -> Stream:
        """Look at the files; `self.transformer` is there."""
        raise NotImplementedError

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Open the files, see the first image's shape, start reading."""
        try:
            self.transformer = DataTransformer(self.message.transform_param, self.training)
            self.transformer.seed()
            self.stream = self.open()
            glog.info(self.origin, "output data size: %s", ",".join(map(str, self.stream.shape)))
        except Error as error:
            raise self._named(error) from None
        self.transformer.seed()
        mode.random.word()
        self._read(0)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """batch × channels × height × width, and batch."""
        return [self.stream.shape, self.stream.shape[:1]]

    def seek(self, batches: int) -> None:
        """As `Source.seek`; crops and mirrors are drawn on, whichever batch follows."""
        self._ahead.stop()
        self._read(batches)

    def _read(self, start: int) -> None:
        """Begin with the batch of that number. Caffe's `prefetch` counts the one in use and the one being filled."""
        self._ahead = ReadAhead(self.stream.batches(start), self.message.data_param.prefetch - 2)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The next batch; the tops take its shape."""
        try:
            batch = self._ahead.next()
        except Error as error:
            raise self._named(error) from None
        for top, array in zip(tops, batch, strict=False):
            if top.shape != array.shape:
                top.reshape(*array.shape)
            top.values.replace(torch.from_numpy(array).to(mode.device()))

    def _named(self, error: Error) -> Error:
        return error if error.path is not None else self.fault(error.what)


class ReadAhead:
    """A thread that fills a queue with batches; an error in it is raised to whoever takes the next.

    The thread knows only the batches and the queue, so that it ends when its layer is forgotten.
    """

    def __init__(self, batches: Iterator[Batch], depth: int) -> None:
        self._ended = threading.Event()
        self._queue: queue.Queue = queue.Queue(max(1, depth))
        self._thread = threading.Thread(target=_fill, args=(batches, self._queue, self._ended), daemon=True)
        self._thread.start()

    def next(self) -> Batch:
        """The next batch."""
        batch = self._queue.get()
        if isinstance(batch, Exception):
            self._queue.put(batch)  # for whoever asks again
            raise batch
        return batch

    def stop(self) -> None:
        """Have the thread end, and wait for it: its batches' random numbers are then another's to draw."""
        self._ended.set()
        self._thread.join()

    def __del__(self) -> None:
        self._ended.set()


def _fill(batches: Iterator[Batch], batch_queue: queue.Queue, ended: threading.Event) -> None:
    try:
        for batch in batches:
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
