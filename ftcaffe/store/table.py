"""CSV files: written whole, and read row by row, each fault one line with the file, the line and the column."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ftcaffe.errors import Error
from ftcaffe.store import atomic

# Spreadsheets of countries with a decimal comma write semicolons, and tabs where they write UTF-16.
_SEPARATORS = ",;\t"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def write(path: str | Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a header and rows as CSV in UTF-8, on the disk before it takes its name; rows may be a stream."""
    with atomic.whole(path) as beside, beside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        stream.flush()
        os.fsync(stream.fileno())


def rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells (by column, without spaces around them) of each row; rows without any text are skipped.

    The file is UTF-8, with or without a byte-order mark, or UTF-16 with one; commas, semicolons or tabs lie between
    its cells, whichever the header has most of.

    Raises
    ------
    Error : no such file, no CSV, one of `columns` missing, a column named twice, a row of another length.
    """
    with _opened(path, columns) as (names, reader):
        for cells in reader:
            if len(cells) != len(names):
                if not any(map(str.strip, cells)):
                    continue
                what = f"has {len(cells)} cells, and the header {len(names)}"
                raise Error(what, path, line=reader.line_num, remedy="mend the row")
            row = dict(zip(names, map(str.strip, cells), strict=True))
            if any(row.values()):
                yield reader.line_num, row


def header(path: Path) -> list[str]:
    """The names of the columns; the same faults."""
    with _opened(path, ()) as (names, _):
        return names


def required(names: Sequence[str], columns: Sequence[str], path: Path, line: int | None = None) -> None:
    """Raise `Error` when a table with the columns `names` lacks one of `columns`, or has two of one name."""
    remedy = f"its columns are {','.join(columns)}" if columns else None
    if missing := [name for name in columns if name not in names]:
        several = "s" if len(missing) > 1 else ""
        raise Error(f"lacks the column{several} {', '.join(missing)}", path, line=line, remedy=remedy)
    if twice := [name for place, name in enumerate(names) if name and name in names[:place]]:
        raise Error(f"has two columns {twice[0]}", path, line=line, remedy="name each once")


def number(text: str, path: Path, line: int, column: str) -> float:
    """The finite number in a cell; `Error` where it is none."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0:  # NaN or infinite
        raise Error(f"the {column} '{text}' is no finite number", path, line=line, remedy="mend the row")
    return value


def whole(text: str, path: Path, line: int, column: str) -> int:
    """The whole number from 0 in a cell; `Error` where it is none."""
    value = number(text, path, line, column)
    if value < 0 or not value.is_integer():
        raise Error(f"the {column} '{text}' is no whole number from 0", path, line=line, remedy="mend the row")
    return int(value)


@contextmanager
def _opened(path: Path, columns: Sequence[str]) -> Iterator[tuple[list[str], Any]]:
    """The names in the header, which has `columns`, and a reader (of the csv module) of what follows."""
    remedy = "give a CSV file in UTF-8" + (f" with the header {','.join(columns)}" if columns else "")
    try:
        with path.open("rb") as raw:
            encoding = "utf-16" if raw.read(2) in _UTF16 else "utf-8-sig"
        with path.open(encoding=encoding, newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            reader = csv.reader(stream, delimiter=max(_SEPARATORS, key=first.count))
            names = [name.strip() for name in next(reader, [])]
            required(names, columns, path, line=1)
            yield names, reader
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise Error(error.strerror or "cannot be read", path, remedy=remedy) from None
    except (UnicodeError, csv.Error) as error:
        raise Error(f"cannot be read as a CSV file ({error})", path, remedy=remedy) from None
