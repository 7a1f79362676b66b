r"""The bag classifier with its penalty chosen, and its margins turned into probabilities, by cross-validation.

Folds are whole units (patients), so that no patient is learned from and validated on. The criterion is what the test
measures: the share of lesions found, averaged over 0 to 5 false positives an image (assumed).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ftcaffe.errors import Error
from ftcaffe.handcrafted import mil
from ftcaffe.handcrafted.examples import Examples, Standard

_log = logging.getLogger(__name__)

MOST_FALSE = 5.0  # false positives an image, up to which the criterion looks


@dataclass(frozen=True)
class Settings:
    """How the classifier is chosen; checked here.

    penalties : tried, rising. What was proposed, 0.001 to 10, has one value that leaves any weight at standardised
        features (`mil.fit` says why), so the default goes up instead.
    folds : of the cross-validation; fewer where fewer units have a lesion.
    """

    penalties: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)
    folds: int = 5

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0:
            raise Error("--penalties are not all above 0", remedy="such as 1,3,10,30,100")
        if self.folds < 2:
            raise Error(f"--folds {self.folds} is less than two")


@dataclass(frozen=True, eq=False)
class Chosen:
    """A bag classifier that has learned.

    names : of all features. standard, plane : what is done to them.
    slope, intercept : of the logistic curve of the margin.
    penalties, criterion : what was tried, and how each did on the units left out.
    penalty : the one chosen.
    """

    names: tuple[str, ...]
    standard: Standard
    plane: mil.Hyperplane
    slope: float
    intercept: float
    penalties: tuple[float, ...]
    criterion: tuple[float, ...]
    penalty: float

    def score(self, values: np.ndarray) -> np.ndarray:
        """(n,) from 0 to 1 of (n, d) features: 1 / (1 + exp(−(slope · margin + intercept)))."""
        margin = self.plane.margin(self.standard(values))
        return _logistic(self.slope * margin + self.intercept)

    def tables(self) -> dict[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
        """``weights``: of the standardised features, the heaviest first; ``penalties``: the choice."""
        names = np.array(self.names)[self.standard.kept]
        order = np.argsort(-np.abs(self.plane.weights), kind="stable")
        rows = [(names[k], self.plane.weights[k], self.standard.mean[k], self.standard.deviation[k]) for k in order]
        tried = zip(self.penalties, self.criterion, strict=True)
        return {
            "weights": (("feature", "weight", "mean", "deviation"), rows),
            "penalties": (("penalty", "sensitivity", "chosen"), [(p, c, int(p == self.penalty)) for p, c in tried]),
        }


def learn(examples: Examples, settings: Settings, rng: np.random.Generator) -> Chosen:
    """Choose the penalty on units left out, and learn from all.

    Raises
    ------
    Error : fewer than two units with a lesion, or no negatives.
    """
    bag = numbered(examples)
    if not (bag < 0).any():
        raise Error("the training candidates all hit a lesion", remedy="negatives are needed to learn from")
    margins = np.zeros((len(settings.penalties), len(bag)))
    fold = folds(examples, settings.folds, rng)
    rounds = [(k, number) for k in range(int(fold.max()) + 1) for number in range(len(settings.penalties))]
    for k, number in tqdm(rounds, desc="cross-validation", unit="fit", disable=None):
        held, rest = fold == k, fold != k
        standard = Standard.of(examples.values[rest])
        plane = mil.fit(standard(examples.values[rest]), bag[rest], settings.penalties[number])
        margins[number, held] = plane.margin(standard(examples.values[held]))
    images = sum(examples.images.values())
    criterion = tuple(mean_sensitivity(margin, bag, images) for margin in margins)
    best = int(np.argmax(np.round(criterion, 9)))  # the first of equals, which leaves the most features out
    chosen = settings.penalties[best]
    _log.info("penalty %g: mean sensitivity %.3f on units left out", chosen, criterion[best])
    if len(settings.penalties) > 1 and best == len(settings.penalties) - 1:
        _log.info("it is the largest that was tried; --penalties takes larger ones")
    slope, intercept = calibrate(margins[best], examples.positive)
    standard = Standard.of(examples.values)
    plane = mil.fit(standard(examples.values), bag, settings.penalties[best])
    return Chosen(examples.names, standard, plane, slope, intercept, settings.penalties, criterion, chosen)


def numbered(examples: Examples) -> np.ndarray:
    """(n,) integers: the bag of each candidate, -1 for those that hit nothing."""
    bag = np.full(len(examples.bag), -1)
    bag[examples.positive] = np.unique(examples.bag[examples.positive], return_inverse=True)[1]
    return bag


def folds(examples: Examples, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) integers, the fold of each candidate: whole units, those with a lesion and those without dealt apart."""
    bearing = set(examples.unit[examples.positive].tolist())
    count = min(wanted, len(bearing))
    if count < 2:
        raise Error(
            f"{len(bearing)} units of the training candidates hit a lesion, and cross-validation needs two",
            remedy="give more data, or candidates that find more lesions",
        )
    fold: dict[str, int] = {}
    for group in (sorted(bearing), sorted(set(examples.unit.tolist()) - bearing)):
        for place, index in enumerate(rng.permutation(len(group)).tolist()):
            fold[group[index]] = place % count
    return np.array([fold[unit] for unit in examples.unit.tolist()])


def mean_sensitivity(score: np.ndarray, bag: np.ndarray, images: int, most: float = MOST_FALSE) -> float:
    r"""Share of the bags found, averaged over 0 to `most` false positives an image.

    A bag is found from f false positives an image on, f = #{negatives that score at least as high as its best} /
    images, so the average is the mean over bags of max(0, 1 − f / most).
    """
    best = np.full(int(bag.max()) + 1, -np.inf)
    np.maximum.at(best, bag[bag >= 0], score[bag >= 0])
    false = np.sort(score[bag < 0])
    above = (len(false) - np.searchsorted(false, best, side="left")) / images
    return float(np.maximum(0, 1 - above / most).mean())


def calibrate(margin: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Slope (above 0, so that no order changes) and intercept of the logistic curve, by maximum likelihood.

    The targets are Platt's, (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2), so that separable margins do not give a step (Platt,
    Advances in Large Margin Classifiers, 1999).
    """
    from scipy.optimize import minimize

    count = np.array([(~positive).sum(), positive.sum()])
    target = np.where(positive, (count[1] + 1) / (count[1] + 2), 1 / (count[0] + 2))

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        slope = np.exp(parameters[0])
        z = slope * margin + parameters[1]
        error = _logistic(z) - target
        value = float((np.logaddexp(0, z) - target * z).sum())
        return value, np.array([slope * (error @ margin), error.sum()])

    start = np.array([0.0, np.log((count[1] + 1) / (count[0] + 1))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-5, 5), (-30, 30)])
    return float(np.exp(found.x[0])), float(found.x[1])


def _logistic(z: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return expit(z)
