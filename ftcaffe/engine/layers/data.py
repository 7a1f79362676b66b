"""Layers of values that the prototxt shapes (Input, DummyData), and of an LMDB's records (Data)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ftcaffe.engine import glog, mode
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Shape, register
from ftcaffe.engine.layers.source import Batch, Reading, Source
from ftcaffe.engine.transformer import DataTransformer
from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2
from ftcaffe.store import datum
from ftcaffe.store.lmdb import Records


@register("Input")
class Input(Source):
    """Tops of given shapes, which the user fills; one shape serves all tops, or each has its own."""

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """As given; a top that the user has reshaped since keeps his shape (see `Net`)."""
        given = [tuple(shape.dim) for shape in self.message.input_param.shape]
        count = len(self.message.top)
        if len(given) not in (0, 1, count):
            raise self.fault(f"{len(given)} shapes for {count} tops")
        return given * count if len(given) == 1 else given

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Nothing: the values are the user's."""


@register("DummyData")
class DummyData(Source):
    """Tops filled by fillers, anew at each forward pass; those of a constant are filled once, and then the user's."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Look at the fillers: none (zeros), one for all tops, or one each."""
        given = list(self.message.dummy_data_param.data_filler) or [caffe_pb2.FillerParameter()]
        self._fillers = self._one_each("data_filler", given)
        self._filled = False

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One shape for all tops or one each, as `shape` or as num, channels, height and width."""
        message = self.message.dummy_data_param
        legacy = {name: list(getattr(message, name)) for name in ("num", "channels", "height", "width")}
        if not any(legacy.values()):
            return self._one_each("shape", [tuple(shape.dim) for shape in message.shape])
        if message.shape:
            raise self.fault("shape and the older num, channels, height, width exclude each other")
        lengths = [self._one_each(name, values) for name, values in legacy.items()]
        return list(zip(*lengths, strict=True))

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """As given, once; the constant tops are filled."""
        if not self._filled:
            super().reshape(bottoms, tops)
            self._fill(tops, constant=True)
            self._filled = True

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Fill those that are not constant."""
        self._fill(tops, constant=False)

    def _fill(self, tops: Sequence[Blob], *, constant: bool) -> None:
        for top, filler in zip(tops, self._fillers, strict=True):
            if (filler.type == "constant") == constant:
                self.fill(top, filler)

    def _one_each(self, what: str, given: list[Any]) -> list[Any]:
        count = len(self.message.top)
        if len(given) not in (1, count):
            raise self.fault(f"{what} is given {len(given)} times for {count} tops; give it once, or once for each")
        return given * count if len(given) == 1 else given


@register("Data")
class Data(Reading):
    """Batches of an LMDB's records in key order, begun again after the last; tops are images and labels.

    Without a crop, a batch has the size of its first image, and the next may have another. `rand_skip` and
    `force_encoded_color` do nothing: BVLC Caffe 1.0 no longer looks at them (`transform_param` has `force_color`).
    """

    origin = "data_layer.cpp:45"

    def open(self) -> Batches:
        """The LMDB's batches."""
        message = self.message.data_param
        if message.backend != message.LMDB:
            raise self.fault("LevelDB is not read; convert it to LMDB, and say so: backend: LMDB")
        if message.batch_size < 1:
            raise self.fault("batch_size is at least 1")
        among = (mode.solver_rank(), mode.solver_count()) if self.training else (0, 1)
        return Batches(message, self.transformer, among)


class Batches:
    """Transformed batches of an LMDB.

    Parameters
    ----------
    among : of solvers that train together, which one this is and how many there are; each has every n-th record.
    """

    def __init__(self, message: Any, transformer: DataTransformer, among: tuple[int, int] = (0, 1)) -> None:
        self._rank, self._solvers = among
        self.records = Records(message.source)
        glog.info("db_lmdb.cpp:35", "Opened lmdb %s", message.source)
        self._transformer = transformer
        _, first = next(iter(self.records))
        image, _ = datum.decode(first, self.records.path, transformer.colors)
        self.shape: Shape = (message.batch_size, *transformer.shape(image.shape))

    def batches(self, start: int) -> Iterator[Batch]:
        """Batch after batch; rewinds after the last record, within a batch too."""
        count, path = self.shape[0], self.records.path
        stream = self.records.cycle(start * count * self._solvers)
        stream = itertools.islice(stream, self._rank, None, self._solvers)
        for number in itertools.count(start + 1):
            records = [record for _, record in itertools.islice(stream, count)]
            images, labels = datum.decode_all(records, path, self._transformer.colors)
            try:
                places = np.empty((count, *self._transformer.shape(images[0].shape)), np.float32)
                self._transformer.into(places, images)
            except Error as error:
                raise Error(error.what, error.path or path, remedy=error.remedy) from None
            length, taken = len(self.records), count * self._solvers
            for _ in range((number - 1) * taken // length, number * taken // length):
                glog.info("data_layer.cpp:73", "Restarting data prefetching from start.")
            yield places, labels
