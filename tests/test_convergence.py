"""When a run comes within a tolerance of its best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.statistics.convergence import convergence

ITERATION = np.array([10, 20, 50, 100, 200, 500])
AUC = np.array([0.60, 0.85, 0.902, 0.895, 0.91, 0.91])


@pytest.mark.parametrize(
    ("tolerance", "iteration", "value"),
    [(0, 200, 0.91), (0.009, 50, 0.902), (0.1, 20, 0.85), (1, 10, 0.60)],
)
def test_the_first_iteration_within_the_tolerance(tolerance, iteration, value):
    found = convergence(ITERATION, AUC, tolerance)
    assert (found.best, found.best_iteration) == (0.91, 200)  # the first of equal ones
    assert (found.within_iteration, found.within) == (iteration, value)


def test_a_snapshot_without_a_value_is_passed_over():
    found = convergence(ITERATION, np.array([np.nan, 0.85, np.nan, 0.9, np.nan, 0.89]), 0.01)
    assert (found.best_iteration, found.within_iteration) == (100, 100)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_wider_tolerance_is_met_no_later(auc, one, other):
    iteration = np.arange(1, len(auc) + 1)
    strict, loose = (convergence(iteration, np.array(auc), width) for width in sorted((one, other)))
    assert loose.within_iteration <= strict.within_iteration <= strict.best_iteration
    assert all(value < loose.best - loose.tolerance for value in auc[: loose.within_iteration - 1])


@pytest.mark.parametrize(
    ("iteration", "auc", "tolerance", "message"),
    [
        ([1, 2], [0.5], 0.01, "a value for each"),
        ([2, 1], [0.5, 0.6], 0.01, "rising iterations"),
        ([1, 2], [0.5, 0.6], -0.1, "0 or more, not -0.1"),
        ([1, 2], [0.5, 0.6], float("nan"), "0 or more, not nan"),
        ([1, 2], [np.nan, np.nan], 0.01, "no snapshot has a value"),
        ([], [], 0.01, "no snapshot has a value"),
    ],
)
def test_traces_that_have_no_convergence(iteration, auc, tolerance, message):
    with pytest.raises(ValueError, match=message):
        convergence(np.array(iteration), np.array(auc), tolerance)
