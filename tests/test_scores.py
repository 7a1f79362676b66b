"""Files of scores: round trips, every contradiction refused, and scores of a run through its own net."""

from __future__ import annotations

import dataclasses
import importlib
import json

import h5py
import numpy as np
import pytest
from made_runs import made_patches, made_scores, made_study

from evaluation.scoring import score, scores, scoreset
from evaluation.scoring.scores import Images, Scores
from evaluation.scoring.scoreset import Reading
from ftcaffe.errors import Error
from ftcaffe.nets import alexnet
from ftcaffe.nets.depths import rates
from ftcaffe.proto import to_text

COLUMNS = ("unit", "image", "candidate", "lesion", "label", "score")


def small(**changes: object) -> Scores:
    """Three candidates in two images of two videos; `changes` replace columns."""
    columns = {
        "unit": np.array(["a", "a", "é"]),
        "image": np.array(["0", "0", "7"]),
        "candidate": np.array(["00", "01", "00"]),
        "lesion": np.array(["1", "", ""]),
        "label": np.array([1, 0, 0]),
        "score": np.array([0.9, 0.2, 0.1]),
        "images": Images(np.array(["a", "é"]), np.array(["0", "7"]), np.array([2, 0])),
    }
    return Scores(**(columns | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("made", [small(), made_scores(np.random.default_rng(0))], ids=["small", "made"])
def test_hdf5_round_trip(tmp_path, made):
    made = dataclasses.replace(
        made,
        application="polyp",
        run="r",
        snapshot="snapshots/run_iter_3.caffemodel",
        classes=("background", "polyp"),
    )
    scores.write(tmp_path / "scores.h5", made)
    back = scores.read(tmp_path / "scores.h5")
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(back, name), getattr(made, name))
    for name in ("unit", "image", "lesions"):
        np.testing.assert_array_equal(getattr(back.images, name), getattr(made.images, name))
    for name in ("application", "run", "snapshot", "split", "classes", "positive"):
        assert getattr(back, name) == getattr(made, name)


def test_csv_round_trip_to_the_bit(tmp_path):
    made = made_scores(np.random.default_rng(0))
    scores.write_csv(tmp_path / "theirs.csv", made)
    (back,) = scoreset.read([tmp_path / "theirs.csv"], Reading())
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(back, name), getattr(made, name))
    np.testing.assert_array_equal(back.images.lesions, made.images.lesions)
    assert back.run == "theirs"


def test_csv_takes_the_test_split_of_a_data_sets_images(tmp_path):
    (tmp_path / "s.csv").write_text("unit,image,candidate,lesion,score\na,0,0,1,0.5\n")
    (tmp_path / "images.csv").write_text("unit,image,split,lesions\na,0,test,1\na,1,test,0\nb,0,train,4\n")
    (back,) = scoreset.read([tmp_path / "s.csv"], Reading(images=tmp_path / "images.csv"))
    assert back.detections.images.tolist() == [2]
    assert back.detections.lesions.tolist() == [1]


def test_names_become_numbers():
    found = small().detections
    assert found.unit.tolist() == [0, 0, 1]
    assert found.lesion.tolist() == [0, -1, -1]
    assert (found.images.tolist(), found.lesions.tolist()) == ([1, 1], [2, 0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": np.array([0.9, np.nan, 0.1])}, "s.h5: a score is not finite: a/0/01"),
        ({"score": np.array([0.9, 0.2, np.inf])}, "s.h5: a score is not finite: é/7/00"),
        ({"candidate": np.array(["00", "00", "00"])}, "s.h5: a candidate stands twice: a/0/00"),
        ({"lesion": np.array(["", "", ""])}, "s.h5: a positive candidate has no lesion: a/0/00"),
        ({"lesion": np.array(["1", "1", ""])}, "s.h5: a candidate that is not positive has a lesion: a/0/01"),
        ({"image": np.array(["0", "0", "8"])}, "s.h5: a candidate lies in an image that is not listed: é/8/00"),
        (
            {"images": Images(np.array(["a", "é", "a"]), np.array(["0", "7", "0"]), np.array([2, 0, 2]))},
            "s.h5: an image stands twice: a",
        ),
        (
            {"images": Images(np.array(["a", "é"]), np.array(["0", "7"]), np.array([0, 0]))},
            "s.h5: more lesions are hit than the image shows: a/0",
        ),
    ],
)
def test_contradictions_are_refused_with_file_and_key(tmp_path, changes, message):
    with pytest.raises(Error, match=message):
        small(path=tmp_path / "s.h5", **changes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "unit,image,candidate,score\na,0,0,1\n",
            r"s.csv: lacks the columns label \(a ROC set\) and lesion \(an FROC set\)",
        ),
        ("unit,image,candidate,lesion,score\na,0,0,1,high\n", "s.csv:2: the score 'high' is no finite number"),
    ],
)
def test_bad_csv_is_one_error(tmp_path, content, message):
    (tmp_path / "s.csv").write_text(content)
    (tmp_path / "s.images.csv").write_text("unit,image,lesions\na,0,1\n")
    with pytest.raises(Error, match=message):
        scoreset.read([tmp_path / "s.csv"], Reading())


@pytest.mark.parametrize("damage", ["text", "truncated", "lacking", "absent"])
def test_bad_hdf5_is_one_error(tmp_path, damage):
    path = tmp_path / "scores.h5"
    scores.write(path, small())
    if damage == "text":
        path.write_text("unit,image\n")
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:900])
    elif damage == "lacking":
        with h5py.File(path, "r+") as file:
            del file["lesion"]
    else:
        path.unlink()
    with pytest.raises(Error, match=r"scores\.h5: ") as caught:
        scores.read(path)
    assert "\n" not in str(caught.value)


@pytest.fixture
def trained(tmp_path):
    """A run whose net has random weights, and a test set of five candidates with two patches each."""
    pytest.importorskip("torch")
    backend = importlib.import_module("ftcaffe.engine")
    (folder,) = made_study(tmp_path, fc8=1.0)
    (folder / "scores.h5").unlink()
    source = alexnet.Source("train.lmdb", "val.lmdb", 8, alexnet.Transform((100.0, 110.0, 120.0)))
    net = alexnet.train_val("polyp", 2, source, rates("fc8"), scale="tiny")
    (folder / "train_val.prototxt").write_text(to_text(net))
    best = folder / json.loads((folder / "best.json").read_text())["snapshot"]
    backend.set_random_seed(1)
    untrained = backend.Net(str(folder / "deploy.prototxt"), backend.TEST)
    for layer, (weights, _) in untrained.params.items():
        wide = (0.1 if layer.startswith("fc8") else 1) / np.sqrt(np.prod(weights.data.shape[1:]))
        weights.data[...] = np.random.default_rng(len(layer)).normal(0, wide, weights.data.shape)
    untrained.save(str(best))
    return folder, made_patches(tmp_path / "data" / "polyp"), untrained


def test_a_run_is_scored_through_its_own_net(trained):
    folder, patches, net = trained
    path, made = score.score(folder, score.Settings(batch=4, engine="torch"))
    assert made
    expected = []
    for patch in patches:
        net.blobs["data"].reshape(1, *patch.shape)
        net.blobs["data"].data[0] = patch - np.array([100, 110, 120], np.float32)[:, None, None]
        expected.append(float(net.forward()["prob"].reshape(-1)[1]))
    found = scores.read(path)
    assert np.ptp(expected) > 0.05  # the patches differ, so a mixed-up order would show
    np.testing.assert_allclose(found.score, np.array(expected).reshape(5, 2).mean(axis=1), rtol=1e-4)
    assert found.candidate.tolist() == ["0", "1", "2", "3", "0"]
    assert found.images.unit.tolist() == ["a", "b"]
    assert found.snapshot == json.loads((folder / "best.json").read_text())["snapshot"]


def test_scores_of_that_snapshot_are_not_made_again(trained):
    folder, _, _ = trained
    settings = score.Settings(engine="torch")
    path, _ = score.score(folder, settings)
    before = path.read_bytes()
    assert score.score(folder, settings) == (path, False)
    assert path.read_bytes() == before


def _truncate(data, _):
    path = data / "test.lmdb" / "data.mdb"
    path.write_bytes(path.read_bytes()[:9000])


def _without_patch(data, _):
    text = (data / "manifest.csv").read_text().splitlines()
    (data / "manifest.csv").write_text("\n".join(text[:-2]) + "\n")


def _other_order(data, _):
    text = (data / "manifest.csv").read_text().splitlines()
    (data / "manifest.csv").write_text("\n".join([text[0], *reversed(text[1:])]) + "\n")


def _other_data(data, _):
    description = json.loads((data / "dataset.json").read_text())
    (data / "dataset.json").write_text(json.dumps(description | {"digest": "other"}))


def _no_snapshot(_, folder):
    next((folder / "snapshots").glob("*.caffemodel")).unlink()


def _not_finished(_, folder):
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"status": "running"}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, r"test\.lmdb: "),
        (_without_patch, r"manifest\.csv: has no patch of 1 candidates, b/0/0 first"),
        (_other_order, r"test\.lmdb: holds 00000000_a/0/0 where the manifest has 00000009_b/0/0"),
        (_other_data, "was trained on other data"),
        (_no_snapshot, r"run_iter_\d+\.caffemodel: there is no such snapshot"),
        (_not_finished, "is not finished: running"),
    ],
)
def test_what_does_not_fit_is_one_error_and_no_scores(trained, damage, message):
    folder, _, _ = trained
    damage(folder.parents[2] / "data" / "polyp", folder)
    with pytest.raises(Error, match=message):
        score.score(folder, score.Settings(engine="torch"))
    assert not (folder / "scores.h5").exists()
