"""The engine has every name that pycaffe has, with pycaffe's meaning where no program of `programs/` shows it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import running
from google.protobuf import text_format
from parity import oracle

pytest.importorskip("torch")

import ftcaffe.engine as caffe
from ftcaffe.engine import draw
from ftcaffe.errors import Error

NET = """
name: "face"
layer { name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: 2 dim: 3 dim: 1 dim: 2 } shape { dim: 2 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "zip" inner_product_param { num_output: 3 } }
layer { name: "aux" type: "InnerProduct" bottom: "zip" top: "aux" inner_product_param { num_output: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "zip" bottom: "label" top: "loss" }
layer { name: "relu" type: "ReLU" bottom: "aux" top: "aux" }
"""
SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" test_iter: 1 test_interval: 10 solver_mode: CPU'
SHOW = """
import json, caffe
from caffe import layers as L
caffe.set_mode_cpu()
net = caffe.Net("net.prototxt", caffe.TRAIN)
net.save("w")
solver = caffe.SGDSolver("solver.prototxt")
things = {
    "caffe": caffe, "net": net, "blob": net.blobs["data"], "layer": net.layers[1], "blobs": net.params["ip"],
    "layers": net.layers, "solver": solver, "param": solver.param, "timer": caffe.Timer, "io": caffe.io,
    "spec": caffe.NetSpec(), "top": L.ReLU(), "function": L.Silence(ntop=0), "net_spec": caffe.net_spec,
    "transformer": caffe.io.Transformer({"data": (1, 3, 4, 4)}),
    "classifier": caffe.Classifier("net.prototxt", "w"), "detector": caffe.Detector("net.prototxt", "w"),
    "message": caffe.proto.caffe_pb2, "params": net.params,
}
import caffe.coord_map
things["coord_map"] = caffe.coord_map
plain = set(dir(object)) | {"__dict__", "__module__", "__weakref__", "__instance_size__"}
print(json.dumps({
    "names": {key: sorted(set(dir(thing)) - plain) for key, thing in things.items()},
    "types": list(caffe.layer_type_list()),
    "net": [
        net.inputs, net.outputs, list(net._inputs), list(net._outputs), list(net._blob_names),
        list(net._layer_names), list(net._blob_loss_weights), list(net._bottom_ids(4)), list(net._top_ids(2)),
        [list(pair) for pair in net.top_names.items()], [list(pair) for pair in net.bottom_names.items()],
    ],
    "process": [caffe.solver_count(), caffe.solver_rank(), caffe.has_nccl(), caffe.Timer().ms, caffe.__version__],
}))
"""
# Names that are an accident of how the original is made: its imports, and helpers with leading underscores.
ACCIDENTS = {
    *("np", "os", "six", "caffe", "skimage", "zoom", "resize", "protobuf", "division", "L", "izip_longest"),
    *("OrderedDict", "Counter", "enum_type_wrapper", "_blobs_dict", "_params_dict"),
}


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return caffe.Net(str(path), caffe.TRAIN)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What SHOW prints under the original and under the engine."""
    with oracle.shared() as there:
        write(there)
        (there / "show.py").write_text(SHOW)
        theirs = json.loads(oracle.run(there, "python3", "show.py"))
    here = tmp_path_factory.mktemp("face")
    write(here)
    (here / "show.py").write_text(SHOW)
    return json.loads(running.engine(here, [["show.py"]])[0].stdout), theirs


def write(place: Path) -> None:
    (place / "net.prototxt").write_text(NET)
    (place / "solver.prototxt").write_text(SOLVER)


@pytest.mark.oracle
def test_every_name_of_the_originals_is_there(shown):
    ours, theirs = (one["names"] for one in shown)
    missing = {
        key: sorted(name for name in set(names) - set(ours[key]) - ACCIDENTS if not is_private(key, name))
        for key, names in theirs.items()
    }
    assert {key: names for key, names in missing.items() if names} == {}


def is_private(key, name):
    return name.startswith("_") and key not in ("caffe", "net", "blobs", "layers")


@pytest.mark.oracle
@pytest.mark.parametrize("what", ["types", "net", "process"])
def test_what_a_net_and_the_module_say_of_themselves(shown, what):
    ours, theirs = (one[what] for one in shown)
    assert ours == theirs


class TestNet:
    @pytest.mark.parametrize(
        ("call", "kind", "message"),
        [
            (
                lambda net: net.forward(data=np.zeros((2, 3, 1, 2))),
                Exception,
                "arrays are given for data; the inputs are",
            ),
            (
                lambda net: net.forward(data=np.zeros((1, 3, 1, 2)), label=np.zeros(2)),
                Exception,
                "a batch of 1, not of 2",
            ),
            (lambda net: net.forward(data=np.zeros((2, 3, 1, 3)), label=np.zeros(2)), ValueError, "broadcast"),
            (lambda net: net.forward(end="nowhere"), ValueError, "no layer 'nowhere'; there are: data, ip"),
            (lambda net: net.forward(blobs=["nowhere"]), KeyError, "nowhere"),
            (lambda net: net.backward(aux=np.zeros((2, 2))), Exception, "the outputs are aux, loss"),
            (lambda net: net._forward(0, 6), Error, "layers 0 to 6 are asked for, there are 0 to 5"),
            (lambda net: net._backward(5, -1), Error, "layers -1 to 5"),
            (lambda net: net.set_input_arrays(np.zeros((2, 3, 1, 2)), np.zeros(2)), RuntimeError, "MemoryData"),
            (lambda net: net.copy_from("nowhere.caffemodel"), RuntimeError, "nowhere.caffemodel: No such file"),
            (lambda net: caffe.Net("nowhere.prototxt", caffe.TEST), RuntimeError, "nowhere.prototxt: No such file"),
            (lambda net: caffe.Net(net.path), TypeError, "phase"),
            (lambda net: caffe.Net(net.path, caffe.TEST, phase=caffe.TEST), TypeError, "Net takes"),
            (lambda net: caffe.Net(net.path, "w", caffe.TEST, 0), TypeError, "Net takes"),
            (lambda net: net.forward_all(), Error, "no arrays"),
            (lambda net: caffe.NCCL(None, ""), Error, "--gpu all"),
        ],
    )
    def test_wrong_calls_raise_what_pycaffe_raises(self, net, call, kind, message):
        with pytest.raises(kind, match=message):
            call(net)

    def test_arrays_of_any_length_pass_through_in_batches(self, tmp_path):
        path = tmp_path / "net.prototxt"
        path.write_text("force_backward: true\n" + ONE)
        net = caffe.Net(str(path), caffe.TEST)
        rng = np.random.default_rng(0)
        data, above = rng.standard_normal((5, 3, 1, 2)), rng.standard_normal((5, 3))
        weights = net.params["ip"][0].data
        weights[...] = rng.standard_normal((3, 6))
        found, diffs = net.forward_backward_all(diffs=["zip"], data=data, zip=above)
        np.testing.assert_allclose(found["zip"], data.reshape(5, 6) @ weights.T, rtol=1e-5)
        np.testing.assert_allclose(diffs["zip"], above, rtol=1e-6)
        np.testing.assert_allclose(diffs["data"].reshape(5, 6), above @ weights, rtol=1e-5)

    @pytest.mark.parametrize(
        "arguments", [(caffe.TEST, 2, ["deploy"]), (caffe.TEST, 2, ("deploy",), None), ("w", caffe.TEST)]
    )
    def test_both_orders_of_arguments(self, net, tmp_path, monkeypatch, arguments):
        monkeypatch.chdir(tmp_path)
        net.save("w")
        (tmp_path / "other.prototxt").write_text(
            ONE
            + 'layer { name: "deep" type: "ReLU" bottom: "zip" top: "deep" include { min_level: 2 stage: "deploy" } }'
        )
        other = caffe.Net("other.prototxt", *arguments)
        assert ("deep" in other.blobs) == (len(arguments) > 2)

    def test_outputs_are_in_the_alphabets_order_and_may_be_in_place(self, net):
        assert net.outputs == ["aux", "loss"]

    def test_the_weight_of_a_loss_is_its_gradient_until_a_user_writes_another(self, net):
        net.blobs["data"].data[...] = np.random.default_rng(0).standard_normal((2, 3, 1, 2))
        gradients = []
        for weight in (None, 3):
            net.clear_param_diffs()
            if weight:
                net.blobs["loss"].diff[...] = weight
            net.forward()
            net.backward()
            gradients.append(net.params["ip"][1].diff.copy())
        np.testing.assert_allclose(gradients[1], 3 * gradients[0], rtol=1e-6)


ONE = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 1 dim: 2 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "zip" inner_product_param { num_output: 3 } }
"""


def test_a_window_at_the_corner_is_surrounded_by_the_image_and_beyond_it_by_the_mean(tmp_path):
    """R-CNN's context: 4 of 24 pixels on every side of a window that touches the image's corner."""
    path = tmp_path / "net.prototxt"
    path.write_text(ONE.replace("dim: 3 dim: 1 dim: 2", "dim: 3 dim: 24 dim: 24"))
    caffe.Net(str(path), caffe.TEST).save(tmp_path / "w")
    detector = caffe.Detector(str(path), str(tmp_path / "w"), mean=np.full((3, 24, 24), 0.2), context_pad=4)
    crop = detector.crop(np.full((48, 48, 3), 0.7, np.float32), np.array([0, 0, 15, 15]))
    border = 4  # of a window of 16 pixels (both ends count) that fills 16 of the 24: nothing is scaled
    expected = np.full((24, 24, 3), 0.2)
    expected[border:, border:] = 0.7
    np.testing.assert_allclose(crop, expected, rtol=1e-6)


class TestDraw:
    @pytest.fixture
    def message(self):
        return text_format.Parse(ONE, caffe.proto.caffe_pb2.NetParameter())

    def test_graphvizs_language_needs_no_graphviz(self, message, tmp_path):
        draw.draw_net_to_file(message, str(tmp_path / "net.dot"), "TB")
        lines = (tmp_path / "net.dot").read_text().splitlines()
        assert lines[:2] == ['digraph "Net" {', "rankdir=TB;"]
        assert '"data_blob" -> "ip_InnerProduct" [label=""];' in lines
        assert '"ip_InnerProduct" -> "zip_blob" [label="3"];' in lines

    def test_an_image_without_graphviz_is_an_error_that_says_what_to_do(self, message, monkeypatch):
        monkeypatch.setenv("PATH", "")
        with pytest.raises(Error, match=r"install graphviz, or write \.dot instead of \.png"):
            draw.draw_net(message, "LR")


def test_a_programs_own_line_in_the_log(caplog):
    caplog.set_level("INFO", "ftcaffe.engine")
    caffe.log("100% done")
    assert [record.getMessage() for record in caplog.records] == ["100% done"]


def test_a_timer_measures_milliseconds():
    timer = caffe.Timer()
    assert timer.ms == 0
    timer.start()
    time.sleep(0.02)
    timer.stop()
    assert 20 <= timer.ms < 2000
    assert timer.ms == timer.ms
