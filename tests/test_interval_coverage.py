"""Intervals hold the truth, and tests keep their level, over simulated studies: a part of benchmarks/coverage.py.

The bounds are 93 to 97 %, and two standard errors of a share of so many studies. Seeds are fixed: a test fails only
when what it measures changes.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evaluation.statistics import delong, significance
from evaluation.statistics.bootstrap import measure
from evaluation.statistics.operating import candidates_area, operating_points

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def loaded(name: str) -> ModuleType:
    """A benchmark, under a name that no installed package has."""
    spec = importlib.util.spec_from_file_location(f"benchmarked_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


sys.path.append(str(BENCHMARKS))
coverage = loaded("coverage")
FEW = 200  # studies, and draws in each, where each study is resampled


def margin(studies: int) -> float:
    return 2 * float(np.sqrt(0.05 * 0.95 / studies))


@pytest.mark.parametrize(
    ("population", "method", "rates"),
    [
        (coverage.ROC["ROC 100 + 25"], "binormal", (0.05, 0.2)),
        (coverage.FROC["FROC 25 lesions"], "idca", (0.5, 1.0, 3.0)),
    ],
    ids=["binormal", "idca"],
)
def test_fitted_operating_points_hold_the_truth(population, method, rates):
    truths = [population.sensitivity(rate) for rate in rates]
    found = coverage.coverage(
        population, truths, lambda study: operating_points(study, rates, method), method, studies=1000, seed=1
    )
    for one in found:
        assert 0.93 - margin(1000) < one.covered < 0.97 + margin(1000)
        assert one.stand_in < 0.01


@pytest.mark.parametrize(("method", "studies"), [("binormal", 500), ("delong", 1000), ("bootstrap", FEW)])
def test_areas_hold_the_truth(method, studies):
    population = coverage.ROC["ROC 100 + 25"]
    (one,) = coverage.coverage(
        population, [population.area], lambda study: [candidates_area(study, method, FEW)], method, studies, seed=1
    )
    assert 0.93 - margin(studies) < one.covered < 0.97 + margin(studies)


def test_bootstrap_by_unit_holds_the_truth_where_candidates_of_a_unit_are_alike():
    population = coverage.CORRELATED["FROC 20 units, common 0.3"]
    truths = [population.sensitivity(rate) for rate in (0.5, 1.0)]
    by_unit, fitted = (
        coverage.coverage(
            population,
            truths,
            lambda study, m=method: operating_points(study, (0.5, 1.0), m, 200),
            method,
            250,
            seed=1,
        )
        for method in ("bootstrap", "idca")
    )
    for one, other in zip(by_unit, fitted, strict=True):
        assert 0.93 - margin(FEW) < one.covered < 0.97 + margin(FEW)
        assert other.covered < one.covered  # the fit takes candidates for independent


def test_paired_bootstrap_keeps_its_level():
    def p_values(one, other):
        found = significance.differences(*(measure(study, np.array([1.0]), FEW) for study in (one, other)))
        return found.sensitivity[0].p_value, found.auc.p_value

    shares = coverage.rejections(coverage.CORRELATED["FROC 20 units, common 0.3"], p_values, 0.5, FEW, seed=1)
    assert np.all(shares < 0.05 + margin(FEW))
    assert np.all(shares > 0.005)


def test_paired_delong_keeps_its_level():
    def p_values(one, other):
        return [delong.difference(one.score, other.score, one.lesion >= 0).p_value]

    (share,) = coverage.rejections(coverage.ROC["ROC 400 + 100"], p_values, 0.5, 500, seed=1)
    assert abs(share - 0.05) < margin(500)
