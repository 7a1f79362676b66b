"""Snapshots in HDF5, against BVLC Caffe's own reading and writing of them."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from parity import oracle

from ftcaffe.errors import Error
from ftcaffe.proto import blobs, caffe_pb2, hdf5

WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3) / 7
BIAS = np.array([1.5, -2.5, 0, 3], np.float32)
NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "t" type: "Input" top: "t" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" param { name: "w" }
  inner_product_param { num_output: 3 } }
layer { name: "b" type: "InnerProduct" bottom: "y" top: "z" param { name: "w" }
  inner_product_param { num_output: 3 } }
layer { name: "loss" type: "EuclideanLoss" bottom: "z" bottom: "t" top: "loss" }
"""
SOLVER = (
    'net: "net.prototxt" base_lr: 0.1 lr_policy: "step" gamma: 0.5 stepsize: 2 momentum: 0.9 solver_mode: CPU '
    'snapshot_format: HDF5 snapshot_diff: true snapshot_prefix: "s" type: "Adam"'
)
START = """
import json, numpy as np, caffe
caffe.set_mode_cpu()
rng = np.random.RandomState(0)
solver = caffe.get_solver("solver.prototxt")
shown = lambda net: {k: [b.data.ravel().tolist() for b in v] for k, v in net.params.items()}
"""


@pytest.fixture
def folder():
    """A folder that the original sees too, with a net of two layers that share their weights."""
    with oracle.shared() as there:
        (there / "net.prototxt").write_text(NET)
        (there / "solver.prototxt").write_text(SOLVER)
        yield there


def original(folder, code):
    (folder / "code.py").write_text(START + code)
    return json.loads(oracle.run(folder, "python3", "code.py"))


@pytest.mark.oracle
def test_caffes_snapshot_is_read(folder):
    code = (
        "for name in 'xt': solver.net.blobs[name].data[...] = rng.randn(2, 3)\n"
        "for v in solver.net.params.values():\n    for b in v: b.data[...] = rng.randn(*b.data.shape)\n"
        "solver.step(5)\nsolver.snapshot()\nprint(json.dumps(shown(solver.net)))\n"
    )
    expected = original(folder, code)
    layers = hdf5.read_layers(folder / "s_iter_5.caffemodel.h5")
    assert list(layers) == ["a", "b"]
    assert layers["b"][0] is None  # layer a owns it
    for name, index in (("a", 0), ("a", 1), ("b", 1)):
        np.testing.assert_array_equal(layers[name][index].ravel(), np.float32(expected[name][index]))
    state, history = hdf5.read_state(folder / "s_iter_5.solverstate.h5")
    assert state == caffe_pb2.SolverState(iter=5, learned_net="s_iter_5.caffemodel.h5", current_step=2)
    assert [array.shape for array in history] == [(3, 3), (3,), (3,)] * 2  # Adam keeps two of each
    assert any(array.any() for array in history)


@pytest.mark.oracle
def test_a_file_written_anew_is_laid_out_as_caffes(folder):
    original(folder, "solver.step(3)\nsolver.snapshot()\nprint(json.dumps(shown(solver.net)))\n")
    names = ["x", "t", "a", "b", "loss"]
    with h5py.File(folder / "s_iter_3.caffemodel.h5") as file:
        diff = [[file["diff"][name][n][()] for n in sorted(file["diff"][name])] for name in names]
    layers = hdf5.read_layers(folder / "s_iter_3.caffemodel.h5")
    hdf5.write_layers(folder / "ours.caffemodel.h5", names, [layers.get(name, []) for name in names], diff)
    state, history = hdf5.read_state(folder / "s_iter_3.solverstate.h5")
    hdf5.write_state(folder / "ours.solverstate.h5", state, history)
    for kind in ("caffemodel", "solverstate"):
        assert described(folder / f"ours.{kind}.h5") == described(folder / f"s_iter_3.{kind}.h5")


def described(path):
    """Every object of a file by name: its type, shape and bytes."""
    found = {}

    def note(name, item):
        is_data = isinstance(item, h5py.Dataset)
        found[name] = (item.shape, item.id.get_type().encode(), item[()].tobytes()) if is_data else "group"

    with h5py.File(path) as file:
        file.visititems(note)
    return found


@pytest.mark.oracle
def test_caffe_reads_what_is_written(folder):
    weights, bias = np.eye(3, dtype=np.float32) * 3, np.array([1, 2, 3], np.float32)
    hdf5.write_layers(folder / "w.caffemodel.h5", ["a", "b"], [[weights, bias], [None, bias + 4]])
    state = caffe_pb2.SolverState(iter=7, learned_net="w.caffemodel.h5", current_step=3)
    hdf5.write_state(folder / "w.solverstate.h5", state, [weights, bias, bias] * 2)
    code = "solver.restore('w.solverstate.h5')\nprint(json.dumps([solver.iter, shown(solver.net)]))\n"
    iteration, found = original(folder, code)
    assert iteration == 7
    assert found == {
        "a": [weights.ravel().tolist(), bias.tolist()],
        "b": [weights.ravel().tolist(), (bias + 4).tolist()],
    }


def test_round_trip(tmp_path):
    hdf5.write_layers(tmp_path / "m", ["data", "fc", "tied"], [[], [WEIGHTS, BIAS], [None, BIAS]])
    layers = hdf5.read_layers(tmp_path / "m")
    assert list(layers) == ["fc", "tied"]
    np.testing.assert_array_equal(layers["fc"][0], WEIGHTS)
    assert layers["tied"][0] is None
    np.testing.assert_array_equal(layers["tied"][1], BIAS)


def test_numbers_stand_in_order_beyond_nine(tmp_path):
    state = caffe_pb2.SolverState(iter=1, current_step=0)
    hdf5.write_state(tmp_path / "s", state, [np.float32([n]) for n in range(12)])
    assert [float(array[0]) for array in hdf5.read_state(tmp_path / "s")[1]] == list(range(12))


def test_doubles_and_whole_numbers_are_read_as_float32(tmp_path):
    with h5py.File(tmp_path / "m", "w") as file:
        file["data/fc/0"], file["data/fc/1"] = WEIGHTS.astype(np.float64), np.arange(4)
    assert [array.dtype for array in hdf5.read_layers(tmp_path / "m")["fc"]] == [np.float32] * 2


def test_a_slash_in_a_layers_name_is_an_error(tmp_path):
    """Caffe aborts on it, so GoogLeNet cannot be kept in HDF5."""
    with pytest.raises(Error, match="layer 'inception_3a/1x1': HDF5 has no such name; use snapshot_format"):
        hdf5.write_layers(tmp_path / "m", ["inception_3a/1x1"], [[WEIGHTS]])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("read", [hdf5.read_layers, hdf5.read_state])
@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(500), b"text"])
def test_what_is_no_hdf5_is_an_error(tmp_path, read, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(Error, match="in HDF5 or is damaged"):
        read(tmp_path / "m")


def test_a_shape_beyond_the_file_is_refused_before_memory_is_taken(tmp_path):
    with h5py.File(tmp_path / "m", "w") as file:
        file.create_dataset("data/fc/0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))
    with pytest.raises(Error, match="is damaged"):
        hdf5.read_layers(tmp_path / "m")


def test_formats_are_told_apart_by_content(tmp_path):
    hdf5.write_layers(tmp_path / "h", ["fc"], [[WEIGHTS]])
    net = caffe_pb2.NetParameter()
    net.layer.add(name="fc")
    blobs.write_layers(tmp_path / "b.h5", net, [[WEIGHTS]])
    assert [hdf5.is_hdf5(tmp_path / name) for name in ("h", "b.h5", "absent")] == [True, False, False]
