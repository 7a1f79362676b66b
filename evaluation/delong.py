"""The area under the empirical ROC curve with its variance, of one score or of two on the same cases.

E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 44, 1988; by midranks as X. Sun and W. Xu, IEEE Signal
Process. Lett. 21, 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluation.interval import Interval, exact, logit, quantile


@dataclass(frozen=True)
class Area:
    """The area and its standard error (0 where every positive is above, or below, every negative)."""

    value: float
    deviation: float
    negatives: int
    positives: int

    def interval(self, level: float = 0.95) -> Interval:
        """On the logit scale, which keeps its coverage near 1.

        Where the classes part completely there is no variance to go by: the interval is then the exact binomial one
        of as many trials as the smaller class has cases.
        """
        if self.deviation == 0:
            trials = min(self.negatives, self.positives)
            return exact(round(self.value * trials), trials, level) if self.value in (0, 1) else self._point()
        return logit(self.value, self.deviation, level, "delong")

    def _point(self) -> Interval:
        """One case of either class, tied: no interval."""
        return Interval(self.value, float("nan"), float("nan"), "delong")


@dataclass(frozen=True)
class Difference:
    """Area of one score less that of another on the same cases, with a two-sided test that it is 0.

    deviation : standard error; p_value is nan where it is 0.
    """

    value: float
    deviation: float
    low: float
    high: float
    p_value: float


def area(score: np.ndarray, positive: np.ndarray) -> Area:
    """Area under the curve of a score.

    Parameters
    ----------
    score : (n,) finite; higher speaks for the positive class.
    positive : (n,) booleans, both classes among them.
    """
    of_positives, of_negatives = _placements(score, positive)
    variance = _variance(of_positives) + _variance(of_negatives)
    return Area(float(of_positives.mean()), float(np.sqrt(variance)), len(of_negatives), len(of_positives))


def difference(score: np.ndarray, other: np.ndarray, positive: np.ndarray, level: float = 0.95) -> Difference:
    """Area of `score` less that of `other`, both (n,) on the same cases; see `area`."""
    ours, theirs = _placements(score, positive), _placements(other, positive)
    value = float(ours[0].mean() - theirs[0].mean())
    deviation = float(np.sqrt(sum(_variance(a - b) for a, b in zip(ours, theirs, strict=True))))
    reach = quantile(level) * deviation
    p_value = float(2 * stats.norm.sf(abs(value) / deviation)) if deviation else float("nan")
    return Difference(value, deviation, value - reach, value + reach, p_value)


def _placements(score: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the negatives that each positive beats, and of the positives that beat each negative; ties half."""
    high, low = score[positive], score[~positive]
    ranks = stats.rankdata(np.concatenate([high, low]))
    of_positives = (ranks[: len(high)] - stats.rankdata(high)) / len(low)
    of_negatives = 1 - (ranks[len(high) :] - stats.rankdata(low)) / len(high)
    return of_positives, of_negatives


def _variance(placements: np.ndarray) -> float:
    """Of their mean; 0 where one case shows none."""
    return float(placements.var(ddof=1) / len(placements)) if len(placements) > 1 else 0.0
