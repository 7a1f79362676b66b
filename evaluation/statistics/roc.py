"""The empirical ROC curve and the area under it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.statistics.detections import Detections


@dataclass(frozen=True, eq=False)
class Roc:
    """An empirical ROC curve, a point a threshold.

    threshold : (k,) descending; the first is infinite, then every score that occurs.
    false_positives, sensitivity : (k,) rates among the negatives and the positives.
    area : under the curve; equal scores count one half (Mann-Whitney).
    negatives, positives : how many there are.
    """

    threshold: np.ndarray
    false_positives: np.ndarray
    sensitivity: np.ndarray
    area: float
    negatives: int
    positives: int


def roc(score: np.ndarray, positive: np.ndarray) -> Roc:
    """The empirical ROC curve.

    Parameters
    ----------
    score : (n,) finite; higher speaks for the positive class.
    positive : (n,) booleans, both classes among them.
    """
    high, low = np.sort(score[positive]), np.sort(score[~positive])
    if not len(high) or not len(low):
        raise ValueError(f"an ROC curve needs both classes, not {len(high)} positives and {len(low)} negatives")
    threshold = np.unique(score)[::-1]
    sensitivity = np.append(0, len(high) - np.searchsorted(high, threshold, side="left")) / len(high)
    false_positives = np.append(0, len(low) - np.searchsorted(low, threshold, side="left")) / len(low)
    return Roc(
        threshold=np.append(np.inf, threshold),
        false_positives=false_positives,
        sensitivity=sensitivity,
        area=float(np.diff(false_positives) @ (sensitivity[1:] + sensitivity[:-1]) / 2),
        negatives=len(low),
        positives=len(high),
    )


def detections(score: np.ndarray, positive: np.ndarray, unit: np.ndarray | None = None) -> Detections:
    """The same cases as FROC counts them, so that everything said of one curve can be said of the other.

    Each positive is a lesion of its own, and the negatives are the images: false positives per image are then the
    false-positive rate.

    Parameters
    ----------
    score, positive : (n,) as for `roc`.
    unit : (n,) the video or patient of each case, in any form that sorts; None where the cases are independent.
    """
    names, place = (None, np.arange(len(score))) if unit is None else np.unique(unit, return_inverse=True)
    count = len(score) if names is None else len(names)
    return Detections(
        score=score,
        lesion=np.where(positive, np.arange(len(score)), -1),
        unit=place,
        lesions=np.bincount(place[positive], minlength=count),
        images=np.bincount(place[~positive], minlength=count),
    )


def mirrored(cases: Detections) -> Detections:
    """The classes changed over and the scores turned round: its sensitivity at 1 - s is one less the lowest
    false-positive rate at which the cases' own curve has a sensitivity of s.
    """
    positive = cases.lesion >= 0
    lesion = np.where(positive, -1, np.arange(len(positive)))
    return Detections(-cases.score, lesion, cases.unit, cases.images, cases.lesions)
