"""Tobogganing: clusters are the catchment basins of scikit-image's watershed; slides descend; plateaus settle."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import watershed

from data_prep.candidates import toboggan

SHAPE = (14, 18, 22)


def tie_free(seed):
    """Smooth noise turned to ranks, so that no two voxels are equal."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 1.2)
    return noise.ravel().argsort().argsort().reshape(SHAPE).astype(np.float32)


def domain(seed):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed + 100).standard_normal(SHAPE), 1.0)
    return noise > -0.02


def whole(potential, found, fill=-1):
    labels = np.full(potential.size, fill)
    labels[found.voxels] = found.cluster
    return labels.reshape(potential.shape)


@pytest.mark.parametrize("seed", range(4))
def test_clusters_are_the_basins_of_an_unmarked_watershed(seed):
    potential, inside = tie_free(seed), domain(seed)
    found = toboggan.slide(potential, inside)
    # Outside is higher than everything, so that minima are those of the domain.
    basins = watershed(np.where(inside, potential, potential.size), mask=inside, connectivity=3)
    ours = whole(potential, found)
    pairs = np.unique(np.stack([ours[inside], basins[inside]]), axis=1)
    assert len(found.concentrations) == basins.max() == pairs.shape[1] > 20


@pytest.mark.parametrize("seed", range(2))
def test_a_slide_descends_to_the_lowest_of_the_26_neighbours(seed):
    potential, inside = tie_free(seed), domain(seed)
    found = toboggan.slide(potential, inside)
    lowest = ndimage.minimum_filter(np.where(inside, potential, np.inf), 3, mode="constant", cval=np.inf)
    value = potential.ravel()[found.voxels]
    target = value[found.slide]
    moved = found.slide != np.arange(len(value))
    assert (target[moved] < value[moved]).all()
    np.testing.assert_array_equal(target, lowest.ravel()[found.voxels])
    steps = np.stack(np.unravel_index(found.voxels, SHAPE)) - np.stack(
        np.unravel_index(found.voxels[found.slide], SHAPE)
    )
    assert abs(steps).max() == 1


def test_equal_lower_neighbours_are_taken_in_scan_order():
    potential = np.array([[[5.0, 9, 9, 9, 9, 9, 5]]], np.float32)
    potential[0, 0, 3] = 7
    potential[0, 0, 2] = potential[0, 0, 4] = 6
    found = toboggan.slide(potential, potential < 9)
    assert found.voxels.tolist() == [0, 2, 3, 4, 6]
    assert found.slide.tolist() == [0, 1, 1, 3, 4]  # the 7 goes to the first 6


def test_a_plateau_is_left_by_its_nearest_way_down_and_else_is_one_concentration():
    line = np.array([[[1, 4, 4, 4, 4, 4, 2, 8, 3, 3, 3]]], np.float32)
    found = toboggan.slide(line, np.ones(line.shape, bool))
    assert found.cluster.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert found.concentrations.tolist() == [0, 6, 8]  # the middle of the plateau goes to the first way


def test_a_whole_volume_of_one_value_is_one_cluster_a_part():
    inside = np.ones((4, 5, 6), bool)
    inside[:, 2] = False
    found = toboggan.slide(np.zeros(inside.shape, np.float32), inside)
    parts, count = ndimage.label(inside, np.ones((3, 3, 3)))
    assert len(found.concentrations) == count == 2
    np.testing.assert_array_equal(whole(inside, found) + 1, parts)


def test_an_empty_domain_has_no_clusters():
    found = toboggan.slide(np.zeros((3, 3, 3), np.float32), np.zeros((3, 3, 3), bool))
    assert not len(found.voxels)
    assert not len(found.concentrations)
