"""Bad input to training: one line with the file's name, status 2, and what was good still stands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from study import SIZE, caffemodel, planned, prepare

from ftcaffe.store import datum, lmdb, mean
from ftcaffe.training import plan

NET, SOLVER = "train_val.prototxt", "solver.prototxt"


def edit(name: str, old: str, new: str) -> Callable[[Path, Path], None]:
    """Replaces a text that stands in a file of the run."""

    def do(work: Path, folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return do


def cut_lmdb(work: Path, folder: Path) -> None:
    data = work / "data/polyp/train.lmdb/data.mdb"
    data.write_bytes(data.read_bytes()[:20000])


def scramble_lmdb(work: Path, folder: Path) -> None:
    (work / "data/polyp/train.lmdb/data.mdb").write_bytes(b"\0" * 9000)


def small_mean(work: Path, folder: Path) -> None:
    mean.write(work / "data/polyp/mean.binaryproto", np.zeros((3, 60, 60), np.float32))


def third_class(work: Path, folder: Path) -> None:
    blank = np.zeros((3, SIZE, SIZE), np.uint8)
    lmdb.write(work / "data/polyp/train.lmdb", [(b"%08d" % i, datum.encode(blank, 2)) for i in range(40)])


def cut_weights(work: Path, folder: Path) -> None:
    weights = work / "weights/w.caffemodel"
    weights.write_bytes(weights.read_bytes()[:100_000])


def other_weights(work: Path, folder: Path) -> None:
    caffemodel(work / "weights/w.caffemodel", "full")


@pytest.mark.parametrize(
    ("harm", "file", "message"),
    [
        (edit(NET, 'type: "LRN"', 'type: "LRN'), f"{NET}:", ""),
        (edit(NET, 'type: "LRN"', 'type: "Bilinear"'), NET, "no layer type 'Bilinear'; there are: A"),
        (edit(NET, 'bottom: "pool1"', 'bottom: "pol1"'), NET, "no layer takes its top 'pool1'"),
        (edit(NET, 'bottom: "fc6"', 'bottom: "fc66"'), NET, "unknown bottom 'fc66'"),
        (edit(NET, 'top: "norm1"', 'top: "norm"'), NET, "no layer takes its top 'norm'"),
        (edit(NET, 'top: "label"', 'top: "label" top: "more"'), NET, "no layer takes its top 'more'"),
        (edit(SOLVER, "net:", "# net:"), SOLVER, "names no net"),
        (edit(SOLVER, "net:", "nett:"), f"{SOLVER}:1", 'no field named "nett"'),
        (edit(SOLVER, NET, "absent.prototxt"), "absent.prototxt", "No such file or directory"),
        (cut_lmdb, "train.lmdb", "is truncated"),
        (scramble_lmdb, "train.lmdb", "is damaged or no LMDB"),
        (small_mean, "mean.binaryproto", "shape (3, 60, 60)"),
        (third_class, NET, "a label is 2, and the 2 classes have labels 0 to 1"),
        (cut_weights, "w.caffemodel", "is no caffemodel or is truncated"),
        (other_weights, "w.caffemodel", "layer 'conv1'"),
    ],
)
def test_one_line_and_status_2(tmp_path, harm, file, message):
    prepare(tmp_path)
    caffemodel(tmp_path / "weights/w.caffemodel")
    tuned = harm in (cut_weights, other_weights)
    weights = plan.weights(tmp_path / "weights/w.caffemodel", tmp_path) if tuned else None
    folder = planned(tmp_path, depth="conv1-fc8" if tuned else "scratch", weights=weights)
    harm(tmp_path, folder)
    status, line = train(tmp_path, folder)
    assert status == 2
    assert file in line
    assert message in line
    assert "\n" not in line
    assert json.loads((folder / "run.json").read_text())["error"] == line


def test_a_cut_solverstate_keeps_the_snapshot(tmp_path):
    prepare(tmp_path)
    folder = planned(tmp_path, epochs=2)
    assert train(tmp_path, folder)[0] == 0
    (state,) = (folder / "snapshots").glob("*.solverstate")
    models = {path: path.read_bytes() for path in (folder / "snapshots").glob("*.caffemodel")}
    state.write_bytes(state.read_bytes()[:5000])
    record = json.loads((folder / "run.json").read_text())
    record["settings"]["epochs"], record["status"] = 3, "running"
    (folder / "run.json").write_text(json.dumps(record))
    status, line = train(tmp_path, folder)
    assert status == 2
    assert f"{state.name}: is no solverstate or is truncated" in line
    assert {path: path.read_bytes() for path in models} == models


def train(work: Path, folder: Path) -> tuple[int, str]:
    """Exit status of the process that trains a run, and what it says on standard error."""
    command = [sys.executable, "-m", "ftcaffe.training.worker", str(work), str(folder), "torch"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stderr.strip()
