"""The tables of a data folder: images.csv, candidates.csv and manifest.csv (docs/design.md, "On disk")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from ftcaffe.store import table

CANDIDATE_COLUMNS = ("unit", "image", "candidate", "split", "label", "lesion", "score")
PATCH_COLUMNS = ("key", "label", "split", "unit", "image", "candidate")


@dataclass(frozen=True)
class ImageRow:
    """An image of a unit, with the count of the lesions it shows."""

    unit: str
    image: str
    split: str
    lesions: int


@dataclass(frozen=True)
class CandidateRow:
    """A candidate with its label.

    lesion : the name of the one it hits within its image, or empty.
    score : the candidate generator's own.
    geometry : where it lies, in the application's own columns (polyp: the box x0, y0, x1, y1; pixels).
    """

    unit: str
    image: str
    candidate: str
    split: str
    label: int
    lesion: str
    score: float
    geometry: tuple[float, ...]


def write_images(path: Path, rows: Iterable[ImageRow]) -> None:
    """Write images.csv whole."""
    table.write(path, [field.name for field in fields(ImageRow)], map(astuple, rows))


def write_candidates(path: Path, rows: Iterable[CandidateRow], geometry: Sequence[str]) -> None:
    """Write candidates.csv whole, its last columns named by `geometry`; numbers are written to read back exactly."""
    cells = ((*(getattr(row, name) for name in CANDIDATE_COLUMNS), *row.geometry) for row in rows)
    table.write(path, (*CANDIDATE_COLUMNS, *geometry), cells)


def read_images(path: Path) -> list[ImageRow]:
    """The rows of images.csv."""
    columns = [field.name for field in fields(ImageRow)]
    return [
        ImageRow(row["unit"], row["image"], row["split"], table.whole(row["lesions"], path, line, "lesions"))
        for line, row in table.rows(path, columns)
    ]


def read_candidates(path: Path) -> list[CandidateRow]:
    """The rows of candidates.csv; the columns after `score` are the geometry, in their order."""
    return [
        CandidateRow(
            row["unit"],
            row["image"],
            row["candidate"],
            row["split"],
            table.whole(row["label"], path, line, "label"),
            row["lesion"],
            table.number(row["score"], path, line, "score"),
            tuple(table.number(cell, path, line, name) for name, cell in list(row.items())[len(CANDIDATE_COLUMNS) :]),
        )
        for line, row in table.rows(path, CANDIDATE_COLUMNS)
    ]


def key(number: int, row: CandidateRow) -> str:
    """The LMDB key of a patch: its place in its LMDB, as Caffe's tools write it, and where it comes from."""
    return f"{number:08d}_{row.unit}/{row.image}/{row.candidate}"
