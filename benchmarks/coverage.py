"""How often 95 % intervals hold the truth, and how often tests at 5 % reject it, over simulated studies.

    python benchmarks/coverage.py [--studies N] [--draws N] [WORD…]

A line a quantity: the share of the studies whose interval holds the population's own value (one that is off by chance
by more than two standard errors of N studies is 93.6 or 96.4 for 1,000), the share in which the stand-in of
`evaluation.statistics.operating` was given, the mean width. WORDs choose lines that hold one of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from simulated import Candidates, Cases

from evaluation.scoring.scores import Detections
from evaluation.statistics import delong, operating, significance
from evaluation.statistics.bootstrap import measure
from evaluation.statistics.interval import Interval

Asked = Callable[[Detections], Sequence[Interval]]


@dataclass(frozen=True)
class Covered:
    """Of one quantity: shares of the studies, and the mean width of the interval."""

    truth: float
    covered: float
    stand_in: float
    width: float


def coverage(
    population: Candidates | Cases, truths: Sequence[float], asked: Asked, method: str, studies: int, seed: int = 0
) -> list[Covered]:
    """What the intervals that `asked` gives of a study, one for each of `truths`, do over many."""
    generator = np.random.default_rng(seed)
    given = [asked(population.draw(generator)[0]) for _ in range(studies)]
    found = []
    for place, truth in enumerate(truths):
        low, high = (np.array([getattr(study[place], end) for study in given]) for end in ("low", "high"))
        other = np.mean([study[place].method != method for study in given])
        held = (low <= truth) & (truth <= high)  # nan holds nothing
        found.append(Covered(truth, float(held.mean()), float(other), float(np.nanmean(high - low))))
    return found


def rejections(
    population: Candidates | Cases,
    p_values: Callable[[Detections, Detections], Sequence[float]],
    alike: float,
    studies: int,
    seed: int = 0,
) -> np.ndarray:
    """Share of studies in which each p-value of two equal systems is below 0.05."""
    generator = np.random.default_rng(seed)
    return np.mean([np.array(p_values(*population.draw(generator, alike))) < 0.05 for _ in range(studies)], axis=0)


FROC_POINTS = (0.5, 1.0, 3.0)
ROC_POINTS = (0.05, 0.1, 0.2)
ROC = {
    "ROC 400 + 100": Cases(1.6, 0.8, 400, 100),
    "ROC 100 + 25": Cases(1.6, 0.8, 100, 25),
    "ROC 1000 + 25": Cases(1.6, 0.8, 1000, 25),
    "ROC 25 + 25, steep": Cases(2.5, 0.9, 25, 25),
}
FROC = {
    "FROC 120 lesions": Candidates(units=120),
    "FROC 25 lesions": Candidates(units=25),
    "FROC 25 lesions, all reached": Candidates(units=25, detected=0.98),
}
CORRELATED = {
    "FROC 20 units, common 0.3": Candidates(
        units=20, images=20, lesions=5, common=0.3, uneven=0.5, false_candidates=4.0
    ),
    "FROC 60 units, common 0.3": Candidates(
        units=60, images=20, lesions=5, common=0.3, uneven=0.5, false_candidates=4.0
    ),
    "FROC 25 units of 1 lesion": Candidates(
        units=25, images=10, lesions=1, common=0.3, uneven=0.5, false_candidates=4.0
    ),
}


def lines(studies: int, draws: int, words: Sequence[str]) -> None:
    """Print the table."""
    print(f"{'population':<30}{'quantity':<26}{'truth':>7}{'covered':>9}{'stand-in':>10}{'width':>8}{'s':>6}")

    def line(
        name: str, population: Candidates | Cases, what: list[str], truths: list[float], asked: Asked, method: str
    ):
        if words and not any(word in f"{name} {one}" for word in words for one in what):
            return
        start = time.perf_counter()
        rows = coverage(population, truths, asked, method, studies)
        seconds = time.perf_counter() - start
        for quantity, row in zip(what, rows, strict=True):
            print(
                f"{name:<30}{quantity:<26}{row.truth:>7.3f}{100 * row.covered:>8.1f}%{100 * row.stand_in:>9.1f}%"
                f"{row.width:>8.3f}{seconds:>6.0f}",
                flush=True,
            )

    for name, population in ROC.items():
        points = [population.sensitivity(rate) for rate in ROC_POINTS]
        for method in ("binormal", "bootstrap"):
            line(
                name,
                population,
                [f"{method} sens. at {rate:g}" for rate in ROC_POINTS],
                points,
                lambda study, method=method: operating.operating_points(study, ROC_POINTS, method, draws),
                method,
            )
            line(
                name,
                population,
                [f"{method} FPR at 0.8"],
                [population.false_positive_rate(0.8)],
                lambda study, method=method: operating.false_positive_rates(study, (0.8,), method, draws),
                method,
            )
        for method in ("binormal", "delong", "bootstrap"):
            line(
                name,
                population,
                [f"{method} area"],
                [population.area],
                lambda study, method=method: (operating.candidates_area(study, method, draws),),
                method,
            )
    for group, methods in ((FROC, ("idca", "bootstrap")), (CORRELATED, ("bootstrap", "idca"))):
        for name, population in group.items():
            points = [population.sensitivity(rate) for rate in FROC_POINTS]
            for method in methods:
                line(
                    name,
                    population,
                    [f"{method} sens. at {rate:g}" for rate in FROC_POINTS],
                    points,
                    lambda study, method=method: operating.operating_points(study, FROC_POINTS, method, draws),
                    method,
                )
            for method in ("bootstrap", "delong"):
                line(
                    name,
                    population,
                    [f"{method} area"],
                    [population.area],
                    lambda study, method=method: (operating.candidates_area(study, method, draws),),
                    method,
                )


def tests(studies: int, draws: int, words: Sequence[str]) -> None:
    """Print how often equal systems are told apart."""
    print(f"\n{'population':<30}{'test, equal systems':<36}{'p < 0.05':>10}")

    def paired(one: Detections, other: Detections) -> list[float]:
        found = significance.differences(*(measure(study, np.array([0.5, 1.0]), draws) for study in (one, other)))
        return [difference.p_value for difference in (*found.sensitivity, found.auc)]

    def rule(one: Detections, other: Detections) -> list[float]:
        points = [operating.operating_points(study, (1.0,), "idca") for study in (one, other)]
        return [0.0 if significance.intervals_part(a, b) else 1.0 for a, b in zip(*points, strict=True)]

    def areas(one: Detections, other: Detections) -> list[float]:
        return [delong.difference(one.score, other.score, one.lesion >= 0).p_value]

    jobs = [
        *(
            (name, population, ["bootstrap sens. at 0.5", "bootstrap sens. at 1", "bootstrap area"], paired, 0.5)
            for name, population in CORRELATED.items()
        ),
        *((name, population, ["paper's rule at 1, same cases"], rule, 0.5) for name, population in FROC.items()),
        *((name, population, ["delong area"], areas, 0.5) for name, population in ROC.items()),
    ]
    for name, population, what, p_values, alike in jobs:
        if words and not any(word in f"{name} {one}" for word in words for one in what):
            continue
        for quantity, share in zip(what, rejections(population, p_values, alike, studies), strict=True):
            print(f"{name:<30}{quantity:<36}{100 * share:>9.1f}%", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=500, help="of the bootstrap in each study")
    given = parser.parse_args()
    lines(given.studies, given.draws, given.words)
    tests(given.studies, given.draws, given.words)


if __name__ == "__main__":
    sys.exit(main())
