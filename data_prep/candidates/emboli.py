"""Candidates for pulmonary emboli: toboggan clusters in the lungs that are dark and brightly surrounded.

METHODS 3.1 and 3.2: the idea is the paper's and [60]'s; every number is assumed, and a field of `Settings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from data_prep import vessel
from data_prep.candidates import lungs, toboggan
from data_prep.readers.volume import ROUNDING, Volume


@dataclass(frozen=True)
class Settings:
    """What is a candidate.

    smoothing : mm, deviation of the Gaussian that makes the potential from the intensities.
    low, high : HU between which clot lies; other voxels are barriers to the slide.
    smallest, largest : mm³ of a cluster.
    shell : mm, thickness of the surround.
    bright : HU of contrast.
    surround : part of the surround that is at least as bright.
    contrast : HU by which the surround's mean is above the cluster's.
    merge : mm within which concentrations are one candidate.
    lungs : how the search region is found. vessel : how the axis of a candidate's vessel is.
    """

    smoothing: float = 0.7
    low: float = -50
    high: float = 100
    smallest: float = 4
    largest: float = 4000
    shell: float = 2
    bright: float = 150
    surround: float = 0.35
    contrast: float = 60
    merge: float = 2
    lungs: lungs.Settings = field(default_factory=lungs.Settings)
    vessel: vessel.Settings = field(default_factory=vessel.Settings)


@dataclass(frozen=True, eq=False)
class Embolus:
    """A candidate embolus.

    name : unique within the volume.
    index : (3,) position of the concentration in voxels, z, y, x. position : (3,) the same in mm, LPS.
    voxels : (n, 3) int, the cluster's voxels, z, y, x.
    frame : (3, 3) rows are the vessel's axis and two directions across it (`data_prep.vessel`), LPS.
    surround, contrast : of its shell, as `Settings` has them.
    """

    name: str
    index: np.ndarray
    position: np.ndarray
    voxels: np.ndarray
    frame: np.ndarray
    surround: float
    contrast: float

    @property
    def score(self) -> float:
        """How sure the generator is of it: the contrast of its surround, in HU, by the part that is bright."""
        return self.contrast * self.surround


@dataclass(frozen=True, eq=False)
class Cluster:
    """A toboggan cluster of an embolus's size: concentration (3,), voxels (n, 3), lowest potential; its shell."""

    index: np.ndarray
    voxels: np.ndarray
    lowest: float
    surround: float
    contrast: float


def find(volume: Volume, settings: Settings | None = None) -> list[Embolus]:
    """The candidates of a CT volume (in canonical storage), in the scan order of their concentrations.

    Raises
    ------
    Error : no lung was found.
    """
    settings = settings or Settings()
    accepted = [c for c in clusters(volume, settings) if accepts(c, settings)]
    merged = merge(volume, accepted, settings.merge)
    return [
        Embolus(
            f"{number:03d}",
            one.index,
            volume.to_mm(one.index),
            one.voxels,
            vessel.frame(volume, one.index, one.voxels, settings.vessel),
            one.surround,
            one.contrast,
        )
        for number, one in enumerate(merged, 1)
    ]


def accepts(cluster: Cluster, settings: Settings) -> bool:
    """Whether a cluster's surround is an embolus's."""
    return cluster.surround >= settings.surround and cluster.contrast > settings.contrast


def clusters(volume: Volume, settings: Settings) -> list[Cluster]:
    """The clusters in the lungs whose size is an embolus's, whatever surrounds them."""
    region = lungs.mask(volume, settings.lungs)
    potential, low = _potential(volume, region, settings)
    inner = tuple(slice(a, a + n) for a, n in zip(low, potential.shape, strict=True))
    domain = region[inner] & (potential >= settings.low) & (potential <= settings.high)
    slid = toboggan.slide(potential, domain)
    counts = np.bincount(slid.cluster, minlength=len(slid.concentrations))
    sizes = counts * volume.voxel
    order = np.argsort(slid.cluster, kind="stable")
    ends = np.cumsum(counts)
    ball = _ball(volume.spacing, settings.shell)
    part = volume.array[inner]
    found = []
    for number in np.flatnonzero((sizes >= settings.smallest) & (sizes <= settings.largest)):
        members = order[ends[number] - counts[number] : ends[number]]
        voxels = np.stack(np.unravel_index(slid.voxels[members], part.shape), axis=1)
        index = np.array(np.unravel_index(slid.voxels[slid.concentrations[number]], part.shape))
        surround, contrast = _surround(part, voxels, ball, settings.bright)
        found.append(Cluster(index + low, voxels + low, float(potential[tuple(index)]), surround, contrast))
    return found


def merge(volume: Volume, clusters: Sequence[Cluster], within: float) -> list[Cluster]:
    """Clusters whose concentrations lie within some mm joined, at the lowest of these; a shell's values are means."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    if not clusters:
        return []
    places = volume.steps(np.stack([one.index for one in clusters]))
    pairs = cKDTree(places).query_pairs(within + ROUNDING, output_type="ndarray").reshape(-1, 2)
    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (len(clusters), len(clusters)))
    _, group = connected_components(graph, directed=False)
    result = []
    for number in range(group.max() + 1):
        members = [one for one, of in zip(clusters, group, strict=True) if of == number]
        best = min(members, key=lambda one: one.lowest)
        weights = [len(one.voxels) for one in members]
        surround = float(np.average([one.surround for one in members], weights=weights))
        contrast = float(np.average([one.contrast for one in members], weights=weights))
        voxels = np.concatenate([one.voxels for one in members])
        result.append(Cluster(best.index, voxels, best.lowest, surround, contrast))
    return result


def _potential(volume: Volume, region: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed intensities (float32) within the region's bounding box and a margin, and where that begins."""
    from scipy import ndimage

    margin = np.ceil(settings.shell / volume.spacing).astype(int) + 2
    low, high = [], []
    for axis in range(3):
        there = np.flatnonzero(region.any(axis=tuple(a for a in range(3) if a != axis)))
        low.append(max(there[0] - margin[axis], 0))
        high.append(there[-1] + 1 + margin[axis])
    part = volume.array[tuple(map(slice, low, high))].astype(np.float32)
    sigma = settings.smoothing / volume.spacing
    return ndimage.gaussian_filter(part, sigma, mode="nearest", truncate=3), np.array(low)


def _surround(part: np.ndarray, voxels: np.ndarray, ball: np.ndarray, bright: float) -> tuple[float, float]:
    """Of a cluster's shell: the part at least `bright` HU, and its mean less the cluster's."""
    from scipy import ndimage

    reach = np.array(ball.shape) // 2
    start = np.maximum(voxels.min(axis=0) - reach, 0)
    stop = np.minimum(voxels.max(axis=0) + reach + 1, part.shape)
    here = part[tuple(map(slice, start, stop))]
    cluster = np.zeros(here.shape, bool)
    cluster[tuple((voxels - start).T)] = True
    shell = ndimage.binary_dilation(cluster, ball) & ~cluster
    around = here[shell].astype(np.float32)
    return float((around >= bright).mean()), float(around.mean() - here[cluster].mean(dtype=np.float32))


def _ball(spacing: np.ndarray, radius: float) -> np.ndarray:
    radius += ROUNDING
    reach = np.maximum(1, np.floor(radius / spacing)).astype(int)
    z, y, x = np.meshgrid(*(np.arange(-r, r + 1) * s for r, s in zip(reach, spacing, strict=True)), indexing="ij")
    # At least the 26 neighbours, so that thick slices have a shell too.
    near = np.stack([abs(a) <= s * 1.001 for a, s in zip((z, y, x), spacing, strict=True)]).all(axis=0)
    return (z**2 + y**2 + x**2 <= radius**2) | near
