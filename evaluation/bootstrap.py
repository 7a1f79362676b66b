"""Intervals by resampling whole units, since frames of one video are no independent witnesses."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from scipy.special import ndtr, stdtrit

from evaluation.froc import CPM_RATES, best_of_lesion, froc, sensitivity_at
from evaluation.interval import Interval
from evaluation.roc import roc
from evaluation.scores import Detections

DEFINED = 0.95  # an interval from fewer of the draws than this would speak for the lucky ones only


@dataclass(frozen=True, eq=False)
class Draws:
    """What each draw of the units gave.

    sensitivity : (draws, rates) at the rates asked for; nan where that draw's curve ends before, or has no lesion.
    auc : (draws,) of its candidates; nan where one class is missing.
    """

    sensitivity: np.ndarray
    auc: np.ndarray


@dataclass(frozen=True, eq=False)
class Measured:
    """Quantities of one set of scores, and the same of each draw of its units.

    rates : (r,) false positives per image.
    sensitivity : (r,) at these, nan where not reached; drawn_sensitivity : (draws, r).
    auc, cpm : of the candidates and of the curve, nan where not defined; drawn_auc, drawn_cpm : (draws,).
    lesions, images : (units,) of each unit. seed : of the draws.
    """

    rates: np.ndarray
    sensitivity: np.ndarray
    auc: float
    cpm: float
    drawn_sensitivity: np.ndarray
    drawn_auc: np.ndarray
    drawn_cpm: np.ndarray
    lesions: np.ndarray
    images: np.ndarray
    seed: int


def measure(detections: Detections, rates: np.ndarray, draws: int = 2000, seed: int = 0) -> Measured:
    """Sensitivity at `rates`, AUC of the candidates and CPM, of the scores and of each draw of their units.

    The same `seed` gives the same draws to every run on the same units: that is what pairs two of them.
    """
    rates = np.asarray(rates, dtype=float)
    asked = np.append(rates, CPM_RATES)
    drawn = resample(detections, asked, draws, np.random.default_rng(seed))
    hits = detections.lesion >= 0
    curve = froc(detections.score, detections.lesion, int(detections.lesions.sum()), int(detections.images.sum()))
    found = sensitivity_at(curve, asked)
    return Measured(
        rates=rates,
        sensitivity=found[: len(rates)],
        auc=roc(detections.score, hits).area if 0 < hits.sum() < len(hits) else float("nan"),
        cpm=float(found[len(rates) :].mean()),
        drawn_sensitivity=drawn.sensitivity[:, : len(rates)],
        drawn_auc=drawn.auc,
        drawn_cpm=drawn.sensitivity[:, len(rates) :].mean(axis=1),
        lesions=detections.lesions,
        images=detections.images,
        seed=seed,
    )


def resample(detections: Detections, rates: np.ndarray, draws: int, generator: np.random.Generator) -> Draws:
    """Draw units with replacement, and measure each draw as `froc.sensitivity_at` and `roc.roc` would.

    A draw is a weight for each unit, so nothing is sorted twice: a draw costs two running sums over the
    candidates.

    Parameters
    ----------
    rates : (r,) false positives per image.
    """
    score, lesion, unit = detections.score, detections.lesion, detections.unit
    units = len(detections.images)
    best, best_score = best_of_lesion(score, lesion)
    order = np.argsort(-best_score, kind="stable")
    hit_unit, hit_score = unit[best][order], best_score[order]
    false = np.flatnonzero(lesion < 0)
    false = false[np.argsort(-score[false], kind="stable")]
    false_unit, false_score = unit[false], score[false]
    # The curve can change where a run of equal false scores ends; before the next one it gathers all higher hits.
    ends = np.append(0, np.flatnonzero(np.diff(false_score, append=-np.inf)) + 1)
    following = np.append(false_score, -np.inf)[ends]
    above = len(hit_score) - np.searchsorted(hit_score[::-1], following, side="right")

    positive = np.flatnonzero(lesion >= 0)
    ascending = false_score[::-1]
    lower = np.searchsorted(ascending, score[positive], side="left")
    not_higher = np.searchsorted(ascending, score[positive], side="right")

    sensitivity, auc = np.full((draws, len(rates)), np.nan), np.full(draws, np.nan)
    for draw in range(draws):
        weight = generator.multinomial(units, np.full(units, 1 / units))
        wrong = np.append(0, np.cumsum(weight[false_unit]))
        lesions, images = weight @ detections.lesions, weight @ detections.images
        if lesions and images:
            per_image = wrong[ends] / images
            found = np.append(0, np.cumsum(weight[hit_unit]))[above] / lesions
            point = np.searchsorted(per_image, rates, side="right") - 1
            sensitivity[draw] = np.where(rates <= per_image[-1], found[point], np.nan)
        of_positive = weight[unit[positive]]
        pairs = of_positive.sum() * wrong[-1]
        if pairs:
            # Running sums descend by score: those below are the total less those at or above.
            below = wrong[-1] - wrong[::-1][lower], wrong[-1] - wrong[::-1][not_higher]
            auc[draw] = of_positive @ (below[0] + below[1]) / (2 * pairs)
    return Draws(sensitivity, auc)


def interval(value: float, draws: np.ndarray, level: float = 0.95, units: float = inf) -> Interval:
    """The percentile interval of `draws` (n,) around an estimate.

    Draws in which the quantity is not defined (nan) are left out; when they are more than 5 % there is no interval.

    Parameters
    ----------
    units : how many there are. Resampling n units shows (n - 1) / n of the variance, and takes it for known: the
        percentiles are moved outwards to Φ(∓ √(n / (n - 1)) · t), t the quantile of Student's distribution with
        n - 1 degrees of freedom (T. C. Hesterberg, Am. Stat. 69, 2015, "expanded percentile").
    """
    defined = draws[~np.isnan(draws)]
    if np.isnan(value) or len(defined) < DEFINED * len(draws) or not len(defined):
        return Interval(value, float("nan"), float("nan"), "bootstrap")
    tail = _tail(level, units)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(value, float(low), float(high), "bootstrap")


def _tail(level: float, units: float) -> float:
    """Share of the draws beyond either end of the interval."""
    if units == inf:
        return (1 - level) / 2
    if units < 2:
        return 0.0
    return float(ndtr(np.sqrt(units / (units - 1)) * stdtrit(units - 1, (1 - level) / 2)))
