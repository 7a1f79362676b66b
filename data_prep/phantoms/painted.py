"""Emboli painted into the arteries of a real chest CT: real texture, and honest false positives.

Clots take the place of contrast inside the artery, in the part of it that is searched, and keep the scan's own noise:
to the clot's intensity is added what the scan deviates from its own smoothed self.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from data_prep import vessel
from data_prep.candidates import lungs
from data_prep.readers import volume as files
from data_prep.readers.volume import Volume
from ftcaffe.errors import Error, located

CONTRAST = 180  # HU above which a voxel in the lungs is vessel, where no mask of the arteries is given
NARROWEST, WIDEST = 2.0, 7.0  # mm of an artery's radius
MARGIN = 15.0  # mm between emboli at least


def background(path: Path, artery: Path | None) -> tuple[Volume, np.ndarray]:
    """A CT volume in canonical storage, and its arteries (bool) on its grid.

    The mask may be of a part of the volume, as long as its grid is the volume's.

    Raises
    ------
    Error : the mask is on another grid; there is no vessel.
    """
    ct = files.read_ct(path)
    if artery is None:
        with located(path):
            inside = lungs.mask(ct) & (ct.array > CONTRAST)
    else:
        mask = files.canonical(files.read(artery))
        first = ct.to_index(mask.origin)
        start = np.rint(first).astype(int)
        stop = start + mask.array.shape
        same = np.allclose(mask.steps(np.eye(3)), ct.steps(np.eye(3)), atol=1e-3) and abs(first - start).max() < 0.05
        if not same or (start < 0).any() or (stop > ct.array.shape).any():
            raise Error(f"is not on the grid of {path.name}", artery, remedy="give a mask of the same volume")
        inside = np.zeros(ct.array.shape, bool)
        inside[tuple(map(slice, start, stop))] = mask.array > 0
    if not inside.any():
        raise Error("has no vessel to paint into", artery or path, remedy="give a CT with contrast, or another mask")
    return ct, inside


def paint(ct: Volume, artery: np.ndarray, rng: np.random.Generator, wanted: int) -> tuple[Volume, Volume]:
    """The volume with `wanted` emboli, as far as there is room for them, and their labels (uint8; 1, 2, …)."""
    depth = ndimage.distance_transform_edt(artery, ct.spacing)
    medial = (depth == ndimage.maximum_filter(depth, 3)) & (depth >= NARROWEST) & (depth <= WIDEST)
    seeds = np.argwhere(medial & lungs.mask(ct))
    hu = ct.array.astype(np.float32)
    own = hu - ndimage.gaussian_filter(hu, 1.0 / ct.spacing)
    labels = np.zeros(hu.shape, np.uint8)
    taken: list[np.ndarray] = []
    lumen = ct.of(np.where(artery, 400, -800).astype(np.int16))
    for index in seeds[rng.permutation(len(seeds))]:
        if len(taken) == wanted:
            break
        position = ct.to_mm(index)
        if any(np.linalg.norm(position - other) < MARGIN for other in taken):
            continue
        coverage, place = _clot(ct, rng, index, float(depth[tuple(index)]), vessel.frame(lumen, index, index[None]))
        coverage = coverage * ndimage.gaussian_filter(artery[place].astype(np.float32), 0.4)
        inside = (coverage > 0.5) & artery[place]
        if inside.sum() * ct.voxel < 10:
            continue
        taken.append(position)
        part = hu[place]
        part += coverage * (rng.uniform(35, 80) + own[place] - part)
        labels[place][inside] = len(taken)
    painted = np.clip(np.rint(hu), files.LOWEST, 3071).astype(np.int16)
    return ct.of(painted), ct.of(labels)


def _clot(
    ct: Volume, rng: np.random.Generator, index: np.ndarray, radius: float, frame: np.ndarray
) -> tuple[np.ndarray, tuple[slice, ...]]:
    """Coverage (0–1) of a clot with a rough surface, along the vessel, and the part of the volume that it is of."""
    length, share = rng.uniform(5, 14), rng.uniform(0.5, 0.8)
    thick = max(share * radius, 1.6)
    aside = rng.uniform(0, max(radius - thick, 0)) * (
        np.cos(t := rng.uniform(0, 6.28)) * frame[1] + np.sin(t) * frame[2]
    )
    reach = np.ceil((length / 2 + thick + radius) / ct.spacing).astype(int)
    start = np.maximum(index - reach, 0)
    stop = np.minimum(index + reach + 1, ct.array.shape)
    place = tuple(map(slice, start, stop))
    grid = np.stack(np.meshgrid(*map(np.arange, start, stop), indexing="ij"), axis=-1)
    offset = ct.steps(grid - index) - aside
    along = offset @ frame[0]
    away = np.sqrt(np.maximum((offset**2).sum(axis=-1) - along**2, 0))
    beyond = np.maximum(abs(along) - length / 2, 0)
    rough = ndimage.gaussian_filter(rng.standard_normal(away.shape), 1.5 / ct.spacing)
    surface = thick * (1 + 0.12 * rough / max(float(rough.std()), 1e-6))
    return np.clip((surface - np.hypot(away, beyond)) / float(ct.spacing.mean()) + 0.5, 0, 1), place
