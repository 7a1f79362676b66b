"""Splits: whole units, lesions in each part, nested reductions, balanced classes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep import splits
from ftcaffe.errors import Error


def units(bearing, free):
    return {f"u{i:02d}": i < bearing for i in range(bearing + free)}


def rng(seed=0):
    return np.random.default_rng(seed)


@given(
    bearing=st.integers(3, 40), free=st.integers(0, 40), fraction=st.floats(0.05, 0.95), seed=st.integers(0, 2**32)
)
@settings(max_examples=60, deadline=None)
def test_every_unit_is_in_one_split_and_every_split_has_lesions(bearing, free, fraction, seed):
    lesions = units(bearing, free)
    found = splits.assign(lesions, fraction, rng(seed))
    assert set(found) == set(lesions)
    for split in splits.SPLITS:
        assert any(lesions[unit] for unit in found if found[unit] == split)
    assert found == splits.assign(lesions, fraction, rng(seed))


def test_half_of_the_units_test_and_a_fifth_of_the_rest_validates():
    lesions = units(20, 20)
    found = splits.assign(lesions, 0.5, rng())
    assert Counter((split, lesions[unit]) for unit, split in found.items()) == {
        (split, kind): n for split, n in (("train", 8), ("val", 2), ("test", 10)) for kind in (True, False)
    }


@pytest.mark.parametrize(("bearing", "free"), [(0, 5), (1, 5), (2, 0), (2, 20)])
def test_too_few_units_with_lesions_are_an_error(bearing, free):
    told = rf"leaves the (train|val|test) split without a unit that shows what is looked for \({bearing} of "
    with pytest.raises(Error, match=told + rf"{bearing + free} do\); each of train, val and test needs one"):
        splits.assign(units(bearing, free), 0.5, rng())


def test_given_splits_are_kept(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("unit,split\nu00,train\nu01,test\nu02,val\nu03,train\n")
    given_splits = splits.read(path)
    assert splits.assign(units(3, 1), 0.5, rng(), given_splits, path) == given_splits


def test_validation_is_drawn_from_training_where_none_is_given():
    given_splits = {f"u{i:02d}": "test" if i % 2 else "train" for i in range(20)}
    found = splits.assign(units(20, 0), 0.5, rng(), given_splits)
    assert [u for u in found if found[u] == "test"] == [u for u in given_splits if given_splits[u] == "test"]
    assert Counter(found.values()) == {"train": 8, "val": 2, "test": 10}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("unit,split\nu0,train\nu0,test\n", r"splits\.csv:3: puts unit 'u0' in two splits, train and test"),
        ("unit,split\nu0,training\n", r"splits\.csv:2: 'training' is no split; write one of train, val, test"),
        ("unit\nu0\n", r"splits\.csv:1: lacks the column split"),
    ],
)
def test_faults_of_a_table_of_splits(tmp_path, content, message):
    path = tmp_path / "splits.csv"
    path.write_text(content)
    with pytest.raises(Error, match=message):
        splits.read(path)


@pytest.mark.parametrize(
    ("given_splits", "message"),
    [
        ({"u00": "train", "u01": "test"}, r"gives no split for unit 'u02'"),
        ({"u00": "train", "u01": "test", "u02": "val", "x": "val"}, r"names unit 'x', which is not in the source"),
    ],
)
def test_given_splits_name_the_units_of_the_source(given_splits, message):
    with pytest.raises(Error, match=message):
        splits.assign(units(3, 0), 0.5, rng(), given_splits)


@given(bearing=st.integers(1, 40), free=st.integers(0, 40), seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_reduced_sets_are_nested_and_keep_a_lesion(bearing, free, seed):
    lesions = units(bearing, free)
    kept = splits.nested(lesions, (1.0, 0.5, 0.25, 0.05), rng(seed))
    assert kept[1.0] == set(lesions)
    assert kept[0.05] <= kept[0.25] <= kept[0.5] <= kept[1.0]
    for fraction, names in kept.items():
        assert any(lesions[name] for name in names)
        assert sum(map(lesions.get, names)) == max(1, round(fraction * bearing))


@pytest.mark.parametrize(
    ("negative", "positive", "total", "each"),
    [(900, 100, 10_000, 100), (100, 900, 10_000, 100), (900, 800, 1000, 500), (50, 50, 100, 50), (3, 90, 5, 2)],
)
def test_the_larger_class_is_sampled_down_and_the_smaller_kept_whole(negative, positive, total, each):
    labels = np.repeat([0, 1], [negative, positive])
    kept = splits.balance(labels, total, rng())
    assert np.bincount(labels[kept]).tolist() == [each, each]
    assert np.array_equal(kept, np.unique(kept))


def test_the_sample_is_drawn_at_random():
    labels = np.repeat([0, 1], [1000, 100])
    kept = [splits.balance(labels, 1000, rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(kept[0], kept[1])
    assert not np.array_equal(kept[0], kept[2])
    # 100 of 1000 drawn at random have a mean place of 500 with a deviation of about 27.
    assert abs(kept[0][labels[kept[0]] == 0].mean() - 500) < 120
