"""Every pair of runs at every operating point: the paper's rule, and beside it a paired test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from evaluation.comparing.result import Result
from evaluation.scoring.scores import Lesions, Scores
from evaluation.statistics import delong, significance
from evaluation.statistics.interval import Difference, Interval
from ftcaffe.errors import Error

LEVEL = 0.05
_KINDS = {"froc": "an FROC set", "roc": "a ROC set"}


@dataclass(frozen=True)
class Pair:
    """Two runs, compared in one quantity.

    one, other : places of the runs among those compared; the difference is of the first less the second.
    measure : ``sensitivity``, ``auc`` or ``cpm``. rate : the operating point of a sensitivity, otherwise None.
    overlap : whether their 95 % intervals do (the paper's rule); None where a run has no interval there.
    difference : of a paired test; None where none was made.
    corrected : its p-value after `corrected`; None where no correction was asked for.
    """

    one: int
    other: int
    measure: str
    rate: float | None
    overlap: bool | None
    difference: Difference | None
    corrected: float | None = None

    @property
    def differs(self) -> bool:
        """By the paper's rule: the intervals do not overlap."""
        return self.overlap is False

    @property
    def p_value(self) -> float:
        """The one to go by: corrected where that was asked for; nan without a test."""
        if self.corrected is not None:
            return self.corrected
        return self.difference.p_value if self.difference is not None else float("nan")

    @property
    def significant(self) -> bool:
        """By the paired test, at the 5 % level."""
        return self.p_value < LEVEL


def pairs(results: Sequence[Result], *, paired: bool) -> tuple[Pair, ...]:
    """All pairs of results at their operating points, in AUC and in CPM.

    Sensitivities and CPM are tested by the paired bootstrap of the units; AUC by DeLong's test where every row of a
    ROC set is a unit of its own, otherwise by the bootstrap too.

    Parameters
    ----------
    paired : whether the results are of the same test set; otherwise no test is made.
    """
    found: list[Pair] = []
    for one, other in combinations(range(len(results)), 2):
        found += _pair(one, other, results[one], results[other], paired)
    return tuple(found)


def _pair(place: int, beside: int, one: Result, other: Result, paired: bool) -> list[Pair]:
    tests: Sequence[Difference | None] = [None] * len(one.points)
    auc: Difference | None = None
    cpm: Difference | None = None
    if paired and one.measured is not None and other.measured is not None:
        found = significance.differences(one.measured, other.measured)
        tests, auc, cpm = found.sensitivity, found.auc, found.cpm
        if one.scores.curve == "roc" and one.scores.independent:
            auc = _delong(one.scores, other.scores)
    made = [
        Pair(place, beside, "sensitivity", ours.rate, _overlap(ours.sensitivity, theirs.sensitivity), test)
        for ours, theirs, test in zip(one.points, other.points, tests, strict=True)
    ]
    made.append(Pair(place, beside, "auc", None, _overlap(one.auc, other.auc), auc))
    if one.scores.curve == "froc":
        made.append(Pair(place, beside, "cpm", None, None, cpm))
    return made


def _delong(one: Scores, other: Scores) -> Difference:
    ours, theirs = np.argsort(one.keys), np.argsort(other.keys)
    return delong.difference(one.score[ours], other.score[theirs], (one.label == one.positive)[ours])


def _overlap(one: Interval, other: Interval) -> bool | None:
    return one.overlaps(other) if one.defined and other.defined else None


def corrected(found: Sequence[Pair]) -> tuple[Pair, ...]:
    """The pairs with Holm's correction, over all the tests of one measure: every pair at every operating point."""
    values = np.full(len(found), np.nan)
    for measure in dict.fromkeys(pair.measure for pair in found):
        family = [place for place, pair in enumerate(found) if pair.measure == measure]
        values[family] = significance.holm([found[place].p_value for place in family])
    return tuple(replace(pair, corrected=float(value)) for pair, value in zip(found, values, strict=True))


def same_test_set(compared: Sequence[Scores]) -> None:
    """`Error`, naming the first key that differs, when score sets are not of the same images, lesions and hit rule.

    Of ROC sets the rows and their classes must be the same. Of FROC sets the candidates may differ.
    """
    first = compared[0]
    for scores in compared[1:]:
        if scores.curve != first.curve:
            what = f"is {_KINDS[scores.curve]} and {first.path} {_KINDS[first.curve]}"
            raise Error(what, scores.path, remedy="compare score sets of one kind")
        if difference := _difference(first, scores):
            raise Error(
                f"is of another test set than {first.path}: {difference}",
                scores.path,
                remedy="--allow-different-test-sets compares them without a paired test",
            )


def _difference(one: Scores, other: Scores) -> str:
    """The first thing in which two test sets differ; empty when they are the same."""
    if one.unlisted != other.unlisted:
        return f"it has {other.counts.images} images and {other.counts.lesions} lesions, the other " + (
            f"{one.counts.images} and {one.counts.lesions}"
        )
    if one.curve == "roc":
        return _first(_positives(one), _positives(other), "row", "class")
    if found := _first(_shown(one), _shown(other), "image", "number of lesions"):
        return found
    # Runs share their candidates, which in other software only happen to have the same names.
    runs = one.snapshot and other.snapshot and len(one.keys) == len(other.keys)
    if runs and (found := _first(_hits(one), _hits(other), "candidate", "lesion: the rules of a hit differ")):
        return found
    if one.lesions is None or other.lesions is None:
        within = "a lesion's name counts within its image in one of them, within its unit in the other"
        return "" if one.lesions is other.lesions else within
    return _first(_listed(one.lesions), _listed(other.lesions), "lesion", "place")


def _listed(lesions: Lesions) -> dict[str, int]:
    return dict.fromkeys(Scores.names(lesions.unit, lesions.lesion).tolist(), 0)


def _positives(scores: Scores) -> dict[str, int]:
    return dict(zip(scores.keys.tolist(), (scores.label == scores.positive).astype(int).tolist(), strict=True))


def _hits(scores: Scores) -> dict[str, str]:
    return dict(zip(scores.keys.tolist(), scores.lesion.tolist(), strict=True))


def _shown(scores: Scores) -> dict[str, int]:
    names = Scores.names(scores.images.unit, scores.images.image).tolist()
    return dict(zip(names, scores.images.lesions.tolist(), strict=True))


def _first(one: Mapping[str, object], other: Mapping[str, object], row: str, value: str) -> str:
    """The first key that is in one only, or has another value there."""
    if one == other:
        return ""
    for key in sorted({*one, *other}):
        name = Scores.spoken(key)
        if key not in other:
            return f"it lacks the {row} {name} ({len(other)} {row}s, {len(one)} there)"
        if key not in one:
            return f"the {row} {name} is in it only ({len(other)} {row}s, {len(one)} there)"
        if one[key] != other[key]:
            return f"the {row} {name} has another {value}"
    raise AssertionError("two mappings that differ do so in a key")
