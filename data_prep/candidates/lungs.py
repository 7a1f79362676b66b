"""The search region: the two lungs with the vessels in them (METHODS: assumed, in outline as [60] describes it).

Air inside the body, its largest one or two parts, closed with a ball so that vessels and emboli lie inside; found on
a coarse grid, where closing takes a moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_prep.readers.volume import ROUNDING, Volume
from ftcaffe.errors import Error


@dataclass(frozen=True)
class Settings:
    """How the lungs are found.

    threshold : HU below which a voxel is air.
    closing : radius in mm of the ball that closes the lungs over their vessels.
    grid : mm, about the spacing of the coarse grid.
    smallest : ml that a lung has at least.
    airway : HU; what is darker is windpipe or gut gas when it makes up most of a part.
    """

    threshold: float = -400
    closing: float = 10
    grid: float = 2
    smallest: float = 100
    airway: float = -930


def mask(volume: Volume, settings: Settings | None = None) -> np.ndarray:
    """The lungs with the vessels inside (bool, the volume's shape).

    Raises
    ------
    Error : no part of air within the body is as large as a lung.
    """
    from scipy import ndimage

    settings = settings or Settings()
    factor = np.maximum(1, np.rint(settings.grid / volume.spacing)).astype(int)
    coarse = block_means(volume.array, factor)
    spacing = volume.spacing * factor
    lungs = _lungs(coarse, spacing, settings)
    if lungs is None:
        raise Error("no lung was found in it", remedy="check that it is a chest CT in Hounsfield units")
    # Beyond the volume there is neither lung nor body: closing must not be eaten away from its faces.
    radius = settings.closing + ROUNDING
    margin = np.ceil(radius / spacing).astype(int) + 1
    padded = np.pad(lungs, [(m, m) for m in margin])
    grown = ndimage.distance_transform_edt(~padded, spacing) <= radius
    closed = ndimage.distance_transform_edt(grown, spacing) > radius
    closed = closed[tuple(slice(m, -m) for m in margin)] | lungs
    for section in closed:
        section |= ndimage.binary_fill_holes(section)
    fine = closed
    for axis, (f, size) in enumerate(zip(factor, volume.array.shape, strict=True)):
        fine = np.take(fine, np.minimum(np.arange(size) // f, closed.shape[axis] - 1), axis=axis)
    return fine


def _lungs(coarse: np.ndarray, spacing: np.ndarray, settings: Settings) -> np.ndarray | None:
    """The one or two largest parts of air that the body encloses, without the windpipe; None where there is none."""
    from scipy import ndimage

    air = coarse < settings.threshold
    # Lungs cut by the first and the last slice are still lungs: only the sides of the slices are outside the body.
    outside = ndimage.label(air)[0]
    rim = np.zeros_like(air)
    rim[:, [0, -1], :] = rim[:, :, [0, -1]] = True
    air &= ~np.isin(outside, np.setdiff1d(np.unique(outside[rim & air]), 0))
    tissue = _without_airways(air, coarse, spacing, settings)
    labels, count = ndimage.label(tissue)
    if not count:
        return None
    litres = np.bincount(labels.ravel())[1:] * float(np.prod(spacing)) / 1000
    order = np.argsort(-litres, kind="stable")[:2]
    kept = [i for i in order if litres[i] >= settings.smallest and litres[i] >= 0.1 * litres[order[0]]]
    if not kept:
        return None
    return np.isin(labels, np.array(kept) + 1)


def _without_airways(air: np.ndarray, coarse: np.ndarray, spacing: np.ndarray, settings: Settings) -> np.ndarray:
    """Air less windpipe, main bronchi and gut gas: what is as dark as free air and mostly has a wall around it."""
    from scipy import ndimage

    free = air & (coarse < settings.airway)
    core = ndimage.binary_opening(free, iterations=max(1, round(2 / float(spacing.min()))))
    labels, count = ndimage.label(core)
    if not count:
        return air
    # A lung's own dark parts (emphysema) lie in lung; an airway has a wall around it.
    wall = ndimage.binary_dilation(air, iterations=2) & ~air
    gone = np.zeros_like(air)
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        around = tuple(slice(max(s.start - 3, 0), s.stop + 3) for s in place)
        part = labels[around] == number
        shell = ndimage.binary_dilation(part, iterations=2) & ~part
        if (wall[around] & shell).sum() > 0.4 * shell.sum() or (~air[around] & shell).sum() > 0.4 * shell.sum():
            gone[around] |= ndimage.binary_dilation(part, iterations=1)
    return air & ~gone


def block_means(array: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Means (float32) over blocks of whole voxels; what does not fill a block at the end counts with the last."""
    result = array
    for axis, f in enumerate(int(f) for f in factor):
        if f == 1:
            continue
        size = result.shape[axis]
        starts = np.arange(0, max(size - f + 1, 1), f)
        summed = np.add.reduceat(result, starts, axis=axis, dtype=np.float32)
        lengths = np.diff(np.append(starts, size)).astype(np.float32)
        result = summed / lengths.reshape([-1 if a == axis else 1 for a in range(3)])
    return result.astype(np.float32, copy=False)
