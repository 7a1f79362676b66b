"""The schedule of Table II: epochs' ends and the rate in them, against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftcaffe.errors import Error
from ftcaffe.nets.solver import Schedule, solver

sizes = st.integers(1, 5000).flatmap(lambda records: st.tuples(st.just(records), st.integers(1, records)))


def _solver(schedule: Schedule, **options):
    return solver(schedule, net="net.prototxt", prefix="run", seed=3, **options)


def _caffe_rate(message, iteration: int) -> float:
    """The rate that Caffe's documentation gives for the two policies."""
    if message.lr_policy == "step":
        return message.base_lr * message.gamma ** (iteration // message.stepsize)
    assert message.lr_policy == "multistep"
    return message.base_lr * message.gamma ** sum(iteration >= value for value in message.stepvalue)


@given(sizes, st.integers(1, 12))
def test_rate_falls_at_the_ends_of_epochs(size, epochs):
    records, batch = size
    schedule = Schedule(records, batch, epochs)
    message = _solver(schedule)
    ends = [math.ceil(Fraction(epoch * records, batch)) for epoch in range(1, epochs + 1)]
    assert message.max_iter == ends[-1]
    for end in ends[:-1]:
        for iteration in (end - 1, end):
            passed = math.floor(Fraction(iteration * batch, records))
            assert _caffe_rate(message, iteration) == pytest.approx(0.001 * 0.95**passed, rel=1e-6)
            assert schedule.rate(iteration) == pytest.approx(0.001 * 0.95**passed, rel=1e-12)


@given(sizes)
def test_step_serves_exactly_when_the_batch_divides(size):
    records, batch = size
    assert _solver(Schedule(records, batch, 3)).lr_policy == ("multistep" if records % batch else "step")


def test_stepvalues_never_repeat_even_with_the_largest_batch():
    """Caffe passes one stepvalue an iteration: a repeated one would lag."""
    values = list(_solver(Schedule(100, 99, 50)).stepvalue)
    assert values == sorted(set(values))


def test_settings_of_the_paper():
    message = _solver(Schedule(1000, 10, 2), weights="w.caffemodel")
    assert (message.type, message.display, message.max_iter, message.snapshot) == ("SGD", 0, 200, 100)
    assert message.momentum == pytest.approx(0.9)
    assert message.gamma == pytest.approx(0.95)
    assert message.weight_decay == pytest.approx(0.0005)
    assert list(message.weights) == ["w.caffemodel"]
    assert not message.test_iter


@pytest.mark.parametrize(("mode", "expected"), [("cpu", 0), ("gpu", 1)])
def test_solver_mode(mode, expected):
    assert _solver(Schedule(10, 5, 1), mode=mode).solver_mode == expected


def test_a_batch_beyond_the_training_set_is_an_error():
    with pytest.raises(Error, match="a batch of 128 is larger than the 100 training patches"):
        Schedule(100, 128, 1)
