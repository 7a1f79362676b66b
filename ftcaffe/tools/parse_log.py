"""``ftcaffe parse_log``: a training log as two tables, as the original's ``tools/extra/parse_log.py`` makes them.

Reads the logs of this engine, of Caffe from its first releases on, and of NVCaffe, with whatever else was printed
between their lines; a log may hold several runs, one resumed after the other.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ftcaffe.errors import Error
from ftcaffe.store import atomic

_NUMBER = r"([-+]?(?:nan|inf|[\d.]+(?:e[-+]?\d+)?))"
_TIME = re.compile(r"^[IWEF](?:\d{4})?(\d{2})(\d{2}) (\d{2}):(\d{2}):(\d{2})\.(\d+)")
_ITERATION = re.compile(r"Iteration (\d+)")
_LOSS = re.compile(rf"Iteration \d+\b.*\bloss = {_NUMBER}", re.IGNORECASE)
_RATE = re.compile(rf"\blr = {_NUMBER}", re.IGNORECASE)
_OUTPUT = re.compile(rf"(Train|Test) net output #(\d+): (\S+) = {_NUMBER}", re.IGNORECASE)
_SCORE = re.compile(rf"Test score #(\d+): {_NUMBER}", re.IGNORECASE)  # Caffe before 2014
_COLUMNS = ("NumIters", "Seconds", "LearningRate")

Row = dict[str, float]


@dataclass
class Tables:
    """Rows of a log: iteration, seconds since the start, learning rate, and the outputs by name.

    A rate is the one last said before the outputs, as in the original: Caffe says it after the outputs of its
    iteration, so a row has the rate of the row before; the first has the second's.
    """

    train: list[Row] = field(default_factory=list)
    test: list[Row] = field(default_factory=list)


def parse(lines: Iterable[str], year: int) -> Tables:
    """The tables of a log.

    Parameters
    ----------
    year : of its first line: glog does not say it. A month that falls is the next year's.
    """
    tables, losses = Tables(), []
    clock = _Clock(year)
    iteration, rate = None, math.nan
    seen: dict[int, set[str]] = {}  # of the last row of a table, by the table's identity
    for line in lines:
        seconds = clock.seconds(line)
        if match := _ITERATION.search(line):
            iteration = float(match[1])
        if seconds is None or iteration is None:
            continue
        if match := _RATE.search(line):
            rate = float(match[1])
        start = dict(zip(_COLUMNS, (iteration, seconds, rate), strict=True))
        if match := _LOSS.search(line):
            losses.append(start | {"loss": float(match[1])})
        if match := _OUTPUT.search(line):
            table = tables.train if match[1].lower() == "train" else tables.test
            number, name, value = match[2], match[3], match[4]
        elif match := _SCORE.search(line):
            table, number, name, value = tables.test, match[1], f"score{match[1]}", match[2]
        else:
            continue
        numbers = seen.setdefault(id(table), set())
        if not table or table[-1]["NumIters"] != iteration or number in numbers:
            table.append(start)
            numbers.clear()
        numbers.add(number)
        table[-1][name] = float(value)
    tables.train = tables.train or losses
    for table in (tables.train, tables.test):
        if len(table) > 1:
            table[0]["LearningRate"] = table[1]["LearningRate"]
    return tables


class _Clock:
    """Seconds since a run began: since the line ``Solving …``, or the first there is."""

    def __init__(self, year: int) -> None:
        self._year, self._month = year, 0
        self._start: datetime | None = None
        self._begun = False

    def seconds(self, line: str) -> float | None:
        """Of a line; None for one that is not glog's."""
        match = _TIME.match(line)
        if not match:
            return None
        month, day, hour, minute, second, microsecond = (int(part) for part in match.groups())
        year = self._year + (month < self._month)
        try:
            now = datetime(year, month, day, hour, minute, second, microsecond)
        except ValueError:
            return None
        self._year, self._month = year, month
        if self._start is None or ("Solving" in line and not self._begun):
            self._start = now
            self._begun = "Solving" in line
        return (now - self._start).total_seconds()


def write(log: Path, folder: Path, delimiter: str = ",") -> list[Path]:
    """Write ``<log>.train`` and ``<log>.test`` to a folder; a table without rows is not written. Returns the files.

    Raises `Error` for a file that cannot be read or that has neither.
    """
    if len(delimiter) != 1:
        raise Error(f"the delimiter is one character, not '{delimiter}'")
    try:
        year = datetime.fromtimestamp(log.stat().st_ctime).year
        with log.open(encoding="utf-8", errors="replace") as stream:
            tables = parse(stream, year)
    except OSError as error:
        raise Error(error.strerror or "cannot be read", log) from None
    written = []
    for kind, rows in (("train", tables.train), ("test", tables.test)):
        if rows:
            path = folder / f"{log.name}.{kind}"
            atomic.write_text(path, _csv(rows, delimiter))
            written.append(path)
    if not written:
        raise Error("has no line of a training log", log, remedy="give the log that Caffe writes to standard error")
    return written


def _csv(rows: list[Row], delimiter: str) -> str:
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
