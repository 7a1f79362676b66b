"""More than two classes: each against the rest, the mean over classes, and which are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.comparing.tables import Table
from evaluation.scoring.scores import Scores
from evaluation.statistics import bootstrap, roc
from evaluation.statistics.interval import Interval

MACRO = "mean of the classes"


@dataclass(frozen=True, eq=False)
class Classes:
    """What scores of several classes say.

    names : of the classes.
    areas : AUC of each class against the rest, from draws of whole units.
    macro : their mean, each class counting the same, from the same draws.
    confusion : (classes, classes) cases of each class (row) by the class of the highest probability (column).
    accuracy : share of the cases whose class has the highest probability.
    """

    names: tuple[str, ...]
    areas: tuple[Interval, ...]
    macro: Interval
    confusion: np.ndarray
    accuracy: float


def classes(scores: Scores, draws: int = 2000, seed: int = 0) -> Classes | None:
    """Each class against the rest; None where only one probability is known.

    A class without a case, or with every case, has no area (nan), and the mean is then not defined.
    """
    if scores.probability is None:
        return None
    names = scores.classes
    values, drawn, areas = [], [], []
    units = len(np.unique(scores.unit))
    for label in range(len(names)):
        positive = scores.label == label
        if not positive.any() or positive.all():
            values.append(np.nan)
            drawn.append(np.full(draws, np.nan))
            areas.append(Interval(np.nan, np.nan, np.nan, "bootstrap"))
            continue
        cases = roc.detections(scores.probability[:, label], positive, scores.unit)
        measured = bootstrap.measure(cases, np.array([1.0]), draws, seed)
        values.append(measured.auc)
        drawn.append(measured.drawn_auc)
        areas.append(bootstrap.area_interval(measured.auc, measured.drawn_auc, units))
    macro = bootstrap.area_interval(float(np.mean(values)), np.mean(drawn, axis=0), units)
    taken = scores.probability.argmax(axis=1)
    confusion = np.zeros((len(names), len(names)), int)
    np.add.at(confusion, (scores.label, taken), 1)
    return Classes(names, tuple(areas), macro, confusion, float((taken == scores.label).mean()))


def areas(labels: Sequence[str], found: Sequence[Classes]) -> Table:
    """``run,class,auc,low,high``: a row a run and class, and the mean of the classes."""
    rows = [
        (label, name, one.value, one.low, one.high)
        for label, of in zip(labels, found, strict=True)
        for name, one in (*zip(of.names, of.areas, strict=True), (MACRO, of.macro))
    ]
    return Table(("run", "class", "auc", "low", "high"), tuple(rows))


def spoken(labels: Sequence[str], found: Sequence[Classes]) -> Table:
    """The areas for the page: a row a run, a column a class, the mean and the share of right answers."""
    header = ("run", *(f"{name} against the rest" for name in found[0].names), MACRO, "right")
    rows = [
        (label, *(one.decimal() for one in of.areas), of.macro.decimal(), f"{100 * of.accuracy:.0f} %")
        for label, of in zip(labels, found, strict=True)
    ]
    return Table(header, tuple(rows))


def confusions(labels: Sequence[str], found: Sequence[Classes]) -> Table:
    """``run,class,<class>…``: how many cases of each class (row) are taken for each (column)."""
    rows = [
        (label, name, *counts)
        for label, of in zip(labels, found, strict=True)
        for name, counts in zip(of.names, of.confusion.tolist(), strict=True)
    ]
    return Table(("run", "class", *(f"taken for {name}" for name in found[0].names)), tuple(rows))
