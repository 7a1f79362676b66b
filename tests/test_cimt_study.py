"""The carotid study from files to millimetres, through the commands, with a net that is trained for an epoch."""

from __future__ import annotations

import csv
import json

import carotid_sets as sets
import numpy as np
import pytest
from study import ENGINE

from evaluation.scoring import runs, scores
from evaluation.segmenting import tracing
from ftcaffe.command import main
from ftcaffe.store import regions


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    source, work = str(sets.clinical(folder / "source", 4)), str(folder / "work")
    small = ("--regions", "1", "--region", "36x40", "--total", "300", "--test-pixels", "5")
    assert main(["prepare", "cimt", source, "--work", work, "--scale", "tiny", "--jobs", "1", *small]) == 0
    fast = ("--depths", "scratch", "--batch", "32", "--epochs", "1", "--engine", ENGINE)
    assert main(["sweep", "cimt", "--work", work, "--scale", "tiny", *fast]) == 0
    return folder


@pytest.fixture(scope="module")
def run(place):
    (folder,) = (path.parent for path in (place / "work" / "runs" / "cimt").glob("*/run.json"))
    assert main(["score", str(folder), "--engine", ENGINE]) == 0
    return runs.read(folder)


def test_validation_merges_both_interfaces(place, run):
    """Background against the rest: the AUC of the log is that of 1 - p(background)."""
    assert run.record["settings"]["positive"] == [1, 2]
    assert json.loads((place / "work" / "data" / "cimt" / "dataset.json").read_text())["positive"] == [1, 2]
    assert 0 <= run.best["val_auc"] <= 1


def test_scores_are_of_background_against_interfaces(run):
    found = scores.read(run.scores)
    assert found.classes == ("background", "lumen-intima or media-adventitia")
    assert (found.curve, found.positive) == ("roc", 1)
    assert found.label.mean() == pytest.approx(2 / 3)
    assert ((found.score >= 0) & (found.score <= 1)).all()


def test_every_test_region_is_mapped_and_traced_once(place, run):
    path = tracing.path_of(run)
    read = tracing.read(path)
    tested = regions.read(place / "work" / "data" / "cimt" / "regions.h5", "test")
    assert read.names == tuple(one.name for one in tested)
    assert read.maps == "patchwise"
    for one, region in zip(read.traced, tested, strict=True):
        assert one.confidence.shape == (2, *region.shape)
        assert (one.confidence.sum(axis=0) <= 1 + 1e-5).all()
        assert one.rows.shape == (2, 36)
        assert (one.start[1] >= one.start[0] + 2).all()
    before = path.stat().st_mtime_ns
    assert main(["score", str(run.folder), "--engine", ENGINE]) == 0
    assert path.stat().st_mtime_ns == before
    score = scores.read(run.scores)
    region = {one.name.rsplit("/", 1)[0]: (one, found) for one, found in zip(tested, read.traced, strict=True)}
    for unit, image, candidate, value in zip(score.unit, score.image, score.candidate, score.score, strict=True):
        _, x, y = map(int, candidate.split("."))  # the map has at a test patch's pixel what the patch was given
        assert region[f"{unit}/{image}"][1].confidence[:, y, x].sum() == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("maps", ["patchwise", "convolutional"])
def test_apply_measures_an_image(place, run, maps):
    image, out = place / "source" / "IMAGES" / "clin_0001_L.tiff", place / maps
    arguments = ["--run", str(run.folder), "--out", str(out), "--maps", maps, "--engine", ENGINE]
    arguments += ["--mm-per-pixel", "0.06"]
    assert main(["apply", "cimt", str(image), *arguments, "--roi", "40,45,36,40"]) == 0
    with (out / "thickness.csv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["image"], row["x"], row["y"], row["maps"]) == ("clin_0001_L", "40", "45", maps)
    with (out / "clin_0001_L_1.csv").open(encoding="utf-8", newline="") as stream:
        traces = np.array([[float(line["li"]), float(line["ma"])] for line in csv.DictReader(stream)])
    assert float(row["thickness_mm"]) == pytest.approx(0.06 * np.diff(traces, axis=1).mean(), abs=1e-3)
    assert 0 < float(row["confidence"]) <= 1
    assert (out / "clin_0001_L_1.png").is_file()


def test_apply_without_a_calibration_or_a_region(place, run, capsys):
    image = str(place / "source" / "IMAGES" / "clin_0001_L.tiff")
    arguments = ["apply", "cimt", image, "--run", str(run.folder), "--out", str(place / "x"), "--engine", ENGINE]
    assert main(arguments) == 2
    assert "clin_0001_L.tiff: has no calibration" in capsys.readouterr().err
    assert main([*arguments, "--mm-per-pixel", "0.06"]) == 2
    assert "one is proposed in" in capsys.readouterr().err
    assert (place / "x" / "clin_0001_L_proposal.png").is_file()
    assert not (place / "x" / "thickness.csv").exists()


def test_the_rival_is_traced_once_and_drawn_beside_the_run(place, run, capsys):
    work = str(place / "work")
    assert main(["handcrafted", "cimt", "--work", work, "--trace", "gap=6"]) == 0
    path = place / "work" / "rivals" / "cimt" / "handcrafted" / "traces.h5"
    rival = tracing.read(path)
    assert all((one.start[1] - one.start[0] >= 6).all() for one in rival.traced)
    before = path.stat().st_mtime_ns
    assert main(["report", "cimt", "--work", work, "--draws", "20"]) == 0
    assert path.stat().st_mtime_ns == before
    page = (place / "work" / "reports" / "cimt" / "segmentation" / "report.html").read_text(encoding="utf-8")
    assert "handcrafted" in page
    assert main(["handcrafted", "cimt", "--work", work, "--trace", "gap=39"]) == 2
    assert "no room for two edges 39 rows apart" in capsys.readouterr().err
    assert path.stat().st_mtime_ns == before
