"""More than two classes against scikit-learn: one against the rest, the mean, the confusion matrix."""

import numpy as np
import pytest

from evaluation.comparing import classes
from evaluation.scoring import scores
from evaluation.scoring.scores import Images, Scores

metrics = pytest.importorskip("sklearn.metrics")


def made(count=240, seed=0, kinds=3, path=None):
    """Scores of three classes whose probabilities lean to the truth; twelve units."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, kinds, count)
    logits = rng.normal(0, 1, (count, kinds)) + 1.2 * np.eye(kinds)[label]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    unit = np.array([f"u{k % 12}" for k in range(count)])
    image = np.array([str(k) for k in range(count)])
    empty = np.array([""] * count)
    images = Images(unit, image, (label == kinds - 1).astype(int))
    names = tuple(f"c{k}" for k in range(kinds))
    return Scores(
        unit, image, image, empty, label, probability[:, -1], images, "roc",
        classes=names, positive=kinds - 1, probability=probability,
    )  # fmt: skip


def test_areas_and_their_mean_are_scikit_learns():
    one = made()
    found = classes.classes(one, draws=50)
    for label, area in enumerate(found.areas):
        assert area.value == pytest.approx(metrics.roc_auc_score(one.label == label, one.probability[:, label]))
    wanted = metrics.roc_auc_score(one.label, one.probability, multi_class="ovr", average="macro")
    assert found.macro.value == pytest.approx(wanted)


def test_the_mean_varies_less_than_its_classes_and_its_interval_holds_it():
    found = classes.classes(made(), draws=400)
    assert found.macro.low < found.macro.value < found.macro.high
    assert found.macro.high - found.macro.low < max(one.high - one.low for one in found.areas)


def test_confusion_and_accuracy_are_scikit_learns():
    one = made(kinds=4)
    found = classes.classes(one, draws=2)
    taken = one.probability.argmax(axis=1)
    np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(one.label, taken))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(one.label, taken))


def test_probabilities_survive_the_file(tmp_path):
    one = made()
    scores.write(tmp_path / "scores.h5", one)
    np.testing.assert_array_equal(scores.read(tmp_path / "scores.h5").probability, one.probability)


def test_a_class_that_the_test_set_lacks_has_no_area_and_neither_has_the_mean():
    one = made()
    kept = one.label != 1
    few = Scores(
        one.unit[kept], one.image[kept], one.image[kept], one.lesion[kept], one.label[kept], one.score[kept],
        Images(one.unit[kept], one.image[kept], one.images.lesions[kept]), "roc",
        classes=one.classes, positive=2, probability=one.probability[kept],
    )  # fmt: skip
    found = classes.classes(few, draws=20)
    assert np.isnan(found.areas[1].value)
    assert np.isnan(found.macro.value)
    assert not np.isnan(found.areas[0].value)


def test_tables():
    found = classes.classes(made(), draws=20)
    table = classes.areas(["deep"], [found])
    assert [row[:2] for row in table.rows] == [
        ("deep", "c0"),
        ("deep", "c1"),
        ("deep", "c2"),
        ("deep", classes.MACRO),
    ]
    assert classes.confusions(["deep"], [found]).header == (
        "run",
        "class",
        "taken for c0",
        "taken for c1",
        "taken for c2",
    )
    assert len(classes.spoken(["deep"], [found]).rows[0]) == 6
