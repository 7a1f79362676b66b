"""Damaged files: a result or one `Error`, never another exception, a crash, a hang or memory beyond bounds."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftcaffe.errors import Error
from ftcaffe.proto import blobs, caffe_pb2, hdf5, read_binary, read_net, read_solver
from ftcaffe.store import lmdb

ARRAY = np.arange(12, dtype=np.float32).reshape(3, 4)
FAST = settings(max_examples=150, deadline=2000, suppress_health_check=list(HealthCheck))
MEMORY = 1 << 30  # bytes that reading may take beyond what the process has

NET = """name: "n"  # a comment
input: "x" input_dim: 2 input_dim: 3 input_dim: 8 input_dim: 8
layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" blobs_lr: 1 weight_decay: 0 include { phase: TRAIN }
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "gaussian" std: 0.1 } } }
layers { layer { name: "d" type: "data" source: "s" batchsize: 3 cropsize: 7 scale: 1e-3 } top: "y" }
"""
SOLVER = """net: 'net.prototxt' base_lr: 0.1 lr_policy: "multistep" stepvalue: [10, 20]
net_param { layer { name: "r" type: "ReLU" relu_param { negative_slope: .1 } } } solver_type: ADAM
"""


@pytest.fixture(scope="module", autouse=True)
def bounded():
    """Memory that runs away is a MemoryError, and so a failure, not the end of the machine."""
    with open("/proc/self/statm", encoding="utf-8") as stream:  # noqa: PTH123 a special file
        held = int(stream.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@st.composite
def damaged(draw, content, near=None):
    """The bytes, cut somewhere, with some others in their place, or with a part of them repeated.

    near : places where damage does most, from where the others begin more often.
    """
    kind = draw(st.sampled_from(["cut", "other", "other", "other", "repeated"]))
    place = st.integers(0, len(content) - 1)
    if kind == "cut":
        return content[: draw(place)]
    if kind == "repeated":
        begin, length, count = draw(place), draw(st.integers(1, 40)), draw(st.integers(2, 3000))
        return content[:begin] + content[begin : begin + length] * count + content[begin + length :]
    out = bytearray(content)
    for _ in range(draw(st.integers(1, 6))):
        begin = draw(place)
        if near and draw(st.booleans()):
            begin = draw(st.sampled_from(near)) + draw(st.integers(0, 40))
        other = draw(
            st.one_of(st.sampled_from([b"\0", b"\xff", b"\xff" * 8, b"\0" * 8]), st.binary(min_size=1, max_size=4))
        )
        out[begin : begin + len(other)] = other
    return bytes(out)


def survives(read, path, content):
    path.write_bytes(content)
    with contextlib.suppress(Error):
        read(path)


@FAST
@given(content=damaged(NET.encode()))
def test_nets_as_text(place, content):
    survives(read_net, place / "net", content)


@FAST
@given(content=damaged(SOLVER.encode()))
def test_solvers_as_text(place, content):
    survives(read_solver, place / "solver", content)


@pytest.mark.parametrize("skip", ["0", "1"])
@pytest.mark.parametrize(
    "unit", ["layer {", "layer: <", "x {", "x: [", "x < y {", "[a.b] {", '"', "#", "\\", "layer { name: 'a' } "]
)
def test_text_nested_and_repeated_without_end(place, monkeypatch, unit, skip):
    monkeypatch.setenv("FTCAFFE_SKIP_UNKNOWN", skip)
    survives(read_net, place / "net", (unit * 20000).encode())


def a_model():
    net = caffe_pb2.NetParameter(name="n")
    for layer in (net.layer.add(name="fc"), net.layers.add(name="v1"), net.layers.add().layer):
        for _ in range(2):
            layer.blobs.add(data=ARRAY.ravel().tolist()).shape.dim.extend(ARRAY.shape)
    net.layer[0].blobs.add(num=1, channels=1, height=3, width=4, double_data=ARRAY.ravel().tolist())
    return net.SerializeToString()


def a_state():
    state = caffe_pb2.SolverState(iter=7, learned_net="n.caffemodel", current_step=2)
    state.history.add(data=ARRAY.ravel().tolist()).shape.dim.extend(ARRAY.shape)
    return state.SerializeToString()


@pytest.mark.parametrize(("read", "make"), [(blobs.read_layers, a_model), (blobs.read_state, a_state)])
def test_binary_snapshots(place, read, make):
    @FAST
    @given(content=damaged(make()))
    def check(content):
        survives(read, place / "snapshot", content)

    check()


@FAST
@given(content=damaged(a_model()))
def test_binary_messages(place, content):
    survives(lambda path: read_binary(path, caffe_pb2.NetParameter), place / "message", content)


def test_nested_lengths_of_binary_messages(place):
    content = b""
    for _ in range(3000):
        content = b"\x0a" + caffe_pb2.BlobShape(dim=[len(content)]).SerializeToString()[2:] + content
    for kind in (caffe_pb2.NetParameter, caffe_pb2.SolverParameter):
        survives(lambda path, kind=kind: read_binary(path, kind), place / "message", content)


def test_lmdb(place):
    """Pages of a tree of two levels are hit where they say what follows: everything else is values."""
    folder = place / "x.lmdb"
    lmdb.write(
        folder, [(b"%05d" % number, bytes([number % 256]) * (30 if number % 20 else 5000)) for number in range(400)]
    )
    data = folder / "data.mdb"
    whole = data.read_bytes()
    pages = range(0, len(whole), 4096)
    tree = [start for start in pages if whole[start + 10] in (1, 2, 8)]  # branches, leaves and the two that begin
    assert len(list(lmdb.Records(folder))) == 400

    def read(_):
        records = lmdb.Records(folder)
        assert sum(len(value) for _, value in records) <= 2 * len(whole)
        with contextlib.suppress(KeyError):
            records[b"00200"]

    @FAST
    @given(content=damaged(whole, near=tree))
    def check(content):
        survives(read, data, content)

    check()


HDF5 = """
import contextlib, random, resource, sys
from pathlib import Path
from ftcaffe.errors import Error
from ftcaffe.proto import hdf5
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
path, seed = Path(sys.argv[1]), int(sys.argv[2])
whole, rng = path.read_bytes(), random.Random(seed)
for _ in range(200):
    out = bytearray(whole)
    if rng.random() < 0.1:
        del out[rng.randrange(len(out)) :]
    else:
        for _ in range(rng.choice([1, 1, 2, 8])):
            place = rng.randrange(len(out))
            out[place] = rng.choice([0, 255, out[place] ^ 1 << rng.randrange(8), rng.randrange(256)])
    path.with_suffix(".damaged").write_bytes(out)
    with contextlib.suppress(Error):
        getattr(hdf5, sys.argv[3])(path.with_suffix(".damaged"))
"""


@pytest.mark.parametrize("read", ["read_layers", "read_state"])
def test_hdf5(place, read):
    """In a process of its own: HDF5 is a library in C, in which damage has ended processes before."""
    path = place / f"{read}.h5"
    if read == "read_layers":
        hdf5.write_layers(path, ["x", "fc", "tied"], [[], [ARRAY, ARRAY[0]], [None, ARRAY]])
    else:
        hdf5.write_state(path, caffe_pb2.SolverState(iter=3, learned_net="n", current_step=1), [ARRAY] * 12)
    command = [sys.executable, "-W", "error", "-c", HDF5, str(path), "1", read]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
