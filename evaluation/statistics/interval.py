"""An estimate with its interval, and how an interval is had from a standard error or from counts."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from scipy.special import betaincinv, expit, ndtr, ndtri, stdtrit


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; `low` and `high` are nan where the data do not support one.

    method : ``bootstrap``, ``delong``, ``binormal`` or ``idca``, or ``exact`` where that gave none.
    """

    value: float
    low: float
    high: float
    method: str = ""

    @property
    def defined(self) -> bool:
        """Whether there is an estimate and an interval."""
        return not np.isnan([self.value, self.low, self.high]).any()

    def percent(self, of: str = "") -> str:
        """`71 % [62, 79]`, or `71 % of the lesions [62, 79]` with `of` between.

        Without the interval where there is none, `not reached` where there is no estimate.
        """
        if np.isnan(self.value):
            return "not reached"
        value = f"{100 * self.value:.0f} %{f' {of}' if of else ''}"
        return f"{value} [{100 * self.low:.0f}, {100 * self.high:.0f}]" if self.defined else value

    def decimal(self) -> str:
        """`0.871 [0.802, 0.922]`; without the interval where there is none."""
        value = f"{self.value:.3f}"
        return f"{value} [{self.low:.3f}, {self.high:.3f}]" if self.defined else value

    def overlaps(self, other: Interval) -> bool:
        """Whether the two intervals share a value, or one of them is not defined."""
        return not (self.defined and other.defined) or (self.low <= other.high and other.low <= self.high)


@dataclass(frozen=True)
class Difference:
    """One quantity of two curves on the same cases: the first less the second, and a two-sided test that it is 0.

    value, low, high : the difference and its interval, all nan where a curve does not reach the operating point.
    deviation : its standard error.
    p_value : two-sided, in (0, 1]; nan where the difference is.
    test : ``bootstrap`` (by unit, paired) or ``delong``.
    """

    value: float
    deviation: float
    low: float
    high: float
    p_value: float
    test: str


def quantile(level: float, freedom: float = inf) -> float:
    """The deviate that bounds a two-sided interval, 1.96 for 0.95: Student's, or the normal one by default."""
    tail = (1 - level) / 2
    return -float(ndtri(tail) if freedom == inf else stdtrit(freedom, tail))


def normal_density(z: np.ndarray | float) -> np.ndarray:
    """Of the standard normal distribution; 0 at infinity."""
    return np.exp(-0.5 * np.square(z)) / np.sqrt(2 * np.pi)


def probit(z: float, deviation: float, level: float, method: str) -> Interval:
    """Of Φ(z), from z and its standard error; its ends stay within (0, 1)."""
    reach = quantile(level) * deviation
    return Interval(float(ndtr(z)), float(ndtr(z - reach)), float(ndtr(z + reach)), method)


def logit(value: float, deviation: float, level: float, method: str, freedom: float = inf) -> Interval:
    """Of a value in (0, 1) with its standard error, on the scale log(value / (1 - value)) (delta method).

    freedom : degrees of freedom that the standard error has.
    """
    reach = quantile(level, freedom) * deviation / (value * (1 - value))
    centre = np.log(value / (1 - value))
    return Interval(value, float(expit(centre - reach)), float(expit(centre + reach)), method)


def exact(found: float, of: int, level: float = 0.95) -> Interval:
    """Of a proportion, from the binomial distribution (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934).

    Its ends are quantiles of beta distributions, so `found` need not be whole: an area under a ROC curve is the
    share of pairs won, with ties by half.
    """
    tail = (1 - level) / 2
    low = float(betaincinv(found, of - found + 1, tail)) if found > 0 else 0.0
    high = float(betaincinv(found + 1, of - found, 1 - tail)) if found < of else 1.0
    return Interval(found / of, low, high, "exact")
