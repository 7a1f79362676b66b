"""Errors of segmentation by run and interface, on the same regions, and every pair of runs compared (Table S4).

A set of errors is a table with the columns ``run,unit,region,interface,error,measured_in``: a row a run, region and
interface; the errors in any one unit of length, which `measured_in` names. Without `unit` a region is a unit of its
own, without `interface` there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from evaluation.comparing.agreement import measured_in
from evaluation.scoring import tablefile
from evaluation.statistics import significance
from evaluation.statistics.significance import PairedErrors
from ftcaffe.errors import Error

_REMEDY = "a row is an error of a run: run,unit,region,interface,error"


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of several runs on the same regions.

    runs, interfaces : names, in the order in which the table has them.
    unit, region : (regions,) names. error : (runs, interfaces, regions).
    measured_in : the unit of length; empty where it is not known.
    """

    runs: tuple[str, ...]
    interfaces: tuple[str, ...]
    unit: np.ndarray
    region: np.ndarray
    error: np.ndarray
    measured_in: str = ""

    @property
    def of_units(self) -> np.ndarray:
        """(runs, interfaces, units) mean error of each unit: regions of one patient resemble each other."""
        place = np.unique(self.unit, return_inverse=True)[1]
        sums = np.apply_along_axis(lambda error: np.bincount(place, error), 2, self.error)
        return sums / np.bincount(place)


@dataclass(frozen=True)
class ErrorPair:
    """Two runs compared on one interface.

    one, other : places of the runs; the difference is of the first less the second.
    over : ``regions``, as in the paper, which takes them for independent; or ``units``, of whose means each is one.
    p_t, p_wilcoxon : p-values, corrected where that was asked for.
    """

    one: int
    other: int
    interface: str
    over: str
    found: PairedErrors
    p_t: float
    p_wilcoxon: float


def is_one(path: Path) -> bool:
    """Whether a table is one of errors of segmentation, by its columns."""
    names = tablefile.names(path)
    return "error" in names and "score" not in names


def read(paths: Sequence[Path]) -> Errors:
    """The errors in one or several tables, one below the other.

    Raises
    ------
    Error : a missing column, an error that is not finite, a row twice, a run that lacks a region that another has.
    """
    read = [tablefile.read(path, ("run", "region", "error"), ("error",)) for path in paths]
    count = [len(columns["error"]) for columns in read]
    empty = [np.full(length, "") for length in count]

    def column(name: str, without: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate([columns.get(name, other) for columns, other in zip(read, without, strict=True)])

    run, region = column("run", empty), column("region", empty)
    unit, interface = column("unit", [columns["region"] for columns in read]), column("interface", empty)
    error = np.concatenate([columns["error"] for columns in read])
    return replace(_table(paths[0], run, unit, region, interface, error), measured_in=measured_in(paths, read))


def _table(
    path: Path, run: np.ndarray, unit: np.ndarray, region: np.ndarray, interface: np.ndarray, error: np.ndarray
) -> Errors:
    runs, interfaces = tuple(dict.fromkeys(run.tolist())), tuple(dict.fromkeys(interface.tolist()))
    keys = list(zip(unit.tolist(), region.tolist(), strict=True))
    regions = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    if not regions:
        raise Error("holds no errors", path, remedy=_REMEDY)
    filled = np.full((len(runs), len(interfaces), len(regions)), np.nan)
    for row, key in enumerate(keys):
        place = runs.index(run[row]), interfaces.index(interface[row]), regions[key]
        if not np.isnan(filled[place]):
            raise Error(
                f"an error stands twice: {_key(run[row], *key, interface[row])}", path, remedy="mend the table"
            )
        filled[place] = error[row]
    if np.isnan(filled).any():
        which, of, where = (int(places[0]) for places in np.nonzero(np.isnan(filled)))
        missing = _key(*list(regions)[where], interfaces[of])
        raise Error(f"the run {runs[which]} lacks {missing}, which another has", path, remedy="pair the runs")
    units, names = (np.array(part) for part in zip(*regions, strict=True))
    return Errors(runs, interfaces, units, names, filled)


def _key(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def pairs(errors: Errors, *, holm: bool) -> tuple[ErrorPair, ...]:
    """Every pair of runs on every interface, over regions and, where there are several a unit, over units.

    Parameters
    ----------
    holm : whether p-values are corrected, each kind over all pairs and interfaces.
    """
    found: list[ErrorPair] = []
    for over, error in (("regions", errors.error), ("units", errors.of_units)):
        if (over == "units" and error.shape == errors.error.shape) or error.shape[2] < 2:
            continue
        among = [
            ErrorPair(one, other, interface, over, test, test.t_test, test.wilcoxon)
            for one, other in combinations(range(len(errors.runs)), 2)
            for place, interface in enumerate(errors.interfaces)
            for test in [significance.paired_errors(error[one, place], error[other, place])]
        ]
        if holm:
            p_t = significance.holm([pair.p_t for pair in among])
            p_wilcoxon = significance.holm([pair.p_wilcoxon for pair in among])
            among = [
                replace(pair, p_t=t, p_wilcoxon=wilcoxon)
                for pair, t, wilcoxon in zip(among, p_t, p_wilcoxon, strict=True)
            ]
        found += among
    return tuple(found)
