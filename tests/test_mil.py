"""The bag classifier: its linear programme against the primal, its turns, and what it learns that others cannot."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from evaluation.statistics.froc import froc
from ftcaffe.errors import Error
from ftcaffe.handcrafted import choice, mil
from ftcaffe.handcrafted.examples import Examples, Standard


def primal(positives, negatives, penalty):
    """The same programme as it is written down, over w = u − v, b, ξ, ζ."""
    rows = np.concatenate([-positives, negatives])
    signs = np.concatenate([-np.ones(len(positives)), np.ones(len(negatives))])
    slack = np.eye(len(rows))
    cost = np.concatenate(
        [
            np.ones(2 * rows.shape[1]),
            [0],
            np.full(len(positives), penalty / len(positives)),
            np.full(len(negatives), penalty / len(negatives)),
        ]
    )
    bounds = [(0, None)] * (2 * rows.shape[1]) + [(None, None)] + [(0, None)] * len(rows)
    a = np.concatenate([rows, -rows, signs[:, None], -slack], axis=1)
    return optimize.linprog(cost, A_ub=a, b_ub=-np.ones(len(rows)), bounds=bounds, method="highs")


@pytest.mark.parametrize("penalty", [2.0, 10.0, 100.0])
def test_the_dual_gives_the_primal(penalty):
    rng = np.random.default_rng(0)
    positives, negatives = rng.normal(0.6, 1, (30, 8)), rng.normal(0, 1, (80, 8))
    weights, offset, objective = mil.separate(positives, negatives, penalty)
    wanted = primal(positives, negatives, penalty)
    np.testing.assert_allclose(weights, wanted.x[:8] - wanted.x[8:16], atol=1e-7)
    np.testing.assert_allclose([offset, objective], [wanted.x[16], wanted.fun], rtol=1e-7)


def test_weights_begin_where_the_penalty_outweighs_the_difference_of_the_means():
    rng = np.random.default_rng(1)
    positives, negatives = rng.normal(0.4, 0.3, (40, 6)), rng.normal(0, 0.3, (60, 6))
    least = 1 / np.abs(positives.mean(axis=0) - negatives.mean(axis=0)).max()
    assert not mil.separate(positives, negatives, 0.99 * least)[0].any()
    assert mil.separate(positives, negatives, 1.01 * least)[0].any()


def bags(rng, count):
    """Bags of one candidate at (0, 1.5) and four at (3, 0), where half of the negatives lie too; the rest at 0.

    Returns values (n, 2) and bag (n,).
    """
    spread = 0.25
    good = rng.normal((0, 1.5), spread, (count, 2))
    bad = rng.normal((3, 0), spread, (count, 4, 2))
    both = np.concatenate([good[:, None], bad], axis=1).reshape(-1, 2)
    negatives = np.concatenate([rng.normal((3, 0), spread, (150, 2)), rng.normal((0, 0), spread, (150, 2))])
    bag = np.concatenate([np.repeat(np.arange(count), 5), np.full(300, -1)])
    return np.concatenate([both, negatives]), bag


def test_one_good_candidate_among_bad_ones_is_learned_and_by_a_single_instance_classifier_is_not():
    values, bag = bags(np.random.default_rng(2), 40)
    held, held_bag = bags(np.random.default_rng(3), 40)
    single = np.where(bag >= 0, np.arange(len(bag)), -1)  # each candidate a bag of its own
    found = {
        name: choice.mean_sensitivity(mil.fit(values, of, 10.0).margin(held), held_bag, images=300, most=0.05)
        for name, of in {"bags": bag, "single": single}.items()
    }
    assert found["bags"] == 1
    assert found["single"] < 0.4


def test_logistic_regression_does_not_learn_it_either():
    linear_model = pytest.importorskip("sklearn.linear_model")
    values, bag = bags(np.random.default_rng(2), 40)
    held, held_bag = bags(np.random.default_rng(3), 40)
    other = linear_model.LogisticRegression(class_weight="balanced").fit(values, bag >= 0)
    assert choice.mean_sensitivity(other.decision_function(held), held_bag, images=300, most=0.05) < 0.4


def test_the_objective_never_rises_and_the_turns_end():
    values, bag = bags(np.random.default_rng(4), 25)
    objective = np.array(mil.fit(values, bag, 10.0).objective)
    assert 2 <= len(objective) <= mil.ROUNDS
    assert (np.diff(objective) <= 1e-9).all()
    assert objective[-1] < 0.9 * objective[0]


def test_in_the_end_a_bag_is_its_best_candidate():
    values, bag = bags(np.random.default_rng(4), 25)
    plane = mil.fit(values, bag, 10.0)
    best = [values[bag == k][plane.margin(values[bag == k]).argmax()] for k in range(25)]
    _, _, objective = mil.separate(np.array(best), values[bag < 0], 10.0)
    assert plane.objective[-1] == pytest.approx(objective, rel=1e-6)


def test_bags_of_one_are_the_plain_programme():
    rng = np.random.default_rng(5)
    positives, negatives = rng.normal(0.6, 1, (20, 5)), rng.normal(0, 1, (50, 5))
    plane = mil.fit(np.concatenate([negatives, positives]), np.append(np.full(50, -1), np.arange(20)), 10.0)
    weights, offset, objective = mil.separate(positives, negatives, 10.0)
    np.testing.assert_allclose(plane.weights, weights, atol=1e-9)
    np.testing.assert_allclose([plane.offset, plane.objective[-1]], [offset, objective])


def test_mean_sensitivity_is_the_area_under_the_froc_curve():
    rng = np.random.default_rng(6)
    score, bag, images = rng.normal(size=400).round(1), np.repeat([-1, 0, 1, 2, 3], 80), 20
    curve = froc(score, bag, 4, images)
    x, y = np.append(curve.false_positives, 3.0), curve.sensitivity
    within = x <= 3
    y = np.append(y[within[:-1]], 0)
    area = (np.diff(x[within]) * y[: within.sum() - 1]).sum()
    np.testing.assert_allclose(choice.mean_sensitivity(score, bag, images, most=3.0), area / 3)


def test_calibration_is_the_maximum_of_the_likelihood():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(7)
    margin = rng.normal(size=5000)
    positive = rng.random(5000) < 1 / (1 + np.exp(-(2.3 * margin - 1.1)))
    slope, intercept = choice.calibrate(margin, positive)
    other = linear_model.LogisticRegression(C=1e9).fit(margin[:, None], positive)
    np.testing.assert_allclose([slope, intercept], [other.coef_[0, 0], other.intercept_[0]], rtol=5e-3)


def examples(rng, patients=12, features=6):
    """Patients with two lesions of three candidates, of which one is well seen, and eight false candidates."""
    rows = []
    for patient in range(patients):
        for lesion in range(2):
            rows += [(f"p{patient:02d}", f"{patient}/{lesion}", 2.5 * (k == 0)) for k in range(3)]
        rows += [(f"p{patient:02d}", "", 0.0)] * 8
    unit, bag, shift = (np.array(column) for column in zip(*rows, strict=True))
    values = rng.normal(size=(len(rows), features))
    values[:, 2] += shift
    names = tuple(f"f{k}" for k in range(features))
    images = {f"p{patient:02d}": 1 for patient in range(patients)} | {"empty": 1}
    return Examples(names, values * 50 + 7, bag != "", bag, unit, images)


def test_no_unit_is_in_two_folds_and_each_fold_has_lesions():
    given = examples(np.random.default_rng(8))
    fold = choice.folds(given, 5, np.random.default_rng(0))
    for unit in set(given.unit.tolist()):
        assert len(set(fold[given.unit == unit].tolist())) == 1
    assert all(given.positive[fold == k].any() for k in range(5))


def test_the_feature_that_tells_is_found_and_scores_are_probabilities():
    given = examples(np.random.default_rng(9))
    learned = choice.learn(given, choice.Settings(), np.random.default_rng(0))
    other = examples(np.random.default_rng(10))
    score = learned.score(other.values)
    assert (score > 0).all()
    assert (score < 1).all()
    assert choice.mean_sensitivity(score, choice.numbered(other), 12) > 0.85
    header, rows = learned.tables()["weights"]
    assert header[0] == "feature"
    assert rows[0][0] == "f2"


def test_a_choice_at_the_end_of_what_was_tried_is_told(caplog):
    caplog.set_level("INFO")
    choice.learn(examples(np.random.default_rng(9)), choice.Settings((0.1, 3.0), 2), np.random.default_rng(0))
    assert "the largest that was tried" in caplog.text
    caplog.clear()
    choice.learn(examples(np.random.default_rng(9)), choice.Settings((3.0,), 2), np.random.default_rng(0))
    assert "penalty 3:" in caplog.text
    assert "the largest that was tried" not in caplog.text


def test_the_same_seed_learns_the_same():
    first, again = (
        choice.learn(examples(np.random.default_rng(9)), choice.Settings(), np.random.default_rng(3))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.plane.weights, again.plane.weights)
    assert first.criterion == again.criterion


def test_features_that_never_change_are_left_out():
    values = np.random.default_rng(11).normal(5, 3, (50, 3))
    values[:, 1] = 0.1 + 0.2
    standard = Standard.of(values)
    assert standard.kept.tolist() == [True, False, True]
    np.testing.assert_allclose(standard(values).mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(standard(values).std(axis=0), 1)


def test_one_patient_with_a_lesion_is_too_few():
    given = examples(np.random.default_rng(12), patients=1)
    with pytest.raises(Error, match="cross-validation needs two"):
        choice.learn(given, choice.Settings(), np.random.default_rng(0))


@pytest.mark.parametrize("wrong", [{"penalties": (0.0, 1.0)}, {"penalties": ()}, {"folds": 1}])
def test_settings_are_checked(wrong):
    with pytest.raises(Error):
        choice.Settings(**wrong)
