"""Whether two methods differ: the paper's rule, and paired tests that are told apart from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import stdtr

from evaluation.statistics import bootstrap
from evaluation.statistics.bootstrap import Measured
from evaluation.statistics.interval import Difference, Interval, quantile


def intervals_part(one: Interval, other: Interval) -> bool:
    """The paper's rule: two curves differ at an operating point when their 95 % intervals there do not overlap.

    It is no test at the 5 % level: where both intervals are equally wide, independent curves that do not differ part
    in 0.6 % of studies, and it does not see that both curves are of the same cases. Never where one is not reached.
    """
    return one.defined and other.defined and not one.overlaps(other)


_NONE = Difference(np.nan, np.nan, np.nan, np.nan, np.nan, "bootstrap")


@dataclass(frozen=True)
class Differences:
    """A pair of curves.

    sensitivity : one of each rate. auc : of the candidates. cpm : see `froc.cpm`.
    """

    sensitivity: tuple[Difference, ...]
    auc: Difference
    cpm: Difference


def differences(one: Measured, other: Measured, level: float = 0.95) -> Differences:
    """Paired bootstrap by unit of `one` less `other`: both were measured on the same draws of the same units.

    Raises
    ------
    ValueError : they were not: other units, rates, draws or seeds.
    """
    for name in ("rates", "lesions", "images", "seed"):
        if not np.array_equal(getattr(one, name), getattr(other, name)):
            raise ValueError(f"a paired test needs the same {name} in both")
    if len(one.drawn_auc) != len(other.drawn_auc):
        raise ValueError("a paired test needs as many draws in both")
    units = len(one.lesions)
    return Differences(
        sensitivity=tuple(
            difference(float(ours - theirs), drawn, units, level)
            for ours, theirs, drawn in zip(
                one.sensitivity, other.sensitivity, (one.drawn_sensitivity - other.drawn_sensitivity).T, strict=True
            )
        ),
        auc=difference(one.auc - other.auc, one.drawn_auc - other.drawn_auc, units, level),
        cpm=difference(one.cpm - other.cpm, one.drawn_cpm - other.drawn_cpm, units, level),
    )


def difference(value: float, draws: np.ndarray, units: int, level: float = 0.95) -> Difference:
    """A difference in [-1, 1] from its draws (n,), nan where not defined in the draw.

    The draws' standard deviation s gives the standard error s · √(u / (u - 1)) of u units, and Student's distribution
    with u - 1 degrees of freedom the interval and the p-value. Percentiles would give no p-value below 2 / (n + 1),
    so that a correction for a few hundred comparisons left nothing, and on sensitivities, which take few values, a
    test of 1 to 2 %: this one keeps 2 to 5 % (``benchmarks/coverage.py``).

    Where all draws are equal, p is that of a sign test over the units. One unit shows no variance over units: the
    interval is [-1, 1] and p is 1. All is nan where a curve does not reach the operating point, in the data or in
    more than 5 % of the draws.
    """
    defined = draws[~np.isnan(draws)]
    if np.isnan(value) or len(defined) < max(2, bootstrap.DEFINED * len(draws)):
        return _NONE
    if units < 2:
        return Difference(value, float("nan"), -1.0, 1.0, 1.0, "bootstrap")
    if np.ptp(defined) == 0:
        return Difference(value, 0.0, value, value, 1.0 if value == 0 else 2 * 0.5**units, "bootstrap")
    deviation = float(defined.std(ddof=1)) * np.sqrt(units / (units - 1))
    reach = quantile(level, units - 1) * deviation
    p_value = float(2 * stdtr(units - 1, -abs(value) / deviation))
    return Difference(value, deviation, max(-1.0, value - reach), min(1.0, value + reach), p_value, "bootstrap")


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values corrected for their number (S. Holm, Scand. J. Stat. 6, 1979); nan is no test, and stays.

    The i-th smallest of m becomes the largest of (m - j + 1) · p_j over j ≤ i, at most 1.
    """
    given = np.asarray(p_values, dtype=float)
    tests = np.flatnonzero(~np.isnan(given))
    order = tests[np.argsort(given[tests], kind="stable")]
    corrected = given.copy()
    corrected[order] = np.minimum(1, np.maximum.accumulate(given[order] * np.arange(len(order), 0, -1)))
    return tuple(corrected.tolist())


@dataclass(frozen=True)
class PairedErrors:
    """Errors of two methods on the same regions, the first less the second.

    regions : how many. mean, low, high : of the differences, with Student's interval.
    t_test : p-value of the paired t-test. wilcoxon : of the signed-rank test.
    """

    regions: int
    mean: float
    low: float
    high: float
    t_test: float
    wilcoxon: float


_EXACT = 50  # regions; the signed-rank distribution is taken as normal from here on, as R does


def paired_errors(error: np.ndarray, other: np.ndarray, level: float = 0.95) -> PairedErrors:
    """Two-sided tests that two methods err alike (the paper's Table S4, which does not say its test).

    The signed-rank test leaves out regions without a difference; it is exact below 50 regions when no two
    differences are equal and none is 0, otherwise normal with continuity correction. p-values are 1 where no region
    differs.

    Parameters
    ----------
    error, other : (n,) finite, of the same regions in the same order, n ≥ 2.
    """
    error, other = np.asarray(error, dtype=float), np.asarray(other, dtype=float)
    if error.shape != other.shape or error.ndim != 1 or len(error) < 2:
        raise ValueError(f"paired errors are of the same two or more regions, not {error.shape} and {other.shape}")
    gap = error - other
    mean, deviation = float(gap.mean()), float(gap.std(ddof=1) / np.sqrt(len(gap)))
    reach = quantile(level, len(gap) - 1) * deviation
    if not gap.any():
        return PairedErrors(len(gap), mean, mean, mean, 1.0, 1.0)
    size = np.abs(gap)
    plain = len(gap) < _EXACT and (gap != 0).all() and len(np.unique(size)) == len(gap)
    signed_rank = stats.wilcoxon(gap, correction=not plain, method="exact" if plain else "approx")
    t_test = float(stats.ttest_rel(error, other).pvalue)
    return PairedErrors(len(gap), mean, mean - reach, mean + reach, t_test, float(signed_rank.pvalue))
