"""The plan of a study, its runs in processes of their own, and what is said of them."""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from study import ENGINE, caffemodel, planned, prepare, settings

from ftcaffe.errors import Error
from ftcaffe.nets import alexnet
from ftcaffe.nets.depths import DEPTHS, rates
from ftcaffe.nets.shapes import parameter_shapes
from ftcaffe.nets.solver import Schedule, solver
from ftcaffe.proto import read_net, read_solver
from ftcaffe.training import dataset, plan, run, sweep
from ftcaffe.training.commands import STATUS, SWEEP
from ftcaffe.training.log import Log, Row
from ftcaffe.training.rates import table

GRID = plan.combinations(["scratch", "fc8"], [1.0], ["gaussian", "msra"], [0, 1])


@pytest.fixture
def work(tmp_path: Path) -> Path:
    prepare(tmp_path)
    caffemodel(tmp_path / "weights" / "w.caffemodel")
    return tmp_path


def _plan(work: Path, grid=GRID, **values) -> list[plan.Run]:
    values = {"weights": plan.weights(work / "weights" / "w.caffemodel", work)} | values
    return plan.plan(work, dataset.read(work, "polyp"), settings(**values), grid)


def test_the_initialiser_is_an_axis_of_scratch_alone():
    grid = plan.combinations(list(DEPTHS), [1.0, 0.5, 0.25], ["gaussian", "xavier", "msra"], [0, 1])
    assert len(grid) == len(set(grid)) == (8 + 3) * 3 * 2
    assert {point.init for point in grid if point.depth != "scratch"} == {"gaussian"}


def test_every_combination_has_a_folder_and_a_row(work):
    runs = _plan(work)
    plan.write(work, "polyp", runs)
    with (work / "runs/polyp/plan.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["run"] for row in rows] == [run.name for run in runs]
    for row in rows:
        folder = work / "runs" / "polyp" / row["run"]
        solver = read_solver(folder / "solver.prototxt")
        assert solver.net == f"runs/polyp/{row['run']}/train_val.prototxt"
        assert list(solver.weights) == ([] if row["depth"] == "scratch" else ["weights/w.caffemodel"])
        assert solver.random_seed == int(row["seed"])
        assert read_net(work / solver.net).layer[0].data_param.source == "data/polyp/train.lmdb"


def test_every_run_of_a_sweep_subtracts_the_mean_of_the_weights(work):
    means = {tuple(run.record["settings"]["mean"]) for run in _plan(work)}
    assert means == {(100, 110, 120)}


def test_without_weights_the_mean_is_the_data_sets(work):
    (only,) = _plan(work, plan.combinations(["scratch"], [1.0], ["msra"], [0]), weights=None)
    assert only.record["settings"]["mean"] == "data/polyp/mean.binaryproto"


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 8},
        {"epochs": 4},
        {"patience": 2},
        {"snapshot": 2},
        {"base_rate": 0.002},
        {"engine": "another"},
        {"device": "gpu 0"},
        {"mean": alexnet.Transform((1.0, 2.0, 3.0))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_setting_is_a_new_run(work, change):
    before, after = ({run.name for run in _plan(work, **values)} for values in ({}, change))
    assert not before & after


def test_changed_data_is_a_new_run(work):
    before = {run.name for run in _plan(work)}
    described = work / "data/polyp/dataset.json"
    described.write_text(described.read_text().replace("0123", "4567"))
    assert not {run.name for run in _plan(work)} & before


def test_changed_weights_are_a_new_run_of_those_that_start_from_them(work):
    path = work / "weights" / "w.caffemodel"
    before = {run.name for run in _plan(work)}
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    kept = {run.name for run in _plan(work)} & before
    assert kept == {name for name in before if name.startswith("scratch")}


def test_another_gpu_of_the_machine_is_the_same_run(work):
    assert _plan(work, device="gpu 0")[0].name == _plan(work, device="gpu 1")[0].name


def test_planning_again_changes_nothing(work):
    plan.write(work, "polyp", _plan(work))
    kept = {path: path.stat().st_mtime_ns for path in work.glob("runs/polyp/*/*")}
    plan.write(work, "polyp", _plan(work))
    assert {path: path.stat().st_mtime_ns for path in work.glob("runs/polyp/*/*")} == kept


def test_a_folder_of_another_run_is_never_overwritten(work):
    folder = planned(work)
    run.update(folder, identity="another")
    with pytest.raises(Error, match=f"{folder.name}: holds another run"):
        planned(work)


@pytest.mark.parametrize(
    ("grid", "values", "message"),
    [
        ([plan.Combination("fc8", "gaussian", 1.0, 0)], {"weights": None}, "tuning fc8 needs pre-trained weights"),
        ([plan.Combination("fc9", "gaussian", 1.0, 0)], {}, "no depth 'fc9'; there are: conv1-fc8"),
        ([plan.Combination("scratch", "zeros", 1.0, 0)], {}, "no init 'zeros'"),
        ([plan.Combination("fc8", "gaussian", 0.5, 0)], {}, "no fraction 0.5 of 'polyp' is prepared; there are: 1"),
        ([plan.Combination("fc8", "gaussian", 1.0, 0)], {"scale": "full"}, "are 67 × 67, the full net takes 227"),
        ([plan.Combination("fc8", "gaussian", 1.0, 0)], {"batch": 64}, "a batch of 64 is larger than the 40"),
    ],
)
def test_a_plan_that_cannot_work_is_an_error_before_anything_is_written(work, grid, values, message):
    with pytest.raises(Error, match=message):
        _plan(work, grid, **values)
    assert not (work / "runs").exists()


@pytest.mark.parametrize("content", ["{", "{}", '{"classes": 3}'])
def test_a_damaged_dataset_is_an_error_with_its_name(work, content):
    (work / "data/polyp/dataset.json").write_text(content)
    with pytest.raises(Error, match=r"dataset\.json: is damaged"):
        dataset.read(work, "polyp")


def _command(work: Path, *arguments: str) -> int | None:
    parser = argparse.ArgumentParser()
    SWEEP.arguments(parser)
    return SWEEP.run(
        parser.parse_args(
            ["polyp", "--work", str(work), "--scale", "tiny", "--batch", "20", "--epochs", "1", *arguments]
        )
    )


def test_a_dry_run_trains_nothing(work, capsys):
    assert _command(work, "--depths", "scratch", "--dry-run") == 0
    assert [state.status for state in sweep.states(work, "polyp")] == ["planned"]
    assert "1 runs in" in capsys.readouterr().out


def test_status_tells_planned_interrupted_failed_and_done(work, capsys):
    runs = _plan(work, plan.combinations(["scratch"], [1.0], ["msra"], [0, 1, 2, 3]))
    plan.write(work, "polyp", runs)
    folders = [work / "runs/polyp" / run.name for run in runs]
    run.update(folders[1], status="running")
    run.update(folders[2], status="failed", error="the loss is nan")
    run.update(folders[3], status="done")
    Log(folders[1]).add(Row(3, 1, 0.7, 0.6, 0.75, 0.001, 6.0))
    parser = argparse.ArgumentParser()
    STATUS.arguments(parser)
    STATUS.run(parser.parse_args(["polyp", "--work", str(work)]))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[1:] if "msra" in line] == ["planned", "interrupted", "failed", "done"]
    assert lines[2].split()[2:] == ["3", "of", "8", "0.7500", "1", "0.2", "min"]
    assert lines[4].strip() == "the loss is nan"


def test_status_without_runs_is_an_error(work):
    with pytest.raises(Error, match="holds no runs; plan them: ftcaffe sweep polyp"):
        sweep.states(work, "polyp")


def test_rates_are_shown_as_they_act():
    """Table II's row fc7-fc8, beside what each layer's multipliers make of the solver's rate and decay."""
    net = alexnet.train_val("polyp", 2, alexnet.Source("t", "v", 1), rates("fc7-fc8"), "gaussian", "tiny")
    shapes = parameter_shapes(net, 3, 67)
    live = SimpleNamespace(
        params={name: [SimpleNamespace(count=math.prod(shape)) for shape in blobs] for name, blobs in shapes.items()}
    )
    lines = table(solver(Schedule(40, 16, 1), net="n", prefix="p", seed=0), net, live).splitlines()
    assert [line.split() for line in lines[6:9]] == [
        ["fc6", "16,640", "0", "0", "0", "0"],
        ["fc7", "65,792", "0.001", "0.0005", "0.002", "0"],
        ["fc8_polyp", "514", "0.01", "0.0005", "0.02", "0"],
    ]
    assert lines[9] == "66,306 of 235,618 parameters are trained"


def test_one_failed_run_is_reported_and_the_next_is_done(work, capsys, caplog):
    arguments = ("--depths", "scratch", "--seeds", "0,1", "--engine", ENGINE)
    _command(work, *arguments, "--dry-run")
    first, second = sweep.states(work, "polyp")
    broken = work / "runs/polyp" / first.name / "train_val.prototxt"
    good = broken.read_text()
    broken.write_text(good.replace('type: "LRN"', 'type: "Nonsense"'))
    caplog.set_level("INFO")
    assert _command(work, *arguments) == 1
    assert f"{first.name}: failed: " in caplog.text
    assert "Nonsense" in caplog.text
    assert "235,618 of 235,618 parameters are trained" in caplog.text
    assert {state.name: state.status for state in sweep.states(work, "polyp")} == {
        first.name: "failed",
        second.name: "done",
    }
    broken.write_text(good)
    assert _command(work, *arguments) == 0
    assert {state.status for state in sweep.states(work, "polyp")} == {"done"}


def test_an_engine_that_ends_the_process_fails_its_run_with_its_last_words(work, caplog, monkeypatch):
    """As BVLC Caffe does on an error: glog prints a fatal line and a trace, and aborts."""
    folder = planned(work)
    died = (
        "import os, sys; sys.stderr.write('F1125 04:00:00 1 net.cpp:1] Check failed: x\\n*** trace\\n'); os.abort()"
    )
    real = subprocess.Popen
    monkeypatch.setattr(
        sweep.subprocess, "Popen", lambda arguments, **options: real([sys.executable, "-c", died], **options)
    )
    assert sweep.sweep(work, [folder]) == [folder.name]
    assert run.read(folder)["error"] == "Check failed: x"


def test_a_signal_ends_the_sweep_and_its_run_and_the_same_command_goes_on(work):
    before = 0
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        status, trained_by = _signalled(work, number, before)
        assert status == 128 + number
        with pytest.raises(ProcessLookupError):
            os.kill(trained_by, 0)
        (state,) = sweep.states(work, "polyp")
        assert state.status == "interrupted"
        assert state.iteration > before
        assert json.loads(next(work.glob("runs/polyp/*/run.json")).read_text())["error"] is None
        before = state.iteration


def _signalled(work: Path, number: int, before: int) -> tuple[int, int]:
    """A sweep that gets a signal once its run has come beyond an iteration: exit status, and who trained the run."""
    # A test that runs in the background may have inherited that the signal is ignored.
    program = (
        f"import signal, sys; signal.signal({int(number)}, signal.default_int_handler);"
        "from ftcaffe.command import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "sweep", "polyp", "--work", str(work), "--scale", "tiny"]
    command += ["--depths", "scratch", "--batch", "8", "--epochs", "200", "--patience", "200", "--engine", ENGINE]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(600):
            if (work / "runs").is_dir() and sweep.states(work, "polyp")[0].iteration > before:
                break
            time.sleep(0.1)
        (held,) = work.glob("runs/polyp/.*.lock")
        trained_by = json.loads(held.read_text())["pid"]
        process.send_signal(number)
        return process.wait(timeout=30), trained_by
