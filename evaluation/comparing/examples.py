"""The patches that a net was most wrong about: what a curve cannot show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.scoring.scores import Scores
from evaluation.scoring.testset import TestSet
from evaluation.statistics.froc import best_of_lesion
from ftcaffe.errors import Error


@dataclass(frozen=True, eq=False)
class Example:
    """A candidate's patch.

    picture : (height, width, 3) uint8, RGB.
    score : of the candidate. place : its unit and image.
    """

    picture: np.ndarray
    score: float
    place: str


@dataclass(frozen=True)
class Examples:
    """The worst cases, at most one a unit, the worst first.

    false_alarms : candidates that hit nothing, of the highest scores.
    weak_hits : the best candidates of lesions, of the lowest scores.
    """

    false_alarms: tuple[Example, ...]
    weak_hits: tuple[Example, ...]


def examples(scores: Scores, tests: TestSet, count: int) -> Examples:
    """The `count` worst cases of each kind; `Error` when the scores are of other candidates than the test set's."""
    found = scores.detections
    false = np.flatnonzero(found.lesion < 0)
    alarms = _one_a_unit(false[np.argsort(-found.score[false], kind="stable")], found.unit, count)
    best, score = best_of_lesion(found.score, found.lesion)
    weak = _one_a_unit(best[np.argsort(score, kind="stable")], found.unit, count)
    place = {name: row for row, name in enumerate(_names(tests).tolist())}
    names = scores.names(scores.unit, scores.image, scores.candidate).tolist()
    try:
        rows = {index: place[names[index]] for index in (*alarms, *weak)}
    except KeyError:
        raise Error(
            "is of other candidates than the data folder holds", scores.path, remedy="score the run anew"
        ) from None
    patches = tests.first_patches(rows.values())

    def example(index: int) -> Example:
        picture = patches[rows[index]][::-1].transpose(1, 2, 0)  # Caffe's order is BGR
        return Example(picture, float(found.score[index]), f"{scores.unit[index]}, {scores.image[index]}")

    return Examples(tuple(map(example, alarms)), tuple(map(example, weak)))


def _one_a_unit(order: np.ndarray, unit: np.ndarray, count: int) -> list[int]:
    """The first `count` of `order` that are each the first of its unit: images of one unit look alike."""
    firsts = np.sort(np.unique(unit[order], return_index=True)[1])
    return order[firsts][:count].tolist()


def _names(tests: TestSet) -> np.ndarray:
    return Scores.names(*(tests.columns[name] for name in ("unit", "image", "candidate")))
