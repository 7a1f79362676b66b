"""A net too large for the machine is one line that says which batch would fit."""

from __future__ import annotations

import weakref

import pytest

pytest.importorskip("torch")

import torch

import ftcaffe.engine as caffe
from ftcaffe.engine import fillers, memory
from ftcaffe.engine.blob import Blob
from ftcaffe.errors import Error

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 100 dim: 1000 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 500 } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 100 } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
PARAMETERS, ACTIVATIONS = 4 * (1000 * 500 + 500), 4 * (100 * (1000 + 500 + 1) + 1)


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    return caffe.Net(str(tmp_path / "net.prototxt"), caffe.TRAIN)


def holding(monkeypatch, count):
    monkeypatch.setattr(memory, "capacity", lambda: count)


def test_what_fits_runs(net, monkeypatch):
    holding(monkeypatch, 2 * (PARAMETERS + ACTIVATIONS))
    net.forward()


def test_what_does_not_fit_says_which_batch_would(net, monkeypatch):
    holding(monkeypatch, 2 * (PARAMETERS + ACTIVATIONS) - 1)
    with pytest.raises(
        Error, match=r"net\.prototxt: out of memory: .* a batch of (\d+) instead of 100 would fit"
    ) as found:
        net.forward()
    batch = int(str(found.value).split("a batch of ")[1].split()[0])
    net.blobs["data"].reshape(batch, 1000)
    net.blobs["label"].reshape(batch)
    net.reshape()
    net.forward()


DEEP = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1000 } } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" param { name: "w" } param { name: "b" }
  inner_product_param { num_output: 1000 weight_filler { type: "constant" } } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" param { name: "w" } param { name: "b" }
  inner_product_param { num_output: 1000 weight_filler { type: "constant" } } }
layer { name: "c" type: "InnerProduct" bottom: "b" top: "c"
  inner_product_param { num_output: 1000 bias_term: false weight_filler { type: "xavier" } } }
"""
SHARED, LAST = 4 * (1000 * 1000 + 1000), 4 * 1000 * 1000


def test_parameters_that_fit_together_while_they_are_filled_are_filled(tmp_path, monkeypatch):
    (tmp_path / "net.prototxt").write_text(DEEP)
    holding(monkeypatch, SHARED + 2 * LAST)
    assert caffe.Net(str(tmp_path / "net.prototxt"), caffe.TEST).params["c"][0].data.any()


def test_parameters_that_do_not_fit_together_are_an_error_before_the_last_is_filled(tmp_path, monkeypatch):
    (tmp_path / "net.prototxt").write_text(DEEP)
    holding(monkeypatch, SHARED + 2 * LAST - 1)
    filled = []
    monkeypatch.setattr(fillers, "fill", lambda blob, message: filled.append(message.type))
    with pytest.raises(
        Error,
        match=r"net\.prototxt: layer 'c' \(InnerProduct\): out of memory: to fill a parameter of shape "
        r"\(1000, 1000\) takes 0\.0 GB, those before it leave 0\.0 GB; make the net smaller",
    ):
        caffe.Net(str(tmp_path / "net.prototxt"), caffe.TEST)
    assert filled == ["constant"] * 4


@pytest.mark.parametrize("message", ["[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to", None])
def test_an_allocation_that_fails_is_explained(net, monkeypatch, message):
    holding(monkeypatch, 10 * (PARAMETERS + ACTIVATIONS))

    def fail(*_):
        raise RuntimeError(message or "something else")

    monkeypatch.setattr(net.layers[1], "forward", fail)
    with pytest.raises(Error if message else RuntimeError, match="out of memory" if message else "something else"):
        net.forward()


def test_capacity_is_that_of_the_machine():
    assert 2**28 < memory.capacity() < 2**50


def test_values_about_to_be_replaced_give_their_memory_back():
    blob = Blob((2, 3))
    fresh = torch.ones(2, 3)
    old = weakref.ref(fresh)
    blob.values.replace(fresh)
    del fresh
    blob.values.release()
    assert old() is None


def test_an_array_that_a_user_holds_outlives_the_release():
    blob = Blob((2, 3))
    blob.data[...], blob.diff[...] = 1, 2
    data, diff = blob.data, blob.diff
    blob.values.release()
    blob.gradient.release()
    assert (blob.data == 1).all()
    assert (blob.diff == 2).all()
    assert blob.data.ctypes.data == data.ctypes.data
    assert blob.diff.ctypes.data == diff.ctypes.data


def test_a_result_is_written_where_the_last_one_lay():
    blob = Blob((2, 3, 4, 5))
    first = blob.values.room(torch.channels_last)
    blob.values.replace(first)
    blob.values.release()
    assert blob.values.room(torch.channels_last) is first
    assert blob.values.room().data_ptr() != first.data_ptr()  # of another layout


def test_what_another_holds_is_not_written_over():
    blob = Blob((2, 3))
    blob.values.replace(torch.ones(2, 3))
    held = blob.values.lend()
    blob.values.room().fill_(2)
    assert (held == 1).all()
    array = blob.data
    blob.values.room().fill_(3)
    assert (array != 3).all()


def test_a_gradient_that_another_holds_is_not_written_over():
    blob = Blob((2, 3))
    blob.gradient.replace(blob.gradient.room().fill_(1))
    held = blob.gradient.lend()
    blob.gradient.clear()
    assert (blob.gradient.tensor == 0).all()
    blob.gradient.room().fill_(2)
    assert (held == 1).all()


def test_a_rectified_result_lies_where_the_last_one_lay(net):
    net._forward(0, 4)
    first = net.blobs["ip"].values.tensor
    net._forward(0, 4)
    assert net.blobs["ip"].values.tensor is first


FROZEN = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip" inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@pytest.mark.parametrize("forced", [False, True])
def test_a_layer_that_sends_nothing_down_keeps_nothing_for_it(tmp_path, forced):
    (tmp_path / "net.prototxt").write_text(FROZEN + "force_backward: true" * forced)
    net = caffe.Net(str(tmp_path / "net.prototxt"), caffe.TRAIN)
    net.forward()
    net.backward()
    kept = [value for value in vars(net.layers[2]).values() if torch.is_tensor(value)]
    assert [value.dtype for value in kept] == [torch.int16] * forced
