"""Caffe's snapshots in HDF5: ``.caffemodel.h5`` and ``.solverstate.h5``.

A caffemodel has a group ``data``, in it a group for every layer of the net, in it a dataset for every parameter,
named by its number; and a group ``diff`` of the same form where gradients are kept. A solverstate has datasets
``iter``, ``current_step`` and ``learned_net``, and a group ``history`` of datasets named by their number. Shapes are
held to exactly: the allowance for older files' leading ones (`blobs.legacy_equal`) is not Caffe's here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ftcaffe.errors import Error
from ftcaffe.proto.messages import caffe_pb2
from ftcaffe.store import atomic

Parameters = Sequence[np.ndarray | None]
_FAULTS = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
)  # what h5py makes of a damaged file
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_DEFLATE = 1032  # the most that a byte of deflate, HDF5's usual compression, can become


def is_hdf5(path: str | Path) -> bool:
    """Whether a file begins as HDF5 does; False where there is none."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def read_layers(path: str | Path) -> dict[str, list[np.ndarray | None]]:
    """Parameter arrays (float32) by layer name; layers without any are left out.

    Caffe writes a shared parameter once, with the layer that owns it: in another layer it is missing. Such a place is
    None where a parameter of the layer follows, and the list is shorter where none does. Raises `Error` when the file
    is no caffemodel or is damaged.
    """
    with _reading(path, "caffemodel") as file:
        layers = {name: _numbered(group, path) for name, group in _group(file, "data").items()}
    return {name: arrays for name, arrays in layers.items() if arrays}


def write_layers(
    path: str | Path, names: Sequence[str], data: Sequence[Parameters], diff: Sequence[Parameters] = ()
) -> None:
    """Write a caffemodel whole.

    Parameters
    ----------
    names : of the net's layers, those without parameters and Split layers too.
    data : each layer's parameters in order; None for one that an earlier layer owns.
    diff : each layer's gradients, none None; left out unless they are wanted.

    Raises `Error` for a layer with a slash in its name, which parts groups in HDF5: Caffe aborts on it.
    """
    for name in names:
        if "/" in name or name in ("", "."):
            raise Error(
                f"layer '{name}': HDF5 has no such name",
                path,
                remedy="use snapshot_format: BINARYPROTO, or rename it",
            )
    with atomic.whole(path) as beside, h5py.File(beside, "w") as file:
        for part, layers in (("data", data), ("diff", diff)):
            if layers:
                group = file.create_group(part)
                for name, arrays in zip(names, layers, strict=True):
                    _write_numbered(group.create_group(name), arrays)


def read_state(path: str | Path) -> tuple[Any, list[np.ndarray]]:
    """A solverstate: its SolverState without the history, and the history as arrays; `Error` when it is none."""
    with _reading(path, "solverstate") as file:
        state = caffe_pb2.SolverState(iter=_number(file, "iter"), current_step=_number(file, "current_step"))
        if "learned_net" in file:
            value = np.asarray(_dataset(file, "learned_net", path)[()]).item()
            text = value.decode() if isinstance(value, bytes) else str(value)
            state.learned_net = text.rstrip("\0")
        history = _numbered(_group(file, "history"), path)
    whole = [array for array in history if array is not None]
    if len(whole) != len(history):
        raise Error("is no whole solverstate: a history is missing", path, remedy="resume from an earlier snapshot")
    return state, whole


def write_state(path: str | Path, state: Any, history: Sequence[np.ndarray]) -> None:
    """Write a solverstate whole: a SolverState without history, and the history."""
    with atomic.whole(path) as beside, h5py.File(beside, "w") as file:
        for name in ("iter", "current_step"):
            file.create_dataset(name, data=np.array([getattr(state, name)], np.int32))
        # A string of the original's kind: of fixed length, with a zero byte at its end.
        encoded = state.learned_net.encode() + b"\0"
        kind = h5py.h5t.C_S1.copy()
        kind.set_size(len(encoded))
        learned = h5py.h5d.create(file.id, b"learned_net", kind, h5py.h5s.create(h5py.h5s.SCALAR))
        learned.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array(encoded, f"S{len(encoded)}"), mtype=kind)
        _write_numbered(file.create_group("history"), history)


@contextmanager
def _reading(path: str | Path, kind: str) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError:
        raise Error("No such file or directory", path) from None
    except _FAULTS:
        raise Error(f"is no {kind} in HDF5 or is damaged", path, remedy="copy or make the file anew") from None


def _group(parent: Mapping[str, Any], name: str) -> h5py.Group:
    group = parent[name]
    if not isinstance(group, h5py.Group):
        raise TypeError
    return group


def _number(file: h5py.File, name: str) -> int:
    return int(np.asarray(_dataset(file, name, file.filename)[()]).reshape(1)[0])


def _numbered(group: h5py.Group, path: str | Path) -> list[np.ndarray | None]:
    """The datasets 0, 1, … of a group, None where one before the last is missing."""
    numbers = sorted(int(name) for name in group)
    if not numbers:
        return []
    if numbers[0] < 0 or numbers[-1] >= 100 * (len(numbers) + 1):
        raise ValueError
    arrays: list[np.ndarray | None] = [None] * (numbers[-1] + 1)
    for number in numbers:
        dataset = _dataset(group, str(number), path)
        if dataset.dtype.kind not in "fiu":
            raise TypeError
        arrays[number] = dataset[()].astype(np.float32, copy=False)
    return arrays


def _dataset(group: h5py.Group, name: str, path: str | Path) -> h5py.Dataset:
    """A dataset that is not larger than its file can hold: a damaged shape could ask for any amount of memory."""
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise TypeError
    if math.prod(dataset.shape) * dataset.dtype.itemsize > _DEFLATE * Path(path).stat().st_size:
        raise ValueError
    return dataset


def _write_numbered(group: h5py.Group, arrays: Iterable[np.ndarray | None]) -> None:
    for number, array in enumerate(arrays):
        if array is not None:
            group.create_dataset(str(number), data=np.asarray(array, np.float32))
