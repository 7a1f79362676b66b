"""A synthetic chest in contrast-enhanced CT: lungs, airways, arteries and veins that branch and taper.

Everything is drawn as capsules, balls and ellipsoids with partial volume at their borders, in millimetres (LPS).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

SIZE = (110.0, 140.0, 190.0)  # mm of the body, z, y, x
SPACING = (1.25, 1.0, 1.0)
HILUM = 20.0  # mm from the middle to where the vessels enter a lung
SIDES = (-1, 1)
# HU
LUNG, TISSUE, FAT, BONE, AIR = -860, 45, -90, 420, -1000


@dataclass(frozen=True)
class Segment:
    """A stretch of a vessel: ends (mm; x, y, z), radii there (mm), and which segment it leaves (-1: none)."""

    start: np.ndarray
    end: np.ndarray
    radius: float
    radius_end: float
    parent: int

    @property
    def length(self) -> float:
        """mm."""
        return float(np.linalg.norm(self.end - self.start))

    @property
    def direction(self) -> np.ndarray:
        """Unit vector."""
        return (self.end - self.start) / max(self.length, 1e-6)


@dataclass
class Canvas:
    """Where a volume is drawn: coverages (float32, 0–1) on one grid, by structure."""

    shape: tuple[int, int, int]
    spacing: np.ndarray
    origin: np.ndarray  # x, y, z
    layers: dict[str, np.ndarray] = field(default_factory=dict)

    def layer(self, name: str) -> np.ndarray:
        """The coverage of a structure, made empty where it is new."""
        if name not in self.layers:
            self.layers[name] = np.zeros(self.shape, np.float32)
        return self.layers[name]

    def box(self, low: np.ndarray, high: np.ndarray) -> tuple[tuple[slice, ...], list[np.ndarray]]:
        """Slices (z, y, x) of the part between two corners (x, y, z; mm); its coordinates x, y, z, to broadcast."""
        slices, axes = [], []
        for axis, k in enumerate((2, 1, 0)):
            step, first = self.spacing[axis], self.origin[k]
            start = int(np.clip(np.floor((low[k] - first) / step), 0, self.shape[axis]))
            stop = int(np.clip(np.ceil((high[k] - first) / step) + 1, 0, self.shape[axis]))
            slices.append(slice(start, stop))
            line = (first + step * np.arange(start, stop)).astype(np.float32)
            axes.append(line.reshape([-1 if a == axis else 1 for a in range(3)]))
        return tuple(slices), axes[::-1]

    def cover(self, name: str, low: np.ndarray, high: np.ndarray, inside: Callable[..., np.ndarray]) -> None:
        """Draw a body into a layer; `inside(x, y, z)` is how far within its surface a point lies, mm."""
        margin = float(self.spacing.max())
        place, (x, y, z) = self.box(low - margin, high + margin)
        if all(s.stop > s.start for s in place):
            depth = inside(x, y, z)
            coverage = np.clip(depth / float(self.spacing.mean()) + 0.5, 0, 1)
            part = self.layer(name)[place]
            np.maximum(part, coverage, out=part)

    def capsule(self, name: str, start: np.ndarray, end: np.ndarray, radius: float, radius_end: float) -> None:
        """Draw a tapering tube with round ends."""
        way = end - start
        square = max(float(way @ way), 1e-9)

        def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
            t = np.clip(((x - start[0]) * way[0] + (y - start[1]) * way[1] + (z - start[2]) * way[2]) / square, 0, 1)
            d = (x - start[0] - t * way[0]) ** 2 + (y - start[1] - t * way[1]) ** 2 + (z - start[2] - t * way[2]) ** 2
            return radius + t * (radius_end - radius) - np.sqrt(d)

        reach = max(radius, radius_end)
        self.cover(name, np.minimum(start, end) - reach, np.maximum(start, end) + reach, inside)

    def ellipsoid(self, name: str, centre: np.ndarray, axes: np.ndarray) -> None:
        """Draw an ellipsoid along the patient's axes; half axes x, y, z."""

        def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
            terms = ((a - c) / h for a, c, h in zip((x, y, z), centre, axes, strict=True))
            return (1 - np.sqrt(sum(term**2 for term in terms))) * float(min(axes))

        self.cover(name, centre - axes, centre + axes, inside)


def canvas(size: tuple[float, float, float] = SIZE, spacing: tuple[float, float, float] = SPACING) -> Canvas:
    """An empty canvas of that size in mm, with the origin of coordinates in its middle."""
    shape = tuple(round(s / d) for s, d in zip(size, spacing, strict=True))
    origin = -(np.array(shape[::-1]) - 1) / 2 * np.array(spacing[::-1])
    return Canvas(shape, np.array(spacing), origin)  # type: ignore[arg-type]


def lung(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre and half axes (x, y, z; mm) of a lung; it goes on beyond the last slices, as in a real scan's middle."""
    return np.array([side * 45.0, 0, -4]), np.array([31.0, 45, 66])


def grow(
    rng: np.random.Generator, side: int, root: np.ndarray, direction: np.ndarray, radius: float, smallest: float
) -> list[Segment]:
    """A tree that enters a lung at `root`, bends and halves, and ends where it is thinner than `smallest` (mm).

    Radii of the branches follow Murray's law, r³ = r₁³ + r₂³.
    """
    centre, axes = lung(side)

    def depth(point: np.ndarray) -> float:
        return float(1 - np.sqrt((((point - centre) / axes) ** 2).sum()))

    tree: list[Segment] = []
    waiting = [(root, direction / np.linalg.norm(direction), radius, -1)]
    while waiting:
        start, way, r, parent = waiting.pop(0)
        length = r * rng.uniform(1.6, 3.2) + 4
        for spread in (0.25, 0.5, 0.8, 1.1, 1.5):
            turned = way + rng.normal(0, spread, 3)
            turned /= np.linalg.norm(turned)
            end = start + length * turned
            if depth(end) > 0.04 or parent < 0:
                break
        else:
            continue
        taper = r * rng.uniform(0.94, 0.99)
        tree.append(Segment(start, end, r, taper, parent))
        share = rng.uniform(0.3, 0.5)
        across = np.cross(turned, rng.normal(size=3))
        across /= np.linalg.norm(across)
        for part, sign in ((1 - share, 1), (share, -1)):
            child = taper * part ** (1 / 3)
            if child >= smallest:
                angle = np.deg2rad(rng.uniform(15, 35) if sign > 0 else rng.uniform(35, 65))
                waiting.append((end, np.cos(angle) * turned + sign * np.sin(angle) * across, child, len(tree) - 1))
    return tree


def body(canvas: Canvas) -> None:
    """Draw what is not lung: skin to spine, windpipe, heart, aorta, and the table under the patient."""
    half = np.array([canvas.shape[2] * canvas.spacing[2], canvas.shape[1] * canvas.spacing[1]]) / 2
    tall = np.array([0.0, 0, 1e3])
    canvas.ellipsoid("body", np.zeros(3), np.array([half[0] - 6, half[1] - 8, 400.0]))
    canvas.ellipsoid("muscle", np.zeros(3), np.array([half[0] - 14, half[1] - 14, 500.0]))
    for side in SIDES:
        canvas.ellipsoid("lung", *lung(side))
    canvas.ellipsoid("bone", np.array([0, half[1] - 26, 0.0]), np.array([10.0, 10, 300]))
    canvas.capsule("heart", np.array([4.0, -30, -60]), np.array([8.0, -30, -28]), 19, 14)
    canvas.capsule("heart", np.array([12.0, 24, -90]), np.array([11.0, 22, 90]), 8, 8)
    canvas.capsule("airway", np.array([0.0, 4, 20]), tall + np.array([0.0, 4, 0]), 6.5, 6.5)
    canvas.capsule("table", np.array([-200.0, half[1] - 1, 0]), np.array([200.0, half[1] - 1, 0]), 2, 2)


def noise(rng: np.random.Generator, shape: tuple[int, ...], deviation: float, grain: float) -> np.ndarray:
    """Correlated noise (float32, HU) of a deviation; `grain` voxels of blur."""
    white = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), grain)
    return white * np.float32(deviation / white.std())
