"""Table I: AlexNet as Caffe's ``bvlc_alexnet``, and its tiny sibling.

Layer names, groups, normalisation and fillers are those of bvlc_alexnet, so that its weights load layer by
layer; the last layer bears the application's name and so starts fresh.

Source: Tajbakhsh et al., IEEE TMI 35(5), 2016, Table I; BVLC/caffe models/bvlc_alexnet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftcaffe.errors import Error
from ftcaffe.nets.depths import BASE_RATE, BIAS_RATE, LAYERS
from ftcaffe.proto import caffe_pb2

INPUT_SIZE = {"full": 227, "tiny": 67}
WIDTHS = {  # outputs of conv1 to conv5, and of fc6 and fc7
    "full": (96, 256, 384, 384, 256, 4096),
    "tiny": (24, 64, 96, 96, 64, 256),
}
DEVIATIONS = {  # of gaussian weights, conv1 to fc8; tiny's keep every layer's deviation² × fan-in, and so its signal
    "full": (0.01, 0.01, 0.01, 0.01, 0.01, 0.005, 0.005, 0.01),
    "tiny": (0.01, 0.02, 0.02, 0.02, 0.02, 0.06, 0.02, 0.04),
}
INITS = ("gaussian", "xavier", "msra")
IMAGENET_MEAN = (104.007, 116.669, 122.679)  # B, G, R


@dataclass(frozen=True)
class Transform:
    """What is subtracted from a patch: a mean image's path, or a mean for each channel (B, G, R)."""

    mean: str | tuple[float, ...] = IMAGENET_MEAN

    def message(self) -> Any:
        """As Caffe's TransformationParameter."""
        if isinstance(self.mean, str):
            return caffe_pb2.TransformationParameter(mean_file=self.mean)
        return caffe_pb2.TransformationParameter(mean_value=self.mean)


IMAGENET = Transform()


@dataclass(frozen=True)
class Source:
    """What the net's data layers read: LMDBs of training and validation patches, `batch` at a time."""

    train: str
    val: str
    batch: int
    transform: Transform = IMAGENET


def train_val(
    application: str,
    classes: int,
    source: Source,
    rates: Mapping[str, float],
    init: str = "gaussian",
    scale: str = "full",
) -> Any:
    """The NetParameter that trains (phase TRAIN) and validates (phase TEST).

    Parameters
    ----------
    application : names the net and its last layer.
    classes : outputs of the last layer.
    rates : learning rate of the weights of each layer (`depths.rates`); 0 freezes a layer.
    init : filler of the weights, one of `INITS`.
    scale : ``full`` or ``tiny``.
    """
    net = caffe_pb2.NetParameter(name=f"AlexNet_{application}")
    _data(net, source, source.train, caffe_pb2.TRAIN)
    _data(net, source, source.val, caffe_pb2.TEST)
    last = _trunk(net, application, classes, rates, init, scale)
    net.layer.add(name="accuracy", type="Accuracy", bottom=[last, "label"], top=["accuracy"]).include.add(
        phase=caffe_pb2.TEST
    )
    net.layer.add(name="loss", type="SoftmaxWithLoss", bottom=[last, "label"], top=["loss"])
    return net


def deploy(application: str, classes: int, scale: str = "full", batch: int = 10) -> Any:
    """The NetParameter that scores: blob ``data`` in (batch × 3 × size × size), ``prob`` out (batch × classes)."""
    net = caffe_pb2.NetParameter(name=f"AlexNet_{application}")
    size = INPUT_SIZE[_known(scale, INPUT_SIZE, "scale")]
    net.layer.add(name="data", type="Input", top=["data"]).input_param.shape.add(dim=[batch, 3, size, size])
    last = _trunk(net, application, classes, None, None, scale)
    net.layer.add(name="prob", type="Softmax", bottom=[last], top=["prob"])
    return net


def last_layer(application: str) -> str:
    """Name of the net's last layer."""
    return f"fc8_{application}"


def _trunk(
    net: Any, application: str, classes: int, rates: Mapping[str, float] | None, init: str | None, scale: str
) -> str:
    """Adds Table I between ``data`` and the class scores; returns the name of the scores' blob."""
    conv1, conv2, conv3, conv4, conv5, fc = WIDTHS[_known(scale, WIDTHS, "scale")]
    add = _Stack(net, rates, init, scale)

    add.conv("conv1", conv1, kernel=11, stride=4)
    add.norm("norm1")
    add.pool("pool1")
    add.conv("conv2", conv2, kernel=5, pad=2, group=2, bias=0.1)
    add.norm("norm2")
    add.pool("pool2")
    add.conv("conv3", conv3, kernel=3, pad=1)
    add.conv("conv4", conv4, kernel=3, pad=1, group=2, bias=0.1)
    add.conv("conv5", conv5, kernel=3, pad=1, group=2, bias=0.1)
    add.pool("pool5")
    add.dense("fc6", fc, bias=0.1)
    add.dense("fc7", fc, bias=0.1)
    return add.scores(last_layer(application), classes)


class _Stack:
    """Layers on top of one another. Without rates it describes a net that only scores: no fillers, no rates."""

    def __init__(self, net: Any, rates: Mapping[str, float] | None, init: str | None, scale: str) -> None:
        self.deviations = dict(zip(LAYERS, DEVIATIONS[scale], strict=True))
        self.net, self.rates, self.top = net, rates, "data"
        self.init = None if init is None else _known(init, INITS, "init")

    def conv(
        self, name: str, outputs: int, *, kernel: int, stride: int = 1, pad: int = 0, group: int = 1, bias: float = 0
    ) -> None:
        layer = self._layer(name, "Convolution")
        parameter = layer.convolution_param
        parameter.num_output = outputs
        parameter.kernel_size.append(kernel)
        if stride != 1:
            parameter.stride.append(stride)
        if pad:
            parameter.pad.append(pad)
        if group != 1:
            parameter.group = group
        self._learn(layer, parameter, name, bias)
        self._relu(name)

    def norm(self, name: str) -> None:
        parameter = self._layer(name, "LRN").lrn_param
        parameter.local_size, parameter.alpha, parameter.beta = 5, 1e-4, 0.75

    def pool(self, name: str) -> None:
        parameter = self._layer(name, "Pooling").pooling_param
        parameter.pool, parameter.kernel_size, parameter.stride = parameter.MAX, 3, 2

    def dense(self, name: str, outputs: int, *, bias: float) -> None:
        self._inner_product(name, name, outputs, bias)
        self._relu(name)
        self._in_place(f"drop{name[-1]}", "Dropout").dropout_param.dropout_ratio = 0.5

    def scores(self, name: str, classes: int) -> str:
        self._inner_product(name, "fc8", classes, 0)
        return name

    def _inner_product(self, name: str, row: str, outputs: int, bias: float) -> None:
        layer = self._layer(name, "InnerProduct")
        layer.inner_product_param.num_output = outputs
        self._learn(layer, layer.inner_product_param, row, bias)

    def _learn(self, layer: Any, parameter: Any, row: str, bias: float) -> None:
        """Rates from Table II and fillers; a frozen layer gets no decay either, and a bias never."""
        if self.rates is None or self.init is None:
            return
        multiple = round(self.rates[row] / BASE_RATE, 9)
        layer.param.add(lr_mult=multiple, decay_mult=1 if multiple else 0)
        layer.param.add(lr_mult=BIAS_RATE * multiple, decay_mult=0)
        if self.init == "gaussian":
            parameter.weight_filler.type, parameter.weight_filler.std = "gaussian", self.deviations[row]
            parameter.bias_filler.type, parameter.bias_filler.value = "constant", bias
        else:
            parameter.weight_filler.type = self.init
            parameter.bias_filler.type = "constant"

    def _relu(self, name: str) -> None:
        self._in_place(f"relu{name[-1]}", "ReLU")

    def _layer(self, name: str, kind: str) -> Any:
        layer = self.net.layer.add(name=name, type=kind, bottom=[self.top], top=[name])
        self.top = name
        return layer

    def _in_place(self, name: str, kind: str) -> Any:
        return self.net.layer.add(name=name, type=kind, bottom=[self.top], top=[self.top])


def _data(net: Any, source: Source, lmdb: str, phase: int) -> None:
    layer = net.layer.add(name="data", type="Data", top=["data", "label"])
    layer.include.add(phase=phase)
    layer.transform_param.CopyFrom(source.transform.message())
    layer.data_param.source, layer.data_param.batch_size = lmdb, source.batch
    layer.data_param.backend = layer.data_param.LMDB


def _known(name: str, choices: Any, what: str) -> str:
    if name not in choices:
        raise Error(f"no {what} '{name}'", remedy=f"there are: {', '.join(choices)}")
    return name
