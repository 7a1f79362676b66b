"""Traces of an interface as text files of points, in the forms in which CUBS and its users pass them on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ftcaffe.errors import Error

BASE = 1
"""Number of the first pixel: MATLAB's, in which CUBS' traces were drawn (inferred: its readme does not say)."""

_FEWEST = 3  # points; a file of two lines of two numbers could be read either way, and is no trace
_REMEDY = "give a point a line, column and row in pixels, or all columns in one line and all rows in the next"


def read(path: Path, base: float = BASE) -> tuple[np.ndarray, np.ndarray]:
    """The points of a trace, from left to right.

    A point a line (n × 2) and a line of columns above one of rows (2 × n) are both in circulation. Numbers may have
    decimal commas. Points in one column are replaced by their mean.

    Parameters
    ----------
    base : the number of the first pixel in the file, 0 or 1.

    Returns
    -------
    column, row : (n,) in pixels, pixel (0, 0) having its centre at 0, 0.

    Raises
    ------
    Error : no such file, no table of two rows or columns, a number that is not finite, fewer than three points.
    """
    points = _matrix(path)
    if points.shape[1] != 2 and points.shape[0] == 2:
        points = points.T
    if points.shape[1] != 2:
        height, width = points.shape
        raise Error(f"is no trace: {height} lines of {width} numbers", path, remedy=_REMEDY)
    if not np.isfinite(points).all():
        raise Error("has a point that is not finite", path, remedy="leave the point out")
    column, place = np.unique(points[:, 0], return_inverse=True)
    row = np.bincount(place, points[:, 1]) / np.bincount(place)
    if len(column) < _FEWEST:
        raise Error(f"has {len(column)} points; a trace needs {_FEWEST}", path, remedy=_REMEDY)
    return column - base, row - base


def rows(points: tuple[np.ndarray, np.ndarray], shape: tuple[int, int], path: Path) -> np.ndarray:
    """The row of a trace in each column of an image: (width,), nan where it was not traced.

    Between points it follows PCHIP, the monotone cubic of F. N. Fritsch and R. E. Carlson (SIAM J. Numer. Anal. 17,
    1980), which does not swing beyond them. Columns outside the outermost points stay unlabelled.

    Parameters
    ----------
    points : of `read`. shape : (height, width) of the image. path : named in errors.

    Raises
    ------
    Error : a point outside the image.
    """
    from scipy.interpolate import PchipInterpolator

    column, row = points
    height, width = shape
    outside = (column < -0.5) | (column > width - 0.5) | (row < -0.5) | (row > height - 0.5)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        raise Error(
            f"has a point ({column[first]:g}, {row[first]:g}) outside its image of {width}×{height}",
            path,
            remedy="give column and row in pixels of the image, counted from 1 (--base)",
        )
    traced = np.full(width, np.nan)
    inside = slice(int(np.ceil(max(column[0], 0))), int(np.floor(min(column[-1], width - 1))) + 1)
    traced[inside] = PchipInterpolator(column, row)(np.arange(width)[inside])
    return traced


def number(path: Path) -> float:
    """The first number in a file, which may have a decimal comma and blanks around it; `Error` when there is none."""
    try:
        words = path.read_text(encoding="utf-8-sig").split()
        return float(words[0].replace(",", "."))
    except FileNotFoundError:
        raise Error("is not there", path, remedy="add the calibration of the image") from None
    except (UnicodeDecodeError, ValueError, IndexError):
        raise Error("does not begin with a number", path, remedy="write millimetres per pixel") from None


def _matrix(path: Path) -> np.ndarray:
    """The numbers of a file as lines × columns."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Error("is not there", path, remedy="add the trace") from None
    except UnicodeDecodeError:
        raise Error("is no text", path, remedy=_REMEDY) from None
    lines = [line.replace(";", " ").split() for line in text.splitlines() if line.strip()]
    if "," in text:
        # A comma within a word is a decimal one, unless it is all that parts the two numbers of a line.
        parting = all(len(words) == 1 for words in lines)
        lines = [[part for word in words for part in _parted(word, parting)] for words in lines]
    try:
        matrix = [[float(word) for word in words] for words in lines]
    except ValueError as error:
        raise Error(f"is no table of numbers ({error})", path, remedy=_REMEDY) from None
    if not matrix or len({len(words) for words in matrix}) != 1:
        raise Error("has lines of different lengths, or none", path, remedy=_REMEDY)
    return np.array(matrix)


def _parted(word: str, parting: bool) -> list[str]:
    if parting or word.endswith(","):
        return [part for part in word.split(",") if part]
    return [word.replace(",", ".")]
