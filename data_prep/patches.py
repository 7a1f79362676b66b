"""Patches of a candidate: scaled, translated, mirrored and rotated cuts of its frame (section VI-A of the paper)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]

SCALES = (1.0, 1.2, 1.5)
SHIFT = 0.1
SHIFTS = ((0.0, 0.0), (-SHIFT, 0.0), (SHIFT, 0.0), (0.0, -SHIFT), (0.0, SHIFT))
DIHEDRAL = 8


@dataclass(frozen=True)
class Augmentation:
    """How one patch is cut.

    scale : the box is scaled by it about its centre.
    shift_x, shift_y : then moved by these parts of the scaled box's width and height.
    dihedral : 0–3, the patch turned counter-clockwise by that many quarters; 4–7, the same after a left-right flip.
    """

    scale: float
    shift_x: float
    shift_y: float
    dihedral: int


def _product(
    scales: Iterable[float], shifts: Iterable[tuple[float, float]], versions: int
) -> tuple[Augmentation, ...]:
    return tuple(Augmentation(scale, *shift, k) for scale, shift, k in product(scales, shifts, range(versions)))


# The paper's 120 patches a candidate, and two thinner sets for where time or disk is short.
AUGMENTATIONS = {
    "full": _product(SCALES, SHIFTS, DIHEDRAL),
    "centred": _product(SCALES, SHIFTS[:1], DIHEDRAL),
    "none": _product(SCALES[:1], SHIFTS[:1], 1),
}


def augmented(box: Box, augmentation: Augmentation) -> Box:
    """The box (x0, y0, x1, y1; pixels) scaled about its centre and moved by parts of its new size."""
    x0, y0, x1, y1 = box
    width, height = augmentation.scale * (x1 - x0), augmentation.scale * (y1 - y0)
    x = (x0 + x1) / 2 + augmentation.shift_x * width
    y = (y0 + y1) / 2 + augmentation.shift_y * height
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def cut(frame: np.ndarray, box: Box, augmentation: Augmentation, size: int) -> np.ndarray:
    """One patch.

    Parameters
    ----------
    frame : uint8, height × width × 3, BGR.
    box : the candidate's, in pixels, half-open.
    augmentation : how to cut.
    size : side of the net's input.

    Returns
    -------
    uint8, 3 × size × size, BGR. Zero where the box leaves the frame; resized bilinearly (filtered when it shrinks),
    without regard to the box's aspect ratio.
    """
    return next(cuts(frame, box, (augmentation,), size))


def cuts(frame: np.ndarray, box: Box, augmentations: Iterable[Augmentation], size: int) -> Iterator[np.ndarray]:
    """The patch of each augmentation, as `cut` makes it; versions of one box are resized once."""
    upright: dict[Box, np.ndarray] = {}
    for augmentation in augmentations:
        place = augmented(box, augmentation)
        if place not in upright:
            upright[place] = _resized(frame, place, size)
        patch = upright[place]
        if augmentation.dihedral >= 4:
            patch = patch[:, ::-1]
        patch = np.rot90(patch, augmentation.dihedral % 4)
        yield np.ascontiguousarray(patch.transpose(2, 0, 1))


def _resized(frame: np.ndarray, box: Box, size: int) -> np.ndarray:
    """The contents of a box of any position, height × width × channels."""
    x0, y0, x1, y1 = box
    left, top, right, bottom = math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)
    height, width = frame.shape[:2]
    crop = np.zeros((bottom - top, right - left, frame.shape[2]), np.uint8)
    inside = frame[max(top, 0) : max(min(bottom, height), 0), max(left, 0) : max(min(right, width), 0)]
    y, x = max(-top, 0), max(-left, 0)
    crop[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    picture = Image.fromarray(crop).resize(
        (size, size), Image.Resampling.BILINEAR, box=(x0 - left, y0 - top, x1 - left, y1 - top)
    )
    return np.asarray(picture)
