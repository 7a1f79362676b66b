"""One run: interrupted equals uninterrupted, what is frozen stays, what is chosen is the best."""

from __future__ import annotations

import contextlib
import csv
import json
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from study import ENGINE, caffemodel, planned, prepare

from ftcaffe import backend
from ftcaffe.errors import Error
from ftcaffe.proto.blobs import read_layers
from ftcaffe.training import plan, run
from ftcaffe.training.log import Log, Row

MODULES = {"torch": "torch", "caffe": "caffe"}
ENGINES = [
    pytest.param(name, marks=pytest.mark.skipif(find_spec(module) is None, reason=f"{module} is not installed"))
    for name, module in MODULES.items()
]


def _train(folder: Path, work: Path, engine: str = ENGINE, stop_at: int | None = None) -> None:
    """Train; at iteration `stop_at` interrupt as Ctrl-C would."""

    def watch(progress: run.Progress) -> None:
        if progress.iteration == stop_at and not progress.snapshot:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt) if stop_at else contextlib.nullcontext():
        run.train(folder, work, backend.load(engine), watch)


def _weights(folder: Path, iteration: int = 8) -> dict[str, list[np.ndarray]]:
    return read_layers(folder / "snapshots" / f"run_iter_{iteration}.caffemodel")


def _assert_same(one: Path, other: Path) -> None:
    """Weights to the bit, every loss, and every row but its time."""
    first, second = _weights(one), _weights(other)
    assert first.keys() == second.keys()
    for name, blobs in first.items():
        for a, b in zip(blobs, second[name], strict=True):
            np.testing.assert_array_equal(a, b)
    assert Log(one).losses == Log(other).losses
    rows = [[{**vars(row), "seconds": 0} for row in Log(folder).rows] for folder in (one, other)]
    assert rows[0] == rows[1]


@pytest.fixture(scope="module")
def whole(request, tmp_path_factory) -> Path:
    """A working folder with one run, done without interruption on the engine of the parameter."""
    work = tmp_path_factory.mktemp(request.param)
    prepare(work)
    _train(planned(work, engine=request.param), work, request.param)
    return work


def _again(work: Path, tmp_path: Path, engine: str) -> Path:
    """The same run, not begun, in a working folder of its own."""
    (tmp_path / "data").symlink_to(work / "data")
    return planned(tmp_path, engine=engine)


def _only_run(work: Path) -> Path:
    (folder,) = (path.parent for path in work.glob("runs/polyp/*/run.json"))
    return folder


@pytest.mark.parametrize("whole", ENGINES, indirect=True)
class TestWhole:
    def test_snapshots_stand_at_the_ends_of_epochs(self, whole):
        rows = Log(_only_run(whole)).rows
        assert [(row.iteration, row.epoch) for row in rows] == [(3, 1), (5, 2), (8, 3)]
        assert [row.rate for row in rows] == pytest.approx([0.001, 0.00095, 0.0009025])

    def test_best_is_the_row_of_highest_auc(self, whole):
        folder = _only_run(whole)
        with (folder / "log.csv").open(encoding="utf-8") as stream:
            rows = [(float(row["val_auc"]), int(row["iteration"])) for row in csv.DictReader(stream)]
        best = json.loads((folder / "best.json").read_text())
        assert best["val_auc"] == max(auc for auc, _ in rows)
        assert (folder / best["snapshot"]).exists()

    def test_only_the_latest_state_is_kept_and_every_caffemodel(self, whole):
        names = {path.name for path in (_only_run(whole) / "snapshots").iterdir()}
        assert names == {f"run_iter_{i}.caffemodel" for i in (3, 5, 8)} | {"run_iter_8.solverstate"}

    def test_run_json_tells_how_it_was_made(self, whole):
        record = json.loads((_only_run(whole) / "run.json").read_text())
        assert (record["status"], record["resumes"], record["error"]) == ("done", 0, None)
        assert record["engine_version"]

    @pytest.mark.parametrize("stop_at", [2, 4])
    def test_interrupted_equals_uninterrupted(self, whole, tmp_path, request, stop_at):
        engine = request.node.callspec.params["whole"]
        folder = _again(whole, tmp_path, engine)
        _train(folder, tmp_path, engine, stop_at)
        assert run.read(folder)["status"] == "running"
        _train(folder, tmp_path, engine)
        _assert_same(folder, _only_run(whole))
        assert run.read(folder)["resumes"] == 1

    def test_killed_equals_uninterrupted(self, whole, tmp_path, request):
        engine = request.node.callspec.params["whole"]
        folder = _again(whole, tmp_path, engine)
        command = [sys.executable, "-m", "ftcaffe.training.worker", str(tmp_path), str(folder), engine]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if json.loads(line).get("snapshot"):
                    break
            child.send_signal(signal.SIGKILL)
        assert run.read(folder)["status"] == "running"
        _train(folder, tmp_path, engine)
        _assert_same(folder, _only_run(whole))

    def test_a_snapshot_without_its_row_does_not_count(self, whole, tmp_path, request):
        """Killed between snapshot and row: what the snapshot's files hold must not matter."""
        engine = request.node.callspec.params["whole"]
        folder = _again(whole, tmp_path, engine)
        _train(folder, tmp_path, engine, stop_at=4)
        for suffix in ("caffemodel", "solverstate"):
            (folder / "snapshots" / f"run_iter_5.{suffix}").write_bytes(b"half")
        _train(folder, tmp_path, engine)
        _assert_same(folder, _only_run(whole))


def test_frozen_layers_keep_the_weights_they_came_with(tmp_path):
    prepare(tmp_path)
    path = caffemodel(tmp_path / "weights" / "w.caffemodel")
    folder = planned(tmp_path, "fc7-fc8", weights=plan.weights(path, tmp_path), epochs=1)
    _train(folder, tmp_path)
    before, after = read_layers(path), _weights(folder, 3)
    same = {name: all(map(np.array_equal, before[name], after[name])) for name in before if name in after}
    assert same == {name: name != "fc7" for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")}


def test_training_stops_when_the_auc_has_not_risen(tmp_path, monkeypatch):
    prepare(tmp_path)
    folder = planned(tmp_path, patience=1, epochs=9)
    areas = iter([0.6, 0.7, 0.7, 0.9])
    monkeypatch.setattr(run, "validate", lambda *_: run_validation(next(areas)))
    _train(folder, tmp_path)
    assert [row.val_auc for row in Log(folder).rows] == [0.6, 0.7, 0.7]
    assert json.loads((folder / "best.json").read_text())["epoch"] == 2


def run_validation(area: float):
    from ftcaffe.training.validate import Validation

    return Validation(area, 0.5, 16)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_snapshot(tmp_path, monkeypatch):
    prepare(tmp_path)
    folder = planned(tmp_path)
    _train(folder, tmp_path, stop_at=4)
    path = folder / "solver.prototxt"
    path.write_text(path.read_text().replace("base_lr: 0.001", "base_lr: 1e+30"))
    with pytest.raises(Error, match=r"the loss is nan at iteration [4-9]; its last good snapshot is iteration 3"):
        _train(folder, tmp_path)
    assert run.read(folder)["status"] == "failed"
    assert [row.iteration for row in Log(folder).rows] == [3]
    assert _weights(folder, 3)


def test_two_processes_cannot_train_one_run(tmp_path):
    prepare(tmp_path)
    folder = planned(tmp_path)
    hold = "import sys; from ftcaffe.store.lock import Lock\n"
    hold += "with Lock(sys.argv[1], 'trained'): print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(Error, match=f"is being trained by .*:{other.pid}"):
            _train(folder, tmp_path)
        other.kill()
        other.wait()
        _train(folder, tmp_path, stop_at=1)  # the lock of a dead process is no lock


@pytest.mark.parametrize("name", ["log.csv", "losses.csv"])
def test_a_damaged_log_is_an_error_with_its_name(tmp_path, name):
    (tmp_path / name).write_text("iteration,loss\nx,y\n")
    with pytest.raises(Error, match=f"{name}: is damaged"):
        Log(tmp_path)


def test_log_reads_back_what_it_wrote(tmp_path):
    log = Log(tmp_path)
    log.add(Row(3, 1, 0.7, 0.6, 0.123456789012345, 0.001, 2.5))
    assert Log(tmp_path).rows == log.rows
