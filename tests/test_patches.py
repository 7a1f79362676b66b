"""Patches as section VI-A of the paper gives them: how many, from where, which versions."""

import numpy as np
import pytest

from data_prep.patches import AUGMENTATIONS, Augmentation, augmented, cut, cuts

PLAIN = Augmentation(1.0, 0.0, 0.0, 0)


def noise(height=60, width=90, seed=0):
    return np.random.default_rng(seed).integers(1, 256, (height, width, 3), dtype=np.uint8)


def ramp(height=60, width=90):
    """Blue is the column, green the row."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, 0 * x], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("name", "count"), [("full", 120), ("centred", 24), ("none", 1)])
def test_count_of_patches(name, count):
    assert len(set(AUGMENTATIONS[name])) == len(AUGMENTATIONS[name]) == count


def test_full_set_is_three_scales_by_five_places_by_eight_versions():
    full = AUGMENTATIONS["full"]
    assert {a.scale for a in full} == {1.0, 1.2, 1.5}
    assert {(a.shift_x, a.shift_y) for a in full} == {(0, 0), (0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1)}
    assert {a.dihedral for a in full} == set(range(8))


@pytest.mark.parametrize(
    ("augmentation", "expected"),
    [
        (PLAIN, (10, 20, 30, 60)),
        (Augmentation(1.5, 0.0, 0.0, 0), (5, 10, 35, 70)),
        (Augmentation(1.0, 0.1, 0.0, 0), (12, 20, 32, 60)),
        (Augmentation(1.5, 0.0, -0.1, 0), (5, 4, 35, 64)),  # a tenth of the resized box: 6 of 60
    ],
)
def test_the_box_is_scaled_about_its_centre_and_moved_by_its_new_size(augmentation, expected):
    assert augmented((10, 20, 30, 60), augmentation) == pytest.approx(expected)


def test_a_box_of_the_input_size_is_copied():
    frame = noise()
    patch = cut(frame, (11, 5, 11 + 32, 5 + 32), PLAIN, 32)
    assert patch.dtype == np.uint8
    assert np.array_equal(patch, frame[5:37, 11:43].transpose(2, 0, 1))


@pytest.mark.parametrize("box", [(10.0, 10.0, 30.0, 50.0), (10.25, 12.5, 40.75, 30.0)])
def test_resizing_is_bilinear_and_ignores_the_aspect_ratio(box):
    size = 64
    patch = cut(ramp(), box, PLAIN, size)
    x0, y0, x1, y1 = box
    centre = (np.arange(size) + 0.5) / size
    columns, rows = x0 + centre * (x1 - x0) - 0.5, y0 + centre * (y1 - y0) - 0.5
    inner = slice(4, -4)  # at the border the last pixel is repeated
    assert abs(patch[0] - columns[None, :])[inner, inner].max() <= 1
    assert abs(patch[1] - rows[:, None])[inner, inner].max() <= 1


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((-16, 10, 16, 42), np.s_[:, :, 16:]),
        ((74, 10, 106, 42), np.s_[:, :, :16]),
        ((10, -16, 42, 16), np.s_[:, 16:, :]),
        ((10, 44, 42, 76), np.s_[:, :16, :]),
        ((200, 200, 232, 232), None),
    ],
)
def test_outside_the_frame_is_zero(box, inside):
    patch = cut(noise(), box, PLAIN, 32)
    expected = np.zeros((3, 32, 32), bool)
    if inside is not None:
        expected[inside] = True
    assert np.array_equal(patch > 0, expected)


def test_the_eight_versions_are_the_dihedral_group():
    frame, box = noise(), (20, 10, 52, 42)
    upright = frame[10:42, 20:52]
    expected = [np.rot90(image, k) for image in (upright, upright[:, ::-1]) for k in range(4)]
    versions = [cut(frame, box, Augmentation(1.0, 0.0, 0.0, k), 32).transpose(1, 2, 0) for k in range(8)]
    assert all(np.array_equal(v, e) for v, e in zip(versions, expected, strict=True))
    assert len({v.tobytes() for v in versions}) == 8


def test_many_patches_are_the_same_as_one_by_one():
    frame, box = noise(), (20.5, 10.0, 60.0, 43.25)
    for augmentation, patch in zip(AUGMENTATIONS["full"], cuts(frame, box, AUGMENTATIONS["full"], 19), strict=True):
        assert np.array_equal(patch, cut(frame, box, augmentation, 19))
