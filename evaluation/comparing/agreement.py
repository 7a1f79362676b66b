"""How well what was measured agrees with a reference: of runs on the carotid's wall, or of a table of any software.

A table of measurements has the columns ``run,unit,region,measured,reference,measured_in``: a row a run and region, in
any one unit of measurement, which `measured_in` names. Without `run` the file's name is the run's, without `unit` a
region is a unit of its own, without `region` a row is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.scoring import tablefile
from evaluation.statistics.agreement import BlandAltman, bland_altman, intraclass_correlation
from evaluation.statistics.interval import Interval
from ftcaffe.errors import Error

_NUMBERS = ("measured", "reference")
MEASURED_IN = "measured_in"


@dataclass(frozen=True, eq=False)
class Agreement:
    """How well a method agrees with a reference.

    label : of the method. regions, units : how many.
    limits : Bland and Altman's, of the method less the reference.
    correlation : intraclass, of the units' means; None where these are all equal.
    """

    label: str
    regions: int
    units: int
    limits: BlandAltman
    correlation: Interval | None


def agreement(label: str, ours: np.ndarray, theirs: np.ndarray, unit: Sequence[str] | np.ndarray) -> Agreement | None:
    """Of two methods, region by region (n,), each of a unit; None with fewer than two units.

    Limits of agreement respect that regions of one unit resemble each other. The intraclass correlation takes its
    rows for independent, and so is of the units' means.
    """
    units, place = np.unique(unit, return_inverse=True)
    if len(units) < 2:
        return None
    means = np.column_stack([np.bincount(place, values) / np.bincount(place) for values in (ours, theirs)])
    correlation = intraclass_correlation(means) if np.ptp(means) > 0 else None
    return Agreement(label, len(ours), len(units), bland_altman(ours, theirs, place), correlation)


def is_one(path: Path) -> bool:
    """Whether a table is one of measurements, by its columns."""
    return set(_NUMBERS) <= set(tablefile.names(path))


def read(paths: Sequence[Path]) -> tuple[tuple[Agreement, ...], str]:
    """The agreement of every run in the tables, and what was measured in.

    Raises
    ------
    Error : a value that is no number, a region twice in a run, fewer than two units, several units of measurement.
    """
    read = [tablefile.read(path, _NUMBERS, _NUMBERS) for path in paths]
    found: list[Agreement] = []
    for path, columns in zip(paths, read, strict=True):
        number = len(columns["measured"])
        region = columns.get("region", np.arange(1, number + 1).astype(str))
        unit, run = columns.get("unit", region), columns.get("run", np.full(number, path.stem))
        for label in dict.fromkeys(run.tolist()):
            kept = run == label
            names, count = np.unique(np.stack([unit[kept], region[kept]]), axis=1, return_counts=True)
            if (count > 1).any():
                twice = "/".join(names[:, count > 1][:, 0])
                raise Error(f"the run {label} has the region {twice} twice", path, remedy="mend the table")
            one = agreement(label, columns["measured"][kept], columns["reference"][kept], unit[kept])
            if one is None:
                raise Error(f"the run {label} is of one unit", path, remedy="limits of agreement need two or more")
            found.append(one)
    if not found:
        raise Error("holds no measurements", paths[0], remedy="write a row a region")
    return tuple(found), measured_in(paths, read)


def measured_in(paths: Sequence[Path], read: Sequence[tablefile.Columns]) -> str:
    """The one unit of measurement that tables name; empty where none does, `Error` where they name several."""
    named = dict.fromkeys(name for columns in read for name in columns.get(MEASURED_IN, np.zeros(0, str)).tolist())
    if len(named) > 1:
        said = " and ".join(f"'{name}'" for name in named)
        raise Error(f"{MEASURED_IN} says {said}", paths[-1], remedy="measure all in one")
    return next(iter(named), "")
