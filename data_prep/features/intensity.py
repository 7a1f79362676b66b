"""How bright a candidate's cluster and its surround are (METHODS 3.3, assumed)."""

from __future__ import annotations

import numpy as np

from data_prep.features.region import Region

PERCENTILES = (10, 25, 50, 75, 90)


def features(region: Region) -> dict[str, float]:
    """Statistics of HU in the cluster and in the shell, and the shell's less the cluster's."""
    array = region.volume.array
    cluster, shell = (statistics(array[mask]) for mask in (region.cluster, region.shell))
    return {
        **{f"cluster_{name}": value for name, value in cluster.items()},
        **{f"shell_{name}": value for name, value in shell.items()},
        **{f"difference_{name}": shell[name] - cluster[name] for name in cluster},
    }


def statistics(values: np.ndarray) -> dict[str, float]:
    """Minimum, maximum, mean, deviation (of n), skewness m₃/m₂^1.5, kurtosis m₄/m₂² (3 for a normal), percentiles.

    Skewness and kurtosis of values that are all the same are 0. `values` : (n,), at least one.
    """
    values = values.astype(float)
    centred = values - values.mean()
    variance = float((centred**2).mean())
    flat = variance < 1e-12
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "deviation": variance**0.5,
        "skewness": 0.0 if flat else float((centred**3).mean()) / variance**1.5,
        "kurtosis": 0.0 if flat else float((centred**4).mean()) / variance**2,
        **{f"p{p}": float(v) for p, v in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)},
    }
