"""Candidates: voting finds what is round and shaded, and tables are read or refused with their line."""

import numpy as np
import pytest
from scipy import ndimage

from data_prep.candidates import table, voting
from ftcaffe.errors import Error


def scene(draw, size=(240, 320), scale=1.0):
    """A lit wall in a round view, with `draw(y, x)` added to its light (0–255), in BGR."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32) * scale
    light = 110 + 0.1 * x + draw(y, x)
    light[np.hypot(y - 120, x - 160) > 155] = 0
    light = ndimage.gaussian_filter(light, 1.5 / scale)
    return np.clip(light[..., None] * np.array([0.5, 0.6, 1.0]), 0, 255).astype(np.uint8)


def bump(row, column, radius, stretch=1.0):
    return lambda y, x: 70 * np.sqrt(np.clip(1 - ((y - row) ** 2 + ((x - column) / stretch) ** 2) / radius**2, 0, 1))


@pytest.mark.parametrize("radius", [18, 28, 45])
@pytest.mark.parametrize("stretch", [1.0, 1.25])
def test_the_best_candidate_is_the_bump(radius, stretch):
    best = voting.candidates(scene(bump(110, 190, radius, stretch)))[0]
    x, y = best.centre
    assert np.hypot(x - 190, y - 110) < 0.35 * radius
    assert best.x1 - best.x0 == pytest.approx(2 * radius * stretch, rel=0.4)
    assert best.y1 - best.y0 == pytest.approx(2 * radius, rel=0.4)


def test_an_outline_that_is_broken_is_found():
    def broken(y, x):
        return bump(110, 190, 30)(y, x) * (np.arctan2(y - 110, x - 190) < 2.0)

    x, y = voting.candidates(scene(broken))[0].centre
    assert np.hypot(x - 190, y - 110) < 15


@pytest.mark.parametrize(
    "draw",
    [
        lambda y, x: 0 * x,
        lambda y, x: -60.0 * (abs(x - 160) < 3),  # a vessel
        lambda y, x: 60.0 * (y > 120),  # a fold
        lambda y, x: -bump(110, 190, 30)(y, x),  # a hollow
    ],
    ids=["plain", "vessel", "fold", "hollow"],
)
def test_what_is_not_a_bump_scores_below_a_bump(draw):
    bumps = voting.candidates(scene(bump(110, 190, 30)))
    others = voting.candidates(scene(draw))
    assert all(other.score < 0.75 * bumps[0].score for other in others)


def test_candidates_are_ranked_named_and_inside_the_frame():
    both = voting.candidates(scene(lambda y, x: bump(110, 100, 25)(y, x) + bump(110, 220, 35)(y, x)))
    assert len(both) >= 2
    assert [c.name for c in both] == [str(i + 1) for i in range(len(both))]
    assert [c.score for c in both] == sorted((c.score for c in both), reverse=True)
    assert all(0 <= c.x0 < c.x1 <= 320 and 0 <= c.y0 < c.y1 <= 240 for c in both)


def test_the_size_of_the_frame_does_not_matter():
    small = voting.candidates(scene(bump(110, 190, 30)))[0]
    large = voting.candidates(scene(bump(110, 190, 30), (480, 640), 0.5))[0]
    assert np.allclose(np.array(large.box) / 2, small.box, atol=6)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_frame_has_no_candidates(level):
    assert voting.candidates(np.full((64, 64, 3), level, np.uint8)) == []


def test_a_table_gives_candidates_by_unit_and_image(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        "unit,image,candidate,x0,y0,x1,y1,score\na,0,1,1,2,11,22,0.5\na,0,2,0,0,4,4,0.1\nb,7,1,0,0,4,4,1\n"
    )
    found = table.read(path)
    assert {unit: {image: len(c) for image, c in images.items()} for unit, images in found.items()} == {
        "a": {"0": 2},
        "b": {"7": 1},
    }
    assert found["a"]["0"][0].box == (1, 2, 11, 22)
    assert found["a"]["0"][0].centre == (6, 12)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,0,1,5,2,5,22,0.5", r"c\.csv:2: has an empty box"),
        ("a,0,1,x,2,5,22,0.5", r"c\.csv:2: the x0 'x' is no finite number"),
        ("a,0,1,1,2,5,22,nan", r"c\.csv:2: the score 'nan' is no finite number"),
        ("a,0,1,1,2,5,22,1\na,0,1,1,2,5,22,1", r"c\.csv:3: gives candidate 'a/0/1' twice"),
    ],
)
def test_faults_of_a_table(tmp_path, row, message):
    path = tmp_path / "c.csv"
    path.write_text(f"unit,image,candidate,x0,y0,x1,y1,score\n{row}\n")
    with pytest.raises(Error, match=message):
        table.read(path)


def test_a_table_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(Error, match=r"none\.csv: No such file"):
        table.read(tmp_path / "none.csv")
