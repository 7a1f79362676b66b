"""What the features of a candidate embolus are computed from: a piece of the volume with the candidate's cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from data_prep.readers.volume import Volume

MARGIN = 15.0  # mm around the cluster; rays, planes and the vessel's sphere stay within
SHELL = 2.0  # mm, thickness of the surround (METHODS 3.2)
ALONE = 2.0  # mm, radius of the ball that stands for the cluster of a candidate from elsewhere (assumed)
CONTRAST, BRIGHT, AIR = 100.0, 150.0, -400.0  # HU: above, vessel; above, surely contrast; below, lung or bronchus


@dataclass(frozen=True, eq=False)
class Region:
    """A candidate and what is around it.

    volume : HU, axes z, y, x, cropped to the cluster and `MARGIN` around it.
    cluster, lungs : bool, of the same shape.
    index : (3,) the candidate's position in voxels of the crop.
    axis : (3,) unit vector along the vessel, LPS.
    """

    volume: Volume
    cluster: np.ndarray
    lungs: np.ndarray
    index: np.ndarray
    axis: np.ndarray

    @property
    def spacing(self) -> np.ndarray:
        """(3,) mm along z, y, x."""
        return np.asarray(self.volume.spacing, float)

    @cached_property
    def shell(self) -> np.ndarray:
        """bool, what lies within `SHELL` of the cluster, and at least its 26 neighbours where slices are thick."""
        from scipy import ndimage

        near = ndimage.distance_transform_edt(~self.cluster, self.spacing) <= SHELL
        return (near | ndimage.binary_dilation(self.cluster, np.ones((3, 3, 3)))) & ~self.cluster

    @cached_property
    def lumen(self) -> np.ndarray:
        """bool, the vessel with the clot in it: contrast or cluster, connected with the cluster or its neighbours."""
        from scipy import ndimage

        filled = (self.volume.array > CONTRAST) | self.cluster
        labels, _ = ndimage.label(filled, np.ones((3, 3, 3)))
        # One step further: a clot's rim may be darker than contrast and brighter than clot.
        touched = np.unique(labels[ndimage.binary_dilation(self.cluster, np.ones((3, 3, 3)))])
        return np.isin(labels, touched[touched > 0])

    def positions(self, mask: np.ndarray) -> np.ndarray:
        """(n, 3) LPS in mm, about the candidate, of the voxels of a mask."""
        return self.volume.steps(np.argwhere(mask) - self.index)


def region(
    volume: Volume, lungs: np.ndarray, index: np.ndarray, voxels: np.ndarray | None, axis: np.ndarray
) -> Region:
    """The region of a candidate.

    Parameters
    ----------
    volume : HU, in canonical storage. lungs : bool, of its shape.
    index : (3,) the candidate's position in voxels, z, y, x, within the volume.
    voxels : (n, 3) int, its cluster, or None where another program found it: then what is within `ALONE`.
    axis : (3,) unit vector along the vessel, LPS.
    """
    index = np.asarray(index, float)
    nearest = np.rint(index).astype(int)[None]
    spread = nearest if voxels is None else np.concatenate([voxels, nearest])
    reach = np.ceil(MARGIN / np.asarray(volume.spacing)).astype(int)
    start = np.maximum(spread.min(axis=0) - reach, 0)
    stop = np.minimum(spread.max(axis=0) + reach + 1, volume.array.shape)
    inner = tuple(map(slice, start, stop))
    part = replace(volume, array=np.ascontiguousarray(volume.array[inner]), origin=volume.to_mm(start))
    cluster = np.zeros(part.array.shape, bool)
    if voxels is None:
        grid = np.moveaxis(np.indices(part.array.shape), 0, -1)
        cluster[np.linalg.norm(part.steps(grid - (index - start)), axis=-1) <= ALONE] = True
        cluster[tuple(nearest[0] - start)] = True
    else:
        cluster[tuple((voxels - start).T)] = True
    return Region(part, cluster, lungs[inner], index - start, np.asarray(axis, float))
