"""Layers that move values, windows, poolings: what shares memory, what is refused, what parity cannot show."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from parity import oracle
from parity.nets import net as prototxt
from parity.nets import one

import ftcaffe.engine as caffe
from ftcaffe.errors import Error

INDEX = one("Parameter", "parameter_param { shape { dim: 3 dim: 2 } }", "", "x", name="p")


@pytest.fixture
def make(tmp_path):
    def make(layers, inputs="x: 2 3 4 5", force=True):
        path = tmp_path / "net.prototxt"
        path.write_text(prototxt(inputs, layers, force))
        return caffe.Net(str(path), caffe.TRAIN)

    return make


class TestSharedMemory:
    @pytest.mark.parametrize(
        ("layer", "gradients"),
        [
            (one("Flatten", ""), True),
            (one("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }"), True),
            (one("Concat", ""), True),
            (one("Slice", ""), True),
            (one("Split", ""), False),
        ],
        ids=["Flatten", "Reshape", "Concat-one-bottom", "Slice-one-top", "Split"],
    )
    def test_top_is_bottom(self, make, layer, gradients):
        net = make(layer)
        x, y = net.blobs["x"], net.blobs["y"]
        early = y.data
        x.data[...] = np.arange(120).reshape(x.shape)
        net.forward()
        np.testing.assert_array_equal(early.ravel(), np.arange(120))
        assert np.shares_memory(x.data, y.data)
        y.data[...] = 7
        assert (x.data == 7).all()
        y.diff[...] = 3
        net.backward()
        assert (x.diff == 3).all()
        assert np.shares_memory(x.diff, y.diff) == gradients

    @pytest.mark.parametrize(
        "layer",
        [
            one("Crop", "crop_param { axis: 0 }", "x z"),
            one("Tile", "tile_param { tiles: 1 }"),
            one("Slice", "slice_param { slice_point: 1 }", "x", "y z"),
        ],
        ids=["Crop", "Tile", "Slice"],
    )
    def test_top_is_a_copy(self, make, layer):
        net = make(layer, "x: 2 3" if "Crop" not in layer else "x: 2 3, z: 2 3")
        net.forward()
        net.blobs["y"].data[...] = 7
        assert (net.blobs["x"].data == 0).all()

    def test_a_view_follows_a_blob_that_lies_channels_last(self, make):
        convolution = 'convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: "xavier" } }'
        net = make(one("Convolution", convolution, "x", "c") + one("Flatten", "", "c", "y", name="f"))
        for seed in range(2):
            net.blobs["x"].data[...] = np.random.default_rng(seed).standard_normal(net.blobs["x"].shape)
            net.forward()
            np.testing.assert_array_equal(net.blobs["y"].data.ravel(), net.blobs["c"].data.ravel())
            assert net.blobs["y"].data.any()

    def test_a_parameter_is_the_top(self, make):
        net = make(INDEX, "")
        net.params["p"][0].data[...] = 5
        assert (net.forward()["x"] == 5).all()
        assert np.shares_memory(net.blobs["x"].diff, net.params["p"][0].diff)


def test_max_of_a_window_past_the_border_is_the_least_float(make):
    net = make(one("Pooling", "pooling_param { kernel_size: 2 stride: 3 }", "x", "y m"), "x: 1 1 6 6")
    net.blobs["x"].data[...] = np.arange(36).reshape(1, 1, 6, 6)
    net.forward()
    least = np.finfo(np.float32).min
    np.testing.assert_array_equal(net.blobs["y"].data[0, 0], [[7, 10, least], [25, 28, least], [least, least, least]])
    np.testing.assert_array_equal(net.blobs["m"].data[0, 0], [[7, 10, -1], [25, 28, -1], [-1, -1, -1]])
    net.blobs["y"].diff[...] = 1
    net.backward()
    np.testing.assert_array_equal(np.flatnonzero(net.blobs["x"].diff), [7, 10, 25, 28])


def test_filter_with_nothing_selected_sends_zero_down(make):
    net = make(INDEX + one("Filter", "", "x s", "y", "loss_weight: 1"), "s: 3", force=False)
    net.params["p"][0].diff[...] = 9
    net.forward()
    net.backward()
    assert net.blobs["y"].data.shape == (0, 2)
    assert (net.params["p"][0].diff == 0).all()


def test_ties_of_argmax_go_to_the_greater_index(make):
    net = make(one("ArgMax", "argmax_param { top_k: 3 }"), "x: 1 5", force=False)
    net.blobs["x"].data[...] = [2, 3, 1, 3, 2]
    np.testing.assert_array_equal(net.forward()["y"].ravel(), [3, 1, 4])


def convolution(fields):
    return one("Convolution", f"convolution_param {{ num_output: 4 {fields} }}")


def pooling(fields, tops="y"):
    return one("Pooling", f"pooling_param {{ {fields} }}", "x", tops)


# Name: layers, inputs, what our error says; BVLC Caffe refuses each of them too.
REFUSED = {
    "flatten-axis": (one("Flatten", "flatten_param { axis: 4 }"), "x: 2 3 4 5", r"axis 4 .*\(2, 3, 4, 5\)"),
    "flatten-order": (one("Flatten", "flatten_param { axis: 3 end_axis: 1 }"), "x: 2 3 4 5", "axis 3 lies after"),
    "flatten-in-place": (one("Flatten", "", "x", "x"), "x: 2 3", "does not work in place"),
    "reshape-count": (
        one("Reshape", "reshape_param { shape { dim: 5 dim: 2 } }"),
        "x: 2 3 4",
        r"\(2, 3, 4\) cannot take shape \(5, 2\)",
    ),
    "reshape-infer": (
        one("Reshape", "reshape_param { shape { dim: 5 dim: -1 } }"),
        "x: 2 3 4",
        r"\(2, 3, 4\) cannot take shape \(5, -1\)",
    ),
    "reshape-two-inferred": (one("Reshape", "reshape_param { shape { dim: -1 dim: -1 } }"), "x: 2 3", "one −1"),
    "reshape-negative": (
        one("Reshape", "reshape_param { shape { dim: -2 dim: -3 } }"),
        "x: 2 3",
        "no other negative",
    ),
    "reshape-copies-nothing": (
        one("Reshape", "reshape_param { shape { dim: -1 dim: 0 } axis: 1 }"),
        "x: 2 3",
        r"a 0 in shape \(-1, 0\) finds no axis .*\(2, 3\)",
    ),
    "reshape-axis": (one("Reshape", "reshape_param { shape { dim: 6 } axis: 3 }"), "x: 2 3", r"axis 3.*\(2, 3\)"),
    "reshape-num-axes": (
        one("Reshape", "reshape_param { shape { dim: 6 } axis: 1 num_axes: 2 }"),
        "x: 2 3",
        r"axis 1, num_axes 2 .*\(2, 3\)",
    ),
    "reshape-num-axes-negative": (
        one("Reshape", "reshape_param { shape { dim: 6 } num_axes: -2 }"),
        "x: 2 3",
        "num_axes -2",
    ),
    "reshape-in-place": (one("Reshape", "reshape_param { shape { dim: -1 } }", "x", "x"), "x: 2 3", "in place"),
    "split-in-place": (one("Split", "", "x", "x y"), "x: 2 3", "in place"),
    "concat-shapes": (one("Concat", "", "x z"), "x: 2 3, z: 3 3", r"\(2, 3\) and \(3, 3\) differ"),
    "concat-axes": (one("Concat", "", "x z"), "x: 2 3, z: 2 3 1", r"\(2, 3\) and \(2, 3, 1\) differ"),
    "concat-both-names": (
        one("Concat", "concat_param { axis: 0 concat_dim: 1 }", "x z"),
        "x: 2 3, z: 2 3",
        "both axis and concat_dim",
    ),
    "concat-dim": (one("Concat", "concat_param { concat_dim: 2 }"), "x: 2 3", r"axis 2 .*\(2, 3\)"),
    "slice-both-names": (one("Slice", "slice_param { axis: 1 slice_dim: 1 }", "x", "y z"), "x: 2 4", "both axis"),
    "slice-unequal": (one("Slice", "", "x", "u v w"), "x: 2 4", r"3 equal parts of axis 1 .*\(2, 4\)"),
    "slice-points-number": (one("Slice", "slice_param { slice_point: 1 }", "x", "u v w"), "x: 2 4", "1 times for 3"),
    "slice-points-order": (
        one("Slice", "slice_param { slice_point: 2 slice_point: 2 }", "x", "u v w"),
        "x: 2 4",
        r"\[2, 2\] do not rise between 0 and 4",
    ),
    "slice-points-beyond": (one("Slice", "slice_param { slice_point: 4 }", "x", "u v"), "x: 2 4", r"\[4\] do not"),
    "tile-none": (one("Tile", ""), "x: 2 3", "tiles is at least 1"),
    "crop-larger": (one("Crop", "", "x z"), "x: 2 3 6 7, z: 2 3 4 8", r"\(2, 3, 6, 7\) holds no \(2, 3, 4, 8\)"),
    "crop-offset": (
        one("Crop", "crop_param { offset: 3 }", "x z"),
        "x: 2 3 6 7, z: 2 3 4 4",
        r"\(2, 3, 4, 4\) from axis 2 at offset \[3, 3\]",
    ),
    "crop-offsets": (
        one("Crop", "crop_param { offset: 1 offset: 1 offset: 1 }", "x z"),
        "x: 2 3 6 7, z: 2 3 4 4",
        "3 times for 2 axes",
    ),
    "crop-fewer-axes": (one("Crop", "", "x z"), "x: 2 3 6 7, z: 2 3 4", r"holds no \(2, 3, 4\)"),
    "crop-axis": (one("Crop", "crop_param { axis: 4 }", "x z"), "x: 2 3 6 7, z: 2 3 4 4", "axis 4"),
    "filter-selector": (one("Filter", "", "x s"), "x: 3 2, s: 3 2", r"one number an item, not of shape \(3, 2\)"),
    "filter-items": (one("Filter", "", "x s"), "x: 3 2, s: 4", r"shape \(4,\) for a bottom of shape \(3, 2\)"),
    "filter-tops": (one("Filter", "", "x z s"), "x: 3 2, z: 3, s: 3", "1 tops, 2 are needed"),
    "filter-forced": (one("Filter", "", "x s"), "x: 3 2, s: 3", "no gradient of the selector"),
    "batch-reindex-axes": (one("BatchReindex", "", "x i"), "x: 3 2, i: 4 1", r"\(3, 2\) and \(4, 1\)"),
    "batch-reindex-forced": (one("BatchReindex", "", "x i"), "x: 3 2, i: 4", "no gradient of the indices"),
    "embed-input-dim": (one("Embed", "embed_param { num_output: 2 }"), "x: 3", "num_output and input_dim"),
    "embed-num-output": (one("Embed", "embed_param { input_dim: 2 }"), "x: 3", "num_output and input_dim"),
    "embed-forced": (one("Embed", "embed_param { input_dim: 2 num_output: 2 }"), "x: 3", "no gradient of the ind"),
    "argmax-top-k": (one("ArgMax", "argmax_param { top_k: 5 }"), "x: 2 4", r"top_k 5 of 4 values.*\(2, 4\)"),
    "argmax-top-k-0": (one("ArgMax", "argmax_param { top_k: 0 }"), "x: 2 4", "top_k 0"),
    "argmax-axis": (one("ArgMax", "argmax_param { axis: 2 }"), "x: 2 4", r"axis 2 .*\(2, 4\)"),
    "argmax-forced": (one("ArgMax", ""), "x: 2 4", "no gradient of an index"),
    "reduction-axis": (one("Reduction", "reduction_param { axis: 3 }"), "x: 2 4 3", r"axis 3 .*\(2, 4, 3\)"),
    "spp-none": (one("SPP", ""), "x: 2 3 4 4", "pyramid_height is at least 1"),
    "spp-small": (
        one("SPP", "spp_param { pyramid_height: 3 }"),
        "x: 2 3 5 5",
        r"\(2, 3, 5, 5\) is too small for level 2",
    ),
    "spp-axes": (one("SPP", "spp_param { pyramid_height: 2 }"), "x: 2 3 4", r"four axes .*\(2, 3, 4\)"),
    "spp-stochastic": (one("SPP", "spp_param { pyramid_height: 2 pool: STOCHASTIC }"), "x: 2 3 4 4", "STOCHASTIC"),
    "convolution-none": (convolution(""), "x: 1 4 5 5", "kernel_size is given 0 times for 2 spatial axes"),
    "convolution-kernel-h": (convolution("kernel_h: 3"), "x: 1 4 5 5", r"kernel \(3, 0\)"),
    "convolution-both": (convolution("kernel_h: 3 kernel_w: 3 kernel_size: 3"), "x: 1 4 5 5", "without kernel_size"),
    "convolution-h-of-one-axis": (convolution("kernel_h: 3 kernel_w: 3"), "x: 1 4 5", "two spatial axes"),
    "convolution-kernels": (
        convolution("kernel_size: 1 kernel_size: 2 kernel_size: 3"),
        "x: 1 4 5 5",
        "kernel_size is given 3 times for 2",
    ),
    "convolution-strides": (
        convolution("kernel_size: 1 " + "stride: 1 " * 3),
        "x: 1 4 5 5",
        "stride is given 3 times",
    ),
    "convolution-stride-0": (convolution("kernel_size: 1 stride: 0"), "x: 1 4 5 5", r"stride \(0, 0\)"),
    "convolution-stride-h": (convolution("kernel_size: 1 stride_h: 1"), "x: 1 4 5 5", r"stride \(1, 0\)"),
    "convolution-pads": (convolution("kernel_size: 3 pad_h: 1 pad: 1"), "x: 1 4 5 5", "pad_h and pad_w are for"),
    "convolution-channels": (convolution("kernel_size: 3 group: 4"), "x: 1 3 5 5", "3 channels and 4 outputs"),
    "convolution-outputs": (convolution("kernel_size: 3 group: 3"), "x: 1 3 5 5", "3 channels and 4 outputs"),
    "convolution-group-0": (convolution("kernel_size: 3 group: 0"), "x: 1 3 5 5", "group are at least 1"),
    "convolution-too-large": (convolution("kernel_size: 7"), "x: 1 3 5 5", r"kernel of \(7, 7\) .*\(1, 3, 5, 5\)"),
    "convolution-bottoms": (
        one("Convolution", "convolution_param { num_output: 2 kernel_size: 3 }", "x z", "u v"),
        "x: 1 1 5 5, z: 2 1 5 5",
        r"\(1, 1, 5, 5\) and \(2, 1, 5, 5\)",
    ),
    "deconvolution-pads": (
        one("Deconvolution", "convolution_param { num_output: 2 kernel_size: 3 pad: 3 }"),
        "x: 1 3 4 4",
        r"\(1, 3, 4, 4\) leaves nothing between pads of \(3, 3\)",
    ),
    "im2col-no-space": (
        one("Im2col", "convolution_param { kernel_size: 1 }"),
        "x: 2 3",
        r"no axis of space.*\(2, 3\)",
    ),
    "pooling-none": (pooling(""), "x: 1 1 4 4", "either kernel_size or kernel_h and kernel_w"),
    "pooling-kernel-h": (pooling("kernel_h: 2"), "x: 1 1 4 4", "either kernel_size or kernel_h"),
    "pooling-kernels": (pooling("kernel_size: 2 kernel_h: 2 kernel_w: 2"), "x: 1 1 4 4", "either kernel_size"),
    "pooling-pad-h": (pooling("kernel_size: 2 pad_h: 1"), "x: 1 1 4 4", "either pad or pad_h and pad_w"),
    "pooling-strides": (pooling("kernel_size: 2 stride_h: 1"), "x: 1 1 4 4", "either stride or stride_h"),
    "pooling-stride-0": (pooling("kernel_size: 2 stride: 0"), "x: 1 1 4 4", r"stride \(0, 0\)"),
    "pooling-pad": (pooling("kernel_size: 2 pad: 2"), "x: 1 1 4 4", r"pad \(2, 2\).*kernel \(2, 2\)"),
    "pooling-axes": (pooling("kernel_size: 2"), "x: 1 4 4", r"four axes .*\(1, 4, 4\)"),
    "pooling-global-kernel": (pooling("global_pooling: true kernel_size: 2"), "x: 1 1 4 4", "takes no kernel size"),
    "pooling-global-pad": (pooling("global_pooling: true pad: 1"), "x: 1 1 4 4", "takes no pad"),
    "pooling-too-large": (pooling("kernel_size: 5"), "x: 1 1 2 2", r"kernel of \(5, 5\) .*\(1, 1, 2, 2\)"),
    "pooling-floor": (pooling("kernel_size: 3 stride: 2 round_mode: FLOOR"), "x: 1 1 2 2", r"kernel of \(3, 3\)"),
    "pooling-ave-indices": (pooling("kernel_size: 2 pool: AVE", "y m"), "x: 1 1 4 4", "for MAX alone"),
    "pooling-stochastic": (pooling("kernel_size: 2 pool: STOCHASTIC"), "x: 1 1 4 4", "STOCHASTIC has no CPU form"),
    "pooling-stochastic-pad": (pooling("kernel_size: 2 pad: 1 pool: STOCHASTIC"), "x: 1 1 4 4", "for MAX and AVE"),
}


@pytest.mark.parametrize(("layers", "inputs", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_one_line(make, layers, inputs, message):
    with pytest.raises(Error, match=r"net\.prototxt: layer 'l' \(\w+\): .*" + message):
        _run(make(layers, inputs))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (one("BatchReindex", "", "x i"), "an index is 5, and there are 0 to 2"),
        (one("Embed", "embed_param { input_dim: 3 num_output: 2 }", "i", "y"), "an index is 5, and there are 0 to 2"),
    ],
)
def test_an_index_out_of_range(make, layers, message):
    net = make(layers, "x: 3 2, i: 2", force=False)
    net.blobs["i"].data[...] = [0, 5]
    with pytest.raises(Error, match=message):
        net.forward()


def test_a_layer_keeps_its_number_of_axes(make):
    net = make(convolution("kernel_size: 1"), "x: 2 3 4 5")
    net.blobs["x"].reshape(2, 3, 4)
    with pytest.raises(Error, match=r"made for 4 axes, the bottom has shape \(2, 3, 4\)"):
        net.forward()


@pytest.mark.parametrize("window", ["kernel_size: 2", "kernel_size: 5 stride: 5"], ids=["plain", "past-the-border"])
def test_a_convolution_of_no_images(make, window):
    net = make(convolution(window), "x: 0 3 4 4")
    net.forward()
    net.backward()
    assert net.blobs["y"].data.shape[:2] == (0, 4)
    assert not net.params["l"][0].diff.any()


def _run(net):
    net.forward()
    net.backward()


ORIGINAL = """
import json, os, sys
import caffe
passed = []
for name, path in json.load(open("nets.json")).items():
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        net = caffe.Net(path, caffe.TRAIN)
        net.forward()
        net.backward()
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        passed.append(name)
print(json.dumps(passed))
"""


@pytest.mark.oracle
def test_the_original_refuses_them_too():
    with oracle.shared() as folder:
        for name, (layers, inputs, _) in REFUSED.items():
            (folder / f"{name}.prototxt").write_text(prototxt(inputs, layers))
        (folder / "nets.json").write_text(json.dumps({name: f"{name}.prototxt" for name in REFUSED}))
        (folder / "refused.py").write_text(ORIGINAL)
        assert json.loads(oracle.run(folder, "python3", "refused.py")) == []
