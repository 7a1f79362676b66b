"""Nets and solvers of older forms made current, as Caffe makes them when it reads one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from ftcaffe.errors import Error
from ftcaffe.proto import v0
from ftcaffe.proto.messages import caffe_pb2

_TYPES = {
    "NONE": "",
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}
_SOLVERS = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")  # in the order of SolverType
_DATA = {"DATA": "data_param", "IMAGE_DATA": "image_data_param", "WINDOW_DATA": "window_data_param"}
_TRANSFORM = ("scale", "mean_file", "crop_size", "mirror")
# V1 lists that became fields of ParamSpec.
_SPECS = {"param": "name", "blob_share_mode": "share_mode", "blobs_lr": "lr_mult", "weight_decay": "decay_mult"}


class Upgraded(NamedTuple):
    """A message of current form.

    steps : what was upgraded, in words; none when the message was current.
    lost : what an older form said and no newer form can; Caffe warns of it and goes on.
    """

    message: Any
    steps: list[str]
    lost: list[str]


def net(message: Any) -> Upgraded:
    """A NetParameter in current form: its layers as ``layer``, its inputs as Input layers.

    Raises `Error` for a net that mixes forms, a V0 type that never was, and inputs with fewer shapes than names.
    """
    made = caffe_pb2.NetParameter()
    made.CopyFrom(message)
    steps: list[str] = []
    lost: list[str] = []
    if any(layer.HasField("layer") for layer in made.layers):
        made, lost = v0.to_v1(made)
        steps.append("layers of the V0 form")
    if any(_old_transform(layer) for layer in made.layers):
        _move_transforms(made)
        steps.append("transformation fields of data layers")
    if made.layers:
        _from_v1(made)
        steps.append("layers of the V1 form")
    if made.input:
        _inputs_to_layer(made)
        steps.append("input fields")
    old_norms = [layer for layer in made.layer if layer.type == "BatchNorm" and len(layer.param) == 3]
    if old_norms:
        for spec in (spec for layer in old_norms for spec in layer.param):
            spec.lr_mult = spec.decay_mult = 0  # sums that BatchNorm keeps itself; older files learnt them
        steps.append("parameters of BatchNorm layers")
    return Upgraded(made, steps, lost)


def solver(message: Any) -> Upgraded:
    """A SolverParameter in current form: its type as a word, not as the number ``solver_type``."""
    made = caffe_pb2.SolverParameter()
    made.CopyFrom(message)
    if not made.HasField("solver_type"):
        return Upgraded(made, [], [])
    if made.HasField("type"):
        raise Error("has solver_type and type", remedy="remove solver_type, the older one")
    made.type = _SOLVERS[made.solver_type]
    made.ClearField("solver_type")
    return Upgraded(made, ["solver_type"], [])


def inner_nets(message: Any) -> list[str]:
    """Make the nets current that stand in a SolverParameter itself, and return what was lost.

    Caffe's solver leaves them as they are, and so loses layers of older forms.
    """
    nets = [getattr(message, name) for name in ("net_param", "train_net_param") if message.HasField(name)]
    lost = []
    for inner in [*nets, *message.test_net_param]:
        done = net(inner)
        inner.CopyFrom(done.message)
        lost += done.lost
    return lost


def snapshot_prefix(message: Any, path: str | Path) -> None:
    """Caffe's rule for a SolverParameter read from `path`: no prefix is the file's own name, a folder's is in it."""
    stem, _ = os.path.splitext(os.fspath(path))  # noqa: PTH122 pathlib would lose a leading ./
    if not message.HasField("snapshot_prefix"):
        message.snapshot_prefix = stem
    elif Path(message.snapshot_prefix).is_dir():
        message.snapshot_prefix = os.fspath(Path(message.snapshot_prefix) / Path(stem).name)


def _old_transform(layer: Any) -> bool:
    place = _DATA.get(_type_name(layer))
    return place is not None and any(getattr(layer, place).HasField(name) for name in _TRANSFORM)


def _move_transforms(made: Any) -> None:
    """Move scale, mean_file, crop_size and mirror of data layers to their transform_param, over what stands there."""
    for layer in made.layers:
        if place := _DATA.get(_type_name(layer)):
            own = getattr(layer, place)
            own.SetInParent()
            layer.transform_param.SetInParent()
            for name in _TRANSFORM:
                if own.HasField(name):
                    setattr(layer.transform_param, name, getattr(own, name))
                    own.ClearField(name)


def _from_v1(made: Any) -> None:
    if made.layer:
        raise Error("has layers of two forms, 'layer' and 'layers'", remedy="write all as 'layer'")
    for old in made.layers:
        new = made.layer.add()
        if old.HasField("type"):
            new.type = _TYPES[_type_name(old)]
        for field, value in old.ListFields():
            if field.name in _SPECS:
                for index, item in enumerate(value):
                    spec = new.param[index] if index < len(new.param) else new.param.add()
                    setattr(spec, _SPECS[field.name], item)
            elif field.name != "type":
                _copy(new, field.name, value)
    made.ClearField("layers")


def _copy(target: Any, name: str, value: Any) -> None:
    place = getattr(target, name)
    if hasattr(place, "extend"):
        place.extend(value)
    elif hasattr(place, "CopyFrom"):
        place.CopyFrom(value)
    else:
        setattr(target, name, value)


def _type_name(layer: Any) -> str:
    return caffe_pb2.V1LayerParameter.LayerType.Name(layer.type)


def _inputs_to_layer(made: Any) -> None:
    """Put an Input layer first for input, input_shape and input_dim (four to an input)."""
    first = caffe_pb2.LayerParameter(name="input", type="Input", top=made.input)
    count = len(made.input)
    if made.input_shape:
        shapes = [list(shape.dim) for shape in made.input_shape[:count]]
    else:
        shapes = [list(made.input_dim[start : start + 4]) for start in range(0, 4 * count, 4)]
    if len(shapes) < count or (len(shapes[-1]) < 4 and not made.input_shape):
        given = f"{len(made.input_shape)} input_shape" if made.input_shape else f"{len(made.input_dim)} input_dim"
        raise Error(f"{count} inputs and {given}", remedy="give each input an input_shape, or four times input_dim")
    for shape in shapes:
        first.input_param.shape.add(dim=shape)
    layers = [first, *made.layer]
    for name in ("input", "input_shape", "input_dim", "layer"):
        made.ClearField(name)
    made.layer.extend(layers)
