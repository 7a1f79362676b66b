"""Runs of one plan by different engines: which are compared, what is measured, and where the page shows it."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
from made_runs import made_run, made_weights

from evaluation.comparing import comparison as comparisons
from evaluation.comparing import engines
from evaluation.comparing.result import Settings
from evaluation.pages import report
from evaluation.scoring import runs, scores
from ftcaffe.proto import caffe_pb2
from ftcaffe.proto.blobs import read_layers, write_layers
from ftcaffe.store import table
from ftcaffe.training.log import Log


def again(folder, name, **record):
    """A copy of a run as another engine would have left it."""
    other = shutil.copytree(folder, folder.with_name(name))
    (other / "run.json").write_text(json.dumps(json.loads((other / "run.json").read_text()) | {"run": name} | record))
    return other


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A run by the engine; by the original, with losses, conv3's weights and one score changed by known amounts."""
    work = tmp_path_factory.mktemp("work")
    start = made_weights(work / "weights" / "standin.caffemodel", np.random.default_rng(0))
    ours = made_run(work, "conv1-fc8", start, ability=2.0)
    made_run(work, "scratch", start, ability=1.0)
    theirs = again(ours, "conv1-fc8_original", engine="caffe")
    losses = Log(ours).losses
    changed = [(one.iteration, one.loss / (1.01 if one.iteration == 100 else 1), one.rate) for one in losses]
    table.write(theirs / "losses.csv", ("iteration", "loss", "rate"), changed)
    (snapshot,) = (theirs / "snapshots").iterdir()
    layers = read_layers(snapshot)
    net = caffe_pb2.NetParameter()
    for name in layers:
        net.layer.add(name=name, type="InnerProduct" if name.startswith("fc") else "Convolution")
    layers["conv3"][0] = layers["conv3"][0] / np.float32(1.5)
    write_layers(snapshot, net, list(layers.values()))
    made = scores.read(theirs / "scores.h5")
    value = made.score.copy()
    value[7] -= 0.125
    scores.write(theirs / "scores.h5", dataclasses.replace(made, score=value, run=theirs.name))
    return work


def compare(work, *names):
    return comparisons.of_runs([runs.find(name, work) for name in names], Settings(draws=20))


BOTH = ("conv1-fc8_f100_s0_0123abcd", "conv1-fc8_original")


def test_the_engine_is_held_against_the_original(work):
    found = compare(work, *BOTH, "scratch-gaussian_f100_s0_0123abcd")
    (one,) = found.partings
    assert (one.one, one.other) == ("conv1-fc8, BVLC Caffe", "conv1-fc8, ftcaffe.engine")
    assert one.loss_difference[100] == pytest.approx(0.01)
    assert np.delete(one.loss_difference, 100).max() == 0
    ((iteration, layers),) = one.moved.items()
    assert layers["conv3"] == pytest.approx(0.5)
    assert {value for name, value in layers.items() if name != "conv3"} == {0.0}
    assert one.farthest == {iteration: ("conv3", pytest.approx(0.5))}
    made = scores.read(runs.find(BOTH[0], work) / "scores.h5")
    assert np.flatnonzero(one.score_difference).tolist() == [7]
    assert one.score_difference[7] == pytest.approx(0.125)
    assert (one.unit[7], one.image[7], one.candidate[7]) == (made.unit[7], made.image[7], made.candidate[7])
    look, other = (found.subjects[place].style for place in (0, 1))
    assert look.color == other.color
    assert look.line != other.line


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"dataset_digest": "d2"}, {"settings": {"batch": 49}}, {"scale": "full"}, {"fraction": 0.5}],
    ids=lambda change: next(iter(change)),
)
def test_runs_that_differ_in_more_are_no_twins(work, change):
    one, other = (runs.read(runs.find(name, work)) for name in BOTH)
    assert engines.twins([one, other]) == [(1, 0)]
    assert engines.twins([one, dataclasses.replace(other, record=other.record | change)]) == []


def test_the_original_on_a_cpu_is_the_reference_of_all():
    def run(engine, device):
        record = {"engine": engine, "device": device, "settings": {"batch": 1}}
        return runs.Run(folder=None, work=None, record=record, trace=None, best={})

    made = [run("torch", "gpu 0"), run("caffe", "gpu 0"), None, run("torch", "cpu"), run("caffe", "cpu")]
    assert engines.twins(made) == [(4, 1), (4, 3), (4, 0)]


def test_runs_of_other_lengths_and_candidates_meet_where_both_are(work):
    one, other = (runs.read(runs.find(name, work)) for name in BOTH)
    short = dataclasses.replace(one, trace=dataclasses.replace(one.trace, losses=one.trace.losses[:50]))
    mine, theirs = (scores.read(run.scores) for run in (one, other))
    names = ("unit", "image", "candidate", "lesion", "label", "score")
    fewer = dataclasses.replace(theirs, **{name: getattr(theirs, name)[::-2] for name in names})
    found = engines.parting(("a", "b"), (short, other), (mine, fewer))
    assert found.losses.shape == (50, 2)
    assert len(found.scores) == len(fewer.score)
    assert np.abs(found.score_difference).max() in (0, pytest.approx(0.125))


def test_the_page_and_the_tables_show_where_engines_part(work, tmp_path):
    written = report.compare_runs(BOTH, work, tmp_path, Settings(draws=20))
    assert (
        "Engines: losses part by 1.0e-02 of themselves at most, scores of candidates by 1.2e-01." in written.sentence
    )
    page = written.page.read_text("utf-8")
    assert "Where the engines part" in page
    assert 'id="engines-' in page
    with (tmp_path / "engines.csv").open(encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["run"], row["reference"]) == ("conv1-fc8, ftcaffe.engine", "conv1-fc8, BVLC Caffe")
    assert (row["iterations"], row["alike_iterations"]) == ("320", "100")
    assert (row["layer"], float(row["weights"])) == ("conv3", pytest.approx(0.5))
    assert float(row["score"]) == pytest.approx(0.125)
    assert "<td>100 of 320</td><td>1.0e-02</td><td>5.0e-01 conv3</td>" in page
    assert "conv1-fc8: ftcaffe.engine against BVLC Caffe" in page
    with (tmp_path / "engine_scores.csv").open(encoding="utf-8") as stream:
        first = next(csv.DictReader(stream))
    assert float(first["difference"]) == pytest.approx(0.125)
    with (tmp_path / "engine_losses.csv").open(encoding="utf-8") as stream:
        assert sum(1 for _ in stream) == 1 + 320


def test_one_engine_alone_has_no_such_section(work, tmp_path):
    names = [BOTH[0], "scratch-gaussian_f100_s0_0123abcd"]
    written = report.compare_runs(names, work, tmp_path, Settings(draws=20))
    assert "Engines:" not in written.sentence
    assert "Where the engines part" not in written.page.read_text("utf-8")
    assert not (tmp_path / "engines.csv").exists()
