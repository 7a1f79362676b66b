"""Operating points and areas with their intervals, by whichever method is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from evaluation.statistics import binormal, bootstrap, delong, idca
from evaluation.statistics.binormal import Degenerate
from evaluation.statistics.bootstrap import Measured
from evaluation.statistics.detections import Detections
from evaluation.statistics.froc import froc, sensitivity_at
from evaluation.statistics.interval import Interval, exact
from evaluation.statistics.roc import mirrored

INTERVALS = ("idca", "binormal", "delong", "bootstrap")
_ROUNDING = 1e-12  # of 1 - s, when s is a ratio of counts
_NONE = Interval(float("nan"), float("nan"), float("nan"))


def operating_points(
    detections: Detections,
    rates: Sequence[float],
    interval: str = "idca",
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    measured: Measured | None = None,
) -> tuple[Interval, ...]:
    """Sensitivity at rates of false positives per image, or of `roc.detections` at false-positive rates.

    Parameters
    ----------
    interval : how estimate and interval are had.
        ``idca``: the fitted curve of FROC candidates, its estimate and its interval (`idca`).
        ``binormal``: the fitted curve of ROC cases (`roc.detections`).
        ``bootstrap``: the empirical curve, resampled by unit.
        ``delong``: as ``bootstrap``; DeLong's variance is of areas only.
    draws, seed : of the bootstrap.
    measured : of the same detections and rates, where it is at hand already: nothing is then drawn anew.

    Returns
    -------
    An interval a rate. Its `method` is what was done in the end: ``exact`` where the method gives none (no curve can
    be fitted, every draw is the same, too few draws reach the rate, the rate is 0 or where the fitted curve ends).
    That is the binomial interval of the empirical sensitivity, which takes the lesions for independent and the
    threshold for known (and holds the truth in 92 to 93 % of studies of 20 units with correlated candidates). All of
    it is nan past the end of the empirical curve: not reached.

    Raises
    ------
    ValueError : an unknown method, ``binormal`` of candidates that are no ROC cases, no lesion, no image.
    """
    if interval not in INTERVALS:
        raise ValueError(f"interval is one of {', '.join(INTERVALS)}, not {interval!r}")
    lesions = int(detections.lesions.sum())
    curve = froc(detections.score, detections.lesion, lesions, int(detections.images.sum()))
    empirical = sensitivity_at(curve, np.asarray(rates, dtype=float))
    if interval in ("idca", "binormal"):
        fitted = _fitted(detections, interval, level)
        asked = [fitted(float(rate)) for rate in rates]
    else:
        if measured is None:
            measured = bootstrap.measure(detections, np.asarray(rates, dtype=float), draws, seed)
        asked = [
            bootstrap.interval(float(value), drawn, level, len(detections.lesions))
            for value, drawn in zip(empirical, measured.drawn_sensitivity.T, strict=True)
        ]
    return tuple(
        _sound(one, interval, float(value), lesions, level) for one, value in zip(asked, empirical, strict=True)
    )


def false_positive_rates(
    cases: Detections,
    sensitivities: Sequence[float],
    interval: str = "binormal",
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Interval, ...]:
    """The lowest false-positive rates of ROC cases (`roc.detections`) that have sensitivities in (0, 1].

    See `operating_points`, with the classes changed over: ``exact`` is the binomial interval of the negatives.
    """
    other = mirrored(cases)
    lost = [1 - value + _ROUNDING for value in sensitivities]
    return tuple(
        Interval(1 - one.value, 1 - one.high, 1 - one.low, one.method)
        for one in operating_points(other, lost, interval, draws, seed, level)
    )


def candidates_area(
    detections: Detections,
    interval: str = "delong",
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    measured: Measured | None = None,
) -> Interval:
    """Area under the ROC curve of the candidates, each of them a case: of every hit, not the best of its lesion.

    ``binormal`` and ``idca`` fit the curve; ``bootstrap`` resamples units; ``delong`` takes the candidates for
    independent, and stands in for any method that gives no interval (`delong.Area.interval` says when it, in turn,
    is ``exact``). `measured` as in `operating_points`, at whatever rates.

    Raises
    ------
    ValueError : an unknown method, or one class is missing.
    """
    if interval not in INTERVALS:
        raise ValueError(f"interval is one of {', '.join(INTERVALS)}, not {interval!r}")
    hits = detections.lesion >= 0
    fallback = delong.area(detections.score, hits)
    if interval in ("idca", "binormal"):
        try:
            return binormal.fit(detections.score, hits).area(level)
        except Degenerate:
            return fallback.interval(level)
    if interval == "bootstrap":
        if measured is None:
            measured = bootstrap.measure(detections, np.zeros(0), draws, seed)
        scarcer = min(len(np.unique(detections.unit[of])) for of in (hits, ~hits))
        one = bootstrap.area_interval(measured.auc, measured.drawn_auc, scarcer, level)
        if one.defined:
            return one
    return fallback.interval(level)


def _fitted(detections: Detections, interval: str, level: float) -> Callable[[float], Interval]:
    """Rate to interval, with `_NONE` where there is no curve."""
    hits = detections.lesion >= 0
    lesions, images = int(detections.lesions.sum()), int(detections.images.sum())
    if interval == "binormal" and (hits.sum(), (~hits).sum()) != (lesions, images):
        raise ValueError("these candidates are no ROC cases: take idca for an FROC curve")
    try:
        if interval == "idca":
            model = idca.fit(detections.score, detections.lesion, lesions, images)
            return lambda rate: model.sensitivity(rate, level)
        cases = binormal.fit(detections.score, hits)
    except Degenerate:
        return lambda rate: _NONE
    return lambda rate: cases.sensitivity(rate, level) if _ROUNDING < rate < 1 else _NONE


def _sound(one: Interval, method: str, empirical: float, lesions: int, level: float) -> Interval:
    """The interval that was asked for, or the one that stands in for it."""
    if np.isnan(empirical):
        return Interval(empirical, empirical, empirical, method)
    if one.defined and one.low < one.high:
        return one
    return exact(round(empirical * lesions), lesions, level)
