"""Every case: the engine's numbers against BVLC Caffe's, live where there is one, else recorded."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from parity import cases, oracle
from parity.recording import RECORDED

LAYERS, TRAINING = cases.layer_cases(), cases.training_cases()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("parity")
    cases.write(place, LAYERS | TRAINING)
    return place


@pytest.fixture(scope="session")
def found(folder):
    return oracle.engine(folder)


@pytest.fixture(scope="session")
def recorded():
    with np.load(RECORDED) as stored:
        return dict(stored)


@pytest.fixture(scope="session")
def expected(folder, recorded):
    return recorded if oracle.root() is None else oracle.original(folder)


def deviations(case, found, expected):
    keys = [key for key in expected if key.split(":")[0] == case]
    assert keys, f"nothing is recorded for {case}: run tests/parity/recording.py"
    assert set(keys) == {key for key in found if key.split(":")[0] == case}
    return {key: oracle.deviation(found[key], expected[key]) for key in keys}


@pytest.mark.parametrize("case", LAYERS)
def test_layer_equals_caffe(case, found, expected):
    for key, value in deviations(case, found, expected).items():
        assert value <= 1e-6, key


@pytest.mark.parametrize("case", TRAINING)
def test_training_equals_caffe(case, found, expected):
    for key, value in deviations(case, found, expected).items():
        assert value <= (1e-4 if key.endswith(":losses") else 1e-3), key


@pytest.mark.parametrize("case", TRAINING)
def test_what_training_changes_equals_caffe(case, found, expected):
    """A stricter look than at the weights themselves, most of whose value was there before."""
    for key in [key for key in expected if key.startswith(f"{case}:before/")]:
        before, after = expected[key], key.replace("before", "after") + "/0"
        change = np.abs(expected[after] - before).max()
        assert np.abs(found[after] - expected[after]).max() <= 0.02 * change, key


@pytest.mark.parametrize("case", [name for name in TRAINING if name.endswith("-fc8")])
def test_frozen_layers_are_untouched(case, found):
    frozen = ["conv1", "conv2"] if "conv3" in case else ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    for layer in frozen:
        np.testing.assert_array_equal(found[f"{case}:after/{layer}/0"], found[f"{case}:before/{layer}"])


@pytest.mark.oracle
def test_recording_is_current(expected, recorded):
    assert set(expected) == set(recorded)
    for key, array in expected.items():
        limit = 1e-4 if key.endswith(":losses") else 1e-3 if ":after/" in key else 1e-6
        assert oracle.deviation(recorded[key], array) <= limit, key
