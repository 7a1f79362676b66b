"""The nets of the speed table, as functions of a data source: AlexNet, LeNet, GoogLeNet, a residual net."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ftcaffe.engine import NetSpec
from ftcaffe.engine import layers as L
from ftcaffe.engine import params as P
from ftcaffe.nets import alexnet, depths

XAVIER = {"weight_filler": {"type": "xavier"}}


@dataclass(frozen=True)
class Subject:
    """A net to be timed.

    image : channels, height and width of the records.
    classes : of their labels.
    net : NetParameter of its training net, from the LMDB's name and the batch.
    """

    batch: int
    image: tuple[int, int, int]
    classes: int
    net: Callable[[str, int], Any]


def _data(source: str, batch: int) -> tuple[NetSpec, Any, Any]:
    net = NetSpec()
    net.data, net.label = L.Data(source=source, backend=P.Data.LMDB, batch_size=batch, ntop=2)
    return net, net.data, net.label


def _alexnet(scale: str, depth: str) -> Callable[[str, int], Any]:
    def net(source: str, batch: int) -> Any:
        return alexnet.train_val("polyp", 2, alexnet.Source(source, source, batch), depths.rates(depth), scale=scale)

    return net


def lenet(source: str, batch: int) -> Any:
    """LeCun et al., 1998, as Caffe's MNIST example has it."""
    net, data, label = _data(source, batch)
    net.conv1 = L.Convolution(data, kernel_size=5, num_output=20, **XAVIER)
    net.pool1 = L.Pooling(net.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.conv2 = L.Convolution(net.pool1, kernel_size=5, num_output=50, **XAVIER)
    net.pool2 = L.Pooling(net.conv2, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.ip1 = L.InnerProduct(net.pool2, num_output=500, **XAVIER)
    net.relu1 = L.ReLU(net.ip1, in_place=True)
    net.ip2 = L.InnerProduct(net.relu1, num_output=10, **XAVIER)
    net.loss = L.SoftmaxWithLoss(net.ip2, label)
    return net.to_proto()


def _conv_relu(bottom: Any, kernel_size: int, num_output: int, **more: Any) -> Any:
    return L.ReLU(
        L.Convolution(bottom, kernel_size=kernel_size, num_output=num_output, **more, **XAVIER), in_place=True
    )


def googlenet(source: str, batch: int) -> Any:
    """Szegedy et al., 2015, without the auxiliary losses."""
    net, data, label = _data(source, batch)
    top = _pool(_conv_relu(data, 7, 64, stride=2, pad=3))
    top = _conv_relu(_conv_relu(L.LRN(top, local_size=5, alpha=1e-4, beta=0.75), 1, 64), 3, 192, pad=1)
    top = _pool(L.LRN(top, local_size=5, alpha=1e-4, beta=0.75))
    for widths in ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)):
        top = _inception(top, *widths)
    top = _pool(top)
    for widths in (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ):
        top = _inception(top, *widths)
    top = _pool(top)
    for widths in ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)):
        top = _inception(top, *widths)
    top = L.Dropout(L.Pooling(top, pool=P.Pooling.AVE, global_pooling=True), dropout_ratio=0.4, in_place=True)
    net.loss = L.SoftmaxWithLoss(L.InnerProduct(top, num_output=1000, **XAVIER), label)
    return net.to_proto()


def _pool(bottom: Any) -> Any:
    return L.Pooling(bottom, kernel_size=3, stride=2, pool=P.Pooling.MAX)


def _inception(bottom: Any, one: int, three_in: int, three: int, five_in: int, five: int, pooled: int) -> Any:
    pool = L.Pooling(bottom, kernel_size=3, stride=1, pad=1, pool=P.Pooling.MAX)
    return L.Concat(
        _conv_relu(bottom, 1, one),
        _conv_relu(_conv_relu(bottom, 1, three_in), 3, three, pad=1),
        _conv_relu(_conv_relu(bottom, 1, five_in), 5, five, pad=2),
        _conv_relu(pool, 1, pooled),
    )


def resnet18(source: str, batch: int) -> Any:
    """He et al., 2016, 18 layers."""
    net, data, label = _data(source, batch)
    top = L.ReLU(_normal(data, 7, 64, stride=2, pad=3), in_place=True)
    top = _pool(top)
    for stage, width in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            short = top if stage == 0 or block else _normal(top, 1, width, stride=stride)
            long = L.ReLU(_normal(top, 3, width, stride=stride, pad=1), in_place=True)
            top = L.ReLU(L.Eltwise(short, _normal(long, 3, width, pad=1)), in_place=True)
    top = L.Pooling(top, pool=P.Pooling.AVE, global_pooling=True)
    net.loss = L.SoftmaxWithLoss(L.InnerProduct(top, num_output=1000, **XAVIER), label)
    return net.to_proto()


def _normal(bottom: Any, kernel_size: int, num_output: int, **more: Any) -> Any:
    """Convolution without a bias, normalised over the batch, scaled."""
    conv = L.Convolution(
        bottom,
        kernel_size=kernel_size,
        num_output=num_output,
        bias_term=False,
        weight_filler={"type": "msra"},
        **more,
    )
    return L.Scale(L.BatchNorm(conv, in_place=True), bias_term=True, in_place=True)


SUBJECTS = {
    "AlexNet, scratch": Subject(50, (3, 227, 227), 2, _alexnet("full", "scratch")),
    "AlexNet, fc6-fc8": Subject(50, (3, 227, 227), 2, _alexnet("full", "fc6-fc8")),
    "AlexNet of 67 × 67, scratch": Subject(64, (3, 67, 67), 2, _alexnet("tiny", "scratch")),
    "LeNet": Subject(64, (1, 28, 28), 10, lenet),
    "GoogLeNet": Subject(16, (3, 224, 224), 1000, googlenet),
    "ResNet-18": Subject(16, (3, 224, 224), 1000, resnet18),
}
