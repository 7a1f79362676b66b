"""Nets of regions against the same nets patch by patch, on either engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
from google.protobuf import text_format
from parity import oracle

from evaluation.segmenting.dense import Convolutional, deviation, patchwise
from ftcaffe import engine
from ftcaffe.errors import Error
from ftcaffe.nets import alexnet
from ftcaffe.nets.dense import dense
from ftcaffe.nets.preprocessing import Preprocessing
from ftcaffe.proto import caffe_pb2, to_text
from ftcaffe.store.regions import Region, margin, surrounded
from ftcaffe.store.window import enlarged

UNPADDED = """
    name: "unpadded"
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 61 dim: 61 } } }
    layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
            convolution_param { num_output: 8 kernel_size: 5 stride: 4 } }
    layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
    layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1"
            lrn_param { local_size: 5 alpha: 1e-4 beta: 0.75 } }
    layer { name: "pool1" type: "Pooling" bottom: "norm1" top: "pool1"
            pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
    layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
            convolution_param { num_output: 12 kernel_size: 2 dilation: 2 group: 2 } }
    layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2"
            pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
    layer { name: "fc1" type: "InnerProduct" bottom: "pool2" top: "fc1" inner_product_param { num_output: 16 } }
    layer { name: "sigmoid" type: "Sigmoid" bottom: "fc1" top: "fc1" }
    layer { name: "drop" type: "Dropout" bottom: "fc1" top: "fc1" }
    layer { name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2" inner_product_param { num_output: 3 } }
    layer { name: "prob" type: "Softmax" bottom: "fc2" top: "prob" }
"""
PLAIN = Preprocessing(np.full((3, 1, 1), 120, np.float32), 1.0)


def _message(text: str = UNPADDED):
    return text_format.Parse(text, caffe_pb2.NetParameter())


def _trained(message, path: Path):
    """A net with weights by which every layer keeps the signal's strength and the classes differ."""
    path.write_text(to_text(message), encoding="utf-8")
    net = engine.Net(str(path), engine.TEST)
    rng = np.random.default_rng(5)
    for number, blobs in enumerate(net.params.values()):
        weight = blobs[0].data
        scale = np.sqrt(2 / np.prod(weight.shape[1:])) / (60 if number == 0 else 1)
        weight[...] = scale * rng.standard_normal(weight.shape)
        blobs[1].data[...] = 0.1 * rng.standard_normal(blobs[1].shape)
    return net


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    """Smooth structure of every grey."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(2).standard_normal((64, 90)), 1.5)
    return np.rint(np.interp(noise, (noise.min(), noise.max()), (0, 255))).astype(np.uint8)


def _region(frame: np.ndarray, y: int, x: int, height: int, width: int, side: float) -> Region:
    around = margin(side)
    return Region("a", "1", "1", "test", x, y, surrounded(frame, x, y, width, height, around), around, 0.06)


@pytest.mark.parametrize(("factor", "shifts"), [(8, 2), (4, 4), (2, 8), (1, 16), (3, 16), (12, 4), (16, 1)])
def test_a_net_without_padding_agrees_with_its_patches(tmp_path, frame, factor, shifts):
    """Shared, shifted at one or more layers, a step that is left for the first inner product; the frame's corner."""
    path, side = tmp_path / "deploy.prototxt", 61 / factor
    net = _trained(_message(), path)
    region = _region(frame, 0, 71, 9, 19, side)
    convolutional = Convolutional(engine, path, net, PLAIN, side)
    assert convolutional.dense.shifts == shifts
    expected = patchwise(net, PLAIN, region, side)
    assert expected.std(axis=(1, 2)).min() > 1e-3
    np.testing.assert_allclose(convolutional(region), expected, atol=1e-5)


def test_one_net_takes_regions_of_every_size(tmp_path, frame):
    path = tmp_path / "deploy.prototxt"
    net = _trained(_message(), path)
    convolutional = Convolutional(engine, path, net, PLAIN, 61 / 8)
    for place in ((20, 30, 4, 6), (10, 5, 7, 11), (0, 0, 1, 1)):
        region = _region(frame, *place, 61 / 8)
        found = convolutional(region)
        assert found.shape == (3, *place[2:])
        np.testing.assert_allclose(found, patchwise(net, PLAIN, region, 61 / 8), atol=1e-5)


def test_deviation_is_seen_at_pixels_all_over_the_region(tmp_path, frame):
    path, region = tmp_path / "deploy.prototxt", _region(frame, 20, 30, 12, 20, 61 / 8)
    net = _trained(_message(), path)
    maps = Convolutional(engine, path, net, PLAIN, 61 / 8)(region)
    same = deviation(maps, net, PLAIN, region, 61 / 8)
    assert (same.mean, same.most) == pytest.approx((0, 0), abs=1e-5)
    assert same.pixels == 64
    maps[1] += 0.3
    other = deviation(maps, net, PLAIN, region, 61 / 8, pixels=10_000)
    assert (other.mean, other.most, other.pixels) == pytest.approx((0.1, 0.3, 240), abs=1e-5)
    maps[:, -1, -1] += 9
    assert deviation(maps, net, PLAIN, region, 61 / 8).most > 8


def test_alexnets_padding_makes_both_ways_differ(tmp_path, frame):
    """And by no more than that: its maps are probabilities still."""
    path, region = tmp_path / "deploy.prototxt", _region(frame, 20, 30, 6, 8, 33.5)
    net = _trained(alexnet.deploy("cimt", 3, "tiny"), path)
    one = Convolutional(engine, path, net, PLAIN, 33.5)(region)
    other = patchwise(net, PLAIN, region, 33.5)
    np.testing.assert_allclose(one.sum(axis=0), 1, atol=1e-5)
    assert 1e-3 < np.abs(one - other).max() < 0.9


def test_alexnets_first_layers_are_computed_once():
    """At eight samples a pixel only pool2 and pool5 are shifted, and fc8 has a place for each pixel."""
    made = dense(alexnet.deploy("cimt", 3), 8, 60, 92)
    assert [(stage.blob, stage.shifts) for stage in made.stages] == [("pool2_shift", 2), ("pool5_shift", 2)]
    assert made.inputs(60, 92) == {
        "data": (1, 3, 8 * 59 + 227, 8 * 91 + 227),
        "pool2_shift": (1, 1, 85, 117),
        "pool5_shift": (1, 1, 41, 57),
    }


def test_a_mean_image_has_no_place_in_a_region(tmp_path, frame):
    """Unless it is the same everywhere."""
    path, region = tmp_path / "deploy.prototxt", _region(frame, 20, 30, 4, 4, 61 / 8)
    net = _trained(_message(), path)
    even = np.full((3, 61, 61), 120, np.float32)
    one, other = (
        Convolutional(engine, path, net, mean, 61 / 8)(region) for mean in (Preprocessing(even, 1.0), PLAIN)
    )
    np.testing.assert_array_equal(one, other)
    even[0, 30, 30] += 1
    with pytest.raises(Error, match=r"deploy.prototxt: subtracts a mean image, .* \(--mean B,G,R\)"):
        Convolutional(engine, path, net, Preprocessing(even, 1.0), 61 / 8)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kernel_size: 3 stride: 2", "kernel_size: 2 stride: 2", "layer 'pool1': its last window hangs over"),
        ("local_size: 5", "norm_region: WITHIN_CHANNEL local_size: 5", "layer 'norm1': a LRN layer is not the same"),
        ('type: "Sigmoid"', 'type: "MVN"', "layer 'sigmoid': a MVN layer is not the same"),
        ("kernel_size: 5 stride: 4", "kernel_h: 5 kernel_w: 3 stride: 4", "layer 'conv1': .* not the same for both"),
        ('bottom: "fc1" top: "fc2"', 'bottom: "conv1" top: "fc2"', "layer 'fc2': does not stand on 'fc1' alone"),
        ("num_output: 16", "num_output: 16 transpose: true", "layer 'fc1': only an inner product along axis 1"),
    ],
)
def test_layers_that_a_region_cannot_be_passed_through(old, new, message):
    with pytest.raises(Error, match=message):
        dense(_message(UNPADDED.replace(old, new, 1)), 8, 4, 4)


def test_a_net_that_does_not_end_in_one_output():
    message = _message()
    del message.layer[-5:]
    with pytest.raises(Error, match="2 × 2 outputs in net 'unpadded', not one"):
        dense(message, 8, 4, 4)


def test_a_window_that_is_enlarged_by_no_whole_factor(tmp_path, frame):
    path = tmp_path / "deploy.prototxt"
    net = _trained(_message(), path)
    with pytest.raises(Error, match=r"enlarged 7.625 times to the net's 61, no whole number; take 7.625 pixels"):
        Convolutional(engine, path, net, PLAIN, 8)
    assert patchwise(net, PLAIN, _region(frame, 3, 4, 2, 5, 8), 8).shape == (3, 2, 5)


ORIGINAL = """
import json, sys
import numpy as np
import caffe
patches = caffe.Net("deploy.prototxt", caffe.TEST, weights="net.caffemodel")
regions = caffe.Net("deploy_dense.prototxt", caffe.TEST)
for name, into in json.load(open("layers.json")).items():
    for blob, other in zip(patches.params.get(name, []), regions.params.get(into, [])):
        other.data[...] = blob.data.reshape(other.data.shape)
regions.blobs["data"].data[...] = np.load("data.npy")
np.save("prob.npy", regions.forward()["prob"])
"""


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "factor"), [("unpadded", 8), ("tiny", 2)])
def test_bvlc_caffe_computes_the_same_maps(tmp_path, frame, name, factor):
    message = _message() if name == "unpadded" else alexnet.deploy("cimt", 3, "tiny", 1)
    path = tmp_path / "deploy.prototxt"
    net = _trained(message, path)
    size = message.layer[0].input_param.shape[0].dim[2]
    region = _region(frame, 20, 30, 5, 9, size / factor)
    made = dense(message, factor, *region.shape)
    sides = [made.whole(side) for side in region.shape]
    whole = enlarged(region.frame, region.margin, region.margin, *sides, size / factor, size)
    with oracle.shared() as where:
        (where / "deploy.prototxt").write_text(to_text(message))
        (where / "deploy_dense.prototxt").write_text(to_text(made.net))
        (where / "layers.json").write_text(json.dumps(made.layers))
        net.save(str(where / "net.caffemodel"))
        np.save(where / "data.npy", np.broadcast_to(PLAIN(whole), made.inputs(*sides)["data"]))
        oracle.run(where, "python3", "-c", ORIGINAL)
        theirs = made.stitch(np.load(where / "prob.npy"), *region.shape)
    ours = Convolutional(engine, path, net, PLAIN, size / factor)(region)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
