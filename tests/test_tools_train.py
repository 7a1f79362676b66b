"""``ftcaffe train``, ``test``, ``time`` and ``device_query``: the caffe binary's flags, lines, signals and faults."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import stat

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from parity import oracle

from ftcaffe.command import main
from ftcaffe.engine import glog
from ftcaffe.engine.solver import Solver
from ftcaffe.proto import blobs

NET = """
name: "little"
layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 4 dim: 5 } shape { dim: 4 }
  data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "y" top: "loss" }
layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "y" top: "acc" include { phase: TEST } }
layer { name: "quiet" type: "Silence" bottom: "ip" include { stage: "late" min_level: 2 } }
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.05 lr_policy: "fixed" momentum: 0.9 random_seed: 1 max_iter: 6 snapshot: 4
snapshot_prefix: "run" solver_mode: CPU
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder, the current one, with a net and a solver."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTCAFFE_ENGINE", "torch")
    monkeypatch.delenv("GLOG_minloglevel", raising=False)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


@pytest.fixture
def run(work, capfd):
    """Runs a verb in this process; returns its exit status and the lines of standard error."""

    def call(words):
        capfd.readouterr()
        status = main(words.split())
        return status, capfd.readouterr().err.splitlines()

    kept, propagates, level = list(glog.LOGGER.handlers), glog.LOGGER.propagate, glog.LOGGER.level
    yield call
    glog.LOGGER.handlers[:], glog.LOGGER.propagate = kept, propagates
    glog.LOGGER.setLevel(level)
    logging.getLogger().handlers[:] = [h for h in logging.getLogger().handlers if "Stream" not in type(h).__name__]


def said(lines):
    """What the log says, without the time and the thread."""
    return [re.sub(r"^I(?:\d{4}){1,2} [\d:.]+ +\d+ ", "", line) for line in lines]


def weights(path):
    return blobs.read_layers(path)["ip"][0]


@pytest.mark.parametrize("flags", ["--solver=solver.prototxt", "-solver solver.prototxt", "--solver solver.prototxt"])
def test_train(run, work, flags):
    status, lines = run(f"train {flags}")
    assert status == 0
    assert said(lines)[0] == "caffe.cpp:197] Use CPU."
    assert said(lines)[-2:] == ["solver.cpp:332] Optimization Done.", "caffe.cpp:250] Optimization Done."]
    assert sorted(path.name for path in work.glob("run_*")) == [
        "run_iter_4.caffemodel",
        "run_iter_4.solverstate",
        "run_iter_6.caffemodel",
        "run_iter_6.solverstate",
    ]


def test_lines_are_glogs(run):
    _, lines = run("train --solver solver.prototxt")
    assert re.fullmatch(r"I(0[1-9]|1[0-2])\d\d \d\d:\d\d:\d\d\.\d{6} +\d+ caffe\.cpp:197\] Use CPU\.", lines[0])


@pytest.mark.parametrize(("level", "shown"), [("0", True), ("1", False), ("2", False)])
def test_glog_minloglevel(run, monkeypatch, level, shown):
    monkeypatch.setenv("GLOG_minloglevel", level)
    assert bool(run("train --solver solver.prototxt")[1]) == shown


def test_resume_and_finetune(run, work):
    run("train --solver solver.prototxt")
    _, lines = run("train --solver solver.prototxt --snapshot run_iter_4.solverstate")
    assert "caffe.cpp:235] Resuming from run_iter_4.solverstate" in said(lines)
    solver = SOLVER.replace("max_iter: 6", "max_iter: 0").replace("snapshot: 4", "")
    (work / "solver.prototxt").write_text(solver.replace('"run"', '"tuned"') + 'weights: "gone"')
    _, lines = run("train --solver solver.prototxt --weights run_iter_6.caffemodel,run_iter_4.caffemodel")
    assert "solver.cpp:72] Finetuning from run_iter_4.caffemodel" in said(lines)
    np.testing.assert_array_equal(weights("tuned_iter_0.caffemodel"), weights("run_iter_4.caffemodel"))


def test_level_and_stage_reach_the_training_net(run):
    _, lines = run("train --solver solver.prototxt --stage early,late --level 2")
    assert "net.cpp:86] Creating Layer quiet" in said(lines)
    _, lines = run("train --solver solver.prototxt --stage late")
    assert "net.cpp:86] Creating Layer quiet" not in said(lines)


class TestSignals:
    """They come at iteration 3."""

    @pytest.fixture
    def sent(self, monkeypatch):
        def send(*numbers):
            update = Solver.apply_update

            def apply_update(solver):
                if solver.iter == 2:
                    for number in numbers:
                        os.kill(os.getpid(), number)
                update(solver)

            monkeypatch.setattr(Solver, "apply_update", apply_update)

        return send

    @pytest.mark.parametrize(
        ("number", "flags", "snapshots"),
        [
            (signal.SIGINT, "", [3]),
            (signal.SIGINT, "--sigint_effect snapshot", [3, 4, 6]),
            (signal.SIGINT, "--sigint_effect none", [4, 6]),
            (signal.SIGHUP, "", [3, 4, 6]),
            (signal.SIGHUP, "--sighup_effect=stop", [3]),
            (signal.SIGTERM, "", [3]),
            (signal.SIGTERM, "--sigint_effect none", [3, 4, 6]),
        ],
    )
    def test_effect(self, run, work, sent, number, flags, snapshots):
        sent(number)
        status, lines = run(f"train --solver solver.prototxt {flags}")
        assert status == 0
        assert sorted(int(path.stem.split("_")[2]) for path in work.glob("*.solverstate")) == snapshots
        assert ("solver.cpp:311] Optimization stopped early." in said(lines)) == (snapshots == [3])

    def test_sigterm_takes_a_snapshot_where_the_end_of_training_does_not(self, run, work, sent):
        (work / "solver.prototxt").write_text(SOLVER + "snapshot_after_train: false")
        sent(signal.SIGINT)
        run("train --solver solver.prototxt")
        assert not list(work.glob("*.solverstate"))
        sent(signal.SIGTERM)
        run("train --solver solver.prototxt")
        assert [path.name for path in work.glob("*.solverstate")] == ["run_iter_3.solverstate"]

    def test_they_are_themselves_again_afterwards(self, run, work):
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)]
        run("train --solver solver.prototxt")
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)] == before


def test_a_loss_that_is_not_a_number_stops_before_it_reaches_the_weights(run, work, monkeypatch):
    gradients = Solver._gradients
    monkeypatch.setattr(Solver, "_gradients", lambda solver: gradients(solver) + (np.nan if solver.iter == 5 else 0))
    status, lines = run("train --solver solver.prototxt")
    assert status == 2
    assert lines[-1] == (
        "ftcaffe: solver.prototxt: the loss is nan at iteration 5; the last good snapshot is run_iter_4.solverstate; "
        "lower base_lr or look for faults in the data"
    )
    assert [path.name for path in work.glob("*.solverstate")] == ["run_iter_4.solverstate"]


def test_a_snapshot_of_weights_that_are_not_numbers_is_not_good(run, work, monkeypatch):
    def spoil(solver):
        if solver.iter == 3:
            solver.net.params["ip"][0].data[...] = np.inf
        return gradients(solver)

    (work / "solver.prototxt").write_text(SOLVER.replace("snapshot: 4", "snapshot: 2"))
    gradients = Solver._gradients
    monkeypatch.setattr(Solver, "_gradients", spoil)
    monkeypatch.setattr("ftcaffe.tools.train.math.isfinite", lambda loss: loss == loss and loss < 50)
    status, lines = run("train --solver solver.prototxt")
    assert status == 2
    assert "the last good snapshot is run_iter_2.solverstate" in lines[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train", "a solver is needed to train; --solver FILE"),
        ("train --solver gone", "gone: No such file or directory"),
        (
            "train --solver solver.prototxt --weights w --snapshot s",
            "give a snapshot to resume training or weights to finetune, not both",
        ),
        ("train --solver solver.prototxt --snapshot gone", "gone: No such file or directory"),
        (
            "train --solver solver.prototxt --sigint_effect die",
            "no signal effect 'die'; there are: stop, snapshot, none",
        ),
        ("train --solver solver.prototxt --gpu x", "--gpu x names no GPU; --gpu 0, --gpu 0,1 or --gpu all"),
        ("test", "a model definition is needed to score; --model FILE"),
        ("test --model net.prototxt", "model weights are needed to score; --weights FILE"),
        ("test --model net.prototxt --weights gone", "gone: No such file or directory"),
        ("test --model net.prototxt --weights gone --iterations 0", "--iterations is at least 1"),
        ("time", "a model definition is needed to time; --model FILE"),
        ("time --model net.prototxt --phase VAL", "--phase VAL: the phase is TRAIN or TEST"),
    ],
)
def test_what_the_binary_aborts_on_is_one_line_and_status_2(run, words, message):
    status, lines = run(words)
    assert status == 2
    assert lines[-1] == f"ftcaffe: {message}"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("words", ["train --solver solver.prototxt --gpu 0", "device_query --gpu all"])
def test_without_a_gpu(run, words):
    status, lines = run(words)
    assert status == 2
    assert lines[-1].startswith("ftcaffe: no GPU is seen by PyTorch; use the CPU")


def test_a_folder_for_snapshots_that_is_not_there_is_said_before_training(run, work):
    (work / "solver.prototxt").write_text(SOLVER.replace('"run"', '"none/run"').replace("snapshot: 4", ""))
    status, lines = run("train --solver solver.prototxt")
    assert status == 2
    assert lines[-1] == "ftcaffe: solver.prototxt: cannot write snapshots to 'none/run'; make the folder none"
    assert not any("Solving" in line for line in lines)


def test_test_shows_batches_and_means(run):
    run("train --solver solver.prototxt")
    status, lines = run("test --model net.prototxt --weights run_iter_6.caffemodel --iterations 3")
    text = "\n".join(said(lines))
    losses = [float(found) for found in re.findall(r"caffe.cpp:304\] Batch \d, loss = (\S+)", text)]
    assert status == 0
    assert len(losses) == 3
    mean = float(re.search(r"caffe.cpp:309\] Loss: (\S+)", text)[1])
    assert mean == pytest.approx(np.mean(losses), rel=1e-4)
    assert re.search(rf"caffe.cpp:321\] loss = {mean:g} \(\* 1 = {mean:g} loss\)", text)


def test_time_shows_every_layer(run):
    status, lines = run("time --model net.prototxt --iterations 2 --phase TEST")
    text = "\n".join(said(lines))
    assert status == 0
    forward = [float(found) for found in re.findall(r"caffe.cpp:400\] +\S+\tforward: (\S+) ms\.", text)]
    assert len(forward) == len(re.findall(r"caffe.cpp:403\] +\S+\tbackward: \S+ ms\.", text)) == 6  # two are splits
    whole = float(re.search(r"Average Forward pass: (\S+) ms\.", text)[1])
    assert whole == pytest.approx(sum(forward), rel=1e-3)


def test_bvlc_caffe_does_it_itself_where_it_is_the_engine(work, monkeypatch, capfd):
    """A stand-in for its binary says what it was given."""
    (work / "caffe").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (work / "caffe").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(work), prepend=":")
    monkeypatch.setenv("FTCAFFE_ENGINE", "caffe")
    child = os.fork()
    if child == 0:
        main(["train", "-solver", "a b.prototxt", "--sigint_effect=none"])
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    given = capfd.readouterr().out.splitlines()
    assert given[:2] == ["train", "--solver=a b.prototxt"]
    assert "--sigint_effect=none" in given


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("words", "skipped"),
    [
        ("train --solver=solver.prototxt", "nothing"),
        ("train --solver=solver.prototxt --weights=w.caffemodel --stage=late --level=2", "nothing"),
        ("test --model=net.prototxt --weights=w.caffemodel --iterations=3", "Batch|Loss:|(loss|acc) = "),
        ("time --model=net.prototxt --iterations=2", "Initial loss"),
    ],
)
def test_the_log_is_the_binarys(run, work, words, skipped):
    """Line for line; where no seed is set, lines of random numbers are skipped."""
    run("train --solver solver.prototxt")
    shutil.copy("run_iter_6.caffemodel", "w.caffemodel")
    with oracle.shared() as there:
        shutil.copytree(work, there, dirs_exist_ok=True)
        oracle.run(there, "sh", "-c", f"GLOG_minloglevel=0 caffe {words} 2> theirs.log")
        theirs = (there / "theirs.log").read_text().splitlines()
    status, lines = run(words)
    assert status == 0
    assert comparable(lines, skipped) == comparable(theirs, skipped)


def comparable(lines, skipped):
    """Without paces and times, and the factory's lines: the original's SoftmaxWithLoss has an inner layer."""
    text = [re.sub(r" \([^()]* iter/s, [^()]* iters\)|[\d.e-]+ ms", "", line) for line in said(lines)]
    return [line for line in text if not re.search(f"layer_factory|{skipped}", line)]
