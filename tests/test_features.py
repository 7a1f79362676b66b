"""Features of a candidate embolus on shapes whose values are known, and against scikit-image and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from skimage.feature import graycomatrix, graycoprops

from data_prep.features import cooccurrence, embolus, intensity, shape, vessel, wavelet
from data_prep.features.region import MARGIN, region
from data_prep.readers.volume import Volume

pytest.importorskip("pywt")
LPS = np.eye(3)[:, ::-1]  # of an array z, y, x
SPACING = np.array([1.0, 0.7, 0.7])


def volume(array, spacing=SPACING):
    return Volume(array.astype(np.float32), np.asarray(spacing, float), np.array([-20.0, 10, 5]), LPS, "p", "v")


def grid(shape, spacing=SPACING):
    """mm along z, y, x about the middle."""
    return [
        (np.arange(n) - (n - 1) / 2).reshape([-1 if a == axis else 1 for a in range(3)]) * spacing[axis]
        for axis, n in enumerate(shape)
    ]


def clot(radius=5.0, clot_radius=3.0, length=6.0, off=0.0, wall=300.0, shape=(61, 81, 81)):
    """A tube along z with contrast in lung, a clot in its middle, `off` mm along x."""
    z, y, x = grid(shape)
    array = np.where(np.hypot(y, x) < radius, wall, -800.0) + 0 * z
    inside = (np.hypot(y, x - off) < clot_radius) & (np.abs(z) < length) & (np.hypot(y, x) < radius)
    array[inside] = 40.0
    index = (np.array(shape) - 1) / 2 + [0, 0, off / SPACING[2]]
    return region(volume(array), np.ones(shape, bool), index, np.argwhere(inside), np.array([0.0, 0, 1]))


def test_the_region_keeps_the_candidate_where_it_is():
    whole = volume(np.random.default_rng(0).normal(size=(61, 81, 81)))
    voxels = np.array([[30, 40, 41], [30, 40, 42], [31, 40, 42]])
    cut = region(whole, np.ones(whole.array.shape, bool), np.array([30, 40, 41]), voxels, np.array([0.0, 0, 1]))
    np.testing.assert_allclose(cut.volume.to_mm(cut.index), whole.to_mm([30, 40, 41]))
    assert cut.cluster.sum() == 3
    np.testing.assert_array_equal(cut.volume.array[cut.cluster], whole.array[tuple(voxels.T)])
    assert ((np.array(cut.volume.array.shape) - 4) * SPACING < 2 * MARGIN + 3).all()


@pytest.mark.parametrize("index", [(0, 0, 0), (20, 30, 30), (0, 15, 30)])
def test_features_exist_at_the_volume_s_faces(index):
    whole = volume(np.random.default_rng(0).normal(0, 200, (21, 31, 31)))
    lungs = np.ones(whole.array.shape, bool)
    found = embolus.features(region(whole, lungs, np.array(index), np.array([index]), np.array([0.0, 0, 1])))
    assert np.isfinite(list(found.values())).all()


def test_a_candidate_from_elsewhere_is_a_ball():
    whole = volume(np.zeros((61, 81, 81)))
    cut = region(whole, np.ones(whole.array.shape, bool), np.array([30.3, 40, 40]), None, np.array([0.0, 0, 1]))
    assert cut.cluster.sum() * whole.voxel == pytest.approx(4 / 3 * np.pi * 2**3, rel=0.1)


def test_every_candidate_has_the_same_features_and_they_are_numbers():
    one, other = (embolus.features(clot(radius)) for radius in (5.0, 8.0))
    assert list(one) == list(other)
    assert len(one) == 111
    assert np.isfinite(list(one.values())).all()


def test_statistics_are_scipy_s():
    values = np.random.default_rng(1).gamma(2, 30, 500)
    found = intensity.statistics(values)
    assert found["skewness"] == pytest.approx(stats.skew(values))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(values, fisher=False))
    assert found["deviation"] == pytest.approx(values.std())
    assert found["p25"] == pytest.approx(np.quantile(values, 0.25))


def test_one_value_has_no_skewness():
    found = intensity.statistics(np.full(7, 1 / 3))
    assert found["skewness"] == found["kurtosis"] == 0


def test_a_clot_is_darker_than_its_surround():
    found = intensity.features(clot())
    assert found["cluster_mean"] == pytest.approx(40)
    assert found["shell_p50"] == 300
    assert found["difference_p50"] == 260


def ball(radius, spacing):
    reach = [int(np.ceil(radius / s)) + 3 for s in spacing]
    z, y, x = grid([2 * n + 1 for n in reach], spacing)
    inside = z**2 + y**2 + x**2 <= radius**2
    array = np.where(inside, 40.0, 300.0)
    index = np.array(reach, float)
    return region(
        volume(array, spacing), np.ones(array.shape, bool), index, np.argwhere(inside), np.array([0.0, 0, 1])
    )


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 0.7), (1.25, 0.6, 0.6)])
def test_the_shape_of_a_ball(spacing):
    found = shape.features(ball(8.0, spacing))
    assert found["volume"] == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.02)
    # Marching cubes on a mask smooths no steps, so that the surface comes out 8 to 13 % large.
    assert 1.05 < found["surface"] / (4 * np.pi * 8**2) < 1.15
    assert 0.86 < found["sphericity"] < 0.96
    # A ball's extent is 4 √(r²/5).
    for name in ("extent_1", "extent_2", "extent_3"):
        assert found[name] == pytest.approx(4 * 8 / np.sqrt(5), rel=0.02)
    assert found["fill"] == pytest.approx(np.pi / 6, rel=0.08)


def test_the_shape_of_a_single_voxel():
    one = np.array([[30, 40, 40]])
    cut = region(volume(np.zeros((61, 81, 81))), np.ones((61, 81, 81), bool), one[0], one, np.array([0.0, 0, 1]))
    found = shape.features(cut)
    assert found["volume"] == pytest.approx(0.49)
    assert (found["extent_1"], found["elongation"], found["flatness"], found["fill"]) == (0, 1, 1, 1)


@pytest.mark.parametrize("radius", [3.0, 5.0, 7.0])
def test_the_lumen_s_diameter(radius):
    assert vessel.features(clot(radius, radius - 1))["lumen_diameter"] == pytest.approx(2 * radius, abs=0.8)


def test_a_clot_off_the_axis():
    middle, off = (vessel.features(clot(6.0, 2.0, off=d))["eccentricity"] for d in (0.0, 3.5))
    assert middle < 0.05
    assert off == pytest.approx(3.5 / 6, abs=0.15)


def test_tubes_and_balls():
    assert vessel.features(clot(2.5, 1.5))["tubularity"] > 5
    assert vessel.features(ball(10.0, (0.7, 0.7, 0.7)))["tubularity"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("axis", "angle"), [((0, 0, 1), 0), ((1, 0, 0), 90), ((0, 1, 1), 45)])
def test_the_angle_of_the_cluster(axis, angle):
    given = clot(5.0, 2.0, length=9.0)
    turned = type(given)(given.volume, given.cluster, given.lungs, given.index, np.array(axis) / np.linalg.norm(axis))
    assert vessel.axis_angle(turned) == pytest.approx(angle, abs=1e-3)


def test_a_ring_of_contrast_encloses_and_half_a_ring_by_half():
    whole = clot(6.0, 3.0)
    assert vessel.enclosed(whole) == 1
    array = whole.volume.array.copy()
    array[..., array.shape[2] // 2 + 1 :] = -800  # lung on one side
    half = type(whole)(whole.volume.of(array), whole.cluster, whole.lungs, whole.index, whole.axis)
    assert 0.3 <= vessel.enclosed(half) <= 0.6


def test_what_lies_in_lung_is_not_enclosed():
    found = vessel.features(clot(3.0, 4.0))
    assert found["enclosed"] == 0
    assert found["air_shell"] > 0.6


def test_the_distance_to_the_lungs_border():
    given = clot()
    lungs = np.ones_like(given.lungs)
    lungs[..., : int(given.index[2]) - 9] = False
    nearer = type(given)(given.volume, given.cluster, lungs, given.index, given.axis)
    assert vessel.border_distance(nearer) == pytest.approx(10 * 0.7)
    assert vessel.border_distance(given) == MARGIN


def test_pairs_in_a_plane_are_scikit_image_s():
    levels = np.random.default_rng(2).integers(0, 8, (1, 12, 15))
    ours = {tuple(np.round(p, 12).ravel()) for p in cooccurrence.matrices(levels, np.ones_like(levels, bool), 8)}
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    theirs = graycomatrix(levels[0].astype(np.uint8), [1], angles, levels=8, symmetric=True, normed=True)
    assert ours == {tuple(np.round(theirs[:, :, 0, k], 12).ravel()) for k in range(4)}
    for k in range(4):
        found = cooccurrence.haralick(theirs[:, :, 0, k])
        for name in ("contrast", "homogeneity", "correlation"):
            assert found[name] == pytest.approx(graycoprops(theirs, name)[0, k])
        assert found["energy"] == pytest.approx(graycoprops(theirs, "energy")[0, k] ** 2)  # theirs is the root


def test_pairs_stay_within_the_mask():
    levels = np.zeros((3, 4, 4), int)
    levels[:, :, 2:] = 1
    mask = levels == 0
    found = list(cooccurrence.matrices(levels, mask, 2))
    assert len(found) == 13
    assert all(p[0, 0] == 1 for p in found)


def test_one_level_is_as_uniform_as_can_be():
    found = cooccurrence.haralick(np.diag([0.0, 1.0, 0.0]))
    assert found.pop("sum_average") == 4
    ones = ("energy", "homogeneity", "correlation")
    assert found == {name: float(name in ones) for name in found}


def test_a_clot_is_more_uniform_than_noise():
    given = clot()
    noisy = given.volume.array + np.random.default_rng(3).normal(0, 150, given.volume.array.shape)
    noise = type(given)(given.volume.of(noisy), given.cluster, given.lungs, given.index, given.axis)
    smooth, rough = cooccurrence.features(given), cooccurrence.features(noise)
    assert smooth["entropy_mean"] < rough["entropy_mean"]
    assert smooth["energy_mean"] > rough["energy_mean"]
    assert smooth["homogeneity_mean"] > rough["homogeneity_mean"]


def test_wavelets_keep_the_energy():
    image = np.random.default_rng(4).random((32, 32))
    found = wavelet.bands(image)
    assert tuple(found) == wavelet.BANDS
    assert sum((c**2).sum() for c in found.values()) == pytest.approx((image**2).sum())


@pytest.mark.parametrize(("axis", "band"), [(0, "rows_1"), (1, "columns_1")])
def test_wavelets_tell_stripes_by_direction(axis, band):
    stripes = np.indices((32, 32))[axis] % 2 - 0.5
    energies = {name: (c**2).sum() for name, c in wavelet.bands(stripes).items()}
    assert max(energies, key=energies.get) == band


def test_the_entropy_of_a_band():
    assert wavelet.measures(np.array([[2.0, 2], [2, 2]]), 16) == pytest.approx((np.log10(1 + 1e-6), 2))
    assert wavelet.measures(np.array([[5.0, 0], [0, 0]]), 16)[1] == 0
    assert wavelet.measures(np.zeros((2, 2)), 16) == (-6, 0)


def test_features_do_not_depend_on_where_the_volume_lies():
    one = clot()
    moved = type(one.volume)(one.volume.array, one.volume.spacing, np.array([300.0, -200, 70]), LPS)
    other = type(one)(moved, one.cluster, one.lungs, one.index, one.axis)
    assert embolus.features(other) == pytest.approx(embolus.features(one), abs=1e-3)
