"""The carotid phantom: speckle with its statistics, walls where the truth says, files that readers take."""

import json

import numpy as np
import pytest
from scipy import stats

from data_prep.phantoms import carotid, speckle
from data_prep.readers import cubs
from ftcaffe.errors import Error


@pytest.fixture(scope="module")
def echo():
    return speckle.field(np.full((600, 600), 0.5), np.random.default_rng(3))


def test_the_envelope_of_even_tissue_is_rayleighs(echo):
    """Samples six deviations of the pulse apart are independent; the scale is free of the test."""
    apart = speckle.envelope(echo)[::8, ::16].ravel()
    assert stats.kstest(apart, stats.rayleigh(scale=0.5 / np.sqrt(2)).cdf).pvalue > 0.01
    assert stats.kstest(apart, stats.norm(apart.mean(), apart.std()).cdf).pvalue < 0.01
    envelope = speckle.envelope(echo)
    assert envelope.mean() / envelope.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.02)


def test_the_power_of_the_echo_is_the_tissues(echo):
    assert (np.abs(echo) ** 2).mean() == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize(("axis", "sigma"), [(0, speckle.AXIAL), (1, speckle.LATERAL)])
def test_grains_are_as_large_as_the_pulse(echo, axis, sigma):
    """The autocorrelation of filtered white noise is the pulse's own: exp(-lag² / 4σ²)."""
    for lag in (1, 2, 4):
        moved = np.roll(echo, lag, axis)
        found = (echo * moved.conj()).mean().real / (np.abs(echo) ** 2).mean()
        assert found == pytest.approx(np.exp(-(lag**2) / (4 * sigma**2)), abs=0.03)


def test_compression_is_in_decibels():
    amplitude = np.array([1.0, 10 ** (-20 / 20), 10 ** (-55 / 20), 1e-9])
    assert speckle.compressed(amplitude, 0, 50).tolist() == [255, 153, 0, 0]
    assert speckle.compressed(amplitude, 5, 50).tolist() == [255, 178, 0, 0]


@pytest.mark.parametrize("subject", range(4))
def test_the_far_wall_is_a_double_line_at_the_truth(subject):
    """Along the truth, mean grey: dark lumen, a line at LI, dimmer media, bright from MA on."""
    scan = carotid.scan(7, subject, 0)
    columns = np.arange(scan.pixels.shape[1])
    thick = (scan.ma - scan.li).mean()

    def along(rows):
        return scan.pixels[np.clip(rows.round().astype(int), 0, len(scan.pixels) - 1), columns].mean()

    lumen, line, media = along(scan.li - 12), along(scan.li), along(scan.li + 0.55 * thick)
    adventitia = along(scan.ma + 2)
    assert line > media + 10 > lumen
    assert adventitia > media + 40
    assert 0.4 < thick * scan.spacing < 1.5


def test_subjects_differ_and_sides_of_a_subject_are_alike_in_thickness():
    thickness = np.array(
        [[(s.ma - s.li).mean() * s.spacing for s in (carotid.scan(0, n, k) for k in (0, 1))] for n in range(12)]
    )
    assert np.corrcoef(thickness.T)[0, 1] > 0.6
    assert thickness.std() > 0.1


def test_the_reader_takes_the_files(tmp_path):
    carotid.write(tmp_path / "p", carotid.Settings(seed=2, subjects=3))
    found = cubs.read("cubs", tmp_path / "p", carotid.EXPERTS, 1)
    assert [one.unit for one in found] == [f"clin_000{n}" for n in (1, 1, 2, 2, 3, 3)]
    scan = found[3].read()
    truth = carotid.scan(2, 1, 1)
    assert scan.spacing == truth.spacing
    assert np.array_equal(scan.pixels, truth.pixels)
    for expert in scan.experts.values():
        off = expert - np.stack([truth.li, truth.ma])
        assert 60 <= (~np.isnan(off[0])).sum() < truth.pixels.shape[1]  # a stretch only
        assert np.nanmax(np.abs(off)) < 3
        assert np.nanmean(np.abs(off)) > 0.05
    exact = cubs.read("cubs", tmp_path / "p", (carotid.TRUTH,), 1)[3].read().experts[carotid.TRUTH]
    assert np.allclose(exact, np.stack([truth.li, truth.ma]), atol=1e-3)


def test_it_is_recognised_and_nothing_else_is_overwritten(tmp_path):
    settings = carotid.Settings(seed=2, subjects=3)
    carotid.write(tmp_path / "p", settings)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")}
    carotid.write(tmp_path / "p", settings)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")}
    assert json.loads((tmp_path / "p" / "phantom.json").read_text())["subjects"] == 3
    with pytest.raises(Error, match="holds something else"):
        carotid.write(tmp_path / "p", carotid.Settings(seed=3, subjects=3))


def test_edges_alone_do_not_trace_it():
    """The handcrafted rival errs far more than the experts do, but finds the wall more often than not."""
    from data_prep import walls as truth
    from evaluation.comparing import walls
    from evaluation.drawing import style
    from evaluation.segmenting import wall_edges

    tested = []
    for subject in range(6):
        scan = carotid.scan(1, subject, 0)
        rows = np.stack([scan.li, scan.ma])
        taken = cubs.Scan(scan.pixels, scan.spacing, {"one": rows - 0.5, "two": rows + 0.5})
        boxes = truth.placed(rows, len(scan.pixels), (92, 60), 3)
        tested += truth.cut(taken, boxes, (str(subject), "i"), 28.375, "i.tiff")
    found = [wall_edges.trace(region.pixels) for region in tested]
    rival = walls.Method("rival", style.of_other(0), tuple(np.stack([one.li.rows, one.ma.rows]) for one in found))
    error = walls.errors([rival], tested).error[0]
    assert error.mean() > 2 * walls.human(tested).mean()
    assert 60 < np.median(error) < 500
