"""The empirical FROC curve: lesions found by false positives per image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The rates of LUNA16's competition performance metric.
CPM_RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, eq=False)
class Froc:
    """An empirical FROC curve, a point a threshold.

    threshold : (k,) descending; the first is infinite (nothing is reported), then every score that occurs.
    false_positives : (k,) per image, rising.
    sensitivity : (k,) share of all lesions found at that threshold or above, rising.
    lesions, reached : lesions of the split, and those that any candidate hits.
    images, false_candidates : images of the split, and candidates that hit nothing.
    """

    threshold: np.ndarray
    false_positives: np.ndarray
    sensitivity: np.ndarray
    lesions: int
    reached: int
    images: int
    false_candidates: int


def froc(score: np.ndarray, lesion: np.ndarray, lesions: int, images: int) -> Froc:
    """The empirical FROC curve of candidates.

    A lesion that several candidates hit counts once, by the best of them; a lesion that none hits stays missed
    at every threshold. Every candidate that hits nothing is a false positive, and all images are counted,
    also those without candidates. A threshold reports every candidate at it or above, so equal scores come in
    together.

    Parameters
    ----------
    score : (n,) finite.
    lesion : (n,) integers: the lesion that a candidate hits, -1 for none.
    lesions, images : how many there are in the split, at least one of each.
    """
    if lesions < 1 or images < 1:
        raise ValueError(f"an FROC curve needs lesions and images, not {lesions} and {images}")
    best = best_of_lesion(score, lesion)[1]
    false = np.sort(score[lesion < 0])
    threshold = np.unique(score)[::-1]
    found = len(best) - np.searchsorted(np.sort(best), threshold, side="left")
    wrong = len(false) - np.searchsorted(false, threshold, side="left")
    return Froc(
        threshold=np.concatenate([[np.inf], threshold]),
        false_positives=np.concatenate([[0], wrong]) / images,
        sensitivity=np.concatenate([[0], found]) / lesions,
        lesions=lesions,
        reached=len(best),
        images=images,
        false_candidates=len(false),
    )


def best_of_lesion(score: np.ndarray, lesion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the best candidate of each lesion that is hit, and its score, in the order of the lesions' numbers."""
    order = np.lexsort((score, lesion))
    last = np.flatnonzero(np.diff(lesion[order], append=np.iinfo(int).max))
    index = order[last]
    index = index[lesion[index] >= 0]
    return index, score[index]


def sensitivity_at(curve: Froc, rate: float | np.ndarray) -> np.ndarray:
    """Sensitivity at a rate of false positives per image: the highest that costs no more than that.

    The curve is a step function. Past its last point it says nothing, so the result there is nan: not reached.
    """
    rate = np.asarray(rate, dtype=float)
    point = np.searchsorted(curve.false_positives, rate, side="right") - 1
    return np.where(rate <= curve.false_positives[-1], curve.sensitivity[point], np.nan)


def area(curve: Froc, limit: float) -> float:
    """Mean sensitivity between 0 and `limit` false positives per image; nan when the curve ends before."""
    if not 0 < limit <= curve.false_positives[-1]:
        return float("nan")
    edges = np.append(curve.false_positives[curve.false_positives < limit], limit)
    return float(np.diff(edges) @ curve.sensitivity[: len(edges) - 1] / limit)


@dataclass(frozen=True)
class Cpm:
    """The competition performance metric.

    value : mean of `sensitivity`; nan where the curve ends before the last of the rates.
    sensitivity : at each of `CPM_RATES`, nan where not reached.
    not_reached : those rates.
    """

    value: float
    sensitivity: tuple[float, ...]
    not_reached: tuple[float, ...]


def cpm(curve: Froc) -> Cpm:
    """Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per image (A. A. A. Setio et al., Med. Image
    Anal. 42, 2017).

    The curve is neither interpolated nor carried on past its end, as LUNA16's own program does both: a system that
    reports few candidates has no sensitivity at 8 false positives, and no CPM.
    """
    found = sensitivity_at(curve, np.array(CPM_RATES))
    missing = tuple(rate for rate, value in zip(CPM_RATES, found, strict=True) if np.isnan(value))
    return Cpm(float(found.mean()), tuple(found.tolist()), missing)
