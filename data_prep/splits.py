"""Which unit is in which split, which units a reduced training set keeps, which patches balance the classes.

A unit (a video, a sequence) is never in two splits: its frames look alike, and would leak.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.store import table

SPLITS = ("train", "val", "test")
# Section IV of the paper: 80 % of the training patches train, 20 % validate.
VALIDATION = 0.2


def read(path: Path) -> dict[str, str]:
    """The split of each unit from a CSV file ``unit,split``; `Error` for a unit in two splits or an unknown split."""
    found: dict[str, str] = {}
    for line, row in table.rows(path, ("unit", "split")):
        unit, split = row["unit"], row["split"]
        if split not in SPLITS:
            raise Error(f"'{split}' is no split", path, line=line, remedy=f"write one of {', '.join(SPLITS)}")
        if found.setdefault(unit, split) != split:
            what = f"puts unit '{unit}' in two splits, {found[unit]} and {split}"
            raise Error(what, path, line=line, remedy="keep one of the rows")
    return found


def assign(
    shows: Mapping[str, bool],
    test_fraction: float,
    rng: np.random.Generator,
    given: Mapping[str, str] | None = None,
    place: Path | None = None,
) -> dict[str, str]:
    """The split of each unit.

    Parameters
    ----------
    shows : for each unit, whether it shows what is looked for: a lesion, a vessel's wall.
    test_fraction : part of the units that go to the test split.
    rng : draws the units; those that show it and those that do not are drawn apart, so that each split gets both.
    given : splits that are laid down, of every unit; where it names no ``val``, a fifth of its ``train`` is drawn.
    place : the source or the table, named in errors.

    Raises
    ------
    Error : too few units that show it to have one in each split; a unit without a split or unknown.
    """
    if given is not None:
        _check_given(given, shows, place)
        splits = {unit: given[unit] for unit in shows}
    else:
        test = _drawn(list(shows), shows, test_fraction, rng, left=2)
        splits = {unit: "test" if unit in test else "train" for unit in shows}
    if "val" not in splits.values():
        train = [unit for unit, split in splits.items() if split == "train"]
        for unit in _drawn(train, shows, VALIDATION, rng, left=1):
            splits[unit] = "val"
    for split in SPLITS:
        if not any(shows[unit] for unit in shows if splits[unit] == split):
            raise Error(
                f"leaves the {split} split without a unit that shows what is looked for "
                f"({sum(shows.values())} of {len(shows)} do)",
                place,
                remedy="each of train, val and test needs one",
            )
    return splits


def nested(
    shows: Mapping[str, bool], fractions: Sequence[float], rng: np.random.Generator
) -> dict[float, frozenset[str]]:
    """The units that each fraction of the training set keeps: whole units, each set within every larger one.

    Units that show what is looked for and those that do not are dropped in the same proportion; at least one that
    does stays.
    """
    groups = ([unit for unit in shows if shows[unit] is kind] for kind in (True, False))
    bearing, free = ([units[i] for i in rng.permutation(len(units))] for units in groups)
    return {
        fraction: frozenset(bearing[: max(1, round(fraction * len(bearing)))] + free[: round(fraction * len(free))])
        for fraction in fractions
    }


def balance(labels: np.ndarray, total: int, rng: np.random.Generator) -> np.ndarray:
    """Indices (ascending) of the patches that a stratified set keeps.

    Every class gets as many as the smallest has, which is kept whole, and the larger are down-sampled at random; but
    no more than an equal part of `total` each.

    Parameters
    ----------
    labels : int, one a patch.
    total : the most patches wanted (the paper's: 100,000).
    """
    classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    each = min(total // len(classes), *(indices.size for indices in classes))
    kept = [indices if indices.size == each else rng.choice(indices, each, replace=False) for indices in classes]
    return np.sort(np.concatenate(kept))


def _drawn(
    units: Sequence[str], shows: Mapping[str, bool], fraction: float, rng: np.random.Generator, left: int
) -> set[str]:
    """About `fraction` of the units of each kind; of those that show it at least one, and `left` of them stay."""
    drawn: set[str] = set()
    for kind in (True, False):
        group = [unit for unit in units if shows[unit] is kind]
        count = round(fraction * len(group))
        if kind:
            count = max(min(count, len(group) - left), min(1, len(group)))
        drawn.update(group[i] for i in rng.permutation(len(group))[:count])
    return drawn


def _check_given(given: Mapping[str, str], shows: Mapping[str, bool], place: Path | None) -> None:
    missing = [unit for unit in shows if unit not in given]
    if missing:
        raise Error(f"gives no split for unit '{missing[0]}'", place, remedy="add a row for each unit")
    unknown = [unit for unit in given if unit not in shows]
    if unknown:
        raise Error(f"names unit '{unknown[0]}', which is not in the source", place, remedy="mend the name")
