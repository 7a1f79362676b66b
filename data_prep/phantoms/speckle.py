"""Ultrasound speckle: the envelope of a field of scatterers seen through a transducer's pulse, log-compressed.

Where a resolution cell holds many scatterers of random phase, their sum is a complex normal variable and its envelope
has Rayleigh's distribution: mean / deviation = 1.91, whatever the tissue's strength. A smooth surface gives one echo
of a fixed phase more, and the envelope there is Rice's. (R. F. Wagner, S. W. Smith, J. M. Sandrik and H. Lopez, IEEE
Trans. Sonics Ultrason. 30(3), 1983.)
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

AXIAL, LATERAL = 1.3, 2.6  # standard deviations of the pulse in pixels: along the beam, across it
DYNAMIC_RANGE = 55.0  # decibels that the grey scale shows


def field(
    strength: np.ndarray,
    rng: np.random.Generator,
    axial: float = AXIAL,
    lateral: float = LATERAL,
) -> np.ndarray:
    """The complex echo of scattering tissue.

    Parameters
    ----------
    strength : height × width, root mean square amplitude of the echo that the tissue of each pixel gives; the beam
        runs down the columns.
    axial, lateral : standard deviations of the Gaussian pulse, pixels.

    Returns
    -------
    complex, height × width; where `strength` is even, E|echo|² = strength².
    """
    scatterers = (rng.standard_normal(strength.shape) + 1j * rng.standard_normal(strength.shape)) * strength
    # What the pulse leaves of white noise's power is Σ w² in each direction; both parts have a variance of 1.
    gain = np.sqrt(2 * _energy(axial) * _energy(lateral))
    seen = [
        ndimage.gaussian_filter(part, (axial, lateral), mode="reflect") for part in (scatterers.real, scatterers.imag)
    ]
    return (seen[0] + 1j * seen[1]) / gain


def envelope(echo: np.ndarray) -> np.ndarray:
    """The amplitude that a scanner detects: float, not negative."""
    return np.abs(echo)


def compressed(amplitude: np.ndarray, gain: float, dynamic_range: float = DYNAMIC_RANGE) -> np.ndarray:
    """Grey values (uint8) of an envelope: 20 log₁₀ of the amplitude, plus `gain`, over `dynamic_range` decibels.

    An amplitude of 1 is white at a gain of 0.
    """
    decibels = 20 * np.log10(np.maximum(amplitude, 1e-6)) + gain
    return np.clip(255 * (1 + decibels / dynamic_range), 0, 255).round().astype(np.uint8)


def _energy(sigma: float) -> float:
    """Σ w² of a sampled Gaussian of unit sum."""
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return float(np.square(weights / weights.sum()).sum())
