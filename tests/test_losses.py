"""Losses: a second top that Caffe itself cannot give, gradients that nothing asks for, one-line errors."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from parity.nets import net, one

import ftcaffe.engine as caffe
from ftcaffe.errors import Error


@pytest.fixture
def build(tmp_path):
    def build(inputs, layers, **more):
        path = tmp_path / "net.prototxt"
        path.write_text(net(inputs, layers, **more))
        return caffe.Net(str(path), caffe.TRAIN)

    return build


def test_the_second_top_of_softmax_with_loss_is_the_softmax(build):
    """BVLC Caffe 1.0 stops at two tops: it hands both weights on to a Softmax of one top."""
    layers = one("Softmax", "", "x", "p", name="m") + one(
        "SoftmaxWithLoss", "loss_weight: 1 loss_weight: 0", "x label", "y q"
    )
    built = build("x: 5 4 2, label: 5 2", layers)
    built.blobs["x"].data[...] = np.random.RandomState(0).standard_normal((5, 4, 2))
    built.forward()
    np.testing.assert_array_equal(built.blobs["q"].data, built.blobs["p"].data)
    built.backward()
    expected = built.blobs["p"].data / 10
    expected[:, 0] -= 1 / 10
    np.testing.assert_allclose(built.blobs["x"].diff, expected, atol=1e-7)


def test_hinge_margins_stand_in_the_bottoms_gradient(build):
    built = build("x: 2 3, label: 2", one("HingeLoss", "", "x label"))
    built.blobs["x"].data[...] = [[0.5, 0.25, -2], [0, 3, 1]]
    built.forward()
    np.testing.assert_array_equal(built.blobs["x"].diff, [[0.5, 1.25, 0], [1, 4, 2]])


def test_a_loss_above_nothing_that_learns_is_computed_and_needs_no_backward(build):
    built = build("x: 2 3, t: 2 3", one("EuclideanLoss", "", "x t"), force=False)
    built.blobs["x"].data[...] = 2
    assert built.forward()["y"] == 6
    built.backward()
    assert not built.blobs["x"].diff.any()


@pytest.mark.parametrize(
    ("kind", "parameter", "inputs", "tops", "says"),
    [
        ("SoftmaxWithLoss", "", "x: 3 4, l: 3", "y p", "loss_weight is needed for each of 2 tops"),
        ("SoftmaxWithLoss", "", "x: 3 4, l: 4", "y", "3 labels are needed for scores of shape (3, 4), not (4,)"),
        ("SoftmaxWithLoss", "", "x: 3 4 2, l: 6", "y", "shapes (3, 4, 2) and (6,) differ in their first axis"),
        ("SoftmaxWithLoss", "softmax_param { axis: 2 }", "x: 3 4, l: 3", "y", "axis 2 of a blob of shape (3, 4)"),
        ("InfogainLoss", "", "x: 3 4, l: 3", "y", "needs the matrix H"),
        ("InfogainLoss", "", "x: 3 4, l: 3, h: 1 1 2 4", "y", "H has shape (1, 1, 2, 4), and there are 4 classes"),
        ("InfogainLoss", "loss_param { normalize: true }", "x: 3 4, l: 3, h: 16", "y", "use 'normalization'"),
        ("InfogainLoss", 'infogain_loss_param { source: "no.binaryproto" }', "x: 3 4, l: 3", "y", "no.binaryproto"),
        ("MultinomialLogisticLoss", "", "x: 3 4, l: 3 2", "y", "labels of shape (3, 2): one is needed for each of 3"),
        ("HingeLoss", "", "x: 3 4, l: 4", "y", "shapes (3, 4) and (4,) differ in their first axis"),
        ("EuclideanLoss", "", "x: 3 4, t: 4 3", "y", "shapes (3, 4) and (4, 3) differ"),
        ("EuclideanLoss", "", "x: 3 4, t: 3 5", "y", "shapes (3, 4) and (3, 5) differ in size"),
        ("EuclideanLoss", "", "x:, t:", "y", "shapes () and (), and the first axis is the batch"),
        ("SigmoidCrossEntropyLoss", "", "x:, t:", "y", "shapes () and (), and the first axis is the batch"),
        ("SigmoidCrossEntropyLoss", "", "x: 3 4, t: 3 5", "y", "shapes (3, 4) and (3, 5) differ in size"),
        ("ContrastiveLoss", "", "x: 3 4, z: 3 5, s: 3", "y", "shapes (3, 4) and (3, 5) are not both N × channels"),
        ("ContrastiveLoss", "", "x: 3 4 2, z: 3 4 2, s: 3", "y", "are not both N × channels"),
        ("ContrastiveLoss", "", "x: 3 4, z: 3 4, s: 2", "y", "similarities of shape (2,) for 3 pairs"),
        ("ContrastiveLoss", "", "x: 3 4, z: 3 4", "y", "has 2 bottoms, and takes 3"),
        ("Accuracy", "accuracy_param { top_k: 5 }", "x: 3 4, l: 3", "y", "top_k 5 is more than the classes"),
        ("Accuracy", "", "x: 3 4, l: 6", "y", "3 labels are needed for scores of shape (3, 4), not (6,)"),
    ],
)
def test_what_does_not_fit_is_one_line(kind, parameter, inputs, tops, says, build):
    bottoms = " ".join(part.split(":")[0] for part in inputs.split(", "))
    with pytest.raises(Error) as caught:
        build(inputs, one(kind, parameter, bottoms, tops))
    assert says in str(caught.value)


@pytest.mark.parametrize("kind", ["SoftmaxWithLoss", "MultinomialLogisticLoss", "HingeLoss", "Accuracy"])
@pytest.mark.parametrize("label", [-1, 4])
def test_a_label_out_of_range_is_one_line(kind, label, build):
    built = build("x: 3 4, label: 3", one(kind, "", "x label"))
    built.blobs["label"].data[1] = label
    with pytest.raises(Error, match=f"a label is {label}, and the 4 classes have labels 0 to 3"):
        built.forward()


@pytest.mark.parametrize(
    "kind", ["SoftmaxWithLoss", "MultinomialLogisticLoss", "HingeLoss", "SigmoidCrossEntropyLoss"]
)
def test_there_is_no_gradient_of_labels(kind, build):
    """As Caffe, the net is built and stops at the backward; propagate_down lets it run."""
    learned = one("InnerProduct", "inner_product_param { num_output: 1 }", "z", "label", name="m")
    built = build("x: 3 1, z: 3 2", learned + one(kind, "", "x label"), force=False)
    built.forward()
    with pytest.raises(Error, match="cannot send a gradient to 'label'"):
        built.backward()
    spared = one(kind, "", "x label", extra="propagate_down: true propagate_down: false")
    built = build("x: 3 1, z: 3 2", learned + spared, force=False)
    built.forward()
    built.backward()
