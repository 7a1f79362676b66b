"""Tobogganing: each voxel slides to its lowest neighbour, down to a concentration; a cluster is what ends at one.

An embolus is a dark region with a bright surround [paper]. The potential is the intensity, lightly smoothed; voxels
that are no clot (darker than `Settings.low`, such as lung, or brighter than `Settings.high`, such as contrast) are
barriers.

References: [60] Liang and Bi, IPMI 2007; [63] of the paper. The sliding's details, and what makes a cluster a
candidate, are assumed (each a field of `Settings`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEIGHBOURS = np.array(
    [(z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) != (0, 0, 0)]
)
"""The 26 neighbours, in scan order."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Toboggan clusters of the voxels of a domain.

    voxels : (n,) flat indices of the domain, ascending.
    slide : (n,) place in `voxels` of the voxel that each slides to; its own for a concentration.
    cluster : (n,) number of each voxel's cluster, from 0, by the scan order of the concentrations.
    concentrations : (k,) places in `voxels`.
    """

    voxels: np.ndarray
    slide: np.ndarray
    cluster: np.ndarray
    concentrations: np.ndarray


def slide(potential: np.ndarray, domain: np.ndarray) -> Clusters:
    """Slide every voxel of a domain, all at once.

    A voxel moves to the lowest of its 26 neighbours within the domain when that is strictly lower, of equal ones to
    the first in scan order. On a plateau, whose voxels have no lower neighbour but equal ones, a voxel moves towards
    the nearest voxel of the plateau that can descend (of several the first in scan order); a plateau without such a
    voxel is one concentration, its first voxel.

    Parameters
    ----------
    potential : float, z × y × x.
    domain : bool of that shape.
    """
    padded = np.pad(domain, 1)
    shape = padded.shape
    flat = np.flatnonzero(padded)
    count = len(flat)
    place = np.full(padded.size, -1, np.int32)
    place[flat] = np.arange(count, dtype=np.int32)
    value = potential[domain].astype(np.float32, copy=False)
    steps = NEIGHBOURS @ np.array([shape[1] * shape[2], shape[2], 1])
    own = np.arange(count, dtype=np.int32)
    target, lowest = own.copy(), value.copy()
    level = np.zeros(count, bool)  # has an equal neighbour
    for step in steps:
        neighbour = place[flat + step]
        there = np.where(neighbour >= 0, value[neighbour], np.inf)
        lower = there < lowest
        target[lower], lowest[lower] = neighbour[lower], there[lower]
        level |= there == value
    stuck = np.flatnonzero((target == own) & level)
    if len(stuck):
        _settle(target, value, stuck, place, flat, steps)
    root = target
    while True:
        following = root[root]
        if np.array_equal(following, root):
            break
        root = following
    concentrations, cluster = np.unique(root, return_inverse=True)
    z, y, x = np.unravel_index(flat, shape)
    voxels = np.ravel_multi_index((z - 1, y - 1, x - 1), domain.shape) if count else flat
    return Clusters(voxels, target, cluster.reshape(-1).astype(np.int32), concentrations)


def _settle(
    target: np.ndarray, value: np.ndarray, stuck: np.ndarray, place: np.ndarray, flat: np.ndarray, steps: np.ndarray
) -> None:
    """Give voxels on plateaus their slide, in rings from where the plateau can be left; then those that cannot be."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    waiting = stuck
    free = np.ones(len(value), bool)  # already knows where to go
    free[stuck] = False
    while len(waiting):
        ring = np.full(len(waiting), -1, np.int32)
        for step in steps:
            neighbour = place[flat[waiting] + step]
            leads = (neighbour >= 0) & (ring < 0)
            leads[leads] = (value[neighbour[leads]] == value[waiting[leads]]) & free[neighbour[leads]]
            ring[leads] = neighbour[leads]
        reached = ring >= 0
        if not reached.any():
            break
        target[waiting[reached]] = ring[reached]
        free[waiting[reached]] = True
        waiting = waiting[~reached]
    if not len(waiting):
        return
    number = np.full(len(value), -1, np.int32)
    number[waiting] = np.arange(len(waiting))
    edges = []
    for step in steps[: len(steps) // 2]:  # each pair once
        neighbour = place[flat[waiting] + step]
        joined = (neighbour >= 0) & (value[neighbour] == value[waiting]) & (number[neighbour] >= 0)
        edges.append(np.stack([np.flatnonzero(joined), number[neighbour[joined]]]))
    rows, columns = np.concatenate(edges, axis=1)
    graph = coo_matrix((np.ones(len(rows), bool), (rows, columns)), (len(waiting), len(waiting)))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)  # `waiting` ascends: the first in scan order
    target[waiting] = waiting[first[component]]
