"""A real chest with contrast: lungs without windpipe and gut, candidates in bounded time, axes along the arteries.

The volume and the mask of its pulmonary arteries are of the source distribution of TotalSegmentator (Apache-2.0), one
patient without emboli. It is fetched once into FTCAFFE_CACHE, which `make test` sets, and used in place.
"""

from __future__ import annotations

import time

import numpy as np
import packages
import pytest
from scipy import ndimage

from data_prep import vessel
from data_prep.candidates import emboli, lungs
from data_prep.readers import dicom, volume

pytest.importorskip("SimpleITK")
PACKAGE = "TotalSegmentator==2.18.0"


@pytest.fixture(scope="session")
def files():
    return packages.source(PACKAGE) / "tests" / "reference_files"


@pytest.fixture(scope="session")
def chest(files):
    return volume.read_ct(files / "aorta_report" / "example_ct.nii.gz")


@pytest.fixture(scope="session")
def region(chest):
    return lungs.mask(chest)


@pytest.fixture(scope="session")
def artery(files, chest):
    """The pulmonary artery (bool) on the chest's grid; its own is a part of that."""
    stored = volume.read(files / "pulmonary_report" / "models" / "pulmonary_artery.nii.gz")
    mask = volume.canonical(stored)
    first = np.rint(chest.to_index(mask.origin)).astype(int)
    whole = np.zeros(chest.array.shape, bool)
    whole[tuple(slice(a, a + n) for a, n in zip(first, mask.array.shape, strict=True))] = mask.array > 0
    return whole


def test_the_chest_lies_as_its_header_says(chest, artery):
    np.testing.assert_allclose(chest.spacing, 1.5, atol=1e-4)
    np.testing.assert_allclose(chest.direction, np.eye(3)[:, ::-1], atol=1e-6)
    assert artery.sum() * chest.voxel / 1000 == pytest.approx(48, abs=3)
    assert chest.array[artery].mean() == pytest.approx(537, abs=15)


def test_the_region_is_two_lungs(chest, region):
    litres = region.sum() * chest.voxel / 1e6
    assert 2.5 < litres < 6.5
    left, right = _sides(region)
    assert 0.6 < left.sum() / right.sum() < 1.4
    air = chest.array < -400
    assert (air & region).sum() > 0.75 * region.sum()


def _sides(region):
    middle = region.shape[2] // 2
    return region[..., middle:], region[..., :middle]


def test_windpipe_table_and_gut_gas_are_left_out(chest, region):
    # The windpipe: the free air within the body that is largest in the top slices.
    top = chest.array[-30:] < -930
    body = ndimage.binary_fill_holes((chest.array[-30:] > -300).any(axis=0))
    labels, _ = ndimage.label(top & ndimage.binary_erosion(body, iterations=12))
    sizes = np.bincount(labels.ravel())[1:]
    windpipe = labels == 1 + sizes.argmax()
    assert sizes.max() * chest.voxel > 3000
    assert (region[-30:] & windpipe).sum() < 0.02 * windpipe.sum()
    edge = np.ones(region.shape[1:], bool)
    edge[3:-3, 3:-3] = False
    assert not region[:, edge].any()


def test_candidates_of_a_chest_without_emboli(chest, record_property):
    start = time.process_time()
    found = emboli.find(chest)
    assert time.process_time() - start < 60
    record_property("candidates", len(found))
    assert 5 <= len(found) <= 100  # all of them false; the paper has 46 a volume
    assert all(chest.contains(one.index) for one in found)


def test_the_axis_follows_the_arterys_centre_line(chest, artery):
    """Against the direction of the centre line: principal component of the mask's own medial voxels near by."""
    depth = ndimage.distance_transform_edt(artery, chest.spacing)
    medial = artery & (depth == ndimage.maximum_filter(depth, 3)) & (depth > 3) & (depth < 8)
    points = np.argwhere(medial)
    errors = []
    for index in points[:: max(1, len(points) // 60)]:
        near = points[np.linalg.norm(chest.steps(points - index), axis=1) < 10]
        if len(near) < 5:
            continue
        variances, columns = np.linalg.eigh(np.cov(chest.steps(near - index).T))
        if variances[2] < 6 * variances[1]:
            continue  # a branching has no single direction
        axis = vessel.frame(chest.of(np.where(artery, 400, -800).astype(np.int16)), index, index[None])[0]
        errors.append(np.degrees(np.arccos(np.clip(abs(axis @ columns[:, 2]), 0, 1))))
    assert len(errors) >= 8
    assert np.median(errors) < 20


def test_a_compressed_series_is_spaced_by_its_positions(files):
    (folder,) = {path.parent for path in files.rglob("example_ct_dicom/**/*") if path.is_file()} or {None}
    read, _ = dicom.read(dicom.files_in(folder), folder)
    assert read.array.shape == (20, 512, 512)
    assert read.spacing[0] == pytest.approx(2)
