"""Recurrent layers: weights that go to Caffe and back, PyTorch's LSTM as another reference, one-line errors."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from parity import nets, oracle

import ftcaffe.engine as caffe
from ftcaffe.errors import Error

STEPS, STREAMS, INPUTS, HIDDEN = 5, 3, 4, 6
PARAMETER = f'recurrent_param {{ num_output: {HIDDEN} weight_filler {{ type: "uniform" min: -1 max: 1 }} }}'


def text(kind="LSTM", inputs=f"x: {STEPS} {STREAMS} {INPUTS}, cont: {STEPS} {STREAMS}", bottoms="x cont", tops="y"):
    return nets.net(inputs, nets.one(kind, PARAMETER, bottoms, tops))


@pytest.fixture
def build(tmp_path):
    def build(*given, **named):
        path = tmp_path / "net.prototxt"
        path.write_text(text(*given, **named))
        return caffe.Net(str(path), caffe.TRAIN)

    return build


def test_lstm_equals_pytorchs(build):
    """PyTorch orders the gates i, f, g, o; Caffe i, f, o, g."""
    net = build()
    order = np.r_[0 : 2 * HIDDEN, 3 * HIDDEN : 4 * HIDDEN, 2 * HIDDEN : 3 * HIDDEN]
    weight, bias, recurrent = (torch.tensor(blob.data[order]) for blob in net.params["l"])
    lstm = torch.nn.LSTM(INPUTS, HIDDEN)
    lstm.load_state_dict(
        {
            "weight_ih_l0": weight,
            "weight_hh_l0": recurrent,
            "bias_ih_l0": bias,
            "bias_hh_l0": torch.zeros_like(bias),
        }
    )
    rng = np.random.RandomState(0)
    x = rng.standard_normal((STEPS, STREAMS, INPUTS)).astype(np.float32)
    above = rng.standard_normal((STEPS, STREAMS, HIDDEN)).astype(np.float32)
    net.blobs["cont"].data[1:] = 1
    net.blobs["x"].data[...] = x
    net.forward()
    net.blobs["y"].diff[...] = above
    net.backward()
    given = torch.tensor(x, requires_grad=True)
    output, _ = lstm(given)
    output.backward(torch.tensor(above))
    np.testing.assert_allclose(net.blobs["y"].data, output.detach(), atol=1e-6)
    np.testing.assert_allclose(net.blobs["x"].diff, given.grad, atol=1e-5)
    for blob, gradient in zip(
        net.params["l"], (lstm.weight_ih_l0.grad, lstm.bias_ih_l0.grad, lstm.weight_hh_l0.grad), strict=True
    ):
        np.testing.assert_allclose(blob.diff[order], gradient, atol=1e-5)


def test_a_sequence_in_parts_is_the_sequence(build):
    """The state at the end of a forward pass is the next one's first, where cont goes on."""
    whole = build(inputs=f"x: {2 * STEPS} {STREAMS} {INPUTS}, cont: {2 * STEPS} {STREAMS}")
    parts = build()
    for blob, source in zip(parts.params["l"], whole.params["l"], strict=True):
        blob.data[...] = source.data
    x = np.random.RandomState(0).standard_normal(whole.blobs["x"].data.shape)
    whole.blobs["cont"].data[1:] = 1
    whole.blobs["x"].data[...] = x
    expected = whole.forward()["y"]
    for half in range(2):
        parts.blobs["cont"].data[...] = 1
        parts.blobs["cont"].data[0] = half
        parts.blobs["x"].data[...] = x[half * STEPS : (half + 1) * STEPS]
        found = parts.forward()["y"]
        np.testing.assert_allclose(found, expected[half * STEPS : (half + 1) * STEPS], atol=1e-6)


SCRIPT = """
import sys
import numpy as np
import caffe

net = caffe.Net("net.prototxt", "from.caffemodel", caffe.TEST)
rng = np.random.RandomState(0)
for name in sorted(net.inputs):
    net.blobs[name].data[...] = rng.uniform(0, 1, net.blobs[name].data.shape).round(name == "x" and 3 or 0)
found = [net.forward()["y"].copy() for _ in range(2)]
np.save("out.npy", np.stack(found))
net.save("back.caffemodel")
"""


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
@pytest.mark.parametrize("static", [False, True])
def test_weights_go_to_caffe_and_back(kind, static):
    inputs = f"x: {STEPS} {STREAMS} {INPUTS}, cont: {STEPS} {STREAMS}" + f", s: {STREAMS} 2" * static
    with oracle.shared() as folder:
        (folder / "net.prototxt").write_text(text(kind, inputs, "x cont" + " s" * static))
        (folder / "program.py").write_text(SCRIPT)
        net = caffe.Net(str(folder / "net.prototxt"), caffe.TEST)
        net.save(str(folder / "from.caffemodel"))
        oracle.run(folder, "python3", "program.py")
        theirs = np.load(folder / "out.npy")
        back = caffe.Net(str(folder / "net.prototxt"), str(folder / "back.caffemodel"), caffe.TEST)
        rng = np.random.RandomState(0)
        for name in sorted(back.inputs):
            shape = back.blobs[name].data.shape
            back.blobs[name].data[...] = rng.uniform(0, 1, shape).round(3 if name == "x" else 0)
        for expected in theirs:
            np.testing.assert_allclose(back.forward()["y"], expected, atol=1e-6)
        for blob, source in zip(back.params["l"], net.params["l"], strict=True):
            np.testing.assert_array_equal(blob.data, source.data)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"inputs": "x: 5 3, cont: 5 3"}, "x has shape (5, 3), and is steps × streams × values"),
        ({"inputs": "x: 5 3 4, cont: 3 5"}, "cont has shape (3, 5), x needs (5, 3)"),
        ({"inputs": "x: 5 3 4, cont: 5 3, s: 2 6", "bottoms": "x cont s"}, "x_static has shape (2, 6), not 3 × 6"),
        ({"inputs": "x: 5 3 4, cont: 5 3, s: 3", "bottoms": "x cont s"}, "x_static has shape (3,)"),
        ({"tops": "y h c"}, "has 3 tops, not 1"),
        ({"bottoms": "x"}, "has 1 bottoms, and takes 2 to 5"),
        ({"inputs": "x: 5 3 4, cont: 5 3, h: 3 6, c: 3 6", "bottoms": "x cont h c"}, "has 4 bottoms, and takes 2"),
        ({"kind": "RNN", "tops": "y h"}, "has 2 tops, not 1"),
        (
            {"kind": "LSTMUnit", "inputs": "c: 1 3 4, x: 1 3 8, cont: 1 3", "bottoms": "c x cont", "tops": "d h"},
            "1×N×4H",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(given, says, build):
    with pytest.raises(Error) as caught:
        build(**given)
    assert says in str(caught.value)
    assert "layer 'l'" in str(caught.value)


def test_steps_are_fixed(build):
    net = build()
    net.blobs["x"].reshape(STEPS + 1, STREAMS, INPUTS)
    with pytest.raises(Error, match="made for 5 steps, x has shape"):
        net.reshape()


def test_exposed_state_of_another_shape_is_one_line(tmp_path):
    path = tmp_path / "net.prototxt"
    layer = nets.one("RNN", "recurrent_param { num_output: 6 expose_hidden: true }", "x cont h", "y hT")
    path.write_text(nets.net("x: 5 3 4, cont: 5 3, h: 3 6", layer))
    with pytest.raises(Error, match=r"a state has shape \(3, 6\), not \(1, 3, 6\)"):
        caffe.Net(str(path), caffe.TRAIN)


def test_there_is_no_gradient_of_cont(tmp_path):
    path = tmp_path / "net.prototxt"
    learned = nets.one("InnerProduct", "inner_product_param { num_output: 3 }", "z", "cont", name="m")
    path.write_text(nets.net("x: 5 3 4, z: 5 2", learned + nets.one("LSTM", PARAMETER, "x cont", "y"), force=False))
    net = caffe.Net(str(path), caffe.TRAIN)
    net.forward()
    with pytest.raises(Error, match="cannot send a gradient to 'cont'"):
        net.layers[-1].backward([net.blobs["y"]], [True, True], [net.blobs["x"], net.blobs["cont"]])
