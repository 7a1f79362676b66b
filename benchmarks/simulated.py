"""Studies drawn from known curves, to see whether intervals cover them and tests keep their level.

Candidates follow the model of Edwards et al. (`evaluation.statistics.idca`), with a share ρ of the variance of every
score, and of whether a lesion is hit, common to a unit, and false candidates unevenly many by unit. The curve over
all units is then the model's own, whatever ρ: sensitivity(f) = ν · Φ(a + b · Φ⁻¹(f / λ)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from evaluation.scoring.scores import Detections
from evaluation.statistics import roc


@dataclass(frozen=True)
class Candidates:
    """A population of FROC studies.

    a, b, detected, false_candidates : of the curve, the last per image.
    units, images, lesions : how many units, and what each of them has.
    common : ρ, the unit's share of the variance.
    uneven : coefficient of variation over units of the rate of false candidates.
    """

    a: float = 1.6
    b: float = 0.8
    detected: float = 0.9
    false_candidates: float = 9.0
    units: int = 120
    images: int = 1
    lesions: int = 1
    common: float = 0.0
    uneven: float = 0.0

    def sensitivity(self, rate: float) -> float:
        """Of the population, at false positives per image."""
        return float(self.detected * ndtr(self.a + self.b * ndtri(rate / self.false_candidates)))

    @property
    def area(self) -> float:
        """Of the candidates' ROC curve."""
        return float(ndtr(self.a / np.hypot(1, self.b)))

    def draw(self, generator: np.random.Generator, alike: float = 0.0) -> tuple[Detections, Detections]:
        """Two systems' scores of the same candidates; `alike` is the correlation of what is not the unit's."""
        shift = generator.normal(size=self.units)
        lesion_unit = np.repeat(np.arange(self.units), self.lesions)
        hit = self._mixed(generator.normal(size=self.units)[lesion_unit], generator) < ndtri(self.detected)
        rate = np.full(self.units, self.false_candidates * self.images)
        if self.uneven:
            rate *= generator.gamma(self.uneven**-2, self.uneven**2, size=self.units)
        lesion = np.append(np.flatnonzero(hit), np.full(int((count := generator.poisson(rate)).sum()), -1))
        unit = np.append(lesion_unit[hit], np.repeat(np.arange(self.units), count))
        both = generator.normal(size=len(lesion))
        whole = np.full(self.units, self.lesions), np.full(self.units, self.images)

        def scored() -> Detections:
            own = np.sqrt(alike) * both + np.sqrt(1 - alike) * generator.normal(size=len(lesion))
            latent = np.sqrt(self.common) * shift[unit] + np.sqrt(1 - self.common) * own
            return Detections(np.where(lesion < 0, latent, (self.a + latent) / self.b), lesion, unit, *whole)

        return scored(), scored()

    def _mixed(self, of_unit: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        own = generator.normal(size=len(of_unit))
        return np.sqrt(self.common) * of_unit + np.sqrt(1 - self.common) * own


@dataclass(frozen=True)
class Cases:
    """A population of ROC studies with fixed numbers of independent negatives and positives."""

    a: float
    b: float
    negatives: int
    positives: int

    def sensitivity(self, rate: float) -> float:
        """At a false-positive rate."""
        return float(ndtr(self.a + self.b * ndtri(rate)))

    def false_positive_rate(self, sensitivity: float) -> float:
        """At a sensitivity."""
        return float(ndtr((ndtri(sensitivity) - self.a) / self.b))

    @property
    def area(self) -> float:
        """Under the curve."""
        return float(ndtr(self.a / np.hypot(1, self.b)))

    def draw(self, generator: np.random.Generator, alike: float = 0.0) -> tuple[Detections, Detections]:
        """Two systems' scores of the same cases, each its own unit."""
        positive = np.arange(self.negatives + self.positives) >= self.negatives
        both = generator.normal(size=len(positive))

        def scored() -> Detections:
            own = np.sqrt(alike) * both + np.sqrt(1 - alike) * generator.normal(size=len(positive))
            return roc.detections(np.where(positive, (self.a + own) / self.b, own), positive)

        return scored(), scored()
