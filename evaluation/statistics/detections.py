"""Scores as the metrics take them: names are numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Detections:
    """Candidates, and how many lesions and images there are to find them in.

    score : (n,) of each candidate.
    lesion : (n,) integers; candidates with the same number hit the same lesion, -1 hits none.
    unit : (n,) integers, an index into the two arrays below.
    lesions, images : (units,) integers, how many of each a unit has.
    """

    score: np.ndarray
    lesion: np.ndarray
    unit: np.ndarray
    lesions: np.ndarray
    images: np.ndarray
