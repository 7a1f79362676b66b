"""Tables of any software, in CSV or HDF5 (a one-dimensional data set a column), by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from ftcaffe.errors import Error
from ftcaffe.store import table

Columns = Mapping[str, np.ndarray]
_HDF5 = (".h5", ".hdf5")


def read(path: Path, needed: Sequence[str], numbers: Sequence[str] = (), whole: Sequence[str] = ()) -> Columns:
    """Every column of a table (n,): floats for `numbers`, integers from 0 for `whole`, strings for the others.

    Parameters
    ----------
    needed : columns that must be there.

    Raises
    ------
    Error : no such file, no table, a missing column, a value that is no number, columns of several lengths.
    """
    if is_hdf5(path):
        return _hdf5(path, needed, numbers, whole)
    kinds = dict.fromkeys(numbers, table.number) | dict.fromkeys(whole, table.whole)
    columns: dict[str, list[object]] = {name: [] for name in names(path)}
    for line, row in table.rows(path, needed):
        for name, text in row.items():
            columns[name].append(kinds[name](text, path, line, name) if name in kinds else text)
    dtype = dict.fromkeys(numbers, float) | dict.fromkeys(whole, int)
    return {name: np.array(values, dtype=dtype.get(name, str)) for name, values in columns.items()}


def is_hdf5(path: Path) -> bool:
    """Whether the file's name says that it is HDF5."""
    return path.suffix.lower() in _HDF5


def names(path: Path) -> list[str]:
    """The columns that a table has; `Error` for what is no table."""
    if not is_hdf5(path):
        return table.header(path)
    with _opened(path) as file:
        return list(file)


def _opened(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except FileNotFoundError as error:
        raise Error("No such file or directory", path) from error
    except OSError as error:
        raise Error(f"is no HDF5 table ({error})", path) from None


def _hdf5(path: Path, needed: Sequence[str], numbers: Sequence[str], whole: Sequence[str]) -> Columns:
    with _opened(path) as file:
        table.required(list(file), needed, path)
        columns = {}
        for name, data in file.items():
            try:
                if isinstance(data, h5py.Dataset):
                    columns[name] = _column(data, name in numbers, name in whole)
            except (OSError, ValueError, TypeError) as error:
                raise Error(f"the column {name} cannot be read ({error})", path) from None
    if len({len(column) for column in columns.values()}) > 1:
        raise Error("has columns of several lengths", path, remedy="a row is one place in every column")
    return columns


def _column(data: h5py.Dataset, number: bool, whole: bool) -> np.ndarray:
    """(n,) floats, integers or strings, whole numbers without a decimal point."""
    if h5py.check_string_dtype(data.dtype) is not None:
        values = np.array(data.asstr()[()], dtype=str).ravel()
        if not number and not whole:
            return values
    else:
        values = np.asarray(data).ravel()
    if number or whole:
        values = values.astype(float)
        right = (values >= 0) & (values == np.rint(values)) if whole else np.isfinite(values)
        if not right.all():
            kind = "whole number from 0" if whole else "finite number"
            raise ValueError(f"row {np.argmin(right) + 1} holds no {kind}")
        return values.astype(int) if whole else values
    if values.dtype.kind == "b" or (values.dtype.kind == "f" and (values == np.rint(values)).all()):
        values = values.astype(int)
    return values.astype(str)
