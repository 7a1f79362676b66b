"""Files pass between BVLC Caffe and the engine, both ways, and training goes on from the other's snapshot."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from parity import cases, oracle
from parity import folder as parity_folder

import ftcaffe.engine as caffe
from ftcaffe.nets import alexnet, depths
from ftcaffe.proto import blobs, to_text
from ftcaffe.store import lmdb, mean

pytestmark = pytest.mark.oracle
ITERATIONS = 5  # of eight records: the forty are read once, so that Caffe's start at record 0 is no start anew


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    """The same training by both, with a snapshot in the middle: (the original's folder, the engine's)."""
    case = cases.of("alexnet")["alexnet-tiny-conv3-fc8"]
    case |= {"iterations": 2 * ITERATIONS, "more": f"snapshot: {ITERATIONS}"}
    folders = [tmp_path_factory.mktemp(name) for name in ("original", "engine")]
    for folder in folders:
        parity_folder.write(folder, {"run": case})
    oracle.original(folders[0])
    oracle.engine(folders[1])
    return folders


def resume(snapshots, ends_with, tmp_path):
    """Losses of a run that goes on under `ends_with` from the other's snapshot."""
    theirs = snapshots[0 if ends_with is oracle.engine else 1]
    shutil.copytree(theirs, tmp_path, dirs_exist_ok=True)
    described = json.loads((tmp_path / "cases.json").read_text())
    described["run"] |= {"restore": f"run_iter_{ITERATIONS}.solverstate", "iterations": ITERATIONS}
    (tmp_path / "cases.json").write_text(json.dumps(described))
    return ends_with(tmp_path)["run:losses"]


def test_the_engine_goes_on_from_caffes_snapshot(snapshots, tmp_path):
    straight = oracle.engine(snapshots[1])["run:losses"][ITERATIONS:]
    np.testing.assert_allclose(resume(snapshots, oracle.engine, tmp_path), straight, rtol=1e-4)


def test_caffe_goes_on_from_the_engines_snapshot(snapshots, tmp_path):
    straight = oracle.engine(snapshots[1])["run:losses"][ITERATIONS:]
    found = resume(snapshots, oracle.original, tmp_path)
    np.testing.assert_allclose(found, straight, rtol=1e-4)


def test_snapshots_hold_the_same(snapshots):
    theirs, ours = (folder / f"run_iter_{ITERATIONS}" for folder in snapshots)
    weights = [blobs.read_layers(f"{stem}.caffemodel") for stem in (theirs, ours)]
    assert list(weights[0]) == list(weights[1])
    for name, arrays in weights[0].items():
        for array, other in zip(arrays, weights[1][name], strict=True):
            assert oracle.deviation(other, array) < 1e-4, name
    (state, history), (our_state, our_history) = (blobs.read_state(f"{stem}.solverstate") for stem in (theirs, ours))
    assert state == our_state
    for array, other in zip(history, our_history, strict=True):
        assert array.shape == other.shape
        assert oracle.deviation(other, array) < 1e-3


@pytest.fixture
def inside():
    """A folder that the original sees too."""
    with oracle.shared() as folder:
        yield folder


def test_mean_equals_compute_image_mean(inside):
    parity_folder.write(inside, {})
    oracle.run(inside, "compute_image_mean", "records.lmdb", "theirs.binaryproto")
    ours = mean.compute(lmdb.Records(inside / "records.lmdb"))
    np.testing.assert_array_equal(mean.read(inside / "theirs.binaryproto"), ours)
    assert (inside / "theirs.binaryproto").stat().st_size == (inside / "mean.binaryproto").stat().st_size


@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
def test_a_net_has_the_originals_blobs_in_its_order(inside, phase, monkeypatch):
    parity_folder.write(inside, {})
    source = alexnet.Source("records.lmdb", "records.lmdb", 4)
    net = alexnet.train_val("polyp", 2, source, depths.rates("fc6-fc8"), scale="tiny")
    (inside / "net.prototxt").write_text(to_text(net))
    (inside / "show.py").write_text(
        "import caffe, json\n"
        f"net = caffe.Net('net.prototxt', caffe.{phase})\n"
        "print(json.dumps([[(k, list(b.data.shape)) for k, b in net.blobs.items()], list(net._layer_names),"
        " net.inputs, net.outputs, [(k, [list(b.data.shape) for b in v]) for k, v in net.params.items()]]))\n"
    )
    theirs = json.loads(oracle.run(inside, "python3", "show.py"))
    monkeypatch.chdir(inside)
    ours = caffe.Net("net.prototxt", getattr(caffe, phase))
    assert theirs == json.loads(
        json.dumps(
            [
                [(k, list(b.data.shape)) for k, b in ours.blobs.items()],
                list(ours._layer_names),
                ours.inputs,
                ours.outputs,
                [(k, [list(b.data.shape) for b in v]) for k, v in ours.params.items()],
            ]
        )
    )
