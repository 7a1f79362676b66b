"""Candidates for emboli that another program found: points from a CSV file, or from CAD-PE's detection file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.readers.volume import Volume
from ftcaffe.errors import Error
from ftcaffe.store import table

COLUMNS = ("unit", "image", "candidate", "x", "y", "z", "score")
# What the three numbers are. CAD-PE's own are voxels from 1, as in MATLAB.
COORDINATES = ("mm", "voxel0", "voxel1")


@dataclass(frozen=True)
class Point:
    """A point as it was given, and the line that gave it."""

    name: str
    place: tuple[float, float, float]
    score: float
    line: int


def read(path: Path) -> dict[tuple[str, str], list[Point]]:
    """Points by unit and image, of a CSV file (`COLUMNS`) or of lines ``Scan X Y Z Confidence``.

    Raises
    ------
    Error : with the line, for a missing column, a number that is none, a candidate given twice.
    """
    if path.suffix.lower() != ".csv":
        return _detections(path)
    found: dict[tuple[str, str], list[Point]] = {}
    seen: set[tuple[str, ...]] = set()
    for line, row in table.rows(path, COLUMNS):
        x, y, z, score = (table.number(row[column], path, line, column) for column in COLUMNS[3:])
        name = tuple(row[column] for column in COLUMNS[:3])
        if name in seen:
            raise Error(f"gives candidate '{'/'.join(name)}' twice", path, line=line, remedy="number candidates anew")
        seen.add(name)
        found.setdefault((row["unit"], row["image"]), []).append(Point(row["candidate"], (x, y, z), score, line))
    return found


def _detections(path: Path) -> dict[tuple[str, str], list[Point]]:
    """CAD-PE's detection file; its scans are unit and image at once."""
    found: dict[tuple[str, str], list[Point]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"cannot be read ({error})", path, remedy="give a CSV file, or CAD-PE's detection file") from None
    for number, line in enumerate(lines, 1):
        cells = line.replace(",", " ").split()
        if not cells or (number == 1 and cells[0].lower() == "scan"):
            continue
        if len(cells) != 5:
            raise Error(
                f"has {len(cells)} cells, not Scan X Y Z Confidence", path, line=number, remedy="mend the line"
            )
        x, y, z, score = (
            table.number(cell, path, number, name) for name, cell in zip(COLUMNS[3:], cells[1:], strict=True)
        )
        points = found.setdefault((cells[0], cells[0]), [])
        points.append(Point(f"{len(points) + 1:03d}", (x, y, z), score, number))
    return found


def position(point: Point, volume: Volume, coordinates: str, path: Path) -> np.ndarray:
    """Where a point lies, (3,) mm, LPS; `Error` when that is outside the volume."""
    place = np.array(point.place)
    if coordinates != "mm":
        place = volume.stored_to_mm(place - (coordinates == "voxel1"))
    if not volume.contains(volume.to_index(place)):
        x, y, z = place
        what = f"puts candidate '{point.name}' at ({x:.1f}, {y:.1f}, {z:.1f}) mm, outside the volume '{volume.name}'"
        raise Error(what, path, line=point.line, remedy="check --coordinates: mm in LPS, or voxels from 0 or from 1")
    return place
