"""The verb handcrafted over a made-up application, and its scores beside those of runs."""

from __future__ import annotations

import csv
import dataclasses
import json
from argparse import Namespace

import numpy as np
import pytest
from made_runs import made_run, made_scores, made_study, made_weights

from evaluation.comparing.result import Settings
from evaluation.pages import report
from evaluation.scoring import scores
from evaluation.scoring.handcrafted import handcrafted
from ftcaffe import application
from ftcaffe.application import Handcrafted
from ftcaffe.command import main
from ftcaffe.errors import Error
from ftcaffe.handcrafted import choice
from ftcaffe.handcrafted.examples import Features
from ftcaffe.store import table


def made_data(data, rng, patients=16):
    """A data folder of patients with two lesions of two candidates and four false ones; `tells` shows one of two."""
    candidates, features = [], []
    for patient in range(patients):
        split = ("train", "train", "val", "test")[patient % 4]
        lesions = ["1", "1", "2", "2", "", "", "", ""]
        for number, lesion in enumerate(lesions):
            name = (f"p{patient:02d}", "ct", f"{number:03d}")
            candidates.append((*name, split, int(lesion != ""), lesion, 0.5))
            features.append((name, (rng.normal() + 3 * (number in (0, 2)), rng.normal())))
    header = ("unit", "image", "candidate", "split", "label", "lesion", "score")
    table.write(data / "candidates.csv", header, candidates)
    images = [(f"p{p:02d}", "ct", ("train", "train", "val", "test")[p % 4], 2) for p in range(patients)]
    table.write(data / "images.csv", ("unit", "image", "split", "lesions"), [*images, ("empty", "ct", "test", 0)])
    record = {"digest": "d1", "source": "somewhere", "classes": ["background", "polyp"], "positive": 1}
    (data / "dataset.json").write_text(json.dumps(record))
    return features


class Method:
    """A handcrafted method that counts how often it is asked for features."""

    def __init__(self, features):
        self.made = features
        self.asked = []
        self.learned = None

    def features(self, options, source, data):
        self.asked.append((source, data))
        return Features(("tells", "noise"), [key for key, _ in self.made], np.array([row for _, row in self.made]))

    def learn(self, options, examples, rng):
        self.examples = examples
        self.learned = choice.learn(examples, choice.Settings((3.0, 10.0), 3), rng)
        return self.learned


@pytest.fixture
def method(tmp_path, monkeypatch):
    (tmp_path / "data" / "polyp").mkdir(parents=True)
    made = Method(made_data(tmp_path / "data" / "polyp", np.random.default_rng(0)))
    seam = Handcrafted("a test", lambda parser: None, made.features, made.learn)
    polyp = dataclasses.replace(application.load("polyp"), handcrafted=seam)
    monkeypatch.setattr(application, "load", lambda name: polyp)
    return made


def options(**given):
    return Namespace(**{"source": None, "seed": 0, "work": None, "application": "polyp"} | given)


def test_test_candidates_are_scored_by_what_training_candidates_taught(method, tmp_path):
    path, made = handcrafted("polyp", options(), tmp_path)
    assert made
    found = scores.read(path)
    assert set(found.unit.tolist()) == {"p03", "p07", "p11", "p15"}
    assert set(method.examples.unit.tolist()).isdisjoint(found.unit.tolist())
    assert found.images.unit.tolist() == ["p03", "p07", "p11", "p15", "empty"]
    assert (found.run, found.application, found.curve) == ("handcrafted", "polyp", "froc")
    values = np.array([row for key, row in method.made if key[0] in ("p03", "p07", "p11", "p15")])
    np.testing.assert_array_equal(found.score, method.learned.score(values))
    telling = np.isin(found.candidate, ("000", "002"))
    assert found.score[telling].mean() > found.score[~telling].mean() + 0.3


def test_bags_are_lesions_within_their_image(method, tmp_path):
    handcrafted("polyp", options(), tmp_path)
    bags, counts = np.unique(method.examples.bag[method.examples.positive], return_counts=True)
    assert len(bags) == 12 * 2
    assert (counts == 2).all()
    assert (method.examples.bag[~method.examples.positive] == "").all()
    assert method.examples.images == {f"p{p:02d}": 1 for p in range(16) if p % 4 != 3}


def test_the_same_command_does_nothing_again(method, tmp_path):
    first, _ = handcrafted("polyp", options(), tmp_path)
    assert handcrafted("polyp", options(), tmp_path) == (first, False)
    assert len(method.asked) == 1
    assert handcrafted("polyp", options(seed=1), tmp_path)[0] != first


def test_features_outlive_a_killed_run(method, tmp_path):
    path, _ = handcrafted("polyp", options(), tmp_path)
    before = scores.read(path).score
    path.unlink()
    assert handcrafted("polyp", options(), tmp_path) == (path, True)
    assert len(method.asked) == 1
    np.testing.assert_array_equal(scores.read(path).score, before)


def test_the_source_can_have_moved(method, tmp_path):
    handcrafted("polyp", options(source=tmp_path / "elsewhere"), tmp_path)
    assert method.asked == [(tmp_path / "elsewhere", tmp_path / "data" / "polyp")]


def test_what_was_learned_is_written_beside_the_scores(method, tmp_path):
    path, _ = handcrafted("polyp", options(), tmp_path)
    with (path.parent / "weights.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["feature"] == "tells"
    assert float(rows[0]["weight"]) > 0
    record = json.loads((path.parent / "rival.json").read_text())
    assert (record["run"], record["features"]) == (path.parent.name, 2)


def test_a_feature_that_is_no_number_is_one_line(method, tmp_path):
    method.made[5] = (method.made[5][0], (float("nan"), 0.0))
    with pytest.raises(Error, match=r"somewhere: the tells of p00/ct/005 is not finite"):
        handcrafted("polyp", options(), tmp_path)


def test_a_candidate_without_features_is_one_line(method, tmp_path):
    del method.made[3]
    with pytest.raises(Error, match="lacks the features of 1 candidates, p00/ct/003 first"):
        handcrafted("polyp", options(), tmp_path)


def test_an_application_without_one_says_so(tmp_path, capsys):
    assert main(["handcrafted", "polyp", "--work", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "ftcaffe: polyp has no handcrafted method\n"


def test_data_that_are_not_prepared_are_one_line(method, tmp_path):
    with pytest.raises(Error, match="prepare it: ftcaffe prepare polyp"):
        handcrafted("polyp", options(), tmp_path / "elsewhere")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The report of runs on two shares of the data with two rivals, of which one learned from other data."""
    work = tmp_path_factory.mktemp("study")
    made_study(work, scratch=0.3, conv1_fc8=2.5)
    start = made_weights(work / "weights" / "standin.caffemodel", np.random.default_rng(0))
    made_run(work, "conv1-fc8", start, fraction=0.5)
    for name, digest in {"handcrafted_s0_00000000": "d1", "handcrafted_s0_11111111": "d0"}.items():
        folder = work / "rivals" / "polyp" / name
        folder.mkdir(parents=True)
        (folder / "rival.json").write_text(json.dumps({"run": name, "dataset_digest": digest}))
        made = made_scores(np.random.default_rng(9), 1.0, application="polyp", run="handcrafted")
        scores.write(folder / "scores.h5", made)
    return report.report("polyp", work, Settings(draws=100))


def test_the_report_shows_it_beside_the_runs(study):
    with (study.page.parent / "operating_points.csv").open(encoding="utf-8") as stream:
        runs = [row["run"] for row in csv.DictReader(stream)]
    assert runs[-1] == "handcrafted"
    assert "handcrafted" in (study.page.parent / "curve.svg").read_text()
    assert study.page.read_text("utf-8").count("handcrafted") > 2


def test_the_headline_speaks_of_runs(study):
    assert "handcrafted" not in study.sentence


def test_the_report_names_what_it_does_not_show(study):
    text = study.page.read_text("utf-8")
    assert "handcrafted_s0_11111111" in text
    assert "learned from other data" in text
