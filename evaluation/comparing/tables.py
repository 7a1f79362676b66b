"""Tables: rows of text for the page and the terminal, and of plain numbers for CSV and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftcaffe.store import atomic, table

_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "±": r"$\pm$"}
_LATEX |= {character: f"\\{character}" for character in "&%$#_{}"}
_LATEX |= {"≤": r"$\leq$", "<": r"$<$", ">": r"$>$", "ν": r"$\nu$", "λ": r"$\lambda$"}


@dataclass(frozen=True)
class Table:
    """A heading a column, and rows of as many values; the first column names the row."""

    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def csv(self, path: Path) -> Path:
        """Write it as CSV, whole; a number that is not defined is an empty field. Returns the path."""
        table.write(path, self.header, ([_plain(value) for value in row] for row in self.rows))
        return path

    def latex(self, path: Path) -> Path:
        """Write it as a LaTeX ``tabular`` that needs no package; numbers have four significant digits."""
        lines = [self.header, *self.rows]
        body = [" & ".join(_latex(value) for value in line) + r" \\" for line in lines]
        columns = "l" + "r" * (len(self.header) - 1)
        parts = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", body[0], r"\hline", *body[1:], r"\hline"]
        atomic.write_text(path, "\n".join([*parts, r"\end{tabular}", ""]))
        return path

    def markdown(self) -> str:
        """As a table of Markdown."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join(
            "| " + " | ".join(short(value).replace("|", r"\|") for value in line) + " |" for line in lines
        )

    def text(self) -> str:
        """Columns aligned for a terminal."""
        lines = [self.header, *self.rows]
        widths = [max(len(str(line[column])) for line in lines) for column in range(len(self.header))]
        return "\n".join(
            "  ".join(str(value).ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def saved(of: Table, out: Path, name: str) -> Table:
    """Write it as ``NAME.csv`` and, to be printed, as ``NAME.tex``; returns it."""
    of.csv(out / f"{name}.csv")
    of.latex(out / f"{name}.tex")
    return of


def p_value(value: float) -> str:
    """`0.032`, `< 0.001`; a dash where there was no test."""
    if math.isnan(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def triangle(labels: Sequence[str], cells: Iterable[tuple[int, int, str]]) -> Table:
    """A lower triangle (Tables S1 to S4): a row a run from the second on, a column a run but the last.

    Parameters
    ----------
    cells : for two places in `labels`, in either order, what stands where they meet.
    """
    found: dict[tuple[int, int], str] = {}
    for one, other, text in cells:
        key = (max(one, other), min(one, other))
        found[key] = ", ".join(part for part in (found.get(key, ""), text) if part)
    rows = tuple(
        (labels[row], *(found.get((row, column), "") for column in range(len(labels) - 1)))
        for row in range(1, len(labels))
    )
    return Table(("", *labels[:-1]), rows)


def _plain(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else value
    return "" if value is None else value


def short(value: object) -> str:
    """As people read it: four significant digits, and nothing where a number is not defined."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    return "" if value is None else str(value)


def _latex(value: object) -> str:
    return "".join(_LATEX.get(character, character) for character in short(value))
