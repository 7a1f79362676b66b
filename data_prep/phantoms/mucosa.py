"""The wall of a colon, drawn at random: haustral folds, vessels, polyps, and what is taken for polyps.

Polyps have the mucosa's own colour, on average: shape and shading tell them, not colour.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from data_prep.phantoms.colon import ANGLES, STEP, Wall


def wall(rng: np.random.Generator, length: float, polyps: int) -> Wall:
    """A wall of `length` (tube radii) with so many polyps, numbered from 1, at depths where the camera sees them."""
    shape = (ANGLES, round(length / STEP))
    height = _folds(rng, shape) + 0.05 * _noise(rng, shape, 0.35) + 0.009 * _noise(rng, shape, 0.09)
    lesion = np.zeros(shape, np.uint8)
    places: list[tuple[float, float]] = []
    vessels = _vessels(rng, shape).astype(np.float32)
    colour = _mucosa(rng, shape).astype(np.float32)
    for number in range(1, polyps + 1):
        columns, dome, inside = _dome(rng, shape, _free(rng, (1.2, 3.0), places), 0.5)
        covered = ndimage.gaussian_filter(inside.astype(np.float32), 3, mode="wrap")
        height[:, columns] = height[:, columns] * (1 - 0.7 * covered) + dome
        lesion[:, columns][inside] = number
        vessels[:, columns] *= 1 - rng.uniform(0.4, 0.9) * covered
        tone = 1 + (0.04 * _noise(rng, inside.shape, 0.05) + rng.normal(0, 0.02)) * inside
        colour[:, columns] *= tone[..., None] ** np.array([0.7, 1.0, 1.0], np.float32)
    for _ in range(rng.integers(2, 6)):  # diverticula: as round as polyps, and hollow
        columns, dome, inside = _dome(rng, shape, _free(rng, (1.0, 6.0), places), 0.2)
        height[:, columns] -= 0.8 * dome
        colour[:, columns] *= 1 - 0.2 * inside[..., None]
    for _ in range(rng.integers(4, 12)):  # bubbles and remains of stool
        columns, dome, inside = _dome(rng, shape, _free(rng, (0.8, 6.0), places, apart=0.0), 0.11)
        height[:, columns] += 0.5 * dome
        tint = np.array([0.78, 0.62, 0.25] if rng.random() < 0.5 else [0.95, 0.8, 0.7], np.float32)
        soft = 0.8 * ndimage.gaussian_filter(inside.astype(np.float32), 2)[..., None]
        colour[:, columns] = colour[:, columns] * (1 - soft) + tint * soft
    vessel_colour = np.array([0.78, 0.42, 0.45])
    colour = colour * (1 - vessels[..., None] * (1 - vessel_colour))
    gloss = np.clip(3 * (_noise(rng, shape, 0.035) + 0.7 * _noise(rng, shape, 0.3) - 1.9), 0, 1.6)
    bumps = 0.0025 * _noise(rng, shape, 0.03)
    return Wall((height + bumps).astype(np.float32), colour.astype(np.float32), gloss.astype(np.float32), lesion)


def _noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    """Smooth noise of unit deviation, seamless around; `scale` is its grain in tube radii."""
    coarse = (max(6, round(2 * np.pi / scale)), max(4, round(shape[1] * STEP / scale)))
    white = rng.standard_normal(coarse).astype(np.float32)
    rows = np.linspace(0, coarse[0], shape[0], endpoint=False)
    columns = np.linspace(0, coarse[1] - 1, shape[1])
    grid = np.broadcast_arrays(rows[:, None], columns)
    smooth = ndimage.map_coordinates(
        ndimage.gaussian_filter(white, 0.7, mode="wrap"), grid, order=1, mode="grid-wrap"
    )
    return smooth / smooth.std()


def _folds(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Haustral folds: crescents across the tube at irregular depths, of three lobes as the taeniae make them."""
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False, dtype=np.float32)[:, None]
    depth = np.arange(shape[1], dtype=np.float32) * STEP
    height = np.zeros(shape, np.float32)
    at, turn = rng.uniform(0.2, 0.8), rng.uniform(0, 2 * np.pi)
    while at < depth[-1]:
        turn += rng.normal(0, 0.4)
        lobes = 0.55 + 0.45 * np.cos(3 * angle + turn + 0.5 * np.sin(angle + rng.uniform(0, 6.3)))
        waver = 0.12 * np.sin(angle + rng.uniform(0, 6.3)) + 0.05 * np.sin(2 * angle + rng.uniform(0, 6.3))
        across = (depth - at - waver) / rng.uniform(0.07, 0.14)
        height = np.maximum(height, rng.uniform(0.2, 0.42) * lobes * np.exp(-(across**2)))
        at += rng.uniform(0.55, 1.25)
    return height


def _mucosa(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Reflectance: pink to orange, blotched."""
    base = np.array([0.86, 0.47, 0.36]) + rng.normal(0, 0.03, 3) * np.array([0.6, 1.2, 1.2])
    red = 0.09 * _noise(rng, shape, 0.5) + 0.05 * _noise(rng, shape, 0.12)
    return base * (1 + red[..., None] * np.array([0.25, 1.0, 1.0])) * (1 + 0.03 * _noise(rng, shape, 0.04))[..., None]


def _vessels(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Branching vessels beneath the surface, 0 to 1."""
    drawn = np.zeros(shape, np.float32)
    stems = [
        (rng.uniform(0, ANGLES), rng.uniform(0, shape[1]), rng.uniform(0, 2 * np.pi), rng.uniform(1.4, 2.6))
        for _ in range(shape[1] // 22)
    ]
    layers: dict[int, np.ndarray] = {1: drawn.copy(), 2: drawn.copy()}
    while stems:
        row, column, direction, width = stems.pop()
        steps = rng.integers(30, 110)
        course = direction + np.cumsum(rng.normal(0, 0.16, steps))
        rows = (row + np.cumsum(np.sin(course))).astype(int) % ANGLES
        columns = (column + np.cumsum(np.cos(course))).astype(int)
        inside = (columns >= 0) & (columns < shape[1])
        layers[2 if width > 1.5 else 1][rows[inside], columns[inside]] = min(1.0, width / 1.6)
        if width > 0.75:
            for side in (-1, 1):
                turn = course[-1] + side * rng.uniform(0.3, 0.8)
                stems.append((float(rows[-1]), float(columns[-1]), turn, width * rng.uniform(0.6, 0.85)))
    for sigma, layer in layers.items():
        drawn += ndimage.gaussian_filter(layer, 0.75 * sigma, mode="wrap") * 2.2 * sigma
    return np.clip(drawn, 0, 1) * np.clip(0.55 + 0.25 * _noise(rng, shape, 0.6), 0, 1)


def _free(
    rng: np.random.Generator, depths: tuple[float, float], places: list[tuple[float, float]], apart: float = 0.8
) -> tuple[float, float]:
    """An angle and a depth within `depths`, away from what is there."""
    for _ in range(100):
        angle, depth = place = (rng.uniform(0, 2 * np.pi), rng.uniform(*depths))
        if all(np.hypot(min(abs(angle - a), 2 * np.pi - abs(angle - a)), depth - d) >= apart for a, d in places):
            break
    places.append(place)
    return place


def _dome(
    rng: np.random.Generator, shape: tuple[int, int], place: tuple[float, float], largest: float
) -> tuple[slice, np.ndarray, np.ndarray]:
    """An irregular, lobed dome: the columns of the wall it lies in, its height and its extent there."""
    size = rng.uniform(0.55, 1.0) * largest
    columns = slice(max(0, round((place[1] - 1.6 * size) / STEP)), round((place[1] + 1.6 * size) / STEP))
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False, dtype=np.float32)[:, None]
    across = (angle - place[0] + np.pi) % (2 * np.pi) - np.pi
    along = np.arange(columns.start, columns.stop, dtype=np.float32) * STEP - place[1]
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(0.7, 1.0)
    u = across * np.cos(turn) + along * np.sin(turn)
    v = (along * np.cos(turn) - across * np.sin(turn)) / stretch
    bearing = np.arctan2(v, u)
    edge = 1 + sum(rng.normal(0, 0.10 / k) * np.cos(k * bearing + rng.uniform(0, 6.3)) for k in (2, 3, 4))
    reach = np.hypot(u, v) / size / edge
    dome = size * rng.uniform(0.7, 1.1) * np.clip(1 - reach**2, 0, 1) ** rng.uniform(0.4, 0.65)
    lobes = 1 + rng.uniform(0, 0.12) * np.cos(rng.uniform(2, 4) * u * np.pi / size) * np.cos(3 * v * np.pi / size)
    return columns, ndimage.gaussian_filter(dome * lobes, 1.2, mode="wrap"), reach < 1
