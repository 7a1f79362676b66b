"""How much detail of each size and direction is around a candidate (METHODS 3.3, assumed)."""

from __future__ import annotations

from typing import Any

import numpy as np

from data_prep.features.region import Region
from data_prep.vessel import planes
from ftcaffe.errors import Error

WIDTH, SAMPLES = 15.0, 32  # mm and samples of a plane's side
LOW, HIGH = -250.0, 450.0  # HU, the patches' window: bone and air beside the candidate count no more than theirs
WAVELET, DEPTH = "db4", 2
PLANES = {"axial": ((1, 0, 0), (0, 1, 0)), "coronal": ((1, 0, 0), (0, 0, 1)), "sagittal": ((0, 1, 0), (0, 0, 1))}
"""Directions (LPS) of columns and rows."""
BANDS = (
    "approximation",
    *(f"{kind}_{level}" for level in range(DEPTH, 0, -1) for kind in ("rows", "columns", "both")),
)


def features(region: Region) -> dict[str, float]:
    """Energy and entropy of each band in three planes through the candidate."""
    across, down = (np.array([pair[k] for pair in PLANES.values()], float) for k in (0, 1))
    centres = np.repeat(region.volume.to_mm(region.index)[None], len(PLANES), axis=0)
    images = planes(region.volume, centres, across, down, np.full(len(PLANES), WIDTH), SAMPLES)
    found: dict[str, float] = {}
    for name, image in zip(PLANES, images, strict=True):
        for band, coefficients in bands((np.clip(image, LOW, HIGH) - LOW) / (HIGH - LOW)).items():
            energy, entropy = measures(coefficients, image.size)
            found |= {f"{name}_{band}_energy": energy, f"{name}_{band}_entropy": entropy}
    return found


def bands(image: np.ndarray) -> dict[str, np.ndarray]:
    """Wavelet coefficients of a square image by band; periodic, so that their squares add up to the image's.

    ``rows_1`` is the detail from row to row, at the finest level.
    """
    coarse, *details = _pywt().wavedec2(image, WAVELET, mode="periodization", level=DEPTH)
    flat = [coarse, *(band for level in details for band in level)]
    return dict(zip(BANDS, flat, strict=True))


def measures(coefficients: np.ndarray, samples: int) -> tuple[float, float]:
    """log₁₀(10⁻⁶ + Σ c² / samples), and the entropy (bits) of how the energy is spread over the coefficients.

    The logarithm (assumed) because energies span decades, and a linear classifier would see the largest alone.
    """
    energy = coefficients.astype(float) ** 2
    total = float(energy.sum())
    spread = energy[energy > 0] / total
    return float(np.log10(1e-6 + total / samples)), float(-(spread * np.log2(spread)).sum()) + 0.0


def _pywt() -> Any:
    try:
        import pywt
    except ImportError:
        raise Error("wavelet features need PyWavelets", remedy="pip install 'ftcaffe[handcrafted]'") from None
    return pywt
