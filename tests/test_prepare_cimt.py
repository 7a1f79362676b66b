"""`ftcaffe prepare cimt`: classes of pixels, regions, and a data set that is balanced over three classes."""

from __future__ import annotations

import csv
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import carotid_sets as sets
import numpy as np
import pytest

from data_prep import walls
from ftcaffe.command import main
from ftcaffe.store import datum, lmdb, mean, regions
from ftcaffe.store.window import window


def test_classes_are_bands_about_each_interface_and_background_far_from_both():
    """By the definition, pixel by pixel; the last column was not traced."""
    truth = np.array([[20.0, 20.4, 21.6, np.nan], [34.0, 33.5, 23.0, np.nan]])
    found = walls.classes(truth, 60, band=2, far=6)
    for column in range(3):
        li, ma = np.round(truth[:, column])
        for row in range(60):
            near = min(abs(row - li), abs(row - ma))
            if near <= 2:
                expected = walls.MA if abs(row - ma) <= abs(row - li) else walls.LI
            else:
                expected = walls.BACKGROUND if near >= 6 else walls.UNLABELLED
            assert found[row, column] == expected
    assert (found[:, 3] == walls.UNLABELLED).all()
    assert [(found[:, 0] == label).sum() for label in (walls.LI, walls.MA)] == [5, 5]


def test_background_is_drawn_in_equal_parts_from_above_between_and_below():
    truth = np.stack([np.full(92, 20.0), np.full(92, 40.0)])
    label = walls.classes(truth, 60, 2, 6)
    found = walls.sampled(label, truth, label.size, np.random.default_rng(0))
    assert Counter(found[:, 2].tolist()) == {walls.LI: 460, walls.MA: 460, walls.BACKGROUND: 460}
    row = found[found[:, 2] == walls.BACKGROUND, 0]
    parts = [(row < 20).sum(), ((row > 20) & (row < 40)).sum(), (row > 40).sum()]
    assert sorted(parts) == [153, 153, 154]
    assert all(label[y, x] == which for y, x, which in found)
    assert len(np.unique(found[:, :2], axis=0)) == len(found)


def test_what_a_thin_wall_lacks_of_background_the_rest_gives():
    truth = np.stack([np.full(92, 20.0), np.full(92, 30.0)])  # nothing between is 6 pixels from both
    label = walls.classes(truth, 60, 2, 6)
    found = walls.sampled(label, truth, 100, np.random.default_rng(0))
    row = found[found[:, 2] == walls.BACKGROUND, 0]
    assert [(row < 20).sum(), (row > 30).sum()] == [50, 50]
    assert Counter(found[:, 2].tolist()) == {walls.LI: 100, walls.MA: 100, walls.BACKGROUND: 100}


@pytest.mark.parametrize(
    ("length", "count", "expected"), [(300, 3, 3), (300, 5, 3), (184, 3, 2), (100, 3, 1), (50, 3, 1)]
)
def test_regions_lie_within_the_stretch_and_apart(length, count, expected):
    truth = np.full((2, 400), np.nan)
    truth[:, 30 : 30 + length] = [[100.0], [115.0]]
    found = walls.placed(truth, 200, (92, 60), count)
    assert len(found) == expected
    width = min(92, length)
    assert all(box[1:] == (78, width, 60) for box in found)
    starts = [box[0] for box in found]
    assert min(starts) >= 30
    assert max(starts) + width <= 30 + length
    assert all(right - left >= width for left, right in pairwise(starts))


def test_a_steep_wall_gets_a_higher_region_that_stays_in_the_image():
    truth = np.stack([np.linspace(30, 110, 92), np.linspace(45, 125, 92)])
    ((x, y, width, height),) = walls.placed(truth, 140, (92, 60), 3)
    assert (x, width) == (0, 92)
    assert y <= 30 - 10
    assert y + height >= 125 + 10
    assert y >= 0
    assert y + height <= 140


ARGUMENTS = ("--scale", "tiny", "--regions", "1", "--total", "600", "--fractions", "0.5", "--test-pixels", "7")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return sets.clinical(tmp_path_factory.mktemp("source"), 6)


def prepare(source: Path, work: Path, *arguments: str) -> int:
    return main(["prepare", "cimt", str(source), "--work", str(work), "--jobs", "1", *ARGUMENTS, *arguments])


@pytest.fixture(scope="module")
def data(source, tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    assert prepare(source, work) == 0
    return work / "data" / "cimt"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_training_and_validation_are_balanced_over_three_classes(data):
    manifest = rows(data / "manifest.csv")
    counts = {split: Counter(row["label"] for row in manifest if row["split"] == split) for split in ("train", "val")}
    assert counts == {"train": {"0": 160, "1": 160, "2": 160}, "val": {"0": 40, "1": 40, "2": 40}}
    test = Counter((row["image"], row["label"]) for row in manifest if row["split"] == "test")
    assert set(test.values()) == {7}
    assert list(manifest[0])[:6] == ["key", "label", "split", "unit", "image", "candidate"]


def test_subjects_are_in_one_split_with_both_their_sides(data):
    splits = {}
    for row in rows(data / "images.csv"):
        splits.setdefault(row["unit"], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == {"train", "val", "test"}


def test_reduced_training_sets_drop_subjects_and_stay_balanced(data):
    labels = Counter()
    units = set()
    for key, record in lmdb.Records(data / "train_050.lmdb"):
        labels[datum.decode(record, data)[1]] += 1
        units.add(key.decode().split("_", 1)[1].split("/")[0])
    assert len(set(labels.values())) == 1
    assert len(labels) == 3
    described = json.loads((data / "dataset.json").read_text())["fractions"]
    assert len(units) == described["0.5"]["units"] < described["1.0"]["units"]


def test_a_patch_is_the_window_of_its_pixel_in_the_whole_image(data, source):
    """The truth is the mean of two experts who lie a row apart, so that pixels of class 1 are about LI + ½."""
    by_key = {row["key"]: row for row in rows(data / "manifest.csv") if row["split"] == "train"}
    place = {(r["unit"], r["image"], r["candidate"]): r for r in rows(data / "candidates.csv")}
    boxes = {(r.unit, r.image, r.region): r for r in regions.read(data / "regions.h5")}
    for key, record in list(lmdb.Records(data / "train.lmdb"))[:20]:
        patch, label = datum.decode(record, data)
        row = by_key[key.decode()]
        found = place[row["unit"], row["image"], row["candidate"]]
        region = boxes[row["unit"], row["image"], found["region"].split(".")[0]]
        x, y = region.x + int(float(found["x"])), region.y + int(float(found["y"]))
        whole = sets.pixels(int(row["unit"][-4:]))
        assert np.array_equal(patch, np.repeat(window(whole, y, x, 33.5, 67)[None], 3, axis=0))
        near = {0: None, 1: sets.LI + 0.5, 2: sets.MA + 0.5}[label]
        assert near is None or abs(y - near) <= 2.5


def test_regions_hold_consensus_and_experts(data):
    (first, *_), *_ = (regions.read(data / "regions.h5", "test"),)
    assert list(first.experts) == ["Manual-A1", "Manual-A2"]
    assert np.allclose(first.truth + first.y, [[sets.LI + 0.5], [sets.MA + 0.5]])
    assert np.allclose(first.truth, np.mean(list(first.experts.values()), axis=0))
    assert first.shape == (60, 92)
    assert first.spacing == 0.06
    assert first.split == "test"


def test_the_mean_image_is_even(data):
    found = mean.read(data / "mean.binaryproto")
    assert found.shape == (3, 67, 67)
    assert np.ptp(found) < 1e-3
    patches = np.stack([datum.decode(record, data)[0] for _, record in lmdb.Records(data / "train.lmdb")])
    assert found[0, 0, 0] == pytest.approx(patches.mean(), rel=1e-4)


def test_it_is_made_once_and_alike(data, source, tmp_path, capsys):
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    assert prepare(source, data.parent.parent) == 0
    assert before == {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    assert prepare(source, tmp_path) == 0
    one, other = (json.loads((d / "dataset.json").read_text())["digest"] for d in (data, tmp_path / "data" / "cimt"))
    assert one == other
    assert prepare(source, tmp_path, "--band", "1") == 2
    assert "holds a data set made otherwise (band)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--patch", "61"), r"--patch 61 does not fit in --region 92x60"),
        (("--band", "6"), r"--far 6 is not beyond --band 6"),
        (
            ("--experts", "Nobody"),
            r"has no image with traces of Nobody; name others in --experts: manual-a1, manual-a2",
        ),
    ],
)
def test_settings_that_cannot_be(source, tmp_path, capsys, arguments, match):
    assert prepare(source, tmp_path, *arguments) == 2
    assert match in capsys.readouterr().err


def test_a_subject_in_two_splits(source, tmp_path, capsys):
    table = tmp_path / "splits.csv"
    table.write_text("unit,split\nclin_0001,train\nclin_0001,test\n")
    assert prepare(source, tmp_path / "w", "--splits", str(table)) == 2
    assert "splits.csv:3: puts unit 'clin_0001' in two splits" in capsys.readouterr().err


class Killed(BaseException):
    """What no handler of errors catches."""


def test_a_killed_run_is_continued_and_ends_alike(data, source, tmp_path, monkeypatch):
    written = []
    real = lmdb.write

    def dying(path, records):
        if written:
            raise Killed
        written.append(path)
        return real(path, records)

    monkeypatch.setattr(lmdb, "write", dying)
    with pytest.raises(Killed):
        prepare(source, tmp_path)
    assert not (tmp_path / "data" / "cimt").exists()
    monkeypatch.undo()
    (left,) = (tmp_path / "data").glob(".cimt.*.part")
    kept = (left / "train.lmdb" / "data.mdb").stat().st_mtime_ns
    assert prepare(source, tmp_path) == 0
    assert (tmp_path / "data" / "cimt" / "train.lmdb" / "data.mdb").stat().st_mtime_ns == kept
    one, other = (json.loads((d / "dataset.json").read_text())["digest"] for d in (data, tmp_path / "data" / "cimt"))
    assert one == other


def test_of_a_large_set_no_more_pixels_are_listed_than_can_be_used(source, tmp_path):
    """Twelve regions and 36 patches in all: at most 3 · 36 / (3 · 6) pixels of a region and class."""
    assert prepare(source, tmp_path, "--total", "36", "--test-pixels", "1") == 0
    listed = Counter((row["image"], row["label"]) for row in rows(tmp_path / "data" / "cimt" / "candidates.csv"))
    assert set(listed.values()) == {1, 6}
    assert len(listed) == 36
