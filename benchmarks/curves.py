"""Speed of a fitted FROC curve and of resampling one, beside a general optimiser and scikit-learn in a loop.

    OMP_NUM_THREADS=1 python benchmarks/curves.py [--candidates N] [--draws N]

The optimiser maximises the same likelihood of the same categories by BFGS. The loop makes each draw's candidates
anew and gives them to `sklearn.metrics.roc_curve`; it is timed over 20 draws and said for all. Medians of three.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy import optimize
from scipy.special import ndtr
from simulated import Candidates
from sklearn import metrics

from evaluation.statistics import binormal, idca
from evaluation.statistics.bootstrap import resample
from evaluation.statistics.detections import Detections
from evaluation.statistics.froc import CPM_RATES, best_of_lesion

_LOOPED = 20


def seconds(call: Callable[[], object]) -> float:
    """Median of three, after one to warm up."""
    call()
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def study(candidates: int) -> Detections:
    """About so many candidates of 40 videos."""
    return Candidates(units=40, images=candidates // 400, lesions=10, common=0.2).draw(np.random.default_rng(0))[0]


def optimised(found: Detections) -> None:
    """The same curve by a general optimiser."""
    index = best_of_lesion(found.score, found.lesion)[0]
    rated = np.append(found.score[index], found.score[found.lesion < 0])
    k, m = binormal.binned(rated, np.arange(len(rated)) < len(index), binormal.CATEGORIES)

    def loss(free: np.ndarray) -> float:
        t = np.concatenate([[-np.inf], np.cumsum(np.append(free[2], np.exp(free[3:]))), [np.inf]])
        cells = (np.diff(ndtr(t)), np.diff(ndtr(np.exp(free[1]) * t - free[0])))
        return -float(
            sum(count @ np.log(np.maximum(cell, 1e-300)) for count, cell in zip((k, m), cells, strict=True))
        )

    optimize.minimize(loss, np.concatenate([[1.0, 0.0, -0.5], np.full(len(k) - 2, -1.5)]), method="BFGS")


def looped(found: Detections, rates: np.ndarray) -> None:
    """Draws of units, one after the other."""
    generator, units = np.random.default_rng(0), len(found.images)
    rows = [np.flatnonzero(found.unit == unit) for unit in range(units)]
    for _ in range(_LOOPED):
        drawn = generator.integers(units, size=units)
        taken = np.concatenate([rows[unit] for unit in drawn])
        hit = found.lesion[taken] >= 0
        false, true, _ = metrics.roc_curve(hit, found.score[taken])
        per_image = false * (~hit).sum() / found.images[drawn].sum()
        true[np.searchsorted(per_image, rates, side="right") - 1] * hit.sum() / found.lesions[drawn].sum()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--candidates", type=int, default=20_000, help="resampled; half as many are fitted")
    parser.add_argument("--draws", type=int, default=2000)
    given = parser.parse_args()
    half, whole = study(given.candidates // 2), study(given.candidates)
    rates = np.array(CPM_RATES)
    lesions, images = int(half.lesions.sum()), int(half.images.sum())
    ours = seconds(lambda: idca.fit(half.score, half.lesion, lesions, images))
    theirs = seconds(lambda: optimised(half))
    print(f"IDCA fit, {len(half.score)} candidates: {ours:.4f} s; by BFGS {theirs:.3f} s, {theirs / ours:.0f} times")
    ours = seconds(lambda: resample(whole, rates, given.draws, np.random.default_rng(0)))
    theirs = seconds(lambda: looped(whole, rates)) * given.draws / _LOOPED
    print(
        f"{given.draws} draws of {len(whole.images)} units, {len(whole.score)} candidates: {ours:.2f} s; "
        f"in a loop {theirs:.1f} s, {theirs / ours:.0f} times"
    )


if __name__ == "__main__":
    main()
