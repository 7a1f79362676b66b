"""Solvers: their rules, their settings and what is refused of them, the loop and its log, as Caffe's."""

from __future__ import annotations

import logging
import math
import re
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from parity import oracle

import ftcaffe.engine as caffe
from ftcaffe.engine import glog, rates
from ftcaffe.errors import Error
from ftcaffe.proto import blobs, caffe_pb2

NET = """
name: "little"
layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 4 dim: 5 } shape { dim: 4 dim: 2 }
  data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } bias_filler { type: "constant" value: 0.1 } } }
layer { name: "fix" type: "InnerProduct" bottom: "ip" top: "out" param { lr_mult: 0 } param { lr_mult: 0 }
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "out" bottom: "y" top: "loss" }
"""
SHARED = """
layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 4 dim: 3 } shape { dim: 4 dim: 3 } data_filler { type: "gaussian" } } }
layer { name: "one" type: "InnerProduct" bottom: "x" top: "one" param { name: "w" }
  inner_product_param { num_output: 3 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "two" type: "InnerProduct" bottom: "one" top: "two" param { name: "w" }
  inner_product_param { num_output: 3 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "more" type: "Power" bottom: "two" top: "more" include { phase: TRAIN } }
layer { name: "loss" type: "EuclideanLoss" bottom: "two" bottom: "y" top: "loss" }
"""
PLAIN = 'net: "net.prototxt" base_lr: 0.05 lr_policy: "fixed" random_seed: 1 max_iter: 6 snapshot_prefix: "run" '


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes a solver of the little net from what the prototxt says more, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)

    def solver(more="", plain=PLAIN):
        (tmp_path / "solver.prototxt").write_text(plain + more)
        return caffe.get_solver("solver.prototxt")

    return solver


TYPES = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
MOMENTUM = {"SGD": 0.9, "Nesterov": 0.9, "AdaDelta": 0.9, "Adam": 0.9}


def of_type(name):
    return f'type: "{name}" momentum: {MOMENTUM.get(name, 0)} '


@pytest.mark.parametrize("name", TYPES)
def test_get_solver_gives_the_class_of_the_type(make, name):
    solver = make(of_type(name))
    assert type(solver) is getattr(caffe, f"{name}Solver")
    assert isinstance(solver, caffe.SGDSolver)


@pytest.mark.parametrize("penalty", ["L1", "L2"])
@pytest.mark.parametrize("name", TYPES)
def test_diff_holds_what_the_step_took_from_the_parameter(make, name, penalty):
    solver = make(of_type(name) + f'weight_decay: 0.1 regularization_type: "{penalty}"')
    solver.step(2)
    blob = solver.net.params["ip"][0]
    before = blob.data.copy()
    solver.step(1)
    assert np.abs(blob.diff).max() > 0
    np.testing.assert_allclose(before - blob.data, blob.diff, rtol=1e-3, atol=1e-6)


def test_a_diff_in_hand_shows_the_step_and_gradients_add_to_it(make):
    solver = make("momentum: 0.9")
    diff = solver.net.params["ip"][0].diff
    solver.step(1)
    taken = diff.copy()
    assert np.abs(taken).max() > 0
    solver.net._forward(0, 3)
    solver.net._backward(3, 0)
    summed = solver.net.params["ip"][0].diff.copy()
    solver.net.clear_param_diffs()
    solver.net._backward(3, 0)
    np.testing.assert_allclose(summed, taken + solver.net.params["ip"][0].diff, rtol=1e-5)


@pytest.mark.parametrize("name", TYPES)
def test_a_frozen_layer_is_left_as_it_is(make, name):
    solver = make(of_type(name) + "weight_decay: 0.1")
    before = solver.net.params["fix"][0].data.copy()
    solver.step(3)
    np.testing.assert_array_equal(solver.net.params["fix"][0].data, before)
    np.testing.assert_array_equal(solver.net.params["fix"][0].diff, 0)


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
def test_a_snapshot_leaves_a_frozen_layer_free_of_work(make, form):
    """Its history has no memory, before and after."""
    solver = make(f"momentum: 0.9 weight_decay: 0.1 snapshot: 1 snapshot_format: {form}")
    solver.step(2)
    other = make("momentum: 0.9 weight_decay: 0.1")
    other.restore("run_iter_2.solverstate" + (".h5" if form == "HDF5" else ""))
    for each in (solver, other):
        assert [history.is_zero for history in each._history] == [False, False, True, True]
        assert [history._tensor is None for history in each._history] == [False, False, True, True]
    np.testing.assert_array_equal(other._history[0].array, solver._history[0].array)


def test_adam_by_its_formula(make):
    """The first step of Adam is the rate times the sign of the gradient, whatever its size."""
    solver = make(of_type("Adam"))
    before = solver.net.params["ip"][0].data.copy()
    solver.step(1)
    np.testing.assert_allclose(np.abs(before - solver.net.params["ip"][0].data), 0.05, rtol=1e-4)


def test_iter_size_makes_a_larger_batch(make):
    """The mean gradient of three batches of four is that of one batch of twelve."""
    split = make("iter_size: 3 momentum: 0.9")
    split.step(2)
    net = NET.replace("dim: 4", "dim: 12")
    open("net.prototxt", "w", encoding="utf-8").write(net)  # noqa: PTH123, SIM115
    whole = make("momentum: 0.9")
    whole.step(2)
    for name in ("ip", "fix"):
        for blob, other in zip(split.net.params[name], whole.net.params[name], strict=True):
            np.testing.assert_allclose(blob.data, other.data, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('type: "Adagrad"', "no solver type 'Adagrad'; there are: AdaDelta, AdaGrad, Adam, Nesterov, RMSProp, SGD"),
        ('type: "AdaGrad" momentum: 0.9', "momentum cannot be used with AdaGrad"),
        ('type: "RMSProp" momentum: 0.9', "momentum cannot be used with RMSProp; use rms_decay"),
        ('type: "RMSProp" rms_decay: 1', "rms_decay is at least 0 and below 1, not 1"),
        ('regularization_type: "L3"', "no regularization_type 'L3'; use L1 or L2"),
        ("iter_size: 0", "iter_size is at least 1, not 0"),
        ("average_loss: 0", "average_loss is at least 1, not 0"),
        ('snapshot: 1 snapshot_prefix: "none/run"', "cannot write snapshots to 'none/run'; make the folder none"),
        ("test_iter: 1", "has test nets and no test_interval; add test_interval: N"),
        ("test_iter: 1 test_interval: 1 test_state {} test_state {}", "test_state is given 2 times for 1 test nets"),
        ('test_net: "net.prototxt" test_interval: 1', "test_iter is given 0 times for 1 test nets"),
        ('train_net: "net.prototxt"', "names its net more than once: train_net, net"),
    ],
)
def test_settings_that_caffe_refuses_are_one_line(make, more, message):
    plain = PLAIN if "prefix" not in more else PLAIN.replace('snapshot_prefix: "run"', "")
    with pytest.raises(Error) as caught:
        make(more, plain)
    assert str(caught.value) == f"solver.prototxt: {message}"


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("", "has no lr_policy; there are: fixed, step"),
        ('lr_policy: "stepp"', "no lr_policy 'stepp'; there are: fixed, step"),
        ('lr_policy: "step"', "lr_policy 'step' needs a stepsize of at least 1"),
        ('lr_policy: "sigmoid" gamma: 1', "lr_policy 'sigmoid' needs a stepsize of at least 1"),
        ('lr_policy: "exp" gamma: -1', "lr_policy 'exp' needs a gamma of at least 0, not -1"),
    ],
)
def test_a_policy_lacks_what_it_needs(make, policy, message):
    with pytest.raises(Error) as caught:
        make(policy, PLAIN.replace('lr_policy: "fixed"', ""))
    assert str(caught.value).startswith(f"solver.prototxt: {message}")


@pytest.mark.parametrize(
    ("policy", "iteration", "expected"),
    [
        ('lr_policy: "exp" gamma: 2', 5000, math.inf),
        ('lr_policy: "sigmoid" gamma: 1 stepsize: 5000', 0, 0.0),
        ('lr_policy: "poly" power: 0.5 max_iter: 10', 12, math.nan),
    ],
)
def test_rates_beyond_all_bounds_are_as_in_c(policy, iteration, expected):
    from google.protobuf import text_format

    message = text_format.Parse(f"base_lr: 1 {policy}", caffe_pb2.SolverParameter())
    np.testing.assert_equal(rates.rate(message, iteration, 0), expected)


@pytest.mark.parametrize("rate", [1e-44, 1e-38, 1e-31, 1e-29, -1e-3])
def test_a_rate_of_any_size_is_applied(make, rate):
    """A rate that has fallen to almost nothing, or below zero, still leaves V ← momentum · V + rate · g."""
    solver = make("momentum: 0.9")
    solver.step(1)
    taken = solver.net.params["ip"][0].diff.copy()
    solver.net.clear_param_diffs()
    solver.net._forward(0, 3)
    solver.net._backward(3, 0)
    gradient = solver.net.params["ip"][0].diff.copy()
    solver.param.base_lr = rate
    solver.apply_update()
    np.testing.assert_allclose(solver.net.params["ip"][0].diff, 0.9 * taken + rate * gradient, rtol=1e-5)


def test_apply_update_counts_as_an_iteration(make):
    solver = make()
    solver.step(1)
    solver.apply_update()
    assert solver.iter == 2


def test_lr_is_the_next_updates(make):
    solver = make('gamma: 0.5 stepsize: 2 lr_policy: "step"', PLAIN.replace('lr_policy: "fixed"', ""))
    found = []
    for _ in range(5):
        found.append(solver.lr)
        solver.step(1)
    np.testing.assert_allclose(found, [0.05, 0.05, 0.025, 0.025, 0.0125])
    solver.param.base_lr = 1
    assert solver.lr == 0.25


def test_solve_from_python_goes_on_at_nan(make):
    solver = make("base_lr: 1e30", PLAIN.replace("base_lr: 0.05", ""))
    solver.solve()
    assert solver.iter == 6
    assert not np.isfinite(solver.loss)


def test_a_state_of_another_solver_changes_nothing(make):
    make('momentum: 0.9 type: "SGD"').solve()
    other = make('momentum: 0.9 type: "Adam"')
    before = other.net.params["ip"][0].data.copy()
    with pytest.raises(Error, match=r"run_iter_6.solverstate: holds 4 histories, this solver's net has 8; resume"):
        other.restore("run_iter_6.solverstate")
    np.testing.assert_array_equal(other.net.params["ip"][0].data, before)
    assert other.iter == 0


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
def test_snapshot_diff_keeps_the_gradients(make, form, tmp_path):
    solver = make(f"snapshot_diff: true snapshot_format: {form}")
    solver.solve()
    own = solver.net.params["ip"][0].diff
    if form == "HDF5":
        import h5py

        with h5py.File("run_iter_6.caffemodel.h5") as file:
            np.testing.assert_array_equal(file["diff/ip/0"][()], own)
    else:
        net = caffe_pb2.NetParameter.FromString((tmp_path / "run_iter_6.caffemodel").read_bytes())
        stored = next(layer for layer in net.layer if layer.name == "ip").blobs[0]
        np.testing.assert_array_equal(np.reshape(stored.diff, stored.shape.dim), own)
        assert list(blobs.read_layers("run_iter_6.caffemodel")) == ["ip", "fix"]


def test_test_nets_see_their_stages_and_the_trained_weights(make, tmp_path):
    extra = 'layer { name: "more" type: "Silence" bottom: "out" include { stage: "late" } }'
    (tmp_path / "net.prototxt").write_text(NET + extra)
    solver = make('test_iter: 1 test_iter: 1 test_interval: 2 test_state {} test_state { stage: "late" }')
    assert ["more" in net._layer_names for net in (solver.net, *solver.test_nets)] == [False, False, True]
    trained = solver.net.params["ip"][0]
    assert not np.array_equal(solver.test_nets[0].params["ip"][0].data, trained.data)
    solver.step(1)  # tests first
    assert all(np.shares_memory(net.params["ip"][0].data, trained.data) for net in solver.test_nets)


class TestRequests:
    """What stops the loop from outside, as a signal does."""

    def test_stop_ends_after_the_iteration_with_a_snapshot(self, make, tmp_path):
        solver = make()
        solver.request = lambda: "stop" if solver.iter == 3 else "none"
        solver.solve()
        assert solver.iter == 3
        assert (tmp_path / "run_iter_3.solverstate").exists()

    def test_snapshot_goes_on(self, make, tmp_path):
        solver = make("snapshot_after_train: false")
        solver.request = lambda: "snapshot" if solver.iter == 2 else "none"
        solver.solve()
        assert solver.iter == 6
        assert [path.name for path in tmp_path.glob("*.solverstate")] == ["run_iter_2.solverstate"]

    def test_a_test_is_interrupted(self, make, tmp_path):
        solver = make("test_iter: 1000 test_interval: 4")
        asked = iter(["none", "none", "snapshot", "none", "stop"])
        solver.request = lambda: next(asked, "none")
        solver.solve()
        assert solver.iter == 0
        assert (tmp_path / "run_iter_0.solverstate").exists()


@pytest.fixture
def lines(caplog):
    """What the log says, with the places that Caffe's own lines have."""
    logger = logging.getLogger("ftcaffe.engine")
    level = logger.level
    logger.setLevel(logging.INFO)
    yield lambda: [(record.origin, record.message) for record in caplog.records]
    logger.setLevel(level)


def test_average_loss_is_the_mean_of_the_last(make, lines):
    solver = make("average_loss: 3 display: 1")
    losses = []
    solver.add_callback(lambda: None, lambda: losses.append(solver.loss))
    solver.step(6)
    shown = [float(text.rpartition(" ")[2]) for origin, text in lines() if origin == "solver.cpp:239"]
    expected = [np.mean(losses[max(0, n - 2) : n + 1]) for n in range(6)]
    np.testing.assert_allclose(shown, expected, rtol=1e-5)


def test_the_log_is_silent_unless_someone_listens(make, capfd):
    assert not glog.wanted()
    make("display: 1").solve()
    assert capfd.readouterr() == ("", "")


@pytest.mark.oracle
@pytest.mark.parametrize(
    "more",
    [
        "momentum: 0.9 display: 2 average_loss: 3 test_iter: 2 test_interval: 3 test_compute_loss: true snapshot: 3",
        'display: 1 debug_info: true clip_gradients: 0.01 type: "Nesterov" snapshot_format: HDF5',
        'display: 3 lr_policy: "multistep" gamma: 0.5 stepvalue: 2 stepvalue: 2 weights: "start.caffemodel"',
        'test_iter: 1 test_interval: 9 net_param { name: "shared" ' + SHARED + "}",
    ],
    ids=["tests", "debug", "multistep", "shared"],
)
def test_the_log_is_caffes(make, lines, more, monkeypatch, caplog):
    """Line for line and place for place, but for the pace, and inner layers that only the original has."""
    plain = PLAIN.replace('lr_policy: "fixed"', "") if "lr_policy" in more else PLAIN
    plain = plain.replace('net: "net.prototxt"', "") if "net_param" in more else plain
    make().net.save("start.caffemodel")
    with oracle.shared() as there:
        shutil.copytree(".", there, dirs_exist_ok=True)
        monkeypatch.chdir(there)
        (there / "solver.prototxt").write_text(plain + more)
        script = "import caffe; caffe.get_solver('solver.prototxt').solve()"
        oracle.run(there, "sh", "-c", f'GLOG_minloglevel=0 python3 -c "{script}" 2> theirs.log')
        theirs = glog_lines((there / "theirs.log").read_text())
        caplog.clear()
        caffe.get_solver("solver.prototxt").solve()
    (ours, our_numbers), (words, numbers) = parted(lines()), parted(theirs)
    assert ours == words
    np.testing.assert_allclose(our_numbers, numbers, rtol=1e-4, atol=1e-6)


def glog_lines(text):
    """Place and text of each line of a log of glog's; the lines of a message belong to the line that begins it."""
    found = []
    for line in text.splitlines():
        if match := re.match(r"[IWEF](?:\d{4}){1,2} [\d:.]+ +\d+ (\S+)\] (.*)", line):
            found.append((match[1], match[2]))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{line}")
    return found


def parted(lines):
    """The lines without their paces and with their decimal numbers left out; those numbers."""
    text = re.sub(r" \([^()]* iter/s, [^()]* iters\)", "", "\n".join("] ".join(line) for line in lines))
    number = r"-?\d+\.\d+(?:e-?\d+)?"
    return re.sub(number, "#", text).splitlines(), [float(found) for found in re.findall(number, text)]
