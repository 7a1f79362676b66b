"""How grey levels stand side by side in a candidate: Haralick's features (METHODS 3.3; US 8,244,012, claims 1 to 3).

scikit-image counts pairs in two dimensions and in rectangles; clusters are three-dimensional and of any outline, so
pairs are counted here. The grey levels and the choice of features are assumed.

References
----------
Haralick, Shanmugam, Dinstein: Textural features for image classification. IEEE Trans. SMC 3(6), 1973.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data_prep.features.region import Region

LEVELS = 32
LOW, HIGH = -100.0, 400.0  # HU that the levels span; what is beyond counts with the outermost
DIRECTIONS = tuple((z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) > (0, 0, 0))
"""One of each two opposite neighbours of the 26."""


def features(region: Region) -> dict[str, float]:
    """Mean and range over 13 directions, in the cluster and its 26 neighbours; 0 where no two voxels stand so."""
    from scipy import ndimage

    mask = ndimage.binary_dilation(region.cluster, np.ones((3, 3, 3)))
    where = np.argwhere(mask)
    inner = tuple(map(slice, where.min(axis=0), where.max(axis=0) + 1))
    found = [haralick(pairs) for pairs in matrices(quantised(region.volume.array[inner]), mask[inner], LEVELS)]
    names = haralick(np.ones((1, 1))).keys()
    if not found:
        return {f"{name}_{kind}": 0.0 for name in names for kind in ("mean", "range")}
    columns = {name: np.array([one[name] for one in found]) for name in names}
    return {
        **{f"{name}_mean": float(column.mean()) for name, column in columns.items()},
        **{f"{name}_range": float(np.ptp(column)) for name, column in columns.items()},
    }


def quantised(array: np.ndarray) -> np.ndarray:
    """int, levels 0 to `LEVELS` − 1 of HU."""
    level = np.floor((array.astype(np.float32) - LOW) * (LEVELS / (HIGH - LOW)))
    return np.clip(level, 0, LEVELS - 1).astype(np.int64)


def matrices(levels: np.ndarray, mask: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """For each direction in which two voxels of the mask are neighbours, how often two levels are, of all pairs.

    Parameters
    ----------
    levels : int, z × y × x, 0 to `count` − 1. mask : bool, of that shape.

    Yields
    ------
    float (count, count), symmetric, of sum 1.
    """
    for direction in DIRECTIONS:
        here = tuple(slice(max(0, -d), n - max(0, d)) for d, n in zip(direction, levels.shape, strict=True))
        there = tuple(slice(max(0, d), n + min(0, d)) for d, n in zip(direction, levels.shape, strict=True))
        both = mask[here] & mask[there]
        if both.any():
            pair = levels[here][both] * count + levels[there][both]
            counts = np.bincount(pair, minlength=count * count).reshape(count, count).astype(float)
            yield (counts + counts.T) / (2 * counts.sum())


def haralick(p: np.ndarray) -> dict[str, float]:
    """Of a symmetric matrix p of sum 1 over levels i, j = 1, 2, …; logarithms to base 2.

    entropy −Σ p log p; energy Σ p²; contrast Σ p (i − j)²; homogeneity Σ p / (1 + (i − j)²); variance Σ p (i − μ)²;
    correlation (Σ p i j − μ²) / variance, 1 where there is one level only; sum average Σ p (i + j); difference
    entropy −Σ q log q of the distribution q of |i − j|.
    """
    level = np.arange(1.0, len(p) + 1)
    apart = np.abs(level[:, None] - level)
    marginal = p.sum(axis=1)
    mean = float(marginal @ level)
    variance = float(marginal @ (level - mean) ** 2)
    difference = np.bincount(apart.astype(int).ravel(), p.ravel())
    return {
        "entropy": _entropy(p),
        "energy": float((p**2).sum()),
        "contrast": float((p * apart**2).sum()),
        "homogeneity": float((p / (1 + apart**2)).sum()),
        "correlation": (float(level @ p @ level) - mean**2) / variance if variance > 1e-12 else 1.0,
        "variance": variance,
        "sum_average": 2 * mean,
        "difference_entropy": _entropy(difference),
    }


def _entropy(p: np.ndarray) -> float:
    there = p[p > 0]
    return float(-(there * np.log2(there)).sum()) + 0.0
