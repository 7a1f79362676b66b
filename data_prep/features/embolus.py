"""All features of a candidate embolus (METHODS 3.3): intensity, shape, vessel, co-occurrence, wavelet."""

from __future__ import annotations

from data_prep.features import cooccurrence, intensity, shape, vessel, wavelet
from data_prep.features.region import Region

FAMILIES = (intensity, shape, vessel, cooccurrence, wavelet)


def features(region: Region) -> dict[str, float]:
    """The features by name, in the same order for every candidate."""
    found: dict[str, float] = {}
    for family in FAMILIES:
        found |= family.features(region)
    return found
