"""Results on the wall: errors and thickness of runs by region, their pages and panels, and new images measured."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import carotid_sets as sets
import numpy as np
import pytest
from made_runs import made_run, made_weights
from PIL import Image

from evaluation.comparing import walls
from evaluation.comparing.agreement import agreement
from evaluation.drawing import panel, style
from evaluation.segmenting import measuring, proposal, tracing
from evaluation.segmenting.tracing import Traced, Traces
from ftcaffe.errors import Error
from ftcaffe.store import regions
from ftcaffe.store.regions import Picture, Region

PLACES = (1, 2)


def region(number: int, unit: str = "a", shift: float = 0.0, spacing: float = 0.06) -> Region:
    """A region of the drawn wall, traced by two experts a row apart, whose first column nobody traced."""
    wall = np.array([[sets.LI - 40.0], [sets.MA - 40.0 + shift]])
    truth = np.repeat(wall, 92, axis=1)
    truth[:, 0] = np.nan
    picture = Picture(f"i{number}", Path("i.tiff"), sets.pixels(number), spacing, ())
    cut = regions.cut(picture, (30, 40, 92, 60), unit, number, 33.5)
    experts = {"one": truth - 0.5, "two": truth + 0.5}
    fields = {**vars(cut), "split": "test", "truth": truth, "experts": experts}
    return Region(**fields)


def by_grey(one: Region) -> np.ndarray:
    """Probabilities that a perfect net would give: high at the bright line and at the edge below it."""
    found = np.zeros((3, *one.shape))
    for place, row in zip(PLACES, (sets.LI - one.y, sets.MA - one.y), strict=True):
        found[place] = np.exp(-0.5 * ((np.arange(one.shape[0])[:, None] - row) / 2) ** 2)
    found[0] = np.clip(1 - found[1] - found[2], 0, 1)
    return found


def test_errors_are_mean_vertical_distances_in_micrometres():
    """By hand: 2 rows of 0.06 mm off LI, 1 row of 0.05 mm off MA, over the 91 columns that were traced."""
    tested = [region(1), region(2, spacing=0.05)]
    rows = [np.repeat([[sets.LI - 40.0 + 2], [sets.MA - 40.0 - 1]], 92, axis=1)] * 2
    found = walls.errors([walls.Method("m", style.of_other(0), tuple(rows))], tested)
    assert found.runs == ("m",)
    assert np.allclose(found.error[0], [[120, 100], [60, 50]])
    assert np.allclose(walls.human(tested), [[60, 50], [60, 50]])
    assert np.allclose(walls.thicknesses(rows, tested), [11 * 0.06, 11 * 0.05])


def test_without_a_second_expert_there_is_no_human_limit():
    one = region(1)
    assert walls.human([Region(**{**vars(one), "experts": {"one": one.truth}})]) is None


def test_agreement_is_of_the_thickness_and_of_subjects_means():
    tested = [region(n, unit, shift) for n, (unit, shift) in enumerate([("a", 0), ("a", 2), ("b", 4), ("c", -3)], 1)]
    truth = walls.thicknesses([one.truth for one in tested], tested)
    assert np.allclose(truth, np.array([14, 16, 18, 11]) * 0.06)
    units = [one.unit for one in tested]
    found = agreement("m", truth + 0.1, truth, units)
    assert found.limits.bias.value == pytest.approx(0.1)
    assert found.limits.lower.value == pytest.approx(0.1)
    assert (found.regions, found.units) == (4, 3)
    assert agreement("m", truth, truth, units).correlation.value == 1
    assert agreement("m", truth[:2], truth[:2], units[:2]) is None


def test_traces_are_read_as_they_were_written(tmp_path):
    one = region(1)
    found = tracing.traced(by_grey(one), PLACES, tracing.Settings().trace)
    assert np.allclose(found.start, [[sets.LI - 40], [sets.MA - 40]])
    assert np.abs(found.rows - found.start).max() < 0.1
    traces = Traces("r", "s", "patchwise", "d", (one.name,), (found,))
    tracing.write(tmp_path / "traces.h5", traces)
    read = tracing.read(tmp_path / "traces.h5")
    assert (read.run, read.snapshot, read.maps, read.dataset, read.names) == ("r", "s", "patchwise", "d", (one.name,))
    assert np.array_equal(read.traced[0].rows, found.rows)
    assert np.allclose(read.traced[0].confidence, found.confidence)
    (tmp_path / "traces.h5").write_bytes(b"no")
    with pytest.raises(Error, match="is no file of traces"):
        tracing.read(tmp_path / "traces.h5")


def test_a_panel_shows_maxima_and_lines_where_they_are():
    one = region(1)
    height, width = one.shape
    confidence = np.zeros((2, height, width))
    confidence[0, 20], confidence[1, 40] = 1, 1
    rows = np.repeat([[20.0], [40.0]], width, axis=1)
    picture = panel.panel(one, Traced(confidence, rows, rows + 3), factor=3)
    assert picture.shape == (3 * height, 5 * 3 * width + 4 * 2, 3)
    part = [picture[:, n * (3 * width + 2) : n * (3 * width + 2) + 3 * width].astype(int) for n in range(5)]
    green = [(p[..., 1] > p[..., 0] + 50).any(axis=1) for p in part]
    red = [(p[..., 0] > p[..., 1] + 50).any(axis=1) for p in part]
    assert not green[0].any()
    assert not red[0].any()
    assert np.flatnonzero(green[1]).tolist() == np.flatnonzero(green[2]).tolist() == [60, 61, 62]
    assert np.flatnonzero(red[1]).tolist() == np.flatnonzero(red[2]).tolist() == [120, 121, 122]
    assert np.abs(np.flatnonzero(green[3]) - 70).max() <= 1  # row 23, its centre
    assert np.abs(np.flatnonzero(red[4]) - 3 * (sets.MA - 40) - 1).max() <= 1


@pytest.fixture
def work(tmp_path):
    """A working folder with two made runs of an application that has regions, traced, one a row worse."""
    start = made_weights(tmp_path / "weights" / "standin.caffemodel", np.random.default_rng(0))
    tested = [region(n, unit, shift) for n, (unit, shift) in enumerate([("a", 0), ("a", 2), ("b", 4), ("c", -3)], 1)]
    data = tmp_path / "data" / "polyp"
    data.mkdir(parents=True)
    description = {"classes": ["background", "polyp"], "positive": 1, "digest": "d1", "counts": {}, "seed": 0,
                   "source": "s", "layout": "videos", "input": {"channels": 3, "size": 67}}  # fmt: skip
    (data / "dataset.json").write_text(json.dumps(description))
    regions.write(data / "regions.h5", tested)
    for off, depth in ((1, "fc8"), (0, "conv1-fc8")):
        folder = made_run(tmp_path, depth, start)
        found = [
            Traced(by_grey(one)[1:].astype("f4"), one.truth, np.nan_to_num(one.truth, nan=20) + off + noise)
            for one, noise in zip(tested, ([[0], [0.1]], [[0.1], [0]], [[0.05], [0]], [[0], [0.05]]), strict=True)
        ]
        names = tuple(one.name for one in tested)
        tracing.write(folder / "traces.h5", Traces(folder.name, "s", "patchwise", "d1", names, tuple(found)))
    return tmp_path


def test_the_report_has_errors_thickness_and_panels(work):
    from evaluation.comparing.result import Settings
    from evaluation.pages import report

    written = report.report("polyp", work, Settings(draws=50))
    out = work / "reports" / "polyp" / "segmentation"
    assert written.page == out / "report.html"
    assert (work / "reports" / "polyp" / "report.html").is_file()
    with (out / "errors.csv").open(encoding="utf-8", newline="") as stream:
        errors = {(row["run"], row["interface"]): float(row["mean"]) for row in csv.DictReader(stream)}
    assert errors["only fc8", "LI"] == pytest.approx(60 + 60 * 0.0375)
    assert errors["conv1-fc8", "MA"] == pytest.approx(60 * 0.0375)
    assert ("handcrafted", "LI") in errors
    with (out / "thickness.csv").open(encoding="utf-8", newline="") as stream:
        assert [round(float(row["experts"]) / 0.06) for row in csv.DictReader(stream)] == [14, 16, 18, 11]
    assert len(list((out / "panels").glob("*.png"))) == 4
    text = written.page.read_text("utf-8")
    assert "The experts differ among themselves by 60.0 ± 0.0 µm on LI" in text
    for heading in ("Errors", "Which runs differ", "Thickness", "Regions"):
        assert f"<h2>{heading}</h2>" in text


def test_traces_of_other_regions_are_refused(work):
    from evaluation.comparing import comparison
    from evaluation.comparing.result import Settings
    from evaluation.pages import wall_report

    regions.write(work / "data" / "polyp" / "regions.h5", [region(9)])
    subjects = comparison.of_runs(sorted((work / "runs" / "polyp").iterdir()), Settings(draws=10)).subjects
    with pytest.raises(Error, match=r"traces\.h5: is of other regions than the data folder holds; score the run"):
        wall_report.write(subjects, work / "out", holm=False)


def picture(boxes, spacing=0.06, pixels=None):
    return Picture("i", Path("dir/i.tiff"), sets.pixels() if pixels is None else pixels, spacing, boxes)


def measure(pictures, out):
    measuring.measure(iter(pictures), by_grey, PLACES, 33.5, (92, 60), "patchwise", out)


def test_a_region_is_measured_in_millimetres(tmp_path):
    measure([picture(((30, 40, 92, 60), (50, 38, 92, 60)))], tmp_path)
    with (tmp_path / "thickness.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["image"], row["region"], row["x"], row["columns"], row["crossed"]) for row in rows] == [
        ("i", "1", "30", "92", "0"),
        ("i", "2", "50", "92", "0"),
    ]
    for row in rows:
        assert float(row["thickness_mm"]) == pytest.approx((sets.MA - sets.LI) * 0.06, abs=0.01)
        assert float(row["confidence"]) > 0.5
    with (tmp_path / "i_2.csv").open(encoding="utf-8", newline="") as stream:
        traces = list(csv.DictReader(stream))
    assert [int(row["x"]) for row in traces] == list(range(50, 142))
    assert all(abs(float(row["li"]) - sets.LI) < 0.2 and abs(float(row["ma"]) - sets.MA) < 0.2 for row in traces)
    assert Image.open(tmp_path / "i_1.png").size == (4 * 3 * 92 + 3 * 2, 180)


def test_a_wall_that_leaves_the_region_is_told(tmp_path, caplog):
    measure([picture(((30, 15, 92, 60),))], tmp_path)  # its last row is the MA interface's
    with (tmp_path / "thickness.csv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert int(row["at_border"]) == 92
    assert "the wall leaves it" in caplog.text


def test_a_net_that_is_not_sure_is_told(tmp_path, caplog):
    def even(region):
        return np.full((3, *region.shape), np.float32(1 / 3))

    measuring.measure(iter([picture(((30, 40, 92, 60),))]), even, PLACES, 33.5, (92, 60), "patchwise", tmp_path)
    with (tmp_path / "thickness.csv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["confidence"]) == pytest.approx(1 / 3, abs=1e-3)
    assert "not sure of what it traces: mean probability 0.33" in caplog.text


def test_without_a_region_one_is_proposed_about_the_wall_and_nothing_is_measured(tmp_path):
    with pytest.raises(Error, match=r"dir/i\.tiff: has no region to measure: .*--roi (\d+),(\d+),92,60") as caught:
        measure([picture(())], tmp_path)
    x, y = map(int, str(caught.value).rsplit("--roi ", 1)[1].split(",")[:2])
    assert y < sets.LI - 10
    assert y + 60 > sets.MA + 10
    assert 0 <= x <= sets.WIDTH - 92
    drawn = np.asarray(Image.open(tmp_path / "i_proposal.png")).astype(int)
    assert drawn[y, x].tolist() == [255, 220, 0]
    assert not (tmp_path / "thickness.csv").exists()


def test_no_wall_is_proposed_where_there_is_none():
    bright_over_dark = np.repeat(np.linspace(200, 20, 120).astype(np.uint8)[:, None], 160, axis=1)
    with pytest.raises(Error, match="shows no dark lumen over a bright wall"):
        proposal.propose(picture((), pixels=bright_over_dark), (92, 60))
    with pytest.raises(Error, match="is too small for a region"):
        proposal.propose(picture((), pixels=sets.pixels()[:50]), (92, 60))


@pytest.mark.parametrize(
    ("box", "match"),
    [
        ((100, 40, 92, 60), r"does not hold the region 92×60 at \(100, 40\): it is 160×120"),
        ((-1, 40, 92, 60), r"does not hold the region"),
        ((10, 40, 92, 30), r"has a region that is smaller than a patch, 92×30"),
    ],
)
def test_regions_that_cannot_be_measured(tmp_path, box, match):
    with pytest.raises(Error, match=match):
        measure([picture((box,))], tmp_path)
