"""Tables of any software, in CSV or HDF5 (a one-dimensional data set a column), by column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from evaluation.scoring import csvfile
from ftcaffe.errors import Error

Columns = Mapping[str, np.ndarray]
_HDF5 = (".h5", ".hdf5")


def read(path: Path, names: tuple[str, ...], numbers: tuple[str, ...] = ()) -> Columns:
    """Every column of a table (n,): floats for `numbers`, strings for the others.

    Parameters
    ----------
    names, numbers : columns that must be there.

    Raises
    ------
    Error : no such file, no table, a missing column, a value that is no number, columns of several lengths.
    """
    if is_hdf5(path):
        return _hdf5(path, names, numbers)
    rows = csvfile.read(path, (*names, *numbers))
    columns = {name: csvfile.strings(rows, name) for name in (rows[0] if rows else (*names, *numbers))}
    return columns | {name: csvfile.numbers(path, rows, name, float) for name in numbers}


def is_hdf5(path: Path) -> bool:
    """Whether the file's name says that it is HDF5."""
    return path.suffix.lower() in _HDF5


def names(path: Path) -> list[str]:
    """The columns that a table has; none of a file that is no table, which whoever reads it says."""
    if is_hdf5(path):
        try:
            with h5py.File(path, "r") as file:
                return list(file)
        except OSError:
            return []
    try:
        with path.open(encoding="utf-8-sig") as opened:
            return opened.readline().strip().split(",")
    except (OSError, UnicodeDecodeError):
        return []


def _hdf5(path: Path, names: tuple[str, ...], numbers: tuple[str, ...]) -> Columns:
    remedy = f"it holds {','.join((*names, *numbers))}"
    try:
        with h5py.File(path, "r") as file:
            columns = {
                name: _column(data, name in numbers) for name, data in file.items() if isinstance(data, h5py.Dataset)
            }
    except FileNotFoundError:
        raise Error("there is no such file", path, remedy=remedy) from None
    except (OSError, ValueError, TypeError) as error:
        raise Error(f"is no HDF5 table ({error})", path, remedy=remedy) from None
    if missing := [name for name in (*names, *numbers) if name not in columns]:
        raise Error(f"lacks the columns {', '.join(missing)}", path, remedy=remedy)
    if len({len(column) for column in columns.values()}) > 1:
        raise Error("has columns of several lengths", path, remedy="a row is one place in every column")
    return columns


def _column(data: h5py.Dataset, number: bool) -> np.ndarray:
    """(n,) floats or strings, whole numbers without a decimal point."""
    if h5py.check_string_dtype(data.dtype) is not None:
        values = np.array(data.asstr()[()], dtype=str).ravel()
        return values.astype(float) if number else values
    values = np.asarray(data).ravel()
    if number:
        return values.astype(float)
    if values.dtype.kind == "b" or (values.dtype.kind == "f" and (values == np.rint(values)).all()):
        values = values.astype(int)
    return values.astype(str)
