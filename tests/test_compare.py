"""What is compared: which runs, under which names, and what the headline may say of them."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from made_runs import made_run, made_scores, made_study, made_weights

from evaluation.comparing import comparison as comparisons
from evaluation.comparing import headline, result, terms
from evaluation.comparing.pairs import Pair
from evaluation.comparing.result import Settings
from evaluation.pages import run_tables
from evaluation.scoring import runs, scores
from evaluation.scoring.scores import Images
from evaluation.statistics.interval import Difference, Interval
from ftcaffe.errors import Error


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A working folder with runs at three depths and from scratch, of known abilities."""
    work = tmp_path_factory.mktemp("work")
    made_study(work, scratch=0.3, fc8=0.8, conv3_fc8=1.6, conv1_fc8=3.0)
    return work


@pytest.fixture
def copy(study, tmp_path):
    """A copy to damage."""
    return shutil.copytree(study, tmp_path / "work")


def compare(work, *depths):
    return comparisons.of_runs([next(work.glob(f"runs/polyp/{depth}*")) for depth in depths], Settings(draws=100))


def test_runs_stand_from_the_deepest_to_scratch(study):
    found = compare(study, "scratch", "conv3-fc8", "fc8", "conv1-fc8")
    assert [subject.label for subject in found.subjects] == ["conv1-fc8", "conv3-fc8", "only fc8", "scratch"]


def test_labels_tell_runs_apart_by_what_differs(tmp_path):
    start = made_weights(tmp_path / "weights" / "standin.caffemodel", np.random.default_rng(0))
    folders = [made_run(tmp_path, "fc8", start), made_run(tmp_path, "fc8", start, fraction=0.5)]
    folders.append(made_run(tmp_path, "scratch", start))
    names = runs.labels([runs.read(folder) for folder in folders])
    assert names == ["only fc8, 100 % data", "only fc8, 50 % data", "scratch, 100 % data"]


def test_frozen_layers_did_not_move_and_tuned_ones_did(study):
    found = compare(study, "conv3-fc8", "conv1-fc8", "scratch")
    assert set(found.moved) == {"conv3-fc8", "conv1-fc8"}
    assert {name for name, value in found.moved["conv3-fc8"].items() if value == 0} == {"conv1", "conv2"}
    assert all(value > 0 for value in found.moved["conv1-fc8"].values())
    assert list(found.filters) == ["before tuning (standin)", "conv1-fc8", "scratch"]


def test_only_finished_runs_are_found(copy):
    folder = next(copy.glob("runs/polyp/fc8*"))
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"status": "failed", "error": "the loss is nan"}))
    done, absent = comparisons.finished("polyp", copy)
    assert len(done) == 3
    assert absent == ((folder.name, "failed: the loss is nan"),)


def _no_scores(folder):
    (folder / "scores.h5").unlink()


def _other_images(folder):
    path = folder / "scores.h5"
    mine = scores.read(path)
    images = Images(mine.images.unit[:-1], mine.images.image[:-1], mine.images.lesions[:-1])
    last = (mine.unit == mine.images.unit[-1]) & (mine.image == mine.images.image[-1])
    columns = ("unit", "image", "candidate", "lesion", "label", "score")
    kept = {name: getattr(mine, name)[~last] for name in columns}
    scores.write(path, dataclasses.replace(mine, images=images, **kept))


def _no_log(folder):
    (folder / "log.csv").unlink()


def _damaged_best(folder):
    (folder / "best.json").write_text("{")


def _truncated_snapshot(folder):
    path = next((folder / "snapshots").iterdir())
    path.write_bytes(path.read_bytes()[:-1000])


def _foreign_record(folder):
    (folder / "run.json").write_text("{}")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_no_scores, r"fc8_f100_s0_0123abcd: has no scores yet; ftcaffe score "),
        (
            _other_images,
            r"scores\.h5: is of another test set than .*: it lacks the image v07/0019 \(159 images, 160 there\)",
        ),
        (_no_log, r"fc8_f100_s0_0123abcd: has no log of its snapshots"),
        (_damaged_best, r"best\.json: is no JSON"),
        (_truncated_snapshot, r"run_iter_\d+\.caffemodel: is no caffemodel or is truncated"),
        (_foreign_record, r"run\.json: lacks application, run, depth, init, fraction, seed, status"),
    ],
)
def test_a_damaged_run_is_one_error(copy, damage, message):
    damage(next(copy.glob("runs/polyp/fc8*")))
    with pytest.raises(Error, match=message) as caught:
        compare(copy, "conv1-fc8", "fc8")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nothing", "*", "../polyp"])
def test_a_run_that_is_not_there(study, name):
    with pytest.raises(Error, match=f"{re.escape(name)}: is no run"):
        runs.find(name, study)


def test_a_run_is_found_by_name_and_by_path(study):
    folder = next(study.glob("runs/polyp/conv1-fc8*"))
    assert runs.find(folder.name, study) == runs.find(folder, study.parent) == folder


def test_no_finished_run(tmp_path):
    with pytest.raises(Error, match="holds no finished run; train some: ftcaffe sweep polyp"):
        comparisons.finished("polyp", tmp_path)


def test_scores_of_another_snapshot_say_so(copy):
    folder = next(copy.glob("runs/polyp/fc8*"))
    (chosen,) = (folder / "snapshots").iterdir()
    shutil.copy(chosen, folder / "snapshots" / "run_iter_3.caffemodel")
    path = folder / "scores.h5"
    scores.write(path, dataclasses.replace(scores.read(path), snapshot="snapshots/run_iter_3.caffemodel"))
    labels = [subject.label for subject in compare(copy, "fc8", "scratch").subjects]
    assert labels == ["only fc8, iteration 3", "scratch"]


# Two variances, and what may not be compared


def test_runs_that_differ_by_seed_alone_have_a_table_of_their_own(copy):
    folder = next(copy.glob("runs/polyp/conv1-fc8*"))
    for seed in (1, 2):
        other = shutil.copytree(folder, folder.with_name(f"conv1-fc8_f100_s{seed}_0123abcd"))
        record = json.loads((other / "run.json").read_text())
        (other / "run.json").write_text(json.dumps(record | {"seed": seed, "run": other.name}))
        made = scores.read(other / "scores.h5")
        noisy = made.score + np.random.default_rng(seed).normal(0, 0.2, len(made.score))
        scores.write(other / "scores.h5", dataclasses.replace(made, score=noisy))
    folders = [*copy.glob("runs/polyp/conv1-fc8*"), next(copy.glob("runs/polyp/scratch*"))]
    found = comparisons.of_runs(folders, Settings(draws=50))
    table = run_tables.seeds(found.subjects)
    assert {row[0] for row in table.rows} == {"conv1-fc8"}  # one run from scratch varies over nothing
    tuned = [subject.result for subject in found.subjects if subject.run.depth == "conv1-fc8"]
    areas = [result.auc.value for result in tuned]
    assert table.rows[-1] == (
        "conv1-fc8",
        "auc",
        None,
        pytest.approx(np.mean(areas)),
        pytest.approx(np.std(areas, ddof=1)),
        3,
    )
    values = [result.at(0.1).value for result in tuned]
    row = next(row for row in table.rows if row[2] == 0.1)
    assert row[3:] == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)), 3)


def _other_hits(made):
    """The first hit of an image that has two goes to none: the same candidates under a stricter rule."""
    lesion, label = made.lesion.copy(), made.label.copy()
    first = int(np.flatnonzero(lesion != "")[0])
    lesion[first], label[first] = "", 0
    return dataclasses.replace(made, lesion=lesion, label=label)


def test_runs_of_different_hit_rules_are_refused_unless_allowed(copy):
    folders = [next(copy.glob(f"runs/polyp/{depth}*")) for depth in ("conv1-fc8", "fc8")]
    scores.write(folders[1] / "scores.h5", _other_hits(scores.read(folders[1] / "scores.h5")))
    message = (
        r"the candidate v\d\d/\d+/\d+ has another lesion: the rules of a hit differ; --allow-different-test-sets"
    )
    with pytest.raises(Error, match=message):
        comparisons.of_runs(folders, Settings(draws=20))
    found = comparisons.of_runs(folders, Settings(draws=20), allow_different=True)
    assert not found.paired
    assert all(pair.difference is None for pair in found.pairs)


# What the headline says


def test_the_headline_names_the_depth_that_validation_chose(study):
    found = compare(study, "conv1-fc8", "conv3-fc8", "fc8", "scratch")
    chosen = headline.named(found)
    assert [subject.label for subject in chosen] == ["conv1-fc8", "scratch"]
    # The test scores have no say: swapping the validation AUCs swaps the choice.
    best = {subject.label: subject.run.best for subject in found.subjects}
    best["conv1-fc8"]["val_auc"], best["fc8"] = 0.1, best["only fc8"]
    assert headline.named(found)[0].label == "conv3-fc8"


HIGH, MIDDLE, LOW = Interval(0.7, 0.6, 0.8), Interval(0.6, 0.5, 0.7), Interval(0.5, 0.4, 0.59)


@pytest.mark.parametrize(
    ("ours", "theirs", "p_value", "verdict"),
    [
        (HIGH, LOW, None, "do not overlap: on these 8 test videos tuning conv1-fc8 is better."),
        (LOW, HIGH, None, "do not overlap: on these 8 test videos training from scratch is better."),
        (HIGH, MIDDLE, None, "overlap: on these 8 test videos nothing shows that either is better."),
        (
            HIGH,
            LOW,
            0.0004,
            "do not overlap: on these 8 test videos tuning conv1-fc8 is better (paired test p < 0.001).",
        ),
        (
            HIGH,
            MIDDLE,
            0.02,
            "overlap, but the runs saw the same cases: on these 8 test videos tuning conv1-fc8 is better "
            "(paired test p = 0.020).",
        ),
        (
            HIGH,
            LOW,
            0.051,
            "do not overlap, yet the paired test does not tell them apart: on these 8 test videos nothing "
            "shows that either is better (paired test p = 0.051).",
        ),
        (HIGH, MIDDLE, 0.4, "nothing shows that either is better (paired test p = 0.400)."),
        (
            Interval(0.7, np.nan, np.nan),
            LOW,
            0.01,
            "There is no interval on these 8 test videos, so nothing is shown.",
        ),
    ],
)
def test_the_headline_claims_no_more_than_its_intervals_and_its_test(study, ours, theirs, p_value, verdict):
    found = compare(study, "conv1-fc8", "scratch")
    subjects = tuple(
        dataclasses.replace(
            subject, result=dataclasses.replace(subject.result, points=(result.OperatingPoint(0.1, one),))
        )
        for subject, one in zip(found.subjects, (ours, theirs), strict=True)
    )
    test = None if p_value is None else Difference(0.1, 0.05, 0.0, 0.2, p_value, "bootstrap")
    pair = Pair(0, 1, "sensitivity", 0.1, ours.overlaps(theirs), test)
    sentence = headline.headline(dataclasses.replace(found, subjects=subjects, pairs=(pair,)))
    assert sentence.startswith(
        f"At 0.1 false positives per frame, tuning conv1-fc8 finds {ours.value:.0%}".replace("%", " %")
    )
    assert sentence.endswith(verdict)


def test_without_an_operating_point_the_headline_speaks_of_the_auc(study):
    found = compare(study, "conv1-fc8", "scratch")
    subjects = tuple(
        dataclasses.replace(subject, result=dataclasses.replace(subject.result, points=()))
        for subject in found.subjects
    )
    sentence = headline.headline(dataclasses.replace(found, subjects=subjects))
    auc = [subject.result.auc.decimal() for subject in found.subjects]
    assert sentence.startswith(
        f"Tuning conv1-fc8 ranks the candidates with an AUC of {auc[0]}; training from scratch {auc[1]}."
    )


# Which operating points a set can answer


@pytest.mark.parametrize(
    ("frames", "expected"),
    [(5, (0.1, 0.5, 1.0)), (20, (0.01, 0.1, 0.5, 1.0)), (130, (0.001, 0.01, 0.1, 0.5, 1.0))],
    ids=["40 images", "160 images", "1040 images"],
)
def test_rates_that_one_false_positive_does_not_exceed(frames, expected):
    made = made_scores(np.random.default_rng(0), frames=frames)
    assert result.rates([made], (0.001, 0.01, 50.0)) == expected


@pytest.mark.parametrize(
    ("keep", "message"), [("", "holds no candidate that hits a lesion"), ("1", "holds no false candidate")]
)
def test_candidates_of_one_kind_have_no_curve(keep, message):
    made = made_scores(np.random.default_rng(0))
    kept = {
        name: getattr(made, name)[made.lesion == keep]
        for name in ("unit", "image", "candidate", "lesion", "label", "score")
    }
    with pytest.raises(Error, match=message):
        result.evaluate(dataclasses.replace(made, **kept), (0.1,), Settings(draws=10))


@pytest.mark.parametrize(("name", "rate"), [("", 0.1), ("polyp", 0.1), ("frames", 0.1), ("pe", 1)])
def test_the_headline_speaks_of_a_rate_that_the_application_allows(name, rate):
    assert terms.of(name, "froc")[0].rate == rate
