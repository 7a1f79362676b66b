"""What one score set says: curve, intervals, operating points, the fitted model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.scoring.scores import Scores
from evaluation.statistics import binormal, bootstrap, idca, operating
from evaluation.statistics.binormal import Binormal, Degenerate
from evaluation.statistics.bootstrap import Measured
from evaluation.statistics.detections import Detections
from evaluation.statistics.froc import Cpm, Froc, cpm, froc
from evaluation.statistics.idca import Idca
from evaluation.statistics.interval import Interval
from evaluation.statistics.roc import Roc, roc
from ftcaffe.errors import Error

_BAND_POINTS = 80
# Rates that a small set can resolve, beside those of an application's table.
COMMON_RATES = {"froc": (0.1, 0.5, 1.0), "roc": (0.05, 0.1, 0.2)}
CORRECTIONS = ("holm",)


@dataclass(frozen=True)
class Settings:
    """How intervals and tests are made.

    interval : one of `operating.INTERVALS`. Units are drawn by default, since that alone respects that images of one
        video or patient resemble each other; the paper's error bars are those of ``idca``, which takes candidates for
        independent and is too narrow where they are not.
    draws, seed : of the units; the same seed gives every run the same draws, which pairs them.
    rates : operating points; None for the application's, with a few common ones, that the set can resolve.
    correct : ``holm``, or None.
    """

    interval: str = "bootstrap"
    draws: int = 2000
    seed: int = 0
    rates: tuple[float, ...] | None = None
    correct: str | None = None

    def __post_init__(self) -> None:
        if self.interval not in operating.INTERVALS:
            raise Error(f"--interval {self.interval} is none of {', '.join(operating.INTERVALS)}")
        if self.correct not in (None, *CORRECTIONS):
            raise Error(f"--correct {self.correct} is none of {', '.join(CORRECTIONS)}")
        if self.draws < 2:
            raise Error(f"--draws {self.draws} are too few to show any spread", remedy="take 1000 or more")
        for rate in self.rates or ():
            if not (np.isfinite(rate) and rate >= 0):
                raise Error(f"--operating-points: {rate:g} is no rate of false positives")


@dataclass(frozen=True)
class OperatingPoint:
    """Sensitivity at a rate of false positives per image, or at a false-positive rate."""

    rate: float
    sensitivity: Interval


@dataclass(frozen=True, eq=False)
class Band:
    """Pointwise interval of a curve.

    rate : (k,) false positives per image; low, high : (k,) sensitivity.
    """

    rate: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Result:
    """Curve and intervals of one score set.

    froc : its curve; of a ROC set too, whose images are its negatives.
    roc : of the candidates, each a case.
    measured : what each draw of the units gave at the operating points; None where the units are not known.
    model : the fitted curve; None with `fault` saying why where none can be fitted.
    """

    scores: Scores
    froc: Froc
    band: Band
    roc: Roc
    auc: Interval
    cpm: Cpm
    points: tuple[OperatingPoint, ...]
    measured: Measured | None
    model: Idca | Binormal | None
    fault: str = ""

    def at(self, rate: float) -> Interval:
        """The sensitivity at one of the operating points."""
        return next(point.sensitivity for point in self.points if point.rate == rate)


def rates(compared: Sequence[Scores], wanted: Sequence[float]) -> tuple[float, ...]:
    """Of the false-positive rates `wanted`, and a few common ones, those that scores of one test set can answer.

    One false positive in the whole set must not exceed the rate, and some curve must reach it.
    """
    images = int(compared[0].detections.images.sum())
    if not images:
        return ()
    most = max(scores.counts.false_candidates for scores in compared) / images
    common = COMMON_RATES[compared[0].curve]
    return tuple(rate for rate in sorted({*wanted, *common}) if 1 / images <= rate <= most)


def evaluate(scores: Scores, points: Sequence[float], settings: Settings) -> Result:
    """Curve of `scores` with 95 % intervals.

    Parameters
    ----------
    points : rates of false positives at which the sensitivity is asked, see `rates`.

    Raises
    ------
    Error : no lesions, no candidates of one kind, an interval that the set does not allow.
    """
    _check(scores, settings.interval)
    if scores.curve == "roc" and max(points, default=0) > 1:
        raise Error(f"a false-positive rate of {max(points):g} is more than all", remedy="give rates from 0 to 1")
    found = scores.detections
    hits = found.lesion >= 0
    curve = froc(found.score, found.lesion, int(found.lesions.sum()), int(found.images.sum()))
    start, stop = 1 / curve.images, max(curve.false_positives[-1], 1 / curve.images)
    asked = np.append(points, np.geomspace(start, stop, _BAND_POINTS))
    measured = bootstrap.measure(found, asked, settings.draws, settings.seed) if scores.placed else None
    intervals = operating.operating_points(found, asked.tolist(), settings.interval, measured=measured)
    band = intervals[len(points) :]
    model, fault = _model(scores.curve, found)
    return Result(
        scores=scores,
        froc=curve,
        band=Band(asked[len(points) :], np.array([one.low for one in band]), np.array([one.high for one in band])),
        roc=roc(found.score, hits),
        auc=operating.candidates_area(found, settings.interval, measured=measured),
        cpm=cpm(curve),
        points=tuple(OperatingPoint(rate, one) for rate, one in zip(points, intervals, strict=False)),
        measured=None if measured is None else _first(measured, len(points)),
        model=model,
        fault=fault,
    )


def _check(scores: Scores, interval: str) -> None:
    found = scores.detections
    hits = found.lesion >= 0
    if scores.curve == "froc" and not found.lesions.sum():
        raise Error("the split shows no lesion", scores.path, remedy="put a unit with lesions into it")
    if hits.all() or not hits.any():
        kinds = (
            ("positive", "negative") if scores.curve == "roc" else ("candidate that hits a lesion", "false candidate")
        )
        raise Error(f"holds no {kinds[int(hits.all())]}", scores.path, remedy="a curve needs cases of both kinds")
    if interval in ("bootstrap", "delong") and not scores.placed:
        what = "lesions" if scores.unlisted.lesions else "images"
        raise Error(
            f"the unit of {getattr(scores.unlisted, what)} {what} is unknown, and --interval {interval} draws units",
            scores.path,
            remedy=f"give --{what} as a table with the column unit, or --interval idca",
        )
    if interval == "binormal" and scores.curve == "froc":
        raise Error(
            "--interval binormal is for a ROC set", scores.path, remedy="this is an FROC set: --interval idca"
        )
    if interval == "idca" and scores.curve == "roc":
        raise Error(
            "--interval idca is for an FROC set", scores.path, remedy="this is a ROC set: --interval binormal"
        )


def _model(curve: str, found: Detections) -> tuple[Idca | Binormal | None, str]:
    """The fitted curve, or why there is none."""
    try:
        if curve == "roc":
            return binormal.fit(found.score, found.lesion >= 0), ""
        return idca.fit(found.score, found.lesion, int(found.lesions.sum()), int(found.images.sum())), ""
    except Degenerate as fault:
        return None, str(fault)


def _first(measured: Measured, count: int) -> Measured:
    """What was measured at the first `count` of the rates."""
    return dataclasses.replace(
        measured,
        rates=measured.rates[:count],
        sensitivity=measured.sensitivity[:count],
        drawn_sensitivity=measured.drawn_sensitivity[:, :count],
    )
