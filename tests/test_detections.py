"""`ftcaffe apply polyp`: every candidate of every frame, and a copy of the video that shows the likely ones."""

import csv

import numpy as np
import polyp_sets as sets
import pytest

from data_prep import detections
from data_prep.candidates.candidate import Candidate
from data_prep.readers import video

av = pytest.importorskip("av")


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """Six frames; the generator finds as many candidates in each as its number, but in none of frame 3."""
    path = sets.write_video(tmp_path / "a.avi", [sets.frame(k) for k in range(6)], "mjpeg")

    def candidates(frame):
        number = round((float(frame[..., 2].mean()) - 20) / 15)
        return [] if number == 3 else [Candidate(str(k), 10, 10, 30, 30, 0.1 * k) for k in range(number)]

    monkeypatch.setattr("data_prep.candidates.voting.candidates", candidates)
    return path


def predict(patches):
    """A net whose polyps are bright."""
    red = np.array([patch[2].mean() / 255 for patch in patches])
    return np.stack([1 - red, red], axis=1)


def test_each_candidate_has_the_mean_over_its_patches(clip):
    found = detections.detect(clip, 16, "centred", 1, predict)
    assert [one.frame for one in found] == [1, 2, 2, 4, 4, 4, 4, 5, 5, 5, 5, 5]
    by_frame = {one.frame: one.probability for one in found}
    assert by_frame[1] < by_frame[2] < by_frame[4] < by_frame[5]
    assert by_frame[5] == pytest.approx((20 + 15 * 5) / 255, abs=0.01)


def test_the_table_and_the_copy_of_the_video(clip, tmp_path):
    found = detections.detect(clip, 16, "none", 1, predict)
    detections.write(clip, found, 0.25, tmp_path)
    with (tmp_path / "detections.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    assert tuple(rows[0]) == detections.COLUMNS
    copy, original = list(video.frames(tmp_path / "annotated.avi")), list(video.frames(clip))
    assert len(copy) == 6
    changed = [np.abs(a.astype(int) - b).max() > 60 for a, b in zip(copy, original, strict=True)]
    assert changed == [False, False, False, False, True, True]  # from a probability of 0.25 on
    with av.open(str(tmp_path / "annotated.avi")) as container:
        assert container.streams.video[0].average_rate == 10


def test_a_video_without_a_candidate(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("data_prep.candidates.voting.candidates", lambda frame: [])
    found = detections.detect(clip, 16, "none", 1, predict)
    assert found == []
    detections.write(clip, found, 0.5, tmp_path)
    assert (tmp_path / "detections.csv").read_text().splitlines() == [",".join(detections.COLUMNS)]
