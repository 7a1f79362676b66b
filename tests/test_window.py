"""Windows about pixels, against SciPy's interpolation and Pillow's resizing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from ftcaffe.store.window import SIDE, enlarged, factor, window


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (50, 70), dtype=np.uint8)


@pytest.mark.parametrize(
    ("side", "size", "expected"), [(SIDE, 227, 8), (227 / 16, 227, 16), (32, 227, None), (33.5, 67, 2), (32, 64, 2)]
)
def test_factor(side, size, expected):
    assert factor(side, size) == expected


@pytest.mark.parametrize(("side", "size"), [(SIDE, 227), (32, 227), (33.5, 67), (9, 36), (7, 7)])
@pytest.mark.parametrize(("row", "column"), [(25, 30), (0, 0), (49, 69), (3, 60)])
def test_a_window_is_bilinear_and_mirrored(frame, side, size, row, column):
    offset = (np.arange(size) + 0.5) * side / size - side / 2
    places = np.meshgrid(row + offset, column + offset, indexing="ij")
    expected = map_coordinates(frame.astype(float), places, order=1, mode="mirror")
    assert np.abs(window(frame, row, column, side, size) - expected).max() <= 0.5 + 1e-9


def test_a_window_inside_the_frame_is_pillows_enlargement(frame):
    """But for the rim, where Pillow sees no more of the frame than it is given."""
    left, top = 30 + 0.5 - SIDE / 2, 25 + 0.5 - SIDE / 2
    box = (left, top, left + SIDE, top + SIDE)
    theirs = np.asarray(Image.fromarray(frame).resize((227, 227), Image.Resampling.BILINEAR, box=box))
    ours = window(frame, 25, 30, SIDE, 227)
    assert np.abs(ours.astype(int) - theirs)[8:-8, 8:-8].max() <= 1


@pytest.mark.parametrize(("side", "size"), [(SIDE, 227), (227 / 7, 227), (33.5, 67)])
def test_windows_are_cuts_of_the_enlarged_region(frame, side, size):
    """At the rim of the frame too."""
    f = factor(side, size)
    assert f is not None
    whole = enlarged(frame, 40, 0, 10, 9, side, size)
    assert whole.shape == (9 * f + size, 8 * f + size)
    for i, j in ((0, 0), (9, 8), (4, 7)):
        cut = whole[f * i : f * i + size, f * j : f * j + size]
        np.testing.assert_array_equal(cut, window(frame, 40 + i, j, side, size))


def test_the_middle_sample_is_the_pixel(frame):
    whole = enlarged(frame, 10, 20, 5, 6, SIDE, 227)
    np.testing.assert_array_equal(whole[113::8, 113::8][:5, :6], frame[10:15, 20:26])


def test_regions_that_have_no_common_enlargement(frame):
    with pytest.raises(ValueError, match="no whole factor"):
        enlarged(frame, 0, 0, 2, 2, 32, 227)


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8)])
def test_images_that_are_not_grey(image):
    with pytest.raises(ValueError, match="uint8 of two axes"):
        window(image, 0, 0, SIDE, 227)
