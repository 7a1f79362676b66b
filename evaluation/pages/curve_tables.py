"""What the curves say, as tables: each function names its CSV's columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.comparing import tables
from evaluation.comparing.pairs import Pair
from evaluation.comparing.result import Result
from evaluation.comparing.tables import Table
from evaluation.comparing.terms import Terms
from evaluation.statistics.binormal import Binormal
from evaluation.statistics.idca import Idca
from evaluation.statistics.interval import Interval


def spoken(labels: Sequence[str], results: Sequence[Result], terms: Terms) -> Table:
    """Sensitivity at each operating point and the AUC, to be read."""
    rates = [point.rate for point in results[0].points]
    header = ("", *(terms.short(rate) for rate in rates), terms.area)
    rows = tuple(
        (label, *(result.at(rate).percent() for rate in rates), result.auc.decimal())
        for label, result in zip(labels, results, strict=True)
    )
    return Table(header, rows)


def operating_points(labels: Sequence[str], results: Sequence[Result]) -> Table:
    """A row a run and operating point; empty where the curve does not reach it: ``not reached``."""
    rows = tuple(
        (label, point.rate, *_ends(point.sensitivity), _method(point.sensitivity))
        for label, result in zip(labels, results, strict=True)
        for point in result.points
    )
    return Table(("run", "fp_rate", "sensitivity", "low", "high", "interval"), rows)


def curve(labels: Sequence[str], results: Sequence[Result]) -> Table:
    """Every point of every curve; the threshold is a score as the file has it."""
    rows = tuple(
        (label, -threshold if result.scores.turned else threshold, *point)
        for label, result in zip(labels, results, strict=True)
        for threshold, *point in zip(
            result.froc.threshold.tolist(),
            result.froc.false_positives.tolist(),
            result.froc.sensitivity.tolist(),
            strict=True,
        )
    )
    return Table(("run", "threshold", "fp_rate", "sensitivity"), rows)


def summary(labels: Sequence[str], results: Sequence[Result]) -> Table:
    """AUC, CPM and the denominators; CPM is empty where a curve ends before 8 false positives per image."""
    rows = tuple(
        (
            label,
            *_ends(result.auc),
            result.cpm.value if result.scores.curve == "froc" else float("nan"),
            result.scores.counts.images,
            result.scores.counts.lesions,
            result.scores.counts.candidates,
            result.scores.counts.units,
        )
        for label, result in zip(labels, results, strict=True)
    )
    return Table(("run", "auc", "low", "high", "cpm", "images", "lesions", "candidates", "units"), rows)


def parameters(labels: Sequence[str], results: Sequence[Result]) -> Table:
    """Parameters of the fitted curves with standard errors; no rows of a run where none can be fitted."""
    rows = tuple(
        (label, *row)
        for label, result in zip(labels, results, strict=True)
        if result.model is not None
        for row in _parameters(result.model)
    )
    return Table(("run", "model", "parameter", "estimate", "se"), rows)


def parameters_spoken(labels: Sequence[str], results: Sequence[Result]) -> Table:
    """The same to be read: a row a run, estimates with their standard errors in brackets."""
    rows = [
        (label, {name: f"{estimate:.4g} ({error:.2g})" for _, name, estimate, error in _parameters(result.model)})
        for label, result in zip(labels, results, strict=True)
        if result.model is not None
    ]
    names = list(dict.fromkeys(name for _, found in rows for name in found))
    return Table(("", *names), tuple((label, *(found[name] for name in names)) for label, found in rows))


def _parameters(model: Idca | Binormal) -> list[tuple[str, str, float, float]]:
    rows: list[tuple[str, str, float, float]] = []
    name, ratings = "binormal", model
    if isinstance(model, Idca):
        name, ratings = "idca", model.ratings
        rows.append((name, "nu", model.detected, model.detected_deviation))
        rows.append((name, "lambda", model.false_candidates, model.false_candidates_deviation))
    assert isinstance(ratings, Binormal)
    a_error, b_error = np.sqrt(np.diag(ratings.covariance)).tolist()
    rows.append((name, "a", ratings.a, a_error))
    rows.append((name, "b", ratings.b, b_error))
    rows.append((name, "az", ratings.area().value, ratings.area_deviation))
    return rows


def pairwise(labels: Sequence[str], pairs: Sequence[Pair], *, corrected: bool) -> Table:
    """A row a pair and operating point: the paper's rule, and the paired test."""
    rows = tuple(
        (labels[pair.one], labels[pair.other], pair.rate, *_compared(pair, corrected))
        for pair in pairs
        if pair.measure == "sensitivity"
    )
    return Table(("run_a", "run_b", "fp_rate", *_columns(corrected)), rows)


def pairwise_areas(labels: Sequence[str], pairs: Sequence[Pair], *, corrected: bool) -> Table:
    """The same of AUC and CPM."""
    rows = tuple(
        (labels[pair.one], labels[pair.other], pair.measure, *_compared(pair, corrected))
        for pair in pairs
        if pair.measure != "sensitivity"
    )
    return Table(("run_a", "run_b", "measure", *_columns(corrected)), rows)


def _columns(corrected: bool) -> tuple[str, ...]:
    extra = ("p_holm",) if corrected else ()
    return ("intervals_overlap", "difference", "low", "high", "p_value", "test", *extra)


def _compared(pair: Pair, corrected: bool) -> tuple[object, ...]:
    overlap = {True: "yes", False: "no", None: ""}[pair.overlap]
    test, extra = pair.difference, (pair.corrected,) if corrected else ()
    if test is None or np.isnan(test.value):
        return (overlap, *[None] * 5, *[None] * len(extra))
    return (overlap, test.value, test.low, test.high, test.p_value, test.test, *extra)


def parting(labels: Sequence[str], pairs: Sequence[Pair]) -> Table:
    """Tables S1 to S3, the paper's rule: the operating points at which the intervals of two runs do not overlap."""
    return _triangle(labels, [pair for pair in pairs if pair.differs])


def tested(labels: Sequence[str], pairs: Sequence[Pair]) -> Table:
    """The same by the paired test: the operating points at which p < 0.05."""
    return _triangle(labels, [pair for pair in pairs if pair.significant])


def _triangle(labels: Sequence[str], told: Sequence[Pair]) -> Table:
    cells = ((pair.one, pair.other, f"{pair.rate:g}") for pair in told if pair.rate is not None)
    return tables.triangle(labels, cells)


def _ends(one: Interval) -> tuple[float, ...]:
    return one.value, one.low, one.high


def _method(one: Interval) -> str:
    return "not reached" if np.isnan(one.value) else one.method
