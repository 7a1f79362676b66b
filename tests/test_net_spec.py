"""caffe.net_spec beyond what `programs/net_specs.py` compares with the original: faults, and nets of any depth."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from ftcaffe.engine.net_spec import NetSpec, assign_proto, layers, params, to_proto
from ftcaffe.proto import caffe_pb2


def test_a_net_deeper_than_pythons_stack():
    top = layers.Input(shape={"dim": [1]})
    for _ in range(3000):
        top = layers.ReLU(top)
    net = to_proto(top)
    assert [layer.name for layer in net.layer[:3]] == ["Input1", "ReLU1", "ReLU2"]
    assert (len(net.layer), net.layer[-1].bottom[0]) == (3001, "ReLU2999")


def test_a_name_that_was_not_assigned_is_a_key_error_and_no_attribute():
    spec = NetSpec()
    with pytest.raises(KeyError, match="no top 'conv' has been assigned"):
        spec["conv"]
    assert not hasattr(spec, "conv")


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: layers.ReLU("data"), TypeError, r"ReLU input 0 is not a Top \(type is <class 'str'>\)"),
        (
            lambda: to_proto(layers.ReLU(size=1)),
            AttributeError,
            r"layer 'ReLU1' \(ReLU\): there is no parameter 'size'",
        ),
        (lambda: to_proto(layers.ReLU(relu_param={"size": 1})), AttributeError, "size"),
        (lambda: params.Pooling.MEDIAN, AttributeError, "MEDIAN"),
    ],
)
def test_faults_name_the_layer(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.parametrize("value", [3, [3], (3,)])
def test_one_value_or_several_for_a_repeated_field(value):
    message = caffe_pb2.ConvolutionParameter()
    assign_proto(message, "kernel_size", value)
    assert list(message.kernel_size) == [3]
