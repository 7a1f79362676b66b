"""HDF5Data and HDF5Output: batches from and to HDF5 files."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from ftcaffe.engine import glog, mode
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, register
from ftcaffe.engine.layers.source import Source
from ftcaffe.errors import Error
from ftcaffe.store import atomic


class CRandom:
    """glibc's ``rand`` from its first number on: r[i] = r[i−3] + r[i−31], the lowest bit left out.

    HDF5Data shuffles by it, and nothing seeds it: in Caffe too, a program's shuffles are the same at each start,
    whatever the random seed.
    """

    def __init__(self) -> None:
        start = [1]
        while len(start) < 31:
            start.append(16807 * start[-1] % 0x7FFFFFFF)
        self._recent = deque(start + start[:3], maxlen=31)
        for _ in range(310):
            self.draw()

    def draw(self) -> int:
        """The next number, 0 to 2³¹ − 1."""
        self._recent.append((self._recent[-3] + self._recent[-31]) & 0xFFFFFFFF)
        return self._recent[-1] >> 1

    def permute(self, order: list[int]) -> None:
        """Shuffle as C++'s ``random_shuffle`` does: each item with one not behind it, from the front."""
        for place in range(1, len(order)):
            other = self.draw() % (place + 1)
            order[place], order[other] = order[other], order[place]


_random = CRandom()


@register("HDF5Data")
class HDF5Data(Source):
    """Rows of the HDF5 files that a list names, a dataset for each top by its name, file after file without end.

    A batch may go on into the next file. `shuffle` shuffles the files before each round and the rows of each file. Of
    n solvers that train together each takes every n-th row.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Read the list and the first file."""
        message = self.message.hdf5_data_param
        if self.message.HasField("transform_param"):
            raise self.fault("does not transform data; leave transform_param out")
        if message.batch_size < 1:
            raise self.fault("batch_size is at least 1")
        glog.info("hdf5_data_layer.cpp:81", "Loading list of HDF5 filenames from: %s", message.source)
        try:
            self._files = Path(message.source).read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise self.fault(f"source '{message.source}' cannot be read ({error})") from None
        if not self._files:
            raise self.fault(f"source '{message.source}' names no file")
        glog.info("hdf5_data_layer.cpp:95", "Number of HDF5 files: %d", len(self._files))
        self._rank, self._solvers = (mode.solver_rank(), mode.solver_count()) if self.training else (0, 1)
        self._begin()

    def _begin(self) -> None:
        self._order = np.empty(0, int)
        self._file_order = list(range(len(self._files)))
        self._shuffle(self._file_order)
        self._file = self._row = self._passed = 0
        self._load()

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """batch × a row's shape."""
        return [(self.message.hdf5_data_param.batch_size, *rows.shape[1:]) for rows in self._datasets]

    def seek(self, batches: int) -> None:
        """As `Source.seek`; shuffled orders are drawn on, whichever batch follows."""
        self._begin()
        rest = batches * self.message.hdf5_data_param.batch_size * self._solvers
        while rest:
            rows = min(rest, len(self._order) - self._row)
            self._advance(rows)
            rest -= rows

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The next rows."""
        batches = [np.empty(top.shape, np.float32) for top in tops]
        filled, count = 0, self.message.hdf5_data_param.batch_size
        while filled < count:
            ahead = self._order[self._row : self._row + (count - filled) * self._solvers]
            rows = ahead[(self._rank - self._passed) % self._solvers :: self._solvers]
            for batch, dataset in zip(batches, self._datasets, strict=True):
                if dataset.shape[1:] != batch.shape[1:]:
                    raise Error(f"has rows of shape {dataset.shape[1:]}, others {batch.shape[1:]}", self._path)
                batch[filled : filled + len(rows)] = dataset[rows]
            filled += len(rows)
            self._advance(len(ahead))
        for top, batch in zip(tops, batches, strict=True):
            top.values.replace(torch.from_numpy(batch).to(mode.device()))

    def _advance(self, rows: int) -> None:
        self._row += rows
        self._passed += rows
        if self._row < len(self._order):
            return
        if len(self._files) > 1:
            self._file += 1
            if self._file == len(self._files):
                self._file = 0
                self._shuffle(self._file_order)
            self._load()
        self._row = 0
        order = self._order.tolist()  # of a file just loaded, this is its second shuffle: Caffe does so too
        self._shuffle(order)
        self._order = np.array(order)

    def _load(self) -> None:
        """Read the rows of the file whose turn it is."""
        self._path = self._files[self._file_order[self._file]]
        try:
            with h5py.File(self._path) as file:
                self._datasets = [_dataset(file, name, self._path) for name in self.message.top]
        except OSError as error:
            raise Error(f"is no HDF5 file that can be read ({error})", self._path) from None
        lengths = {name: len(rows) for name, rows in zip(self.message.top, self._datasets, strict=True)}
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise Error(f"needs as many rows for each top, and at least one; it has {told}", self._path)
        order = list(range(len(self._datasets[0])))
        self._shuffle(order)
        self._order = np.array(order)

    def _shuffle(self, order: list[int]) -> None:
        if self.message.hdf5_data_param.shuffle:
            _random.permute(order)


def _dataset(file: Any, name: str, path: str) -> np.ndarray:
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise Error(f"has no dataset '{name}'", path, remedy=f"there are: {', '.join(file) or 'none'}")
    if dataset.dtype.kind not in "fiu" or not dataset.ndim:
        raise Error(f"dataset '{name}' holds no rows of numbers", path)
    return dataset[()].astype(np.float32, copy=False)


@register("HDF5Output")
class HDF5Output(Layer):
    """Writes two bottoms to a file, as its datasets ``data`` and ``label`` of four axes.

    One forward pass fills the file; at a second Caffe stops, as the datasets are there, and so does this.
    """

    bottoms = (2, 2)
    tops = (0, 0)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Begin the file, empty."""
        self._path = self.message.hdf5_output_param.file_name
        self._written = False
        self._write({})

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """No tops; the bottoms have one batch size."""
        if bottoms[0][:1] != bottoms[1][:1]:
            raise self.fault(f"data of shape {bottoms[0]} and labels of {bottoms[1]} differ in batch size")
        return []

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Write the file."""
        if self._written:
            raise self.fault(f"'{self._path}' holds a batch already; one forward pass is all it takes")
        self._written = True
        arrays = [blob.data.reshape(blob.num, blob.channels, blob.height, blob.width) for blob in bottoms]
        self._write(dict(zip(("data", "label"), arrays, strict=True)))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Nothing."""

    def _write(self, arrays: dict[str, np.ndarray]) -> None:
        try:
            with atomic.whole(self._path) as beside, h5py.File(beside, "w") as file:
                for name, array in arrays.items():
                    file[name] = array
        except OSError as error:
            raise self.fault(f"cannot write '{self._path}' ({error})") from None
