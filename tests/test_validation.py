"""Probabilities, AUC and loss of a validation set, against scikit-learn and the net's own layers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study import SIZE, prepare
from test_run import ENGINES

from ftcaffe import backend
from ftcaffe.errors import Error
from ftcaffe.nets import alexnet, preprocessing
from ftcaffe.nets.depths import rates
from ftcaffe.proto import read_net, to_text
from ftcaffe.store import datum, lmdb, mean
from ftcaffe.training.validate import auc, discrimination, probabilities, validate

metrics = pytest.importorskip("sklearn.metrics")


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60))
def test_auc_matches_scikit_learn_with_ties(pairs):
    scores, truth = np.array([score for score, _ in pairs]) / 6, np.array([label for _, label in pairs])
    if truth.all() or not truth.any():
        with pytest.raises(ValueError, match="a positive and a negative"):
            auc(scores, truth)
    else:
        assert auc(scores, truth) == pytest.approx(metrics.roc_auc_score(truth, scores), abs=1e-12)


def test_of_several_classes_the_areas_mean_is_scikit_learns():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 200)
    predicted = rng.dirichlet(np.ones(4), 200) + 0.4 * np.eye(4)[truth]
    predicted /= predicted.sum(axis=1, keepdims=True)
    wanted = metrics.roc_auc_score(truth, predicted, multi_class="ovr", average="macro")
    assert discrimination(predicted, truth, 3) == pytest.approx(wanted)
    pooled = metrics.roc_auc_score(np.isin(truth, (1, 3)), predicted[:, [1, 3]].sum(axis=1))
    assert discrimination(predicted, truth, (1, 3)) == pytest.approx(pooled)


def test_of_two_classes_the_area_is_the_positive_ones():
    score, truth = np.random.default_rng(0).random(50), np.arange(50) % 2
    wanted = metrics.roc_auc_score(truth == 0, score)
    assert discrimination(np.stack([score, 1 - score], axis=1), truth, 0) == pytest.approx(wanted)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A working folder, the current one, with a data set and the two nets of it."""
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    _write_nets(alexnet.Transform("data/polyp/mean.binaryproto"))
    return tmp_path


def _write_nets(transform: alexnet.Transform, classes: int = 2) -> None:
    from pathlib import Path

    source = alexnet.Source("data/polyp/train.lmdb", "data/polyp/val.lmdb", 16, transform)
    net = alexnet.train_val("polyp", classes, source, rates("scratch"), "xavier", "tiny")
    Path("train_val.prototxt").write_text(to_text(net), encoding="utf-8")
    Path("deploy.prototxt").write_text(to_text(alexnet.deploy("polyp", classes, "tiny")), encoding="utf-8")


def _nets(engine: str):
    """A training net in its TEST phase, and the deploy net that shares its weights."""
    caffe = backend.load(engine).caffe
    tested, deployed = caffe.Net("train_val.prototxt", caffe.TEST), caffe.Net("deploy.prototxt", caffe.TEST)
    deployed.share_with(tested)
    return tested, deployed


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("transform", ["data/polyp/mean.binaryproto", (100.0, 110.0, 120.0)])
def test_validation_sees_what_the_nets_own_data_layer_gives(work, engine, transform):
    """The loss of the TEST phase, its records read by Caffe's own data layer, is the loss computed here."""
    _write_nets(alexnet.Transform(transform))
    tested, deployed = _nets(engine)
    result = validate(deployed, "data/polyp/val.lmdb", preprocessing.read("train_val.prototxt", work), 1, batch=7)
    tested.forward()
    assert result.records == 16
    assert result.loss == pytest.approx(float(tested.blobs["loss"].data), rel=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_probabilities_do_not_depend_on_the_batch(work, engine):
    _, deployed = _nets(engine)
    transform = preprocessing.read("train_val.prototxt", work)
    images = [datum.decode(value)[0] for _, value in lmdb.Records("data/polyp/val.lmdb")]
    few, many = (probabilities(deployed, images, transform, batch) for batch in (5, 64))
    np.testing.assert_allclose(few, many, rtol=1e-5)
    assert few.sum(1) == pytest.approx(1, abs=1e-5)


def test_preprocessing_is_that_of_the_prototxt(work):
    pixels = np.full((3, SIZE, SIZE), 100, np.uint8)
    image = mean.read("data/polyp/mean.binaryproto")
    np.testing.assert_array_equal(preprocessing.read("train_val.prototxt", work)(pixels), 100 - image)


def _change(change) -> None:
    from pathlib import Path

    net = read_net("train_val.prototxt")
    change(net)
    Path("train_val.prototxt").write_text(to_text(net), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: setattr(net.layer[1].transform_param, "scale", 0.5), "its Data layers transform differently"),
        (
            lambda net: [setattr(n.transform_param, "mirror", True) for n in net.layer[:2]],
            "transform_param has mirror",
        ),
        (lambda net: net.layer.__delitem__(slice(0, 2)), "has no Data layer"),
    ],
)
def test_a_transform_that_cannot_be_repeated_is_an_error(work, change, message):
    _change(change)
    with pytest.raises(Error, match=rf"train_val\.prototxt: {message}"):
        preprocessing.read("train_val.prototxt", work)


class _Constant:
    """A net of one input that gives every image the same probabilities."""

    def __init__(self, classes: int, side: int = SIZE) -> None:
        self.inputs, self.outputs, self.classes = ["data"], ["prob"], classes
        self.blobs = {"data": self}
        self.shape = (1, 3, side, side)

    def reshape(self, *shape: int) -> None:
        self.shape = shape or self.shape
        self.data = np.zeros(self.shape, np.float32)

    def forward(self) -> dict[str, np.ndarray]:
        return {"prob": np.full((self.shape[0], self.classes), 1 / self.classes, np.float32)}


def _lmdb(labels: list[int]) -> None:
    pixels = np.zeros((3, SIZE, SIZE), np.uint8)
    lmdb.write("x.lmdb", ((f"{i:08d}".encode(), datum.encode(pixels, label)) for i, label in enumerate(labels)))


@pytest.mark.parametrize(
    ("labels", "net", "message"),
    [
        ([0, 1, 2], _Constant(2), "x.lmdb: has label 2, and the net 2 classes"),
        ([0, 0, 0], _Constant(2), "x.lmdb: its records all lie on one side"),
        ([0, 1], _Constant(2, side=32), "x.lmdb: an image is 3 × 67 × 67 and the net's input 3 × 32 × 32"),
    ],
)
def test_records_that_do_not_fit_are_errors_with_the_lmdbs_name(work, labels, net, message):
    _lmdb(labels)
    with pytest.raises(Error, match=message):
        validate(net, "x.lmdb", preprocessing.Preprocessing(np.zeros((1, 1, 1), np.float32), 1.0), 1)


def test_a_constant_score_has_an_auc_of_one_half_and_the_loss_of_chance(work):
    _lmdb([0, 1, 1])
    result = validate(_Constant(2), "x.lmdb", preprocessing.Preprocessing(np.zeros((1, 1, 1), np.float32), 1.0), 1)
    assert (result.auc, result.loss) == (0.5, pytest.approx(np.log(2), rel=1e-6))
