"""The tables of a data folder: images.csv, candidates.csv and manifest.csv (docs/design.md, "On disk")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from data_prep import table
from ftcaffe.store.table import write

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
    """A candidate with its label; `lesion` is the number of the one it hits within its image, or empty."""

    unit: str
    image: str
    candidate: str
    split: str
    label: int
    lesion: str
    score: float
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1) in pixels, half-open."""
        return self.x0, self.y0, self.x1, self.y1


def write_images(path: Path, rows: Iterable[ImageRow]) -> None:
    """Write images.csv whole."""
    write(path, [field.name for field in fields(ImageRow)], map(astuple, rows))


def write_candidates(path: Path, rows: Iterable[CandidateRow]) -> None:
    """Write candidates.csv whole; numbers are written so that they read back exactly."""
    write(path, [field.name for field in fields(CandidateRow)], map(astuple, rows))


def read_images(path: Path) -> list[ImageRow]:
    """The rows of images.csv."""
    columns = [field.name for field in fields(ImageRow)]
    return [
        ImageRow(row["unit"], row["image"], row["split"], int(row["lesions"])) for _, row in table.rows(path, columns)
    ]


def read_candidates(path: Path) -> list[CandidateRow]:
    """The rows of candidates.csv."""
    columns = [field.name for field in fields(CandidateRow)]
    return [
        CandidateRow(
            row["unit"],
            row["image"],
            row["candidate"],
            row["split"],
            int(row["label"]),
            row["lesion"],
            *(table.number(row[name], path, line) for name in ("score", "x0", "y0", "x1", "y1")),
        )
        for line, row in table.rows(path, columns)
    ]


def key(number: int, row: CandidateRow) -> str:
    """The LMDB key of a patch: its place in its LMDB, as Caffe's tools write it, and where it comes from."""
    return f"{number:08d}_{row.unit}/{row.image}/{row.candidate}"
