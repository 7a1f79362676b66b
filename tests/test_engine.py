"""The engine's face: live blobs, nets built, read and shared as pycaffe's, solvers that resume, one-line errors."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

pytest.importorskip("torch")

import ftcaffe.engine as caffe
from ftcaffe.errors import Error
from ftcaffe.nets import alexnet, depths
from ftcaffe.proto import caffe_pb2, to_text
from ftcaffe.store import datum, lmdb, mean

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="net.prototxt"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def net(write):
    caffe.set_random_seed(1)  # else, one time in sixteen, every filter's sum is negative and the ReLU gives nothing
    return caffe.Net(write(NET), caffe.TEST)


class TestBlobs:
    def test_arrays_are_contiguous_and_stay_live(self, net):
        conv = net.blobs["conv"].data
        assert conv.flags.c_contiguous
        net.blobs["data"].data[...] = 1
        net.forward()
        first = conv.copy()
        assert first.any()
        net.blobs["data"].data[...] = 2
        net.forward()
        assert (conv != first).any()
        assert conv is net.blobs["conv"].data or np.shares_memory(conv, net.blobs["conv"].data)

    def test_a_handed_out_array_changes_no_number(self, net, write):
        plain = caffe.Net(write(NET), caffe.TEST)
        plain.share_with(net)
        for name in net.blobs:
            _ = net.blobs[name].data
        x = np.random.default_rng(0).standard_normal((2, 3, 8, 8))
        np.testing.assert_array_equal(net.forward(data=x)["prob"], plain.forward(data=x)["prob"])

    def test_writing_a_parameter_changes_the_net(self, net):
        net.params["ip"][0].data[...] = 0
        net.params["ip"][1].data[...] = [0, np.log(3)]
        np.testing.assert_allclose(net.forward()["prob"], [[0.25, 0.75]] * 2, rtol=1e-6)

    def test_reshape_goes_through_the_net(self, net):
        net.blobs["data"].reshape(5, 3, 8, 8)
        net.reshape()
        assert net.blobs["prob"].shape == (5, 2)
        assert net.forward()["prob"].shape == (5, 2)

    def test_legacy_axes(self, net):
        blob = net.blobs["prob"]
        assert (blob.num, blob.channels, blob.height, blob.width, blob.count) == (2, 2, 1, 1, 4)


class TestNet:
    def test_forward_to_a_layer_returns_its_tops(self, net):
        assert list(net.forward(end="ip")) == ["ip"]
        assert list(net.forward(start="prob", blobs=["conv"])) == ["prob", "conv"]

    def test_old_order_of_arguments(self, net, tmp_path, write):
        net.save(str(tmp_path / "w.caffemodel"))
        other = caffe.Net(write(NET), str(tmp_path / "w.caffemodel"), caffe.TEST)
        np.testing.assert_array_equal(other.params["conv"][0].data, net.params["conv"][0].data)

    def test_only_layers_of_the_same_name_are_copied(self, net, tmp_path, write):
        net.save(tmp_path / "w.caffemodel")
        other = caffe.Net(write(NET.replace('"ip"', '"new"').replace("num_output: 2", "num_output: 3")), caffe.TEST)
        before = other.params["new"][0].data.copy()
        other.copy_from(tmp_path / "w.caffemodel")
        np.testing.assert_array_equal(other.params["conv"][0].data, net.params["conv"][0].data)
        np.testing.assert_array_equal(other.params["new"][0].data, before)

    def test_weights_of_another_shape_change_nothing(self, net, tmp_path, write):
        net.save(tmp_path / "w.caffemodel")
        other = caffe.Net(write(NET.replace("num_output: 2", "num_output: 3")), caffe.TEST)
        before = other.params["conv"][0].data.copy()
        with pytest.raises(Error, match=r"w\.caffemodel: layer 'ip': weights of shape \(2, 144\).*\(3, 144\)"):
            other.copy_from(tmp_path / "w.caffemodel")
        np.testing.assert_array_equal(other.params["conv"][0].data, before)

    def test_shared_weights_are_the_same_memory(self, net, write):
        other = caffe.Net(write(NET), caffe.TEST)
        other.share_with(net)
        net.params["ip"][1].data[...] = [5, 0]
        np.testing.assert_array_equal(other.params["ip"][1].data, [5, 0])

    def test_no_backward_below_what_learns(self, write, monkeypatch):
        text = (
            NET.replace('name: "conv" type', 'param { lr_mult: 0 } param { lr_mult: 0 } name: "conv" type')
            + 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'
        )
        label = 'layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }'
        net = caffe.Net(write(label + text), caffe.TRAIN)
        reached = []
        for layer in net.layers:
            monkeypatch.setattr(layer, "backward", lambda *_, name=layer.name: reached.append(name))
        net.forward()
        net.backward()
        assert reached == ["loss", "ip_ip_0_split", "ip"]

    def test_a_loss_whose_top_is_not_named_is_called_automatic_and_is_no_output(self, write):
        loss = 'layer { name: "loss" type: "EuclideanLoss" bottom: "prob" bottom: "prob" }'
        net = caffe.Net(write(NET + loss + loss.replace("loss", "more")), caffe.TRAIN)
        assert net.top_names["loss"] == ["(automatic)"]
        assert net.outputs == []
        assert [weight for name, weight in net.blob_loss_weights.items() if "(automatic)" in name] == [1, 1]

    def test_alexnet_agrees_with_opencv(self, tmp_path):
        cv2 = pytest.importorskip("cv2")
        path = tmp_path / "deploy.prototxt"
        path.write_text(to_text(alexnet.deploy("polyp", 2, "tiny", 3)))
        net = caffe.Net(str(path), caffe.TEST)
        rng = np.random.default_rng(1)
        for blobs in net.params.values():
            blobs[0].data[...] = rng.standard_normal(blobs[0].shape) / np.sqrt(blobs[0].data[0].size)
            blobs[1].data[...] = rng.standard_normal(blobs[1].shape) / 10
        net.save(tmp_path / "w.caffemodel")
        x = rng.standard_normal((3, 3, 67, 67)).astype(np.float32)
        theirs = cv2.dnn.readNetFromCaffe(str(path), str(tmp_path / "w.caffemodel"))
        theirs.setInput(x)
        np.testing.assert_allclose(net.forward(data=x)["prob"], theirs.forward(), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ('type: "ReLU"', 'type: "PReLu"'),
            "layer 'relu': no layer type 'PReLu'; there are: AbsVal, Accuracy, ArgMax, ",
        ),
        (
            ('bottom: "ip"', 'bottom: "ib"'),
            "layer 'prob': unknown bottom 'ib'; the blobs before it are: data, conv, ip",
        ),
        (('top: "ip"', 'top: "data"'), "layer 'ip': top 'data' is given by an earlier layer too"),
        (('top: "prob"', 'top: "prob" top: "more"'), "layer 'prob' (Softmax): has 2 tops, and takes 1"),
        (
            ('bottom: "ip" top: "prob"', 'bottom: "ip" bottom: "ip" top: "ip"'),
            "layer 'prob': works in place on 'ip', which has another use; give its top a name of its own",
        ),
        (("kernel_size: 3", "kernel_size: 9"), "layer 'conv' (Convolution): a kernel of (9, 9) does not fit"),
        (('type: "xavier"', 'type: "unary"'), "no filler 'unary'; there are: bilinear, constant, gaussian"),
        (("kernel_size: 3", "kernel_syze: 3"), "kernel_syze"),
        (("kernel_size: 3", "kernel_size: {"), ":4: "),
    ],
)
def test_faults_of_a_net_are_one_line_with_its_file(write, change, message):
    path = write(NET.replace(*change))
    with pytest.raises(Error) as caught:
        caffe.Net(path, caffe.TEST)
    assert str(caught.value).startswith(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with a data set of two classes, told apart by brightness, and a solver for the tiny net."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 128, (3, 67, 67)).astype(np.uint8) + np.uint8(100 * (i % 2)) for i in range(20)]
    for split in ("train", "val"):
        lmdb.write(f"{split}.lmdb", [(b"%08d" % i, datum.encode(image, i % 2)) for i, image in enumerate(images)])
    source = alexnet.Source("train.lmdb", "val.lmdb", 4)
    (tmp_path / "net.prototxt").write_text(
        to_text(alexnet.train_val("polyp", 2, source, depths.rates("scratch"), scale="tiny"))
    )
    solver = caffe_pb2.SolverParameter(
        net="net.prototxt", base_lr=1e-3, lr_policy="fixed", momentum=0.9, snapshot_prefix="run", random_seed=1
    )
    (tmp_path / "solver.prototxt").write_text(to_text(solver))
    return tmp_path


class TestSolver:
    def test_restored_equals_uninterrupted(self, work):
        straight = caffe.SGDSolver("solver.prototxt")
        straight.step(7)
        straight.snapshot()
        caffe.set_random_seed(9)
        straight.step(5)
        resumed = caffe.SGDSolver("solver.prototxt")
        resumed.restore("run_iter_7.solverstate")
        caffe.set_random_seed(9)
        resumed.step(5)
        assert resumed.iter == straight.iter == 12
        for name, blobs in straight.net.params.items():
            for ours, theirs in zip(resumed.net.params[name], blobs, strict=True):
                np.testing.assert_array_equal(ours.data, theirs.data)

    def test_test_nets_share_the_weights(self, work):
        text = (work / "solver.prototxt").read_text() + "test_iter: 2 test_interval: 3"
        (work / "solver.prototxt").write_text(text)
        solver = caffe.get_solver("solver.prototxt")
        solver.step(4)
        assert float(solver.test_nets[0].blobs["loss"].data) > 0
        assert np.shares_memory(solver.net.params["fc6"][0].data, solver.test_nets[0].params["fc6"][0].data)

    def test_callbacks_see_each_iteration(self, work):
        solver = caffe.SGDSolver("solver.prototxt")
        seen = []
        solver.add_callback(lambda: seen.append("start"), lambda: seen.append("ready"))
        solver.step(2)
        assert seen == ["start", "ready"] * 2

    @pytest.mark.parametrize(
        ("file", "change", "message"),
        [
            ("solver.prototxt", ('net: "net.prototxt"', ""), "solver.prototxt: names no net"),
            ("solver.prototxt", ("fixed", "fixd"), "no lr_policy 'fixd'; there are: fixed, step"),
            ("solver.prototxt", ("net.prototxt", "nat.prototxt"), "nat.prototxt: No such file or directory"),
            ("net.prototxt", ("train.lmdb", "tran.lmdb"), "tran.lmdb: no LMDB"),
            (
                "net.prototxt",
                ("mean_value: 104.007", 'mean_file: "m"'),
                "mean_file and mean_value exclude each other",
            ),
        ],
    )
    def test_faults_are_one_line(self, work, file, change, message):
        (work / file).write_text((work / file).read_text().replace(*change))
        with pytest.raises(Error) as caught:
            caffe.SGDSolver("solver.prototxt")
        assert message in str(caught.value)

    def test_mean_of_another_shape(self, work):
        mean.write("m", np.zeros((3, 60, 60), np.float32))
        text = (work / "net.prototxt").read_text()
        for value in alexnet.IMAGENET_MEAN:
            text = text.replace(f"    mean_value: {value}\n", "")
        (work / "net.prototxt").write_text(text.replace("transform_param {", 'transform_param { mean_file: "m"'))
        with pytest.raises(Error, match=r"m: the mean has shape \(3, 60, 60\), the images \(3, 67, 67\)"):
            caffe.SGDSolver("solver.prototxt")

    def test_label_out_of_range(self, work):
        lmdb.write("train.lmdb", [(b"%08d" % i, datum.encode(np.zeros((3, 67, 67), np.uint8), i)) for i in range(4)])
        solver = caffe.SGDSolver("solver.prototxt")
        with pytest.raises(
            Error, match=r"net\.prototxt: layer 'loss' .*: a label is 3, and the 2 classes have labels 0 to 1"
        ):
            solver.step(1)

    def test_damaged_states(self, work):
        solver = caffe.SGDSolver("solver.prototxt")
        solver.snapshot()
        whole = (work / "run_iter_0.solverstate").read_bytes()
        (work / "cut").write_bytes(whole[: len(whole) // 2])
        (work / "other").write_bytes((work / "run_iter_0.caffemodel").read_bytes())
        for name in ("cut", "other"):
            with pytest.raises(Error, match=f"{name}: is no solverstate"):
                solver.restore(name)


class TestData:
    @pytest.mark.parametrize("start", [0, 3, 17, 40])
    def test_batches_go_round_in_order(self, work, start):
        from ftcaffe.engine.layers.data import Batches
        from ftcaffe.engine.transformer import DataTransformer

        message = caffe_pb2.DataParameter(source="train.lmdb", batch_size=6)
        batches = Batches(message, DataTransformer(caffe_pb2.TransformationParameter(), False))
        stored = [datum.decode(record)[0] for _, record in lmdb.Records("train.lmdb")]
        stream = batches.batches(start)
        for turn in range(5):
            images, _ = next(stream)
            wanted = [stored[(6 * (start + turn) + i) % 20] for i in range(6)]
            np.testing.assert_array_equal(images, wanted)

    def test_a_forgotten_net_ends_its_thread(self, work):
        before = set(threading.enumerate())
        net = caffe.Net("net.prototxt", caffe.TRAIN)
        (reader,) = set(threading.enumerate()) - before
        del net
        gc.collect()
        reader.join(timeout=10)
        assert not reader.is_alive()
