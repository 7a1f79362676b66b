"""Synthetic smears: cells whose shape is the class, on slides that differ in stain and focus, in a folder a class."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from data_prep.phantoms.folder import made
from ftcaffe.errors import Error
from ftcaffe.store import table

_log = logging.getLogger(__name__)

KINDS = ("round", "lobed", "crescent", "ring")


@dataclass(frozen=True)
class Settings:
    """A phantom: seed, how many kinds of cells, slides, images of a slide, side of an image in pixels."""

    seed: int = 0
    classes: int = 2
    units: int = 24
    images: int = 20
    size: int = 96

    def __post_init__(self) -> None:
        if not 2 <= self.classes <= len(KINDS):
            raise Error(f"--classes {self.classes} is not 2 to {len(KINDS)}")
        if self.units < 3 or self.images < self.classes:
            raise Error("a phantom needs three slides, and an image of each class on every one")
        if self.size < 32:
            raise Error(f"--size {self.size}: an image has a side of 32 pixels at least")


def write(folder: Path, settings: Settings) -> None:
    """Write ``<class>/<slide>_<number>.png`` and ``units.csv``, whole; nothing is done when they are there."""
    with made(folder, {"application": "images", **asdict(settings)}) as beside:
        if beside is None:
            return
        rows = []
        for slide in range(settings.units):
            rng = np.random.default_rng([settings.seed, slide])
            stain, paper = rng.normal([0.45, 0.25, 0.55], 0.06), rng.normal([0.93, 0.88, 0.92], 0.02)
            focus = rng.uniform(0.6, 1.6)
            for number in range(settings.images):
                kind = KINDS[number % settings.classes]
                path = beside / kind / f"slide{slide + 1:02d}_{number:03d}.png"
                path.parent.mkdir(exist_ok=True)
                Image.fromarray(_smear(rng, kind, settings.size, stain, paper, focus)).save(path)
                rows.append((f"{kind}/{path.name}", f"slide{slide + 1:02d}"))
        table.write(beside / "units.csv", ("image", "unit"), rows)
        _log.info("%s: %d images of %d slides, %d classes", folder, len(rows), settings.units, settings.classes)


def _smear(
    rng: np.random.Generator, kind: str, size: int, stain: np.ndarray, paper: np.ndarray, focus: float
) -> np.ndarray:
    """One image (uint8, size × size × 3, RGB): a few cells of one kind among debris of any."""
    cover = np.zeros((size, size))
    for _ in range(rng.integers(3, 7)):
        cover = np.maximum(cover, rng.uniform(0.7, 1) * _cell(rng, kind, size))
    for _ in range(rng.integers(2, 6)):  # debris
        cover = np.maximum(cover, 0.5 * _cell(rng, str(rng.choice(KINDS)), size, 0.4))
    cover = ndimage.gaussian_filter(cover, focus * size / 96)
    light = paper * (
        1 + 0.05 * ndimage.gaussian_filter(rng.normal(0, 1, (size, size)), size / 8)[..., None] * size / 16
    )
    pixels = light * (1 - cover[..., None] * (1 - stain)) + rng.normal(0, 0.02, (size, size, 1))
    return (np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _cell(rng: np.random.Generator, kind: str, size: int, scale: float = 1.0) -> np.ndarray:
    """Cover (0 to 1) of a cell at a random place."""
    x0, y0 = rng.uniform(0.1, 0.9, 2) * size
    radius = scale * rng.uniform(0.10, 0.16) * size
    y, x = np.mgrid[:size, :size] + 0.5
    turn, stretch = rng.uniform(0, 2 * np.pi), rng.uniform(0.85, 1.15)
    u = ((x - x0) * np.cos(turn) + (y - y0) * np.sin(turn)) / radius * stretch
    v = ((y - y0) * np.cos(turn) - (x - x0) * np.sin(turn)) / radius / stretch
    reach, angle = np.hypot(u, v), np.arctan2(v, u)
    inside = reach < 1
    if kind == "lobed":
        inside = reach < 0.95 + 0.22 * np.cos(4 * angle)
    elif kind == "crescent":
        inside = (reach < 1.15) & (np.hypot(u - 0.6, v) > 0.85)
    elif kind == "ring":
        inside = (reach < 1.1) & (reach > 0.5)
    return inside.astype(float)
