"""The phantom: real files that the readers take, polyps that are found by shape and not by colour."""

import numpy as np
import pytest
from scipy import ndimage

from data_prep.candidates import voting
from data_prep.phantoms import colon, mucosa, polyp
from data_prep.readers import layouts, lesions
from ftcaffe.errors import Error

SETTINGS = polyp.Settings(seed=4, videos=12, frames=4, size=160)


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "polyp"
    polyp.write(folder, SETTINGS)
    return layouts.read("videos", folder)


@pytest.fixture(scope="module")
def candidates(units):
    """(unit, lesion or 0, patch of its box) of every candidate, how many lesions were hit, shown, and frames."""
    found, hit, shown, count = [], set(), 0, 0
    for unit in units:
        for frame in unit:
            count += 1
            labels, number = lesions.label(frame.mask)
            shown += number
            for candidate in voting.candidates(frame.pixels):
                lesion = lesions.at(labels, *candidate.centre)
                x0, y0, x1, y1 = map(round, candidate.box)
                found.append((unit.unit, lesion, frame.pixels[y0:y1, x0:x1]))
                hit.add((unit.unit, frame.image, lesion))
    return found, sum(lesion > 0 for *_, lesion in hit), shown, count


def test_the_readers_take_it_and_every_fourth_video_shows_no_polyp(units):
    assert [unit.masks is None for unit in units] == 3 * [False, False, False, True]
    for unit in units:
        frames = list(unit)
        assert len(frames) == SETTINGS.frames
        assert all(frame.pixels.shape == (160, 160, 3) for frame in frames)
        assert any(frame.mask.any() for frame in frames if frame.mask is not None) == (unit.masks is not None)


def test_polyps_have_the_mucosa_s_colour(candidates):
    """A linear model of mean colour and colour histograms does not tell polyps from what looks like them."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = candidates[0]
    features = []
    for _, _, pixels in found:
        colours = pixels.reshape(-1, 3)
        # Shading, which is shape, shows in brightness: hue and saturation by the channels' shares.
        shares = colours / np.maximum(colours.sum(axis=1, keepdims=True), 1)
        histograms = [np.histogram(shares[:, k], 8, (0.1, 0.7))[0] / len(shares) for k in range(3)]
        features.append(np.concatenate([colours.mean(axis=0), *histograms]))
    labels = np.array([lesion > 0 for _, lesion, _ in found])
    model = make_pipeline(StandardScaler(), linear_model.LogisticRegression(C=0.1, max_iter=1000))
    scores = cross_val_predict(
        model,
        np.array(features),
        labels,
        groups=[unit for unit, *_ in found],
        cv=GroupKFold(4),
        method="predict_proba",
    )
    assert roc_auc_score(labels, scores[:, 1]) < 0.7


def test_voting_finds_most_polyps_and_some_that_are_none(candidates):
    found, hit, shown, frames = candidates
    assert hit / shown >= 0.75
    assert 1 <= sum(lesion == 0 for _, lesion, _ in found) / frames <= 6


def test_the_same_seed_gives_the_same_video():
    def made(seed):
        return list(polyp.frames(seed, 0, 1, 2, 64))

    first, again, other = made(1), made(1), made(2)
    assert all(np.array_equal(a, b) for x, y in zip(first, again, strict=True) for a, b in zip(x, y, strict=True))
    assert not np.array_equal(first[0][0], other[0][0])


def test_what_is_hidden_behind_a_fold_is_not_seen():
    """A ring at depth 1.05 that narrows the tube to half hides the wall up to 2.1 (similar triangles)."""
    shape = (colon.ANGLES, round((colon.FARTHEST + 1) / colon.STEP))
    depth = np.arange(shape[1]) * colon.STEP
    height = np.broadcast_to(np.where(abs(depth - 1.0) < 0.05, 0.5, 0.0), shape).astype(np.float32)
    bands = np.broadcast_to(np.digitize(depth, [1.1, 2.0, 2.2]), shape).astype(np.uint8)
    wall = colon.Wall(height, np.ones((*shape, 3), np.float32), np.zeros(shape, np.float32), bands)
    _, seen = colon.render(wall, colon.Pose(0.0, (0.0, 0.0), 0.0, (0.0, 0.0), 1.0), 200)
    assert set(np.unique(seen)) - {2} == {0, 3}  # not 1, from 1.1 to 2.0; 2 holds the shadow's end


def test_polyps_stand_out_of_the_wall_and_their_number_is_their_label():
    wall = mucosa.wall(np.random.default_rng(0), 12.0, 2)
    flat = ndimage.gaussian_filter(wall.height, 40)
    assert set(np.unique(wall.lesion)) == {0, 1, 2}
    assert all(wall.height[wall.lesion == n].max() > flat[wall.lesion == n].max() for n in (1, 2))


def test_it_is_written_once_and_nothing_else_is_overwritten(tmp_path, caplog):
    folder, settings = tmp_path / "p", polyp.Settings(videos=1, frames=1, size=64)
    caplog.set_level("INFO")
    polyp.write(folder, settings)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    polyp.write(folder, settings)
    assert "is there already" in caplog.text
    with pytest.raises(Error, match="holds something else"):
        polyp.write(folder, polyp.Settings(videos=1, frames=2, size=64))
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("fault", [{"videos": 0}, {"frames": 0}, {"size": 63}, {"size": 32}])
def test_settings_are_checked(fault):
    with pytest.raises(Error):
        polyp.Settings(**fault)
