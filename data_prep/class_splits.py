"""Splits of units whose images bear classes, and training sets reduced to a part of the images or of the units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from data_prep.manifest import CandidateRow
from data_prep.splits import SPLITS, VALIDATION
from data_prep.write import Share, of_units
from ftcaffe.errors import Error

_TRIES = 200


def assign(
    labels: Mapping[str, Sequence[int]],
    classes: Sequence[str],
    test_fraction: float,
    rng: np.random.Generator,
    given: Mapping[str, str] | None = None,
    place: Path | None = None,
) -> dict[str, str]:
    """The split of each unit, so that every split shows every class.

    Units are drawn within groups of the rarest class that each shows; draws that leave a split without a class are
    drawn again.

    Parameters
    ----------
    labels : for each unit, the labels of its images.
    test_fraction : part of the units that go to the test split.
    given : splits that are laid down, of every unit; where it names no ``val``, a fifth of its ``train`` is drawn.
    place : the source or the table, named in errors.

    Raises
    ------
    Error : a class in fewer than three units, or no split found that shows every class everywhere; a unit without a
        given split, or a class that a given split lacks.
    """
    shown = {unit: frozenset(of) for unit, of in labels.items()}
    if given is not None:
        missing = [unit for unit in shown if unit not in given]
        if missing:
            raise Error(f"gives no split for unit '{missing[0]}'", place, remedy="add a row for each unit")
        unknown = [unit for unit in given if unit not in shown]
        if unknown:
            raise Error(f"names unit '{unknown[0]}', which is not in the source", place, remedy="mend the name")
    fault = ""
    for _ in range(_TRIES):
        splits = {unit: given[unit] for unit in shown} if given is not None else dict.fromkeys(shown, "train")
        if given is None:
            splits |= dict.fromkeys(_drawn(shown, shown, test_fraction, rng), "test")
        if "val" not in splits.values():
            train = [unit for unit, split in splits.items() if split == "train"]
            splits |= dict.fromkeys(_drawn(train, shown, VALIDATION, rng), "val")
        fault = _lacking(splits, shown, classes)
        if not fault:
            return splits
    raise Error(
        f"{fault} ({len(shown)} units)",
        place,
        remedy="each class must show in at least three units, one for each of train, val and test",
    )


def shares(
    rows: Sequence[CandidateRow], fractions: Sequence[float], whole_units: bool, rng: np.random.Generator
) -> dict[float, Share]:
    """What each training set keeps, each within every larger one and each class in the same proportion.

    Parameters
    ----------
    rows : the candidates of all splits.
    whole_units : whether units are kept or dropped whole (a unit counts to its commonest class); else single images
        are (the paper's reduction of frames).
    """
    train = [index for index, row in enumerate(rows) if row.split == "train"]
    groups: dict[int, list] = {}
    if whole_units:
        counts: dict[str, Counter[int]] = {}
        for index in train:
            counts.setdefault(rows[index].unit, Counter())[rows[index].label] += 1
        for unit, of in counts.items():
            groups.setdefault(of.most_common(1)[0][0], []).append(unit)
    else:
        for index in train:
            groups.setdefault(rows[index].label, []).append(index)
    ordered = [[groups[label][i] for i in rng.permutation(len(groups[label]))] for label in sorted(groups)]
    training_units = {rows[index].unit for index in train}
    found: dict[float, Share] = {}
    for fraction in fractions:
        kept = [one for group in ordered for one in group[: max(1, round(fraction * len(group)))]]
        if whole_units or fraction == 1.0:
            found[fraction] = of_units(frozenset(kept) if whole_units else frozenset(training_units), rows)
        else:
            found[fraction] = Share(frozenset(kept), len({rows[index].unit for index in kept}))
    return found


def _drawn(
    units: Sequence[str] | Mapping[str, object],
    shown: Mapping[str, frozenset[int]],
    fraction: float,
    rng: np.random.Generator,
) -> list[str]:
    """About `fraction` of the units that show each class; of two or more at least one, and one is left."""
    bearing = Counter(label for unit in units for label in shown[unit])
    groups: dict[int, list[str]] = {}
    for unit in units:
        groups.setdefault(min(shown[unit], key=lambda label: (bearing[label], label)), []).append(unit)
    drawn: list[str] = []
    for _, group in sorted(groups.items()):
        count = max(min(round(fraction * len(group)), len(group) - 1), min(1, len(group) - 1))
        drawn += [group[i] for i in rng.permutation(len(group))[:count]]
    return drawn


def _lacking(splits: Mapping[str, str], shown: Mapping[str, frozenset[int]], classes: Sequence[str]) -> str:
    for split in SPLITS:
        there = frozenset[int]().union(*(shown[unit] for unit in shown if splits[unit] == split))
        for label, title in enumerate(classes):
            if label not in there:
                return f"no unit of the {split} split shows the class '{title}'"
    return ""
