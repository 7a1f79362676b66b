"""States of solvers pass between BVLC Caffe and the engine: either goes on from what the other has written."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from parity import folder as parity_folder
from parity import oracle
from parity.cases import solvers

from ftcaffe.proto import blobs, hdf5

HALF = 5  # iterations of eight records: the forty are read once, so that Caffe's start at record 0 is no start anew
KINDS = [(name, form) for name in solvers.RULES for form in ("BINARYPROTO", "HDF5")]


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """The same training with every rule by both, a snapshot half-way: (original's, engine's) folder and arrays."""
    every = solvers.cases()
    cases = {}
    for name, form in KINDS:
        more = f"snapshot: {HALF} snapshot_format: {form}"
        cases[f"{name}-{form}"] = every[f"rule-{name}"] | {"iterations": 2 * HALF, "more": more, "start": name}
    folders = [tmp_path_factory.mktemp(name) for name in ("original", "engine")]
    for folder in folders:
        parity_folder.write(folder, cases)
    return [(folders[0], oracle.original(folders[0])), (folders[1], oracle.engine(folders[1]))]


def resumed(states, writer, run, tmp_path_factory):
    """What `run` computes for the second half, from the states of the other."""
    folder = tmp_path_factory.mktemp("resumed")
    shutil.copytree(states[writer][0], folder, dirs_exist_ok=True)
    cases = json.loads((folder / "cases.json").read_text())
    for name, case in cases.items():
        end = ".h5" if "HDF5" in name else ""
        case |= {"restore": f"{name}_iter_{HALF}.solverstate{end}", "iterations": HALF}
    (folder / "cases.json").write_text(json.dumps(cases))
    return run(folder)


@pytest.fixture(scope="module")
def goes_on(states, tmp_path_factory):
    """By the engine from the original's states, by the original from the engine's."""
    return {
        "engine": resumed(states, 0, oracle.engine, tmp_path_factory),
        "original": resumed(states, 1, oracle.original, tmp_path_factory),
    }


@pytest.mark.oracle
@pytest.mark.parametrize("by", ["engine", "original"])
@pytest.mark.parametrize(("name", "form"), KINDS)
def test_training_goes_on_from_the_others_state(states, goes_on, name, form, by):
    straight = states[0][1][f"{name}-{form}:losses"][HALF:]
    np.testing.assert_allclose(goes_on[by][f"{name}-{form}:losses"], straight, rtol=1e-4)


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "form"), KINDS)
def test_states_hold_the_same(states, name, form):
    module, end = (hdf5, ".h5") if form == "HDF5" else (blobs, "")
    paths = [folder / f"{name}-{form}_iter_{HALF}.solverstate{end}" for folder, _ in states]
    (state, history), (own_state, own_history) = (module.read_state(path) for path in paths)
    assert own_state == state
    assert len(own_history) == len(history) == (8 if name in ("adadelta", "adam") else 4)
    for array, own in zip(history, own_history, strict=True):
        assert own.shape == array.shape
        assert oracle.deviation(own, array) <= 1e-4
