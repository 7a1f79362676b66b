"""Polyp candidates by edges and voting: where edges from all around agree on a round shape.

A polyp's outline, however broken, lies around its centre; a vessel's or a fold's does not. So edges vote along their
normals at every radius of a range; votes are kept apart by orientation, and a place is as good as the *product* over
the orientations of what reaches it, so that edges from one side alone make no candidate. Steps:

1. The frame is reduced to `SIDE` pixels and freed of highlights by a grey opening. Edge strength (0 to 1) is the
   gradient's of the logarithm of the light, which does not fall off with the distance from the lamp, without the
   frame's black border.
2. The lamp stands at the camera, so what bulges is bright towards its middle: an edge votes towards its bright side.
   By the direction of their normals edges fall into `SECTORS` directions.
3. For each radius, how much of a circle around each place is edge with its normal along the circle's radius
   (coverage of each sector, 0 to 1); the score is the geometric mean over four groups of opposite sectors.
4. Local maxima over places and radii, strongest first, without those inside one that is kept; the box is drawn
   through the edges that voted.

This is the built-in stand-in for the paper's own generator [42] (Tajbakhsh et al., IEEE TMI 35(2), 2016), which
learns which edges are a polyp's, and on which side it lies, and replaces this one behind the same signature: a frame
to a list.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from data_prep.candidates.candidate import Candidate

SIDE = 160  # pixels of the longer side at which votes are counted
RADII = (8, 10, 12.5, 15.5, 19, 24, 30)
SECTORS = 16
MOST = 8  # candidates of a frame
WEAKEST = 0.33  # score of the weakest candidate
_EMPTY = 0.05  # what an orientation without any edge counts, so that a broken outline is no zero
_GROUPS = 4
_STRONG = 92  # percentile of the gradient that is a full edge


def candidates(frame: np.ndarray) -> list[Candidate]:
    """The candidates of a frame, best first.

    Parameters
    ----------
    frame : uint8, height × width × 3, BGR.

    Returns
    -------
    At most `MOST` candidates, named by rank from 1, boxes within the frame, scores of `WEAKEST` to 1.
    """
    height, width = frame.shape[:2]
    factor = SIDE / max(height, width)
    small = (max(8, round(width * factor)), max(8, round(height * factor)))
    image = np.asarray(Image.fromarray(frame).resize(small, Image.Resampling.BOX)).astype(np.float32)
    sectors = _edges(image)
    if not sectors.any():
        return []
    coverage = [_coverage(sectors, radius) for radius in RADII]
    scores = np.stack([_agreement(c) for c in coverage])
    found: list[Candidate] = []
    for level, y, x in _peaks(scores):
        reach = _reach(sectors, y, x, RADII[level])
        box = np.array([x - reach[2], y - reach[3], x + reach[0] + 1, y + reach[1] + 1]) / factor
        x0, y0, x1, y1 = np.clip(box, 0, [width, height, width, height]).round(2).tolist()
        score = round(float(scores[level, y, x]), 6)
        found.append(Candidate(str(len(found) + 1), x0, y0, x1, y1, score))
    return found


def _edges(image: np.ndarray) -> np.ndarray:
    """Edge strength by the direction of the edge's dark side: float32, SECTORS × height × width, 0 to 1."""
    view = ndimage.binary_opening(image.max(axis=2) > 12, iterations=2)
    view = ndimage.binary_erosion(view, iterations=5, border_value=0)
    sectors = np.zeros((SECTORS, *view.shape), np.float32)
    light = ndimage.grey_opening(np.log(image + 16).mean(axis=2), (5, 5))
    light = ndimage.gaussian_filter(light, 1.5)
    gy, gx = ndimage.sobel(light, 0), ndimage.sobel(light, 1)
    slope = np.hypot(gx, gy)
    strong = np.percentile(slope[view], _STRONG) if view.any() else 0.0
    if strong <= 1e-6:
        return sectors
    strength = np.minimum(slope / strong, 1) * view
    direction = np.arctan2(-gy, -gx) / (2 * np.pi) * SECTORS
    lower = np.floor(direction).astype(int)
    part = direction - lower
    for k in range(SECTORS):  # between two sectors' middles an edge stands in both
        sectors[k] = strength * np.where(
            lower % SECTORS == k, 1 - part, np.where((lower + 1) % SECTORS == k, part, 0)
        )
    return sectors


def _coverage(sectors: np.ndarray, radius: float) -> np.ndarray:
    """For each place, how far each sector of the circle around it is edge: float32, SECTORS × height × width."""
    sigma = 0.1 * radius + 0.5
    full = 1 / (np.sqrt(2 * np.pi) * sigma)  # what a thin straight edge gives
    spread = ndimage.gaussian_filter(sectors, (0, sigma, sigma))
    height, width = spread.shape[1:]
    covered = np.zeros_like(spread)
    for layer, moved, turn in zip(spread, covered, 2 * np.pi * np.arange(SECTORS) / SECTORS, strict=True):
        dy, dx = round(radius * np.sin(turn)), round(radius * np.cos(turn))
        rows, columns = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
        moved[rows, columns] = layer[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
    return np.minimum(covered / full, 1)


def _agreement(coverage: np.ndarray) -> np.ndarray:
    """The geometric mean over groups of neighbouring orientations of their mean coverage: height × width."""
    half = SECTORS // 2
    both = (coverage[:half] + coverage[half:]) / 2
    groups = both.reshape(_GROUPS, half // _GROUPS, *both.shape[1:]).mean(axis=1)
    return np.exp(np.log(_EMPTY + (1 - _EMPTY) * groups).mean(axis=0))


def _peaks(scores: np.ndarray) -> list[tuple[int, int, int]]:
    """Level, row and column of the best places, none inside a better one's circle."""
    local = (scores == ndimage.maximum_filter(scores, (3, 5, 5))) & (scores >= WEAKEST)
    places = np.argwhere(local)
    order = np.argsort(-scores[local], kind="stable")
    kept: list[tuple[int, int, int]] = []
    for level, y, x in places[order].tolist():
        apart = (np.hypot(y - v, x - u) > 0.8 * max(RADII[level], RADII[k]) for k, v, u in kept)
        if all(apart):
            kept.append((level, y, x))
        if len(kept) == MOST:
            break
    return kept


def _reach(sectors: np.ndarray, y: int, x: int, radius: float) -> tuple[float, float, float, float]:
    """How far the voting edges reach right, down, left and up of a place; the radius where a side has none."""
    along = np.arange(0.6 * radius, 1.7 * radius, 0.5)
    near = np.exp(-0.5 * ((along - radius) / (0.35 * radius)) ** 2)
    reaches = []
    for side in range(4):
        turn = side * np.pi / 2
        rows = np.round(y + along * np.sin(turn)).astype(int)
        columns = np.round(x + along * np.cos(turn)).astype(int)
        inside = (rows >= 0) & (rows < sectors.shape[1]) & (columns >= 0) & (columns < sectors.shape[2])
        facing = np.arange(-1, 2) + side * SECTORS // 4
        hit = np.zeros(along.size)
        hit[inside] = sectors[facing[:, None] % SECTORS, rows[inside], columns[inside]].sum(axis=0)
        hit *= near
        # The outline is where the edge ends, not where the shading is steepest.
        reaches.append(float(along[np.flatnonzero(hit >= 0.5 * hit.max())[-1]]) if hit.max() > 0.1 else radius)
    return reaches[0], reaches[1], reaches[2], reaches[3]
