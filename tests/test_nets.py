"""Tables I and II as prototxt: against the paper's numbers, the checked-in files and BVLC Caffe itself."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from parity import oracle

from ftcaffe.errors import Error
from ftcaffe.nets import alexnet, emit
from ftcaffe.nets.depths import DEPTHS, LAYERS, rates
from ftcaffe.nets.shapes import parameter_shapes
from ftcaffe.proto import caffe_pb2, to_text
from ftcaffe.store import atomic, datum, lmdb

ROOT = Path(__file__).parents[1]
SOURCE = alexnet.Source("train.lmdb", "val.lmdb", 4)


def _net(depth: str = "scratch", init: str = "gaussian", scale: str = "full", classes: int = 2):
    return alexnet.train_val("polyp", classes, SOURCE, rates(depth), init, scale)


def _parametrised(net) -> dict:
    return {layer.name: layer for layer in net.layer if layer.param}


def _output(size: int, layer) -> int:
    """Side of a layer's output: Caffe rounds down in a convolution and up in pooling."""
    if layer.type == "Convolution":
        parameter = layer.convolution_param
        pad, stride = sum(parameter.pad), sum(parameter.stride) or 1
        return (size + 2 * pad - parameter.kernel_size[0]) // stride + 1
    if layer.type == "Pooling":
        return -(-(size - layer.pooling_param.kernel_size) // layer.pooling_param.stride) + 1
    return size


@pytest.mark.parametrize(
    ("scale", "sides"),
    [("full", (55, 27, 27, 13, 13, 13, 13, 6)), ("tiny", (15, 7, 7, 3, 3, 3, 3, 1))],
)
def test_sides_of_feature_maps(scale, sides):
    size, seen = alexnet.INPUT_SIZE[scale], []
    for layer in _net(scale=scale).layer:
        if layer.type in ("Convolution", "Pooling"):
            size = _output(size, layer)
            seen.append(size)
    assert tuple(seen) == sides


def test_parameter_count_is_alexnets():
    """60,965,224 with a thousand classes: bvlc_alexnet's count."""
    shapes = parameter_shapes(_net(classes=1000), 3, 227)
    assert sum(math.prod(shape) for blobs in shapes.values() for shape in blobs) == 60_965_224


def test_normalisation_comes_before_pooling():
    kinds = [layer.type for layer in _net().layer if layer.type in ("LRN", "Pooling")]
    assert kinds == ["LRN", "Pooling", "LRN", "Pooling", "Pooling"]


@pytest.mark.parametrize("depth", DEPTHS)
def test_rates_are_those_of_table_2(depth):
    layers = _parametrised(_net(depth))
    first = "conv1" if depth == "scratch" else depth.split("-")[0]
    for name in LAYERS:
        weight, bias = layers["fc8_polyp" if name == "fc8" else name].param
        tuned = LAYERS.index(name) >= LAYERS.index(first)
        expected = 0.0 if not tuned else 0.01 if name == "fc8" and first.startswith("fc") else 0.001
        assert 0.001 * weight.lr_mult == pytest.approx(expected, rel=1e-6)
        assert bias.lr_mult == 2 * weight.lr_mult
        assert (weight.decay_mult, bias.decay_mult) == (float(tuned), 0.0)


@pytest.mark.parametrize("init", ["xavier", "msra"])
def test_other_initialisers_fill_every_layer_and_leave_biases_zero(init):
    for layer in _parametrised(_net(init=init)).values():
        parameter = layer.convolution_param if layer.type == "Convolution" else layer.inner_product_param
        assert (parameter.weight_filler.type, parameter.bias_filler.value) == (init, 0)


def test_tiny_has_the_layers_and_rates_of_full():
    full, tiny = (
        [(layer.name, layer.type, [p.lr_mult for p in layer.param]) for layer in _net("fc6-fc8", scale=scale).layer]
        for scale in ("full", "tiny")
    )
    assert full == tiny


def test_gaussian_deviations_keep_the_signal_of_the_full_net():
    """Deviation² × fan-in, by which a layer scales the variance of what passes, is the same at both scales."""
    signals = []
    for scale, size in alexnet.INPUT_SIZE.items():
        net = _net(scale=scale)
        fan_in = [math.prod(weights[1:]) for weights, _ in parameter_shapes(net, 3, size).values()]
        parameters = [
            layer.convolution_param if layer.type == "Convolution" else layer.inner_product_param
            for layer in _parametrised(net).values()
        ]
        signals.append([p.weight_filler.std**2 * n for p, n in zip(parameters, fan_in, strict=True)])
    assert signals[0] == pytest.approx(signals[1], rel=1e-6)


def test_deploy_shares_every_parametrised_layer():
    deploy = {layer.name for layer in alexnet.deploy("polyp", 2).layer}
    assert set(_parametrised(_net())) <= deploy


@pytest.mark.parametrize("call", [lambda: rates("fc9"), lambda: _net(init="zeros"), lambda: _net(scale="huge")])
def test_unknown_names_are_errors_that_list_the_known(call):
    with pytest.raises(Error, match="there are: "):
        call()


@pytest.mark.parametrize("application", emit.PAPER)
def test_checked_in_files_are_current(application):
    """`make nets` writes them."""
    emitted = emit.files(application, emit.PAPER[application], emit.Options())
    folders = (ROOT / "prototxt" / application, ROOT / "solvers" / application)
    present = {str(path.relative_to(ROOT)): path.read_text() for folder in folders for path in folder.iterdir()}
    assert present == emitted


def test_emitted_text_reads_back():
    from google.protobuf import text_format

    net = _net("conv3-fc8")
    assert text_format.Parse(to_text(net), caffe_pb2.NetParameter()) == net


LOAD = """
import os, sys
os.environ["GLOG_minloglevel"] = "2"
import caffe
for solver in sorted(os.listdir("solvers/" + sys.argv[1])):
    net = caffe.get_solver("solvers/%s/%s" % (sys.argv[1], solver)).net
    print(solver, *[",".join(map(str, blob.shape)) for blobs in net.params.values() for blob in blobs])
for name in sys.argv[2:]:
    caffe.Net("prototxt/%s/%s" % (sys.argv[1], name), caffe.TEST)
"""


@pytest.mark.oracle
@pytest.mark.parametrize("application", emit.PAPER)
def test_bvlc_caffe_loads_every_emitted_file(application):
    """Each solver with its net, from a working folder with two records and weights of no layers."""
    data = emit.PAPER[application]
    with oracle.shared() as where:
        emit.write(application, data, emit.Options(), where)
        pixels = np.zeros((3, 227, 227), np.uint8)
        for split in ("train", "val"):
            records = ((f"{i:08d}".encode(), datum.encode(pixels, i)) for i in range(2))
            lmdb.write(where / f"data/{application}/{split}.lmdb", records)
        atomic.write_bytes(where / emit.Options().weights, caffe_pb2.NetParameter(name="x").SerializeToString())
        deployed = [path.name for path in (where / "prototxt" / application).glob("deploy*")]
        told = oracle.run(where, "python3", "-c", LOAD, application, *deployed, "train_val_fc8.prototxt")
    net = alexnet.deploy(application, data.classes)
    shapes = [shape for blobs in parameter_shapes(net, 3, 227).values() for shape in blobs]
    expected = " ".join(",".join(map(str, shape)) for shape in shapes)
    assert told.splitlines() == [f"{name}.prototxt {expected}" for name in sorted(emit.variants())]
