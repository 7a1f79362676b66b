"""Intervals by resampling whole units, since frames of one video are no independent witnesses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.froc import best_of_lesion
from evaluation.interval import Interval
from evaluation.scores import Detections

_DEFINED = 0.95  # an interval from fewer of the draws than this would speak for the lucky ones only


@dataclass(frozen=True, eq=False)
class Draws:
    """What each draw of the units gave.

    sensitivity : (draws, rates) at the rates asked for; nan where that draw's curve ends before, or has no lesion.
    auc : (draws,) of its candidates; nan where one class is missing.
    """

    sensitivity: np.ndarray
    auc: np.ndarray


def resample(detections: Detections, rates: np.ndarray, draws: int, generator: np.random.Generator) -> Draws:
    """Draw units with replacement, and measure each draw as `froc.sensitivity_at` and `roc.roc` would.

    A draw is a weight for each unit, so nothing is sorted twice: a draw costs two running sums over the
    candidates. Generators of the same seed give the same draws to every run on the same units, which pairs them.

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
        per_image = wrong[ends] / (weight @ detections.images)
        lesions = weight @ detections.lesions
        if lesions:
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


def interval(value: float, draws: np.ndarray, level: float = 0.95) -> Interval:
    """The percentile interval of `draws` (n,) around an estimate.

    Draws in which the quantity is not defined (nan) are left out; when they are more than 5 % there is no interval.
    """
    defined = draws[~np.isnan(draws)]
    if np.isnan(value) or len(defined) < _DEFINED * len(draws) or not len(defined):
        return Interval(value, float("nan"), float("nan"), "bootstrap")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), "bootstrap")
