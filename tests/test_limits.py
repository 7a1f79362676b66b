"""What no net of Caffe's can be: blobs beyond its limits, layer types of its forks."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import ftcaffe.engine as caffe
from ftcaffe.errors import Error
from ftcaffe.proto import forks


def net(tmp_path, text):
    (tmp_path / "net.prototxt").write_text(text)
    return caffe.Net(str(tmp_path / "net.prototxt"), caffe.TEST)


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        (
            "dim: 1000000000000",
            r"\(Input\): a blob of shape \(1000000000000,\) would hold 1000000000000 values, 4000",
        ),
        (
            "dim: 100000 dim: 100000",
            r"\(Input\): .* would hold 10000000000 values, 40000000000 bytes, and Caffe's hold",
        ),
        ("dim: 2 dim: -3", r"\(Input\): a blob of shape \(2, -3\): an axis is 0 or longer"),
        ("dim: 1 " * 33, r"\(Input\): a blob of 33 axes, and Caffe has 32 at the most"),
    ],
)
def test_a_blob_beyond_caffes_limits_is_an_error(tmp_path, dims, message):
    with pytest.raises(Error, match=f"net.prototxt: layer 'input' {message}"):
        net(tmp_path, f'input: "x" input_shape {{ {dims} }}')


def test_a_parameter_beyond_the_limit_is_an_error_before_memory_is_taken(tmp_path):
    layer = 'layer { name: "i" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 65536 } }'
    with pytest.raises(Error, match=r"layer 'i' \(InnerProduct\): a blob of shape \(65536, 65536\) would hold"):
        net(tmp_path, f'input: "x" input_shape {{ dim: 1 dim: 65536 }} {layer}')


@pytest.mark.parametrize("dims", ["dim: 2147483647", "dim: 0 dim: 100000 dim: 100000", "dim: 1 " * 32, ""])
def test_a_blob_at_the_limit_is_none(tmp_path, dims):
    assert len(net(tmp_path, f'input: "x" input_shape {{ {dims} }}').blobs["x"].shape) == dims.count("dim")


@pytest.mark.parametrize(("kind", "fork"), [("PriorBox", "SSD"), ("ImageLabelmapData", "HED")])
def test_a_layer_type_of_a_fork_names_the_fork(tmp_path, kind, fork):
    with pytest.raises(
        Error, match=f"layer 'p': no layer type '{kind}', which BVLC Caffe has not: it is of {fork}; "
    ):
        net(tmp_path, f'layer {{ name: "p" type: "{kind}" }}')


def test_no_type_of_a_fork_is_one_of_caffes():
    assert not [kind for kind in caffe.layer_type_list() if forks.of_type(kind)]
