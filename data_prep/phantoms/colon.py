"""A colon seen through an endoscope: a folded tube with polyps, rendered exactly from a camera on its axis.

The wall is a height field over angle and depth. A ray from the axis keeps its angle, so what it meets first follows
from a running minimum along depth: folds and polyps hide what lies behind them, without any marching along rays.
Lengths are in units of the tube's radius.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

ANGLES = 560
STEP = 0.0125  # of depth between the columns of the wall
FIELD_OF_VIEW = np.deg2rad(70)  # from the axis to the edge of the view
FARTHEST = 9.0
_NEAREST = 0.28
_DEPTHS, _SLOPES = 320, 220


@dataclass(frozen=True)
class Wall:
    """The tube's wall over angle (rows, around the axis) and depth (columns, `STEP` apart).

    height : how far it stands inwards, float32, `ANGLES` × depths.
    colour : reflectance, float32, `ANGLES` × depths × 3, RGB.
    gloss : strength of highlights, float32, `ANGLES` × depths.
    lesion : number of the polyp, uint8, 0 for none.
    """

    height: np.ndarray
    colour: np.ndarray
    gloss: np.ndarray
    lesion: np.ndarray


@dataclass(frozen=True)
class Pose:
    """The camera on the axis.

    depth : how far it has come. tilt : direction (x, y) of its axis, radians. roll : about its axis, radians.
    bend : how far (x, y) the far end of the tube is turned aside, radians. light : of the lamp, 1 is usual.
    """

    depth: float
    tilt: tuple[float, float]
    roll: float
    bend: tuple[float, float]
    light: float


def render(wall: Wall, pose: Pose, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The view without lens and camera: linear light (float32, size × size × 3, RGB) and lesion numbers (uint8)."""
    depths = np.geomspace(_NEAREST, FARTHEST, _DEPTHS, dtype=np.float32)
    slopes = np.geomspace(np.tan(FIELD_OF_VIEW) * 1.35, 1 / FARTHEST, _SLOPES, dtype=np.float32)
    column = (pose.depth + depths) / STEP
    left = column.astype(int)
    part = (column - left).astype(np.float32)
    height = wall.height[:, left] * (1 - part) + wall.height[:, left + 1] * part
    seen = _first_met((1 - height) / depths, slopes)

    normal, radius = _normals(height, depths)
    row = np.arange(ANGLES)[:, None]
    at = left[seen]
    # Highlights follow the way along the surface, else they would smear down the steep faces of folds.
    along = np.minimum(at + (1.2 * (1 - radius[row, seen]) / STEP).astype(int), wall.gloss.shape[1] - 1)
    shade, glint = _lit(normal[row, seen], radius[row, seen], depths[seen], wall.gloss[row, along], pose.light)
    light = wall.colour[row, at] * shade[..., None] + glint[..., None]

    angle, slope = _rays(pose, size)
    where = np.stack([angle / (2 * np.pi) * ANGLES, np.log(slopes[0] / slope) / np.log(slopes[0] / slopes[1])])
    where[1] = np.clip(where[1], 0, _SLOPES - 1)
    view = [ndimage.map_coordinates(light[..., k], where, order=1, mode="grid-wrap") for k in range(3)]
    nearest = where.round().astype(int)
    lesion = wall.lesion[row, at][nearest[0] % ANGLES, nearest[1]]
    return np.stack(view, axis=-1), lesion


def _first_met(slope: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """For each angle and each of the falling ray slopes, the index of the depth at which the ray meets the wall."""
    horizon = np.minimum.accumulate(slope, axis=1)
    found = [np.searchsorted(-row, -slopes) for row in horizon]
    return np.minimum(np.stack(found), slope.shape[1] - 1)


def _normals(height: np.ndarray, depths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals towards the axis (outward, around, along), ANGLES × depths × 3, and the radius there."""
    radius = 1 - height
    around = -(np.roll(height, -1, 0) - np.roll(height, 1, 0)) * ANGLES / (4 * np.pi) / radius
    along = -np.gradient(height, depths, axis=1)
    normal = np.stack([-np.ones_like(radius), around, along], axis=-1)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True), radius


def _lit(
    normal: np.ndarray, radius: np.ndarray, depth: np.ndarray, gloss: np.ndarray, light: float
) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse light and highlights of a lamp at the camera, falling off with distance; mucus scatters some light."""
    distance = np.hypot(radius, depth)
    facing = -(normal[..., 0] * radius + normal[..., 2] * depth) / distance
    facing = np.clip(facing, 0, 1)
    fall = light / (0.5 + 0.5 * distance**2)
    return (0.12 + 1.05 * facing) * fall, gloss * facing**10 * np.minimum(fall, 1)


def _rays(pose: Pose, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Angle (0 to 2π) and slope (radius by depth) of each pixel's ray about the tube's axis; an equidistant lens."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    x, y = ((v + 0.5) * 2 / size - 1 for v in (x, y))
    off_axis = np.hypot(x, y) * FIELD_OF_VIEW
    around = np.arctan2(y, x) + pose.roll
    x, y = off_axis * np.cos(around) + pose.tilt[0], off_axis * np.sin(around) + pose.tilt[1]
    # The tube curves: the farther ahead, the more the axis is turned aside.
    ahead = np.exp(-(np.hypot(x, y) ** 2) / 0.18)
    x, y = x - pose.bend[0] * ahead, y - pose.bend[1] * ahead
    return np.arctan2(y, x) % (2 * np.pi), np.tan(np.clip(np.hypot(x, y), 1e-3, 1.5))
