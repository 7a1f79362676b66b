"""The numbers of a box plot (J. W. Tukey, Exploratory Data Analysis, 1977)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_REACH = 1.5  # interquartile ranges


@dataclass(frozen=True, eq=False)
class Box:
    """A sample as a box plot shows it.

    count, mean, deviation : of the sample; the deviation (divisor n - 1) of one value is nan.
    low, first, median, third, high : the quartiles, and the whiskers' ends.
    outliers : (m,) values beyond the whiskers, rising.
    """

    count: int
    mean: float
    deviation: float
    low: float
    first: float
    median: float
    third: float
    high: float
    outliers: np.ndarray


def box(values: np.ndarray) -> Box:
    """Quartiles, whiskers and outliers of a sample.

    The whiskers end at the most extreme values within 1.5 interquartile ranges of the quartiles, so always at a value
    that occurs, and never inside the box. Quartiles are interpolated linearly between order statistics (NumPy's and
    R's type 7), which for some sizes are not Tukey's hinges.

    Parameters
    ----------
    values : (n,) finite, n ≥ 1.
    """
    values = np.sort(np.asarray(values, dtype=float))
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError("a box plot needs one or more values, all finite")
    first, median, third = np.percentile(values, [25, 50, 75])
    reach = _REACH * (third - first)
    within = values[(values >= first - reach) & (values <= third + reach)]
    # An interpolated quartile can lie beyond the last value that its whisker may reach.
    low, high = min(within[0], first), max(within[-1], third)
    return Box(
        count=len(values),
        mean=float(values.mean()),
        deviation=float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
        low=float(low),
        first=float(first),
        median=float(median),
        third=float(third),
        high=float(high),
        outliers=values[(values < low) | (values > high)],
    )
