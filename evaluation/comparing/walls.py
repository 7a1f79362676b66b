"""Results on the wall of the carotid artery: error of each interface and thickness, by region and method.

The truth is the consensus of the experts, their mean; what they differ by among themselves is the human limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evaluation.comparing.segmentation import Errors
from evaluation.drawing.style import Style
from evaluation.statistics.boundary import boundary_error, thickness
from ftcaffe.store.regions import Region

INTERFACES = ("LI", "MA")


@dataclass(frozen=True, eq=False)
class Method:
    """What a run, or the handcrafted rival, traces in every region.

    label, look : in figures and tables.
    rows : (2, width) of each region.
    """

    label: str
    look: Style
    rows: tuple[np.ndarray, ...]


def errors(methods: Sequence[Method], regions: Sequence[Region]) -> Errors:
    """Mean absolute vertical distance from the truth in µm, by method, interface and region (the paper's Fig. 9)."""
    found = [
        [[_distance(rows[of], _truth(region)[of], region) for rows, region in zip(method.rows, regions, strict=True)]
         for of in range(len(INTERFACES))]
        for method in methods
    ]  # fmt: skip
    unit, name = (np.array(names) for names in zip(*((one.unit, one.name) for one in regions), strict=True))
    return Errors(tuple(method.label for method in methods), INTERFACES, unit, name, np.array(found), "µm")


def human(regions: Sequence[Region]) -> np.ndarray | None:
    """The same between experts: (interfaces, regions), the mean over the pairs of them; None with fewer than two."""
    if any(len(region.experts) < 2 for region in regions):
        return None
    return np.array(
        [
            [
                np.mean([_distance(one[of], other[of], region) for one, other in combinations(experts, 2)])
                for region in regions
                for experts in [list(region.experts.values())]
            ]
            for of in range(len(INTERFACES))
        ]
    )


def thicknesses(rows: Sequence[np.ndarray], regions: Sequence[Region]) -> np.ndarray:
    """(regions,) intima-media thickness in mm, over the columns that have a truth."""
    found = []
    for traced, region in zip(rows, regions, strict=True):
        there = ~np.isnan(_truth(region)).any(axis=0)
        upper, lower = np.where(there, traced, np.nan)
        found.append(thickness(upper, lower).calibrated(region.spacing).mean)
    return np.array(found)


def _distance(traced: np.ndarray, reference: np.ndarray, region: Region) -> float:
    return boundary_error(traced, reference).calibrated(region.spacing, "µm").absolute


def _truth(region: Region) -> np.ndarray:
    if region.truth is None:
        raise ValueError(f"the region {region.name} has no truth")
    return region.truth
