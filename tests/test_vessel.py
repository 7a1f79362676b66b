"""The vessel's axis on tubes of known direction; planes against SimpleITK's resampling; what rotations look like."""

import numpy as np
import pytest

from data_prep import representations, vessel
from data_prep.readers.volume import AIR, Volume

SPACING = (1.25, 0.7, 0.7)


def tube(rng, radius, clot=True, noise=20.0, spacing=SPACING):
    """A contrast-filled tube in lung with a clot in its middle: volume, index of the clot, its voxels, direction."""
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    shape = np.ceil(34 / np.array(spacing)).astype(int) | 1
    volume = Volume(np.zeros(shape, np.float32), np.array(spacing), rng.normal(0, 50, 3), np.eye(3)[:, ::-1])
    centre = (shape - 1) / 2 + rng.uniform(-0.5, 0.5, 3)
    offset = volume.steps(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) - centre)
    along = offset @ axis
    away = np.sqrt(np.maximum((offset**2).sum(-1) - along**2, 0))
    voxel = float(np.mean(spacing))
    hu = AIR + 150 + np.clip((radius - away) / voxel + 0.5, 0, 1) * 1150
    covered = np.clip((0.6 * radius - np.hypot(away, along / 2)) / voxel + 0.5, 0, 1) if clot else np.zeros(shape)
    hu = hu + covered * (50 - hu) + rng.normal(0, noise, shape)
    return volume.of(hu.astype(np.float32)), centre, np.argwhere(covered > 0.5), axis


def degrees(a, b):
    return np.degrees(np.arccos(np.clip(abs(a @ b), 0, 1)))


@pytest.mark.parametrize("radius", [1.5, 2, 3, 4, 5])
def test_the_axis_of_a_tube_with_a_clot_is_found(radius):
    rng = np.random.default_rng(int(10 * radius))
    errors = []
    for _ in range(40):
        volume, centre, voxels, axis = tube(rng, radius)
        errors.append(degrees(vessel.frame(volume, centre, voxels)[0], axis))
    assert np.median(errors) < 1
    assert np.percentile(errors, 95) < 3


def test_a_candidate_without_voxels_of_its_own_gets_the_vessel_beside_it():
    rng = np.random.default_rng(5)
    volume, centre, _, axis = tube(rng, 2.5)
    assert degrees(vessel.frame(volume, centre)[0], axis) < 2


def test_a_frame_is_right_handed_with_repeatable_signs():
    rng = np.random.default_rng(6)
    for _ in range(10):
        volume, centre, voxels, _ = tube(rng, 3)
        frame = vessel.frame(volume, centre, voxels)
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(frame) == pytest.approx(1)
        for row in frame[:2]:
            assert row[np.argmax(abs(row))] > 0


def test_without_a_vessel_the_frame_is_the_patients_axes():
    lung = Volume(np.full((20, 20, 20), -850, np.int16), np.ones(3), np.zeros(3), np.eye(3)[:, ::-1])
    np.testing.assert_array_equal(vessel.frame(lung, np.array([10, 10, 10])), [[0, 0, 1], [1, 0, 0], [0, 1, 0]])


def test_a_vessel_that_is_not_connected_does_not_turn_the_axis():
    rng = np.random.default_rng(7)
    volume, centre, voxels, axis = tube(rng, 1.5, noise=0)
    away = np.cross(axis, [1, 0, 0]) / np.linalg.norm(np.cross(axis, [1, 0, 0]))
    far = np.rint(centre + volume.vector_to_index(5 * away)).astype(int)
    array = volume.array.copy()
    array[tuple(slice(k - 1, k + 2) for k in far)] = 600
    alone = vessel.frame(volume, centre, voxels)
    np.testing.assert_array_equal(vessel.frame(volume.of(array), centre, voxels), alone)


@pytest.mark.parametrize("oblique", [False, True])
def test_planes_equal_simpleitks_resampling(oblique):
    sitk = pytest.importorskip("SimpleITK")
    rng = np.random.default_rng(8)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] if oblique else np.eye(3)[:, ::-1]
    if np.linalg.det(turn[:, ::-1]) < 0:
        turn[:, 0] *= -1
    array = rng.uniform(-900, 500, (24, 46, 44)).astype(np.float32)
    volume = Volume(array, np.array(SPACING), np.array([-20.0, 5, 60]), turn)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING[::-1])
    image.SetOrigin(volume.origin.tolist())
    image.SetDirection(turn[:, ::-1].ravel().tolist())
    centre = volume.to_mm((np.array(array.shape) - 1) / 2)
    frame = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    frame[2] = np.cross(frame[0], frame[1])
    width, n = 15.0, representations.DEFAULT.samples
    ours = vessel.planes(volume, centre[None], frame[:1], frame[1:2], np.array([width]), n)[0]
    step = width / n
    corner = centre + (0.5 / n - 0.5) * width * (frame[0] + frame[1])
    direction = np.stack([frame[0], frame[1], np.cross(frame[0], frame[1])], axis=1)
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(
            image, [n, n, 1], sitk.Transform(), sitk.sitkLinear, corner.tolist(), [step] * 3,
            direction.ravel().tolist(), float(AIR), sitk.sitkFloat32,
        )
    )[0]  # fmt: skip
    gray = 255 / np.ptp(representations.DEFAULT.window)
    assert abs(ours - theirs).max() * gray < 0.5
    assert ours.std() > 100


def test_beyond_the_volume_is_air():
    volume = Volume(np.full((10, 10, 10), 300, np.int16), np.ones(3), np.zeros(3), np.eye(3)[:, ::-1])
    corner = np.array([[0.0, 0, 0]])
    plane = vessel.planes(volume, corner, np.array([[1.0, 0, 0]]), np.array([[0.0, 1, 0]]), np.array([8.0]), 8)[0]
    assert (plane[4:, 4:] == 300).all()
    assert (plane[:4] == AIR).all()
    assert (plane[:, :4] == AIR).all()


def test_rotations_about_a_tube_look_alike_and_shifts_move_along_it():
    rng = np.random.default_rng(9)
    volume, centre, voxels, _ = tube(rng, 3, clot=False, noise=0, spacing=(0.6, 0.6, 0.6))
    frame = vessel.frame(volume, centre, np.rint(centre).astype(int)[None])
    ways = representations.augmentations("full")
    seen = representations.windowed(representations.sections(volume, volume.to_mm(centre), frame, ways, "vessel"))
    by_width = {w: [seen[k] for k, how in enumerate(ways) if how.width == w] for w in representations.DEFAULT.widths}
    for alike in by_width.values():  # without a clot the shifts look alike too
        assert len(alike) == 18
        pixels = np.stack(alike).astype(float).reshape(18, 2, -1)
        for channel in range(2):
            assert np.corrcoef(pixels[:, channel]).min() > 0.98
        assert np.ptp(pixels, axis=0).mean() < 8
    assert not len(voxels)


def test_the_papers_54_ways_and_the_drawn_ones():
    ways = representations.augmentations("full")
    assert len(set(ways)) == 54
    assert {how.width for how in ways} == {10, 15, 20}
    assert {how.shift for how in ways} == {-0.2, 0, 0.2}
    assert {how.rotation for how in ways} == {0, 30, 60, 90, 120, 150}
    more = representations.drawn(50, np.random.default_rng(0))
    assert all(how.drawn == 1 and abs(how.shift) <= 0.2 and 0 <= how.rotation < 180 for how in more)
    assert not set(more) & set(ways)


def test_the_second_channel_is_repeated_and_planes_are_the_patients():
    array = np.zeros((21, 21, 21), np.int16)
    array[15:] = 400  # towards the head
    volume = Volume(array, np.ones(3), np.zeros(3), np.eye(3)[:, ::-1])
    position, frame = np.array([10.0, 10, 10]), np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    one = representations.augmentations("none")
    (patch,) = representations.cuts(volume, position, frame, one, "vessel", 67)
    assert patch.shape == (3, 67, 67)
    assert patch.dtype == np.uint8
    np.testing.assert_array_equal(patch[1], patch[2])
    assert not np.array_equal(patch[0], patch[1])
    axial, coronal, sagittal = representations.sections(volume, position, frame, one, "planes")[0]
    assert (axial == 0).all()
    for plane in (coronal, sagittal):
        assert (plane[:5] == 400).all()  # heads are up
        assert (plane[-5:] == 0).all()
