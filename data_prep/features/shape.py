"""What shape a candidate's cluster has (METHODS 3.3, assumed)."""

from __future__ import annotations

import numpy as np

from data_prep.features.region import Region


def features(region: Region) -> dict[str, float]:
    """Volume, surface, sphericity, principal extents and their ratios, the bounding box and how full it is."""
    mask, spacing = _cut(region.cluster), region.spacing
    volume, surface = mesh(mask, spacing)
    extents = principal_extents(region.positions(region.cluster))
    sides = np.array(mask.shape) * spacing
    return {
        "volume": float(mask.sum()) * region.volume.voxel,
        "surface": surface,
        "sphericity": sphericity(volume, surface),
        "extent_1": float(extents[0]),
        "extent_2": float(extents[1]),
        "extent_3": float(extents[2]),
        "elongation": _ratio(extents[1], extents[0]),
        "flatness": _ratio(extents[2], extents[0]),
        "side_z": float(sides[0]),
        "side_y": float(sides[1]),
        "side_x": float(sides[2]),
        "fill": float(mask.mean()),
    }


def mesh(mask: np.ndarray, spacing: np.ndarray) -> tuple[float, float]:
    """Volume (mm³) and surface (mm²) of the triangles that marching cubes draws around a mask."""
    from skimage.measure import marching_cubes

    vertices, faces, _, _ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5, spacing=tuple(spacing))
    a, b, c = (vertices[faces[:, k]].astype(float) for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    return abs(float(volume)), float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2


def sphericity(volume: float, surface: float) -> float:
    """π^(1/3) (6 V)^(2/3) / A: 1 for a ball, less for anything else."""
    return float(np.cbrt(np.pi) * np.cbrt(6 * volume) ** 2 / surface)


def principal_extents(positions: np.ndarray) -> np.ndarray:
    """(3,) mm, 4 √λ of the covariance (of n) of (n, 3) positions, falling: an ellipsoid's axes, end to end."""
    centred = positions - positions.mean(axis=0)
    variances = np.linalg.eigvalsh(centred.T @ centred / len(positions))[::-1]
    return 4 * np.sqrt(np.maximum(variances, 0))


def _ratio(part: float, whole: float) -> float:
    """1 for a single voxel, which has no extents."""
    return float(part / whole) if whole > 0 else 1.0


def _cut(mask: np.ndarray) -> np.ndarray:
    where = np.argwhere(mask)
    return mask[tuple(map(slice, where.min(axis=0), where.max(axis=0) + 1))]
