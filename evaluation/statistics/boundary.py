"""Boundaries: how far a traced interface lies from a reference, and how thick the wall between two interfaces is.

A trace is the row of an interface in each column of an image, rows growing downwards, nan where it was not traced.
Distances are vertical, as the paper's: along the column, not along the normal of the boundary, which is shorter by
the cosine of the slope.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

_OF_MILLIMETRES = {"mm": 1.0, "µm": 1000.0}


@dataclass(frozen=True)
class BoundaryError:
    """Vertical distance of a trace from a reference, means over the columns that both have.

    signed : trace less reference; positive where the trace lies too low in the image.
    absolute : without sign, never less than the size of `signed`.
    columns : how many columns both have; left_out : columns that only one of them has.
    unit : of the distances, ``px``, ``mm`` or ``µm``.
    """

    signed: float
    absolute: float
    columns: int
    left_out: int
    unit: str = "px"

    def calibrated(self, spacing: float, unit: str = "mm") -> BoundaryError:
        """The same in ``mm`` or ``µm``, from the height of a pixel in millimetres."""
        scale = _scale(self.unit, spacing, unit)
        return replace(self, signed=scale * self.signed, absolute=scale * self.absolute, unit=unit)


@dataclass(frozen=True)
class Thickness:
    """Vertical distance of the lower interface from the upper one over the columns that both have.

    mean, least, most : least is negative where the interfaces cross.
    columns : how many columns both have; left_out : columns that only one of them has.
    crossed : columns in which the lower interface lies above the upper one.
    unit : of the distances, ``px``, ``mm`` or ``µm``.
    """

    mean: float
    least: float
    most: float
    columns: int
    left_out: int
    crossed: int
    unit: str = "px"

    def calibrated(self, spacing: float, unit: str = "mm") -> Thickness:
        """The same in ``mm`` or ``µm``, from the height of a pixel in millimetres."""
        scale = _scale(self.unit, spacing, unit)
        return replace(self, mean=scale * self.mean, least=scale * self.least, most=scale * self.most, unit=unit)


def trace(column: np.ndarray, row: np.ndarray, width: int) -> np.ndarray:
    """The trace (width,) of points that were set by hand: straight between them, nan beyond the outer ones.

    Parameters
    ----------
    column, row : (n,) finite, in pixels; pixel (0, 0) has its centre at 0, 0. The points may come from left to right
        or from right to left, each in a column of its own, since a vertical distance needs one row a column.
    width : of the image.

    Raises
    ------
    ValueError : fewer than two points, a value that is not finite, or points that turn back.
    """
    x, y = np.asarray(column, dtype=float), np.asarray(row, dtype=float)
    if x.shape != y.shape or x.ndim != 1 or len(x) < 2:
        raise ValueError(f"a trace needs two or more points, not columns {x.shape} and rows {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a point of the trace is not finite")
    if x[0] > x[-1]:
        x, y = x[::-1], y[::-1]
    if (np.diff(x) <= 0).any():
        turn = int(np.flatnonzero(np.diff(x) <= 0)[0])
        raise ValueError(f"the trace turns back at column {x[turn]:g}: it has not one row a column")
    return np.interp(np.arange(width), x, y, left=np.nan, right=np.nan)


def boundary_error(traced: np.ndarray, reference: np.ndarray) -> BoundaryError:
    """Mean vertical distance of a trace from its reference, in pixels.

    With d_c the row of the trace less that of the reference in column c, over the n columns that both have:
    signed = Σ d_c / n, absolute = Σ |d_c| / n (the segmentation error of the paper's Fig. 9 and section VI-D).

    Parameters
    ----------
    traced, reference : (width,) rows, nan where not traced.

    Raises
    ------
    ValueError : other widths, or no column in common.
    """
    gap, left_out = _gap(traced, reference)
    return BoundaryError(float(gap.mean()), float(np.abs(gap).mean()), len(gap), left_out)


def thickness(upper: np.ndarray, lower: np.ndarray) -> Thickness:
    """Thickness of the layer between two traces, in pixels.

    Of the far wall of the carotid artery, with the lumen-intima interface above and the media-adventitia one below,
    the mean is the intima-media thickness. Columns in which they cross are counted, and kept with their sign.

    Parameters
    ----------
    upper, lower : (width,) rows, nan where not traced.

    Raises
    ------
    ValueError : other widths, or no column in common.
    """
    gap, left_out = _gap(lower, upper)
    crossed = int((gap < 0).sum())
    return Thickness(float(gap.mean()), float(gap.min()), float(gap.max()), len(gap), left_out, crossed)


def _gap(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, int]:
    """`one` less `other` in the columns that both have, and how many only one of them has."""
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"the traces are not of the same columns: {one.shape} and {other.shape}")
    if np.isinf(one).any() or np.isinf(other).any():
        raise ValueError("a row of a trace is infinite; nan says that a column was not traced")
    both = ~np.isnan(one) & ~np.isnan(other)
    if not both.any():
        raise ValueError("the traces have no column in common")
    return (one - other)[both], int((np.isnan(one) ^ np.isnan(other)).sum())


def _scale(unit: str, spacing: float, wanted: str) -> float:
    if unit != "px":
        raise ValueError(f"these distances are calibrated already, in {unit}")
    if wanted not in _OF_MILLIMETRES:
        raise ValueError(f"the unit is one of {', '.join(_OF_MILLIMETRES)}, not {wanted!r}")
    if not 0 < spacing < np.inf:
        raise ValueError(f"the height of a pixel is a positive number of millimetres, not {spacing}")
    return spacing * _OF_MILLIMETRES[wanted]
