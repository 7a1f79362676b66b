"""Features of block transforms: the transform against SciPy's, and what blur does to them."""

import numpy as np
import pytest
from PIL import Image
from scipy import fft, ndimage

from data_prep.features import blocks
from data_prep.phantoms import colon, mucosa, spoiled
from evaluation.scoring import scores
from ftcaffe.command import main


@pytest.fixture(scope="module")
def view():
    rng = np.random.default_rng(4)
    wall = mucosa.wall(rng, colon.FARTHEST + 3, 0)
    return spoiled.camera(colon.render(wall, colon.Pose(1.0, (0.3, 0.1), 1.0, (0, 0), 1.5), 160)[0], 0.4, 0, rng)


@pytest.mark.parametrize("size", blocks.CELLS)
def test_a_cell_is_reconstructed_as_by_scipy(size):
    cell = np.random.default_rng(size).uniform(0, 255, (size, size, 3))
    kept = fft.dctn(cell, axes=(0, 1), norm="ortho")
    mask = np.zeros((size, size, 1))
    for place in [(0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2)]:
        mask[place] = 1
    wanted = fft.idctn(kept * mask, axes=(0, 1), norm="ortho")
    np.testing.assert_allclose(blocks.reconstructed(cell, size), wanted, atol=1e-9)


def test_all_coefficients_give_the_image_back_also_where_no_whole_cell_fits():
    image = np.random.default_rng(0).uniform(0, 255, (35, 50, 3))
    np.testing.assert_allclose(blocks.reconstructed(image, 8, 64), image, atol=1e-9)


def test_the_order_of_the_coefficients_is_that_of_jpeg():
    order = blocks.zigzag(8)
    assert order[:10] == [(0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0)]
    assert order[-3:] == [(6, 7), (7, 6), (7, 7)]


def test_an_even_frame_has_no_error_and_all_of_it_in_the_first_bin():
    found = dict(zip(blocks.NAMES, blocks.features(np.full((70, 100, 3), 90, np.uint8)), strict=True))
    assert len(found) == 595
    assert found["whole_bin00"] == 1
    assert found["tile33_bin00"] == 1
    assert found["whole_mean"] == pytest.approx(0, abs=1e-9)


def test_histograms_add_up_to_one_and_tiles_to_the_whole(view):
    found = dict(zip(blocks.NAMES, blocks.features(view), strict=True))
    bins = [found[f"whole_bin{number:02d}"] for number in range(blocks.BINS)]
    assert sum(bins) == pytest.approx(1)
    tiles = [found[f"tile{i}{j}_bin07"] for i in range(4) for j in range(4)]
    assert np.mean(tiles) == pytest.approx(bins[7])
    assert found["whole_mean"] == pytest.approx(blocks.error(view).mean())


def test_blur_lowers_the_error_steadily(view):
    blurred = [ndimage.gaussian_filter(view.astype(float), (s, s, 0)).astype(np.uint8) for s in (0, 0.7, 1.5, 3, 6)]
    rows = np.array([blocks.features(one) for one in blurred])
    for name in ("whole_mean", "whole_deviation", "whole_p90", "tile00_mean", "tile21_p90"):
        assert (np.diff(rows[:, blocks.NAMES.index(name)]) < 0).all(), name


def test_motion_blur_lowers_it_too(view):
    lengths = [ndimage.uniform_filter1d(view.astype(float), n, axis=1).astype(np.uint8) for n in (1, 3, 9, 27)]
    assert (np.diff([blocks.error(one).mean() for one in lengths]) < 0).all()


def test_the_forest_learns_from_a_prepared_set_and_scores_its_test_frames(tmp_path):
    """Sharp frames of noise against blurred ones: six units, the score file of the same frames as every run's."""
    pytest.importorskip("sklearn")
    rows = ["unit,image,label"]
    for unit in range(6):
        rng = np.random.default_rng(unit)
        for k in range(4):
            sharp = k % 2
            noise = ndimage.gaussian_filter(rng.normal(0, 1, (350, 500, 3)), (1 if sharp else 9,) * 2 + (0,))
            path = tmp_path / "set" / f"v{unit}" / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((128 + 40 * noise / noise.std()).clip(0, 255).astype(np.uint8)).save(path)
            rows.append(f"v{unit},{k},{sharp}")
    (tmp_path / "set/labels.csv").write_text("\n".join(rows))
    work = ["--work", str(tmp_path), "--jobs", "1"]
    assert main(["prepare", "frames", str(tmp_path / "set"), "--layout", "frames", "--scale", "tiny", *work]) == 0
    assert main(["handcrafted", "frames", *work, "--trees", "20"]) == 0
    (path,) = (tmp_path / "rivals/frames").glob("*/scores.h5")
    found = scores.read(path)
    assert found.curve == "roc"
    assert len(found.score) == 12
    assert found.score[found.label == 1].min() > found.score[found.label == 0].max()
    assert (path.parent / "importances.csv").is_file()
    before = path.stat().st_mtime_ns
    assert main(["handcrafted", "frames", *work, "--trees", "20"]) == 0
    assert path.stat().st_mtime_ns == before
