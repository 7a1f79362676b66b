"""CSV files that a user gives: read with a header, each fault named with its line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from ftcaffe.errors import Error


def rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells (stripped, by column) of each row of a CSV file.

    Raises
    ------
    Error : no such file, not a CSV in UTF-8, a column of `columns` missing from the header, a row of another length.
    """
    remedy = f"give a CSV file in UTF-8 with the header {','.join(columns)}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            # Spreadsheets of countries with a decimal comma write semicolons.
            reader = csv.reader(stream, delimiter=";" if first.count(";") > first.count(",") else ",")
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise Error(f"has no column '{missing[0]}'", path, line=1, remedy=remedy)
            for cells in reader:
                if not any(cells):
                    continue
                if len(cells) != len(header):
                    what = f"has {len(cells)} cells, and the header {len(header)}"
                    raise Error(what, path, line=reader.line_num, remedy="mend the row")
                yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise Error(error.strerror or "cannot be read", path, remedy=remedy) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise Error(f"cannot be read as a CSV file ({error})", path, remedy=remedy) from None


def number(text: str, path: Path, line: int) -> float:
    """The finite number in a cell; `Error` with file and line where it is none."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0:  # NaN or infinite
        raise Error(f"'{text}' is no finite number", path, line=line, remedy="mend the row")
    return value
