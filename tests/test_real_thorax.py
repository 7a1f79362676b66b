"""Two real thoraces without contrast, in slices of 5 mm: lungs of plausible volume, candidates in bounded time.

They are of the source distribution of pyradiomics (BSD), each with the label of a tumour; it is fetched once into
FTCAFFE_CACHE, which `make test` sets, and used in place.
"""

from __future__ import annotations

import time

import numpy as np
import packages
import pytest
from scipy import ndimage

from data_prep.candidates import emboli, lungs
from data_prep.readers import volume

pytest.importorskip("SimpleITK")
# Litres of the lungs, as thresholding and filling slice by slice measures them.
CASES = {"lung1": 2.8, "lung2": 3.9}


@pytest.fixture(scope="session", params=CASES)
def case(request):
    """The CT, where its lungs should be, and the litres that they hold."""
    data = packages.pyradiomics() / "data"
    return volume.read_ct(data / f"{request.param}_image.nrrd"), CASES[request.param]


@pytest.fixture(scope="session")
def region(case):
    return lungs.mask(case[0])


def test_the_lungs_are_two_of_plausible_volume(case, region):
    ct, litres = case
    assert region.sum() * ct.voxel / 1e6 == pytest.approx(litres, rel=0.25)
    parts = [part.sum() for part in (region[..., : region.shape[2] // 2], region[..., region.shape[2] // 2 :])]
    assert 0.5 < parts[0] / parts[1] < 2
    assert (ct.array[region] < -400).mean() > 0.7


def test_neither_the_room_nor_the_windpipe_is_lung(case, region):
    ct, _ = case
    body = np.stack([ndimage.binary_fill_holes(section) for section in ct.array > -300])
    assert (region & ~body).sum() < 0.01 * region.sum()
    # Below the lungs' tops the largest free air that is near the middle is the windpipe.
    top = int(np.flatnonzero(region.any(axis=(1, 2)))[-1])
    part = (slice(top - 5, top), slice(None), slice(7 * region.shape[2] // 16, 9 * region.shape[2] // 16))
    labels, count = ndimage.label((ct.array[part] < -930) & body[part])
    assert count
    windpipe = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    assert windpipe.sum() * ct.voxel > 1500
    assert (region[part] & windpipe).sum() < 0.05 * windpipe.sum()


def test_the_candidate_step_is_done_in_bounded_time(case, record_property):
    start = time.process_time()
    found = emboli.find(case[0])
    assert time.process_time() - start < 30
    record_property("candidates", len(found))
    assert len(found) < 60  # without contrast nothing is brightly surrounded but by bone and calcium
