"""CSV files in, each fault one line with the file and the line in it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ftcaffe.errors import Error

Rows = list[dict[str, str]]


def stream(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Each row by column; `Error` when one of `columns` is missing or a row has too few or too many values."""
    remedy = f"it holds {','.join(columns)}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            names = reader.fieldnames or ()
            if missing := [name for name in columns if name not in names]:
                raise Error(f"lacks the columns {', '.join(missing)}", path, remedy=remedy)
            for row in reader:
                if None in row or None in row.values():
                    raise Error(f"has not {len(names)} values", path, line=reader.line_num)
                yield row
    except FileNotFoundError:
        raise Error("there is no such file", path, remedy=remedy) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise Error(f"is no CSV ({error})", path, remedy=remedy) from None


def read(path: Path, columns: Sequence[str]) -> Rows:
    """All rows of `stream`."""
    return list(stream(path, columns))


def strings(rows: Rows, name: str) -> np.ndarray:
    """(n,) a column as strings."""
    return np.array([row[name] for row in rows], dtype=str)


def numbers(path: Path, rows: Rows, name: str, kind: type) -> np.ndarray:
    """(n,) a column as numbers; `rows` are all of the file's, so that `Error` can name the line."""
    values = []
    for line, row in enumerate(rows, 2):
        try:
            values.append(kind(row[name]))
        except ValueError:
            raise Error(f"the {name} '{row[name]}' is no number", path, line=line) from None
    return np.array(values, dtype=kind)
