"""What one set of scores says: curves, intervals, operating points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.bootstrap import interval, resample
from evaluation.froc import Froc, froc, sensitivity_at
from evaluation.interval import Interval
from evaluation.roc import Roc, roc
from evaluation.scores import Scores
from ftcaffe.errors import Error

_BAND_POINTS = 80
# Rates that a small set can resolve, beside those of an application's table.
COMMON_RATES = (0.1, 0.5, 1.0)


@dataclass(frozen=True)
class OperatingPoint:
    """Sensitivity at a rate of false positives per image."""

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
    """Curves and intervals of one set of scores."""

    scores: Scores
    froc: Froc
    band: Band
    roc: Roc
    auc: Interval
    points: tuple[OperatingPoint, ...]

    def at(self, rate: float) -> Interval:
        """The sensitivity at one of the operating points."""
        return next(point.sensitivity for point in self.points if point.rate == rate)


def rates(compared: Sequence[Scores], wanted: Sequence[float]) -> tuple[float, ...]:
    """Of the false-positive rates `wanted`, and a few common ones, those that scores of one test set can answer.

    One false positive in the whole set must not exceed the rate, and some curve must reach it.
    """
    images = len(compared[0].images.image)
    most = max(int(np.sum(scores.lesion == "")) for scores in compared) / images
    return tuple(rate for rate in sorted({*wanted, *COMMON_RATES}) if 1 / images <= rate <= most)


def evaluate(scores: Scores, points: Sequence[float], draws: int = 1000, seed: int = 0) -> Result:
    """Curves of `scores` with 95 % intervals from resampling its units.

    Parameters
    ----------
    points : false positives per image at which the sensitivity is asked, see `rates`.
    seed : of the draws; the same for every run, so that all see the same draws.

    Raises
    ------
    Error : no lesions in the split, or no candidates of one kind.
    """
    found = scores.detections
    lesions, hits = int(found.lesions.sum()), found.lesion >= 0
    if not lesions:
        raise Error("the split shows no lesion", scores.path, remedy="put a unit with lesions into it")
    if hits.all() or not hits.any():
        raise Error(
            f"{'no' if not hits.any() else 'every'} candidate hits a lesion",
            scores.path,
            remedy="a curve needs candidates of both kinds",
        )
    curve = froc(found.score, found.lesion, lesions, len(scores.images.image))
    candidates = roc(found.score, hits)
    start, stop = 1 / curve.images, max(curve.false_positives[-1], 1 / curve.images)
    grid = np.geomspace(start, stop, _BAND_POINTS)
    drawn = resample(found, np.append(points, grid), draws, np.random.default_rng(seed))
    values = sensitivity_at(curve, np.append(points, grid))
    intervals = [interval(float(value), drawn.sensitivity[:, index]) for index, value in enumerate(values)]
    band = intervals[len(points) :]
    return Result(
        scores=scores,
        froc=curve,
        band=Band(grid, np.array([one.low for one in band]), np.array([one.high for one in band])),
        roc=candidates,
        auc=interval(candidates.area, drawn.auc),
        points=tuple(OperatingPoint(rate, one) for rate, one in zip(points, intervals, strict=False)),
    )
