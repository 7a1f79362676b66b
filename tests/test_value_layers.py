"""Layers value by value and normalisation: memory layouts, what is lent, reshaping on the fly, one-line errors."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from parity.nets import net, one

import ftcaffe.engine as caffe
from ftcaffe.engine.layers import channels
from ftcaffe.errors import Error

FORMS = {
    "relu": ("ReLU", "", 1),
    "relu-slope": ("ReLU", "relu_param { negative_slope: 0.1 }", 1),
    "prelu": ("PReLU", "", 1),
    "elu": ("ELU", "", 1),
    "dropout": ("Dropout", "", 1),
    "sum": ("Eltwise", "", 2),
    "max": ("Eltwise", "eltwise_param { operation: MAX }", 2),
    "product": ("Eltwise", "eltwise_param { operation: PROD }", 2),
    "scale": ("Scale", "scale_param { bias_term: true }", 1),
    "scale-rows": ("Scale", "scale_param { axis: 2 num_axes: 2 bias_term: true }", 1),
    "scale-whole": ("Scale", "scale_param { axis: 0 }", 2),
    "bias": ("Bias", "", 1),
    "batch-norm": ("BatchNorm", "", 1),
    "batch-norm-running": ("BatchNorm", "batch_norm_param { use_global_stats: true }", 1),
    "mvn": ("MVN", "", 1),
    "lrn": ("LRN", "", 1),
    "lrn-within": ("LRN", "lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }", 1),
}


@pytest.fixture
def build(tmp_path):
    def build(inputs, layers):
        path = tmp_path / "net.prototxt"
        path.write_text(net(inputs, layers))
        return caffe.Net(str(path), caffe.TRAIN)

    return build


def filled(built, rng):
    """A net's parameters and inputs set to positive numbers."""
    for blobs in built.params.values():
        for blob in blobs:
            blob.data[...] = rng.uniform(0.5, 1.5, blob.data.shape)
    for name in built.inputs:
        built.blobs[name].data[...] = rng.standard_normal(built.blobs[name].data.shape)
    return built


def passed(built, layouts):
    """Values and gradients after a pass through the last layer, its bottoms and its top's gradient laid out so."""
    caffe.set_random_seed(5)
    rng = np.random.RandomState(3)
    node = built._nodes[-1]
    for bottom in node.bottoms:
        given = torch.from_numpy(rng.standard_normal(bottom.shape).astype(np.float32))
        bottom.values._host = None
        bottom.values.replace(given.contiguous(memory_format=layouts[0]))
    node.layer.forward(node.bottoms, node.tops)
    above = torch.from_numpy(rng.standard_normal(node.tops[0].shape).astype(np.float32))
    node.tops[0].gradient.replace(above.contiguous(memory_format=layouts[1]))
    node.layer.backward(node.tops, [True] * len(node.bottoms), node.bottoms)
    found = [node.tops[0].data.copy(), *(bottom.diff.copy() for bottom in node.bottoms)]
    return [*found, *(blob.diff.copy() for blob in node.layer.blobs)]


@pytest.mark.parametrize("top", ["y", "x"])
@pytest.mark.parametrize("form", FORMS)
def test_every_memory_layout_gives_the_same(form, top, build):
    kind, parameter, count = FORMS[form]
    if top == "x" and form in ("lrn", "scale-whole"):
        pytest.skip("not in place")
    plain, last = torch.contiguous_format, torch.channels_last
    results = []
    for layouts in ((plain, plain), (last, last), (plain, last), (last, plain)):
        bottoms = "x z" if count == 2 else "x"
        built = build(", ".join(f"{name}: 3 4 5 6" for name in bottoms.split()), one(kind, parameter, bottoms, top))
        results.append(passed(filled(built, np.random.RandomState(1)), layouts))
    for other in results[1:]:
        for array, expected in zip(other, results[0], strict=True):
            np.testing.assert_allclose(array, expected, atol=2e-6 * np.abs(expected).max())


def test_channel_sums_of_many_rows_keep_six_digits():
    rng = np.random.RandomState(0)
    left, right = (torch.from_numpy(rng.standard_normal((8, 4, 60, 60)).astype(np.float32) + 1) for _ in range(2))
    expected = (left.double() * right.double()).sum((0, 2, 3)), left.double().sum((0, 2, 3))
    for layout in (torch.contiguous_format, torch.channels_last):
        found = channels.products(left.contiguous(memory_format=layout), right.contiguous(memory_format=layout))
        for sums, exact in zip(found, expected, strict=True):
            np.testing.assert_allclose(sums, exact, rtol=2e-6)


def test_gradients_of_a_sum_are_arrays_apart(build):
    """They are one tensor until someone looks."""
    built = build("x: 2 3, z: 2 3", one("Eltwise", "", "x z"))
    built.forward()
    built.backward(y=np.ones((2, 3), np.float32))
    built.blobs["x"].diff[...] = 7
    np.testing.assert_array_equal(built.blobs["z"].diff, np.ones((2, 3)))
    np.testing.assert_array_equal(built.blobs["y"].diff, np.ones((2, 3)))


@pytest.mark.parametrize("kind", ["BatchNorm", "Scale", "PReLU"])
@pytest.mark.parametrize("looked", [False, True])
def test_what_is_written_over_a_layer_in_place_does_not_reach_its_backward(kind, looked, build):
    """A ReLU and a user who change the top afterwards; with and without an array of it that was taken before."""
    gradients = []
    for above in ("", one("ReLU", "", "i", "i", name="r")):
        built = build("x: 4 3 5", one("Power", "", "x", "i", name="p") + one(kind, "", "i", "i") + above)
        if looked:
            _ = built.blobs["i"].data
        filled(built, np.random.RandomState(1)).forward()
        if above:
            built.blobs["i"].data[...] = 9
        built.blobs["i"].diff[...] = np.random.RandomState(2).standard_normal((4, 3, 5))
        built.backward(start="l")
        gradients.append(built.blobs["x"].diff.copy())
    np.testing.assert_array_equal(gradients[1], gradients[0])


def test_batch_norm_learns_nothing_and_says_so_in_the_saved_net(build):
    built = build("x: 4 3 5", one("BatchNorm", ""))
    assert built.lr_mult == [0, 0, 0]
    assert [spec.lr_mult for spec in built.message.layer[-1].param] == [0, 0, 0]


@pytest.mark.parametrize("form", FORMS)
def test_another_batch_size_is_followed(form, build):
    kind, parameter, count = FORMS[form]
    if form == "scale-rows":
        pytest.skip("its parameter does not depend on the batch")
    bottoms = "x z" if count == 2 else "x"
    layers = one(kind, parameter, bottoms)
    grown = build(", ".join(f"{name}: 2 4 5 6" for name in bottoms.split()), layers)
    made = build(", ".join(f"{name}: 3 4 5 6" for name in bottoms.split()), layers)
    for built in (grown, made):
        built.forward()
        for name in bottoms.split():
            built.blobs[name].reshape(3, 4, 5, 6)
        caffe.set_random_seed(5)
        filled(built, np.random.RandomState(1)).forward()
        built.blobs["y"].diff[...] = np.random.RandomState(2).standard_normal((3, 4, 5, 6))
        built.backward()
    np.testing.assert_array_equal(grown.blobs["y"].data, made.blobs["y"].data)
    np.testing.assert_array_equal(grown.blobs["x"].diff, made.blobs["x"].diff)


@pytest.mark.parametrize(
    ("kind", "parameter", "inputs", "says"),
    [
        ("AbsVal", "in place", "x: 2 3", "cannot work in place; give the top another name"),
        ("PReLU", "", "x: 3", "two axes or more are needed, the bottom has shape (3,)"),
        ("Exp", "exp_param { base: 0 }", "x: 3", "base 0 is neither positive nor −1, which stands for e"),
        ("Log", "log_param { base: -2 }", "x: 3", "base -2 is neither positive nor −1, which stands for e"),
        ("Log", "log_param { base: 1 }", "x: 3", "base 1 has no logarithms"),
        ("Dropout", "dropout_param { dropout_ratio: 1 }", "x: 3", "dropout_ratio 1 is not at least 0 and below 1"),
        ("Eltwise", "", "x: 2 3", "has 1 bottoms, and takes 2 or more"),
        ("Eltwise", "", "x: 2 3, z: 3 2", "the bottoms' shapes (2, 3) and (3, 2) differ"),
        ("Eltwise", "eltwise_param { coeff: 1 }", "x: 2, z: 2", "coeff is given 1 times for 2 bottoms"),
        ("Eltwise", "eltwise_param { operation: PROD coeff: 1 coeff: 1 }", "x: 2, z: 2", "coeff is for SUM only"),
        ("Scale", "scale_param { axis: 2 }", "x: 2 3", "axis 2 of a blob of shape (2, 3)"),
        ("Scale", "scale_param { num_axes: 2 }", "x: 2 3", "num_axes 2 from axis 1 of a bottom of shape (2, 3)"),
        ("Bias", "bias_param { num_axes: -2 }", "x: 2 3", "num_axes -2 from axis 1 of a bottom of shape (2, 3)"),
        ("Scale", "", "x: 2 3 4, z: 4", "the operand's shape (4,) is not that of (2, 3, 4) from axis 1 on"),
        ("Bias", "", "x: 2 3, z: 3 4", "the operand's shape (3, 4) is not that of (2, 3) from axis 1 on"),
        ("LRN", "lrn_param { local_size: 4 }", "x: 2 3 4 5", "local_size 4 is not odd"),
        ("LRN", "", "x: 2 3", "four axes are needed, the bottom has shape (2, 3)"),
        ("LRN", "in place", "x: 2 3 4 5", "cannot work in place across channels; give the top another name"),
        ("MVN", "", "x: 2 3 4 5 6", "at most four axes are possible, the bottom has shape (2, 3, 4, 5, 6)"),
        ("BatchNorm", "", "x: 3", "two axes or more are needed, the bottom has shape (3,)"),
        ("BatchNorm", "param { lr_mult: 1 }", "x: 2 3", "its parameters are statistics, which a solver cannot learn"),
    ],
)
def test_faults_name_the_layer_and_what_is_wrong(kind, parameter, inputs, says, build):
    bottoms = " ".join(given.split(":")[0] for given in inputs.split(", "))
    top = "x" if parameter == "in place" else "y"
    with pytest.raises(Error) as caught:
        build(inputs, one(kind, "" if top == "x" else parameter, bottoms, top))
    assert f"layer 'l' ({kind}): {says}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bias_does_not_follow_a_scale_that_changes_its_shape(build):
    built = build("x: 2 3 4, z: 4", one("Scale", "scale_param { axis: 2 bias_term: true }", "x z"))
    built.blobs["x"].reshape(2, 3, 5)
    built.blobs["z"].reshape(5)
    with pytest.raises(Error, match=r"layer 'l' \(Scale\): the bias has shape \(4,\), and the second bottom \(5,\)"):
        built.forward()


@pytest.mark.parametrize(
    ("kind", "says"), [("BatchNorm", "made for 3 channels"), ("PReLU", "made for 3 channels"), ("Scale", "(3,)")]
)
def test_channels_that_change_on_the_fly_are_an_error(kind, says, build):
    built = build("x: 2 3", one(kind, ""))
    built.blobs["x"].reshape(2, 4)
    with pytest.raises(Error, match="layer 'l'") as caught:
        built.forward()
    assert says in str(caught.value)


def test_threshold_has_no_gradient(build):
    built = build("x: 2 3", one("Threshold", ""))
    built.forward()
    with pytest.raises(Error, match="has no gradient"):
        built.backward()
