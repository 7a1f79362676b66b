"""What a handcrafted method learns from: a row of features for each candidate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class Features:
    """Features of candidates.

    names : (d,) of the features.
    keys : unit, image and candidate of each row, as in ``candidates.csv``.
    values : (n, d) floats.
    """

    names: tuple[str, ...]
    keys: Sequence[tuple[str, str, str]]
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Examples:
    """Candidates to learn from.

    names : (d,) of the features. values : (n, d) floats, finite.
    positive : (n,) whether a candidate hits a lesion.
    bag : (n,) strings, the lesion of a positive candidate, the same wherever it is the same lesion; else empty.
    unit : (n,) strings, the patient or video of each.
    images : how many images each unit has, units without candidates too: false positives are counted per image.
    """

    names: tuple[str, ...]
    values: np.ndarray
    positive: np.ndarray
    bag: np.ndarray
    unit: np.ndarray
    images: Mapping[str, int]

    def of(self, units: Iterable[str]) -> Examples:
        """The examples of these units alone."""
        kept = set(units)
        rows = np.array([unit in kept for unit in self.unit.tolist()], dtype=bool)
        return Examples(
            self.names,
            self.values[rows],
            self.positive[rows],
            self.bag[rows],
            self.unit[rows],
            {unit: count for unit, count in self.images.items() if unit in kept},
        )


class Learned(Protocol):
    """A classifier that has learned."""

    def score(self, values: np.ndarray) -> np.ndarray:
        """(n,) scores from 0 to 1, higher for the positive class, of (n, d) features."""
        ...

    def tables(self) -> Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
        """What there is to see of it: header and rows of CSV tables by name."""
        ...


@dataclass(frozen=True, eq=False)
class Standard:
    """Features brought to mean 0 and standard deviation 1, without those that never change.

    kept : (d,) which of the features. mean, deviation : (kept,) of the examples it was made from.
    """

    kept: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Standard:
        """From (n, d) features."""
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        kept = deviation > 1e-9 * (1 + np.abs(mean))  # else rounding would be blown up to a feature
        return cls(kept, mean[kept], deviation[kept])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(n, kept) of (n, d) features."""
        return (values[:, self.kept] - self.mean) / self.deviation
