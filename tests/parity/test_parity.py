"""Every case: the engine's numbers against BVLC Caffe's, live where there is one, else recorded."""

from __future__ import annotations

import functools

import numpy as np
import pytest

pytest.importorskip("torch")

from parity import cases, folder, oracle
from parity.recording import RECORDED

ALL = [(family, case, what) for family in cases.FAMILIES for case, what in cases.of(family).items()]
LAYERS = [pytest.param(f, c, w, id=f"{f}-{c}") for f, c, w in ALL if "text" in w]
TRAINING = [pytest.param(f, c, w, id=f"{f}-{c}") for f, c, w in ALL if "rule" in w]


@pytest.fixture(scope="session")
def computed(tmp_path_factory):
    """(found, expected) of a family: by the engine and by the original, each family run once."""

    @functools.cache
    def of(family):
        place = tmp_path_factory.mktemp(family)
        folder.write(place, cases.of(family))
        return oracle.engine(place), recorded(family) if oracle.root() is None else oracle.original(place)

    return of


def recorded(family):
    with np.load(RECORDED / f"{family}.npz") as stored:
        return dict(stored)


def deviations(case, found, expected):
    keys = [key for key in expected if key.split(":")[0] == case]
    assert keys, f"nothing is recorded for {case}: run tests/parity/recording.py"
    assert set(keys) == {key for key in found if key.split(":")[0] == case}
    return {key: oracle.deviation(found[key], expected[key]) for key in keys}


@pytest.mark.parametrize(("family", "case", "what"), LAYERS)
def test_layer_equals_caffe(family, case, what, computed):
    """Parameters as filled are the original's to the last bit."""
    for key, value in deviations(case, *computed(family)).items():
        assert value <= (0 if ":filled/" in key else what.get("tolerance", 1e-6)), key


@pytest.mark.parametrize(("family", "case", "what"), TRAINING)
def test_training_equals_caffe(family, case, what, computed):
    for key, value in deviations(case, *computed(family)).items():
        assert value <= (0 if ":before/" in key else 1e-4 if key.endswith(":losses") else 1e-3), key


@pytest.mark.parametrize(("family", "case", "what"), TRAINING)
def test_what_training_changes_equals_caffe(family, case, what, computed):
    """A stricter look than at the weights themselves, most of whose value was there before."""
    found, expected = computed(family)
    for key in [key for key in expected if key.startswith(f"{case}:before/")]:
        before, after = expected[key], key.replace("before", "after") + "/0"
        change = np.abs(expected[after] - before).max()
        assert np.abs(found[after] - expected[after]).max() <= 0.02 * change, key


@pytest.mark.parametrize("case", [case for case in cases.of("alexnet") if case.endswith("-fc8")])
def test_frozen_layers_are_untouched(case, computed):
    found, _ = computed("alexnet")
    frozen = ["conv1", "conv2"] if "conv3" in case else ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    for layer in frozen:
        np.testing.assert_array_equal(found[f"{case}:after/{layer}/0"], found[f"{case}:before/{layer}"])


@pytest.mark.oracle
@pytest.mark.parametrize("family", cases.FAMILIES)
def test_recording_is_current(family, computed):
    """Another build of the original than the recorded one parts from it by the rounding of its sums."""
    stored, (_, expected) = recorded(family), computed(family)
    assert set(expected) == set(stored)
    for key, array in expected.items():
        limit = 1e-4 if key.endswith(":losses") else 1e-3 if ":after/" in key else 5e-6
        assert oracle.deviation(stored[key], array) <= limit, key
