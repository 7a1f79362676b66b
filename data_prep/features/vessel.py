"""How a candidate lies in a vessel (METHODS 3.3, assumed; being enclosed after US 8,244,012, claim 5)."""

from __future__ import annotations

import numpy as np

from data_prep.features.region import AIR, BRIGHT, MARGIN, Region
from data_prep.vessel import trilinear

SPHERE = 7.5  # mm, radius of the sphere in which the vessel's direction is looked at (METHODS 3.5)
REACH = 8.0  # mm that a ray goes to meet a wall
RAYS = 16
_STEP = 0.5  # mm along a ray


def features(region: Region) -> dict[str, float]:
    """Contrast and air in the shell; lumen, tubularity, angle, eccentricity; enclosing wall; lung border."""
    shell = region.volume.array[region.shell]
    radius = lumen_radius(region)
    along, across, off = _vessel(region)
    return {
        "bright_shell": float((shell > BRIGHT).mean()),
        "air_shell": float((shell < AIR).mean()),
        "lumen_diameter": 2 * radius,
        "tubularity": along / max(across, 1e-6),
        "axis_angle": axis_angle(region),
        "eccentricity": off / radius,
        "enclosed": enclosed(region),
        "border_distance": border_distance(region),
    }


def lumen_radius(region: Region) -> float:
    """Radius (mm) of the largest ball that fits into the lumen about a voxel of the cluster, to half a voxel."""
    from scipy import ndimage

    # Beyond the crop the vessel goes on: its faces are no wall.
    inside = ndimage.distance_transform_edt(np.pad(region.lumen, 1, mode="edge"), region.spacing)
    return float(inside[1:-1, 1:-1, 1:-1][region.cluster].max()) - 0.5 * float(region.spacing.min())


def _vessel(region: Region) -> tuple[float, float, float]:
    """The two largest variances (mm²) of the vessel within `SPHERE`, and how far (mm) the candidate is off its axis.

    The axis goes through the vessel's centroid, in the region's direction.
    """
    positions = region.positions(region.lumen)
    positions = positions[np.linalg.norm(positions, axis=1) <= SPHERE]
    if len(positions) < 4:
        return 1.0, 1.0, 0.0
    variances = np.linalg.eigvalsh(np.cov(positions.T))
    return (
        float(variances[2]),
        float(variances[1]),
        float(np.linalg.norm(np.cross(positions.mean(axis=0), region.axis))),
    )


def axis_angle(region: Region) -> float:
    """Degrees, 0 to 90, between the cluster's longest extent and the vessel; 0 for a cluster without an extent."""
    positions = region.positions(region.cluster)
    if len(positions) < 2:
        return 0.0
    _, vectors = np.linalg.eigh(np.cov(positions.T))
    return float(np.degrees(np.arccos(np.clip(abs(vectors[:, -1] @ region.axis), 0, 1))))


def enclosed(region: Region) -> float:
    """Share of the rays across the vessel, from the candidate, that meet contrast within `REACH` before any air."""
    across = np.linalg.svd(region.axis[None])[2][1:]  # two directions across the axis
    angles = 2 * np.pi * np.arange(RAYS) / RAYS
    directions = region.volume.vector_to_index(
        np.cos(angles)[:, None] * across[0] + np.sin(angles)[:, None] * across[1]
    )
    steps = np.arange(_STEP, REACH + _STEP / 2, _STEP)
    at = region.index + directions[:, None, :] * steps[None, :, None]
    along = trilinear(region.volume.array, *(at[..., a].astype(np.float32) for a in range(3)))
    bright, air = along > BRIGHT, along < AIR
    first_bright = np.where(bright.any(axis=1), bright.argmax(axis=1), len(steps))
    first_air = np.where(air.any(axis=1), air.argmax(axis=1), len(steps))
    return float((first_bright < first_air).mean())


def border_distance(region: Region) -> float:
    """mm from the candidate to the nearest place outside the lungs, `MARGIN` at most; 0 outside."""
    from scipy import ndimage

    if region.lungs.all():
        return MARGIN
    inside = ndimage.distance_transform_edt(region.lungs, region.spacing)
    at = np.clip(np.rint(region.index).astype(int), 0, np.array(inside.shape) - 1)
    return min(float(inside[tuple(at)]), MARGIN)
