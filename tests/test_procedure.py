"""Synthetic procedures, and what a run says of one."""

import argparse
import csv
import json
import re

import numpy as np
import pytest

from data_prep import timeline, timeline_page
from data_prep.frames import FRAMES
from data_prep.phantoms import colon, mucosa, procedure, spoiled
from data_prep.readers.frames import Clip
from data_prep.readers.labelled import View
from ftcaffe.command import main
from ftcaffe.store import datum, lmdb

pytest.importorskip("av")
MINUTES = "0.5"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("procedures") / "phantom"
    assert main(["phantom", "frames", str(folder), "--videos", "1", "--minutes", MINUTES, "--jobs", "1"]) == 0
    return folder


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_there_is_a_truth_for_every_frame_and_labels_agree_with_it(source):
    truth = {(row["unit"], float(row["time"])): row for row in rows(source / "truth.csv")}
    assert len(truth) == 30
    labels = rows(source / "labels.csv")
    assert [row["image"] for row in labels] == [f"{t:09.3f}" for t in range(0, 30, 5)]
    for row in labels:
        assert row["label"] == truth[row["unit"], float(row["image"])]["label"]


def test_it_is_the_same_for_a_seed_and_is_not_made_twice(source, caplog):
    before = (source / "videos/procedure01.avi").stat().st_mtime_ns
    main(["phantom", "frames", str(source), "--videos", "1", "--minutes", MINUTES])
    assert (source / "videos/procedure01.avi").stat().st_mtime_ns == before
    assert main(["phantom", "frames", str(source), "--videos", "2", "--minutes", MINUTES]) == 2


def test_a_course_has_every_cause_and_partial_cases():
    course = procedure._course(np.random.default_rng(0), 600)
    assert {one.cause for one in course} == {"clear", *spoiled.CAUSES}
    assert 0.4 < np.mean([one.label == "informative" for one in course]) < 0.8
    assert sum(0.3 < one.severity < 0.7 for one in course) > 30


@pytest.mark.parametrize("cause", spoiled.CAUSES)
def test_what_spoils_the_view_does_so_steadily(cause):
    light = colon.render(
        mucosa.wall(np.random.default_rng(2), colon.FARTHEST + 2, 0), colon.Pose(1, (0, 0), 0, (0, 0), 1.4), 96
    )[0]
    clean = spoiled.camera(light, 0.4, 0, np.random.default_rng(0)).astype(float)

    def change(severity):
        made = [spoiled.spoil(light, cause, severity, np.random.default_rng(k)) for k in range(6)]
        seen = [spoiled.camera(one, 0.4, 0, np.random.default_rng(0)) for one in made]
        return np.mean([np.abs(one - clean).mean() for one in seen])

    changes = [change(severity) for severity in (0.05, 0.3, 0.6, 1.0)]
    assert (np.diff(changes) > 0).all()


SETTINGS = timeline.Settings(every=2.0)


def test_stretches_end_at_good_frames_and_at_gaps():
    time = np.array([0, 2, 4, 6, 8, 14, 16, 18], float)
    probability = np.array([0.9, 0.2, 0.1, 0.8, 0.3, 0.4, 0.2, 0.5])
    found = timeline.stretches(time, probability, SETTINGS)
    assert [(one.start, one.end, one.worst) for one in found] == [(2, 6, 2), (14, 18, 6), (8, 10, 4)]
    assert found[0].probability == pytest.approx(0.15)


def test_no_stretch_and_nothing_but_one():
    time = np.arange(0, 10, 2.0)
    assert timeline.stretches(time, np.ones(5), SETTINGS) == ()
    (only,) = timeline.stretches(time, np.zeros(5), SETTINGS)
    assert only.seconds == 10


def test_the_interval_holds_the_share_of_a_correlated_series_as_often_as_it_says():
    """A two-state chain whose state lasts 10 steps on average: blocks of 30 see it, single frames would not."""
    rng = np.random.default_rng(1)
    hits = alone = 0
    for _ in range(100):
        turns = rng.random(900) < 0.1
        state = (np.cumsum(turns) + rng.integers(2)) % 2 == 0
        low, high = timeline.interval(state, 30, rng, 300)
        hits += low <= 0.5 <= high
        low, high = timeline.interval(state, 1, rng, 300)
        alone += low <= 0.5 <= high
    assert hits / 100 > 0.86
    assert alone / 100 < 0.75


def test_from_a_video_to_the_page(source, tmp_path):
    class Cut:
        count = 0

    def predict(patches):
        """A net that calls bright patches informative."""
        brightness = []
        for patch in patches:
            Cut.count += 1
            assert patch.shape == (3, 67, 67)
            assert patch.dtype == np.uint8
            brightness.append(patch.mean() / 255)
        return np.stack([1 - np.array(brightness), brightness], axis=1)

    settings = timeline.Settings(every=1.0, sub_images=4, threshold=0.4)
    video = source / "videos/procedure01.avi"
    found = timeline.timeline(video, View((148, 103), True), 67, 1, predict, settings)
    assert len(found.time) == 30
    assert Cut.count == 120
    assert found.share == np.mean(found.probability < 0.4)
    assert found.low <= found.share <= found.high
    timeline.write_tables(found, tmp_path)
    listed = rows(tmp_path / "timeline.csv")
    assert [float(row["probability"]) for row in listed] == pytest.approx(found.probability, abs=1e-6)
    page = timeline_page.write(found, "a <video>", "run", tmp_path).read_text()
    assert "a &lt;video&gt;" in page
    assert f"{100 * found.share:.0f}&nbsp;% of the time shows nothing" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    again = (tmp_path / "timeline.svg").read_bytes()
    timeline_page.write(found, "a <video>", "run", tmp_path)
    assert (tmp_path / "timeline.svg").read_bytes() == again


def test_the_page_names_the_run_and_the_dataset_says_how_frames_are_cut(source, tmp_path):
    made = {"view": {"size": [148, 103]}, "input": {"size": 67}, "positive": 1, "seed": 0}
    options = argparse.Namespace(
        every=10.0, sub_images=2, threshold=0.5, trained="work/runs/frames/deep", dataset=made
    )

    def predict(patches):
        return np.tile([0.25, 0.75], (sum(patch.shape == (3, 67, 67) for patch in patches), 1))

    FRAMES.apply(options, source / "videos/procedure01.avi", predict, tmp_path / "out")
    assert "Run work/runs/frames/deep;" in (tmp_path / "out/report.html").read_text("utf-8")
    assert [row["probability"] for row in rows(tmp_path / "out/timeline.csv")] == ["0.75"] * 3


def test_frames_are_extracted_once_and_read_by_prepare(source, tmp_path, capsys):
    frames = tmp_path / "frames"
    assert main(["extract", str(source / "videos"), str(frames), "--every", "10", "--jobs", "1"]) == 0
    assert "3 frames of 1 videos" in capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in frames.rglob("*.png")}
    assert main(["extract", str(source / "videos"), str(frames), "--every", "10", "--jobs", "1"]) == 0
    assert {path: path.stat().st_mtime_ns for path in frames.rglob("*.png")} == before
    assert main(["extract", str(source / "videos"), str(frames), "--every", "5"]) == 2
    assert "holds frames taken otherwise (every 10 s, 500x350)" in capsys.readouterr().err


def test_labels_for_a_video_or_a_frame_that_is_not_there_are_one_line(source, tmp_path, capsys):
    for name, row, message in (
        ("a", "procedure09,00000.000,1", "labels frame '00000.000' of 'procedure09', and there is no such video"),
        ("b", "procedure01,00003.000,1", "no unit of the"),
    ):
        labels = tmp_path / f"{name}.csv"
        labels.write_text(f"unit,image,label\n{row}\n")
        arguments = ["prepare", "frames", str(source), "--labels", str(labels), "--work", str(tmp_path / name)]
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert message in said
        assert len(said.splitlines()) == 1


def test_prepare_reads_the_videos_themselves(source, tmp_path):
    """Four copies of one video, with labels made up."""
    labels = ["unit,image,label"]
    for number in range(4):
        path = tmp_path / "set/videos" / f"v{number}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((source / "videos/procedure01.avi").read_bytes())
        labels += [f"v{number},{time:09.3f},{time // 10 % 2}" for time in range(0, 30, 10)]
    (tmp_path / "set/labels.csv").write_text("\n".join(labels))
    arguments = ["--scale", "tiny", "--every", "10", "--sub-images", "2", "--test-sub-images", "5"]
    assert main(["prepare", "frames", str(tmp_path / "set"), *arguments, "--work", str(tmp_path), "--jobs", "1"]) == 0
    data = tmp_path / "data/frames"
    said = json.loads((data / "dataset.json").read_text())
    assert said["view"] == {"size": [148, 103], "border": True, "window": None}
    assert said["test"]["count"] == 5
    assert said["arguments"]["every"] == 10.0
    (first, *_) = (datum.decode(record)[0] for _, record in lmdb.Records(data / "test.lmdb"))
    clip = Clip("v0", source / "videos/procedure01.avi", 10.0)
    wanted = next(pixels for *_, pixels in clip.read(View((148, 103), border=True)))
    np.testing.assert_array_equal(first, wanted.transpose(2, 0, 1))
