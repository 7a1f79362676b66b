"""One real clip in ten containers, whose headers claim from a negative number to 1,454 frames: its 1,441 are read.

The clip is of the package iscc-samples (CC-BY-4.0). It is fetched once into FTCAFFE_CACHE, which `make test` sets,
and used in place.
"""

from __future__ import annotations

import numpy as np
import packages
import pytest

from data_prep.readers.video import frames
from ftcaffe.errors import Error

pytest.importorskip("av")
PACKAGE = "iscc-samples==0.6.0"
FRAMES = 1441
SEEN = (0, 350, 700, 1440)


@pytest.fixture(scope="session")
def clips():
    (clip,) = packages.source(PACKAGE).rglob("demo.mp4")
    return clip.parent


def some(path):
    """How many frames a clip has, and a few of them."""
    kept = {}
    count = 0
    for number, frame in enumerate(frames(path)):
        count += 1
        if number in SEEN:
            kept[number] = frame
    return count, [kept[number] for number in SEEN]


@pytest.fixture(scope="session")
def reference(clips):
    return some(clips / "demo.mp4")


def test_the_clip_is_whole(reference):
    assert reference[0] == FRAMES
    assert reference[1][2].shape == (144, 176, 3)


@pytest.mark.parametrize("kind", ["mov", "m4v", "f4v", "mkv"])
def test_the_same_stream_gives_the_same_pixels(clips, reference, kind):
    count, pictures = some(clips / f"demo.{kind}")
    assert count == FRAMES
    np.testing.assert_array_equal(pictures, reference[1])


@pytest.mark.parametrize("kind", ["asf", "m1v", "swf", "avi", "webm"])
def test_another_coding_gives_the_same_frames_at_the_same_places(clips, reference, kind):
    count, pictures = some(clips / f"demo.{kind}")
    assert count == FRAMES
    for picture, wanted in zip(pictures, reference[1], strict=True):
        assert np.abs(picture.astype(float) - wanted).mean() < 6


def test_half_a_file_is_one_line(clips, tmp_path):
    content = (clips / "demo.mkv").read_bytes()
    (tmp_path / "half.mkv").write_bytes(content[: len(content) // 2])
    with pytest.raises(Error, match=r"half\.mkv: is truncated"):
        some(tmp_path / "half.mkv")
