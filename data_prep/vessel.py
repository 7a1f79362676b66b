"""The axis of the vessel around a candidate, and planes along and across it (METHODS 3.5, after [18]).

[18] Tajbakhsh, Gotway, Liang: Computer-aided pulmonary embolism detection using a novel vessel-aligned multi-planar
image representation and convolutional neural networks. MICCAI 2015. Which values it uses is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.readers.volume import AIR, ROUNDING, Volume


@dataclass(frozen=True)
class Settings:
    """How the axis is found.

    diameters : mm of the spheres, taken in turn until the vessel in one is longer than wide.
    contrast : HU above which a voxel is vessel.
    elongation : the ratio of the two largest variances that tells longer from as long.
    touch : mm around a candidate without voxels of its own, within which the vessel must come.
    """

    diameters: tuple[float, ...] = (15, 20, 25)
    contrast: float = 100
    elongation: float = 1.2
    touch: float = 2


def frame(
    volume: Volume, index: np.ndarray, voxels: np.ndarray | None = None, settings: Settings | None = None
) -> np.ndarray:
    """The directions of the vessel around a candidate.

    Principal components of the positions, in mm, of the voxels that are contrast or the candidate's own, within a
    sphere about it and connected with it. (In a cube the axis leans to the cube's diagonals.)

    Parameters
    ----------
    index : (3,) the candidate's position in voxels, z, y, x.
    voxels : (n, 3) int, its own voxels, or None where another program found it.

    Returns
    -------
    (3, 3), rows are unit vectors in LPS: v1 along the vessel, v2 and v3 across it by decreasing variance;
    right-handed, v1 and v2 with their largest component positive. Where there is no vessel, it is the patient's axes:
    z, x, y.
    """
    settings = settings or Settings()
    vectors = _patient_axes()
    for diameter in settings.diameters:
        positions = _vessel(volume, index, voxels, diameter / 2, settings)
        if len(positions) < 4:
            continue
        variances, columns = np.linalg.eigh(np.cov(positions.T))
        vectors = _signed(columns.T[::-1])
        if variances[2] >= settings.elongation * variances[1]:
            break
    return vectors


def _patient_axes() -> np.ndarray:
    return np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])


def _signed(rows: np.ndarray) -> np.ndarray:
    """The same directions with repeatable signs, right-handed."""
    rows = rows.copy()
    for row in rows[:2]:
        if row[np.argmax(abs(row))] < 0:
            row *= -1
    rows[2] = np.cross(rows[0], rows[1])
    return rows


def _vessel(
    volume: Volume, index: np.ndarray, voxels: np.ndarray | None, radius: float, settings: Settings
) -> np.ndarray:
    """Positions (n, 3) in mm, about the candidate, of the vessel's voxels."""
    from scipy import ndimage

    index = np.asarray(index, float)
    radius += ROUNDING
    # Half the box that holds the sphere: how far a whole radius goes along each of the array's axes.
    reach = radius * np.linalg.norm(volume.vector_to_index(np.eye(3)), axis=0)
    start = np.maximum(np.ceil(index - reach), 0).astype(int)
    stop = np.minimum(np.floor(index + reach) + 1, volume.array.shape).astype(int)
    if (stop <= start).any():
        return np.empty((0, 3))
    grid = np.stack(np.meshgrid(*map(np.arange, start, stop), indexing="ij"), axis=-1)
    offset = volume.steps(grid - index)
    sphere = (offset**2).sum(axis=-1) <= radius**2
    own = np.zeros(sphere.shape, bool)
    if voxels is None:
        own |= (offset**2).sum(axis=-1) <= (settings.touch + ROUNDING) ** 2
        inside = (volume.array[tuple(map(slice, start, stop))] > settings.contrast) & sphere
    else:
        near = voxels[((voxels >= start) & (voxels < stop)).all(axis=1)] - start
        own[tuple(near.T)] = True
        own &= sphere
        inside = ((volume.array[tuple(map(slice, start, stop))] > settings.contrast) & sphere) | own
    labels, _ = ndimage.label(inside, np.ones((3, 3, 3), bool))
    # One step further: a clot's rim may be darker than contrast and brighter than clot.
    touched = np.unique(labels[ndimage.binary_dilation(own, np.ones((3, 3, 3), bool))])
    return offset[np.isin(labels, touched[touched > 0])]


def placed(geometry: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Position (3,) and frame (3, 3) of a candidate from its columns: position, axis, across."""
    position, axis, across = np.array(geometry, float).reshape(3, 3)
    return position, np.stack([axis, across, np.cross(axis, across)])


def directions(frame: np.ndarray, theta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """v1, u(θ) = cos θ v2 + sin θ v3, and u(θ + 90°), for θ in degrees; each (3,)."""
    c, s = np.cos(np.deg2rad(theta)), np.sin(np.deg2rad(theta))
    return frame[0], c * frame[1] + s * frame[2], c * frame[2] - s * frame[1]


def planes(
    volume: Volume, centres: np.ndarray, across: np.ndarray, down: np.ndarray, width: np.ndarray, samples: int
) -> np.ndarray:
    """Square planes through a volume, by trilinear interpolation.

    Parameters
    ----------
    centres : (n, 3) of the planes, mm, LPS.
    across, down : (n, 3) unit vectors of a plane's columns' and rows' directions.
    width : (n,) mm of a plane's side; sample i of a side lies at ((i + 1/2) / samples − 1/2) · width.
    samples : on a side.

    Returns
    -------
    float32 (n, samples, samples), HU; air beyond the volume.
    """
    at = (np.arange(samples) + 0.5) / samples - 0.5
    step = np.asarray(width, float)[:, None] * at  # (n, samples), mm
    start = volume.to_index(centres)
    rows = volume.vector_to_index(down)[:, None, :] * step[:, :, None]
    columns = volume.vector_to_index(across)[:, None, :] * step[:, :, None]
    z, y, x = (
        (start[:, a, None, None] + rows[:, :, None, a] + columns[:, None, :, a]).astype(np.float32) for a in range(3)
    )
    return trilinear(volume.array, z, y, x)


def trilinear(array: np.ndarray, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values (float32) at positions in voxels, air beyond the centres of the outermost voxels.

    Only the box that holds the positions is read: it stays in the cache for all of a candidate's planes.
    """
    shape = array.shape
    outside = np.zeros(z.shape, bool)
    starts, parts = [], []
    for a, size in zip((z, y, x), shape, strict=True):
        if a.min() < 0 or a.max() > size - 1:
            outside |= (a < 0) | (a > size - 1)
            a = np.clip(a, 0, size - 1)
        start = min(int(a.min()), max(size - 2, 0))
        starts.append(slice(start, min(int(a.max()) + 2, size)))
        parts.append(a - np.float32(start))
    box = array[tuple(starts)].astype(np.float32)
    padded = [(0, 1) if n == 1 else (0, 0) for n in box.shape]
    box = np.pad(box, padded, mode="edge") if any(p[1] for p in padded) else np.ascontiguousarray(box)
    whole, fraction = [], []
    for a, n in zip(parts, box.shape, strict=True):
        k = np.minimum(a.astype(np.int32), n - 2)
        whole.append(k)
        fraction.append(a - k)
    row, plane = box.shape[2], box.shape[1] * box.shape[2]
    base = (whole[0] * plane + whole[1] * row + whole[2]).ravel()
    fz, fy, fx = (f.ravel() for f in fraction)
    flat = box.ravel()

    def line(offset: int) -> np.ndarray:
        left = flat.take(base + offset)
        return left + fx * (flat.take(base + (offset + 1)) - left)

    def face(offset: int) -> np.ndarray:
        near = line(offset)
        return near + fy * (line(offset + row) - near)

    front = face(0)
    result = (front + fz * (face(plane) - front)).reshape(z.shape)
    if outside.any():
        result[outside] = AIR
    return result
