"""Lesions of a mask: its connected components."""

from __future__ import annotations

import numpy as np

# Specks of annotation are no lesions; 50 pixels is what a public converter of the ASU-Mayo masks takes.
MINIMUM_AREA = 50


def label(mask: np.ndarray | None, minimum_area: int = MINIMUM_AREA) -> tuple[np.ndarray | None, int]:
    """Number the lesions of a mask.

    Parameters
    ----------
    mask : bool, height × width, or None for no lesion.
    minimum_area : pixels; 8-connected components below it are dropped.

    Returns
    -------
    Labels (int32, height × width; 0 background, lesions 1, 2 … in scan order), or None when there is no lesion; and
    how many lesions there are.
    """
    if mask is None or not mask.any():
        return None, 0
    from scipy import ndimage

    labels, count = ndimage.label(mask, structure=np.ones((3, 3), bool))
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    kept = np.flatnonzero(areas[1:] >= minimum_area) + 1
    if not kept.size:
        return None, 0
    number = np.zeros(count + 1, np.int32)
    number[kept] = np.arange(1, kept.size + 1)
    return number[labels], int(kept.size)


def at(labels: np.ndarray | None, x: float, y: float) -> int:
    """The number of the lesion at a location in pixels (pixel 0 covers 0 ≤ x < 1), or 0; 0 outside the frame."""
    if labels is None:
        return 0
    column, row = int(np.floor(x)), int(np.floor(y))
    inside = 0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]
    return int(labels[row, column]) if inside else 0
