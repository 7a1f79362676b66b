"""Candidates that another program found, from a CSV file."""

from __future__ import annotations

from pathlib import Path

from data_prep.candidates.candidate import Candidate
from ftcaffe.errors import Error
from ftcaffe.store import table

COLUMNS = ("unit", "image", "candidate", "x0", "y0", "x1", "y1", "score")


def read(path: Path) -> dict[str, dict[str, list[Candidate]]]:
    """Candidates by unit and image of a CSV file ``unit,image,candidate,x0,y0,x1,y1,score``.

    Boxes are in pixels of the image, half-open. A video's frames are named by their number from 0, stills by the
    stem of their file.

    Raises
    ------
    Error : with the line, for a missing column, a number that is none, an empty box, a candidate given twice.
    """
    found: dict[str, dict[str, list[Candidate]]] = {}
    seen: set[tuple[str, str, str]] = set()
    for line, row in table.rows(path, COLUMNS):
        x0, y0, x1, y1, score = (table.number(row[column], path, line, column) for column in COLUMNS[3:])
        if x0 >= x1 or y0 >= y1:
            raise Error("has an empty box", path, line=line, remedy="give x0 < x1 and y0 < y1, in pixels")
        name = (row["unit"], row["image"], row["candidate"])
        if name in seen:
            raise Error(f"gives candidate '{'/'.join(name)}' twice", path, line=line, remedy="number candidates anew")
        seen.add(name)
        candidate = Candidate(row["candidate"], x0, y0, x1, y1, score)
        found.setdefault(row["unit"], {}).setdefault(row["image"], []).append(candidate)
    return found
