"""Caffe's large binary files, against protobuf's own reading and writing of them."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftcaffe.errors import Error
from ftcaffe.proto import blobs, caffe_pb2

WEIGHTS = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2) / 7
BIAS = np.array([1.5, -2.5], np.float32)


def message(**shape):
    """A caffemodel by protobuf: a layer without parameters, then one with two."""
    net = caffe_pb2.NetParameter(name="n")
    net.layer.add(name="data", type="Input")
    layer = net.layer.add(name="conv", type="Convolution")
    for array in (WEIGHTS, BIAS):
        blob = layer.blobs.add(data=array.ravel().tolist())
        blob.shape.dim.extend(array.shape)
    return net


def test_read_equals_protobuf(tmp_path):
    (tmp_path / "m").write_bytes(message().SerializeToString())
    layers = blobs.read_layers(tmp_path / "m")
    assert list(layers) == ["conv"]
    np.testing.assert_array_equal(layers["conv"][0], WEIGHTS)
    np.testing.assert_array_equal(layers["conv"][1], BIAS)


def test_write_is_read_by_protobuf(tmp_path):
    net = message()
    for layer in net.layer:
        layer.ClearField("blobs")
    blobs.write_layers(tmp_path / "m", net, [[], [WEIGHTS, BIAS]])
    assert caffe_pb2.NetParameter.FromString((tmp_path / "m").read_bytes()) == message()


def test_a_view_that_is_not_contiguous_is_written_in_order(tmp_path):
    net = caffe_pb2.NetParameter()
    net.layer.add(name="l")
    blobs.write_layers(tmp_path / "m", net, [[WEIGHTS.transpose(1, 0, 3, 2)]])
    np.testing.assert_array_equal(blobs.read_layers(tmp_path / "m")["l"][0], WEIGHTS.transpose(1, 0, 3, 2))


@pytest.mark.parametrize("form", ["V1", "V0"])
def test_old_forms_are_read(tmp_path, form):
    net = caffe_pb2.NetParameter()
    outer = net.layers.add()
    layer = outer if form == "V1" else outer.layer
    layer.name = "conv"
    layer.blobs.add(num=2, channels=3, height=2, width=2, data=WEIGHTS.ravel().tolist())
    (tmp_path / "m").write_bytes(net.SerializeToString())
    np.testing.assert_array_equal(blobs.read_layers(tmp_path / "m")["conv"][0], WEIGHTS)


def test_state_round_trip(tmp_path):
    state = caffe_pb2.SolverState(iter=7, learned_net="n.caffemodel", current_step=2)
    blobs.write_state(tmp_path / "s", state, [WEIGHTS, BIAS])
    read, history = blobs.read_state(tmp_path / "s")
    assert read == state
    np.testing.assert_array_equal(history[0], WEIGHTS)
    by_protobuf = caffe_pb2.SolverState.FromString((tmp_path / "s").read_bytes())
    np.testing.assert_array_equal(np.array(by_protobuf.history[1].data, np.float32), BIAS)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cut_or_altered_files_are_an_error_or_read(tmp_path_factory, data):
    content = message().SerializeToString()
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        place = data.draw(st.integers(0, len(content) - 1))
        content = content[:place] + bytes([data.draw(st.integers(0, 255))]) + content[place + 1 :]
    path = tmp_path_factory.mktemp("cut") / "m.caffemodel"
    path.write_bytes(content)
    for read in (blobs.read_layers, blobs.read_state):
        with contextlib.suppress(Error):  # any other exception fails
            read(path)


@pytest.mark.parametrize(
    ("shape", "other", "equal"),
    [
        ((2, 3), (1, 1, 2, 3), True),
        ((2,), (1, 1, 1, 2), True),
        ((2, 3), (3, 2), False),
        ((2, 3), (2, 3, 1, 1), False),
    ],
)
def test_shapes_of_older_files(shape, other, equal):
    assert blobs.legacy_equal(shape, other) is equal
