"""Nets of the oldest form, V0: ``layers { layer { name type … } bottom top }``, with padding layers of their own."""

from __future__ import annotations

from typing import Any

from ftcaffe.errors import Error
from ftcaffe.proto.messages import caffe_pb2

# V0 type → V1 type, the V1 message that its fields go to, and those fields under their V0 names.
_TYPES: dict[str, tuple[str, str, str]] = {
    "accuracy": ("ACCURACY", "", ""),
    "bnll": ("BNLL", "", ""),
    "concat": ("CONCAT", "concat_param", "concat_dim"),
    "conv": (
        "CONVOLUTION",
        "convolution_param",
        "num_output biasterm weight_filler bias_filler pad kernelsize group stride",
    ),
    "data": ("DATA", "data_param", "source batchsize rand_skip"),
    "dropout": ("DROPOUT", "dropout_param", "dropout_ratio"),
    "euclidean_loss": ("EUCLIDEAN_LOSS", "", ""),
    "flatten": ("FLATTEN", "", ""),
    "hdf5_data": ("HDF5_DATA", "hdf5_data_param", "source batchsize"),
    "hdf5_output": ("HDF5_OUTPUT", "", "hdf5_output_param"),
    "im2col": ("IM2COL", "", ""),
    "images": ("IMAGE_DATA", "image_data_param", "source batchsize rand_skip shuffle_images new_height new_width"),
    "infogain_loss": ("INFOGAIN_LOSS", "infogain_loss_param", "source"),
    "innerproduct": ("INNER_PRODUCT", "inner_product_param", "num_output biasterm weight_filler bias_filler"),
    "lrn": ("LRN", "lrn_param", "local_size alpha beta k"),
    "multinomial_logistic_loss": ("MULTINOMIAL_LOGISTIC_LOSS", "", ""),
    "pool": ("POOLING", "pooling_param", "pool pad kernelsize stride"),
    "relu": ("RELU", "", ""),
    "sigmoid": ("SIGMOID", "", ""),
    "softmax": ("SOFTMAX", "", ""),
    "softmax_loss": ("SOFTMAX_LOSS", "", ""),
    "split": ("SPLIT", "", ""),
    "tanh": ("TANH", "", ""),
    "window_data": (
        "WINDOW_DATA",
        "window_data_param",
        "source batchsize det_fg_threshold det_bg_threshold det_fg_fraction det_context_pad det_crop_mode",
    ),
}
_RENAMED = {
    "biasterm": "bias_term",
    "kernelsize": "kernel_size",
    "batchsize": "batch_size",
    "shuffle_images": "shuffle",
    "det_fg_threshold": "fg_threshold",
    "det_bg_threshold": "bg_threshold",
    "det_fg_fraction": "fg_fraction",
    "det_context_pad": "context_pad",
    "det_crop_mode": "crop_mode",
}
_TRANSFORM = {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size", "mirror": "mirror"}
_OF_EVERY_LAYER = ("name", "blobs", "blobs_lr", "weight_decay")
_DROPPED = ("type", "new_num", "new_channels")  # the last two Caffe drops without a word


def to_v1(net: Any) -> tuple[Any, list[str]]:
    """A V0 net in V1 form, and what of it was lost: fields that the layer's type does not have.

    As in Caffe, the new net has the old one's name, inputs and force_backward, and nothing else besides its layers.
    """
    made = caffe_pb2.NetParameter()
    for name in ("name", "input", "input_dim", "force_backward"):
        _copy(net, name, made, name)
    lost: list[str] = []
    for old in _padded(net):
        if not old.HasField("layer"):
            raise Error(
                f"layer '{old.name}' is of V1 form in a net of V0 form", remedy="write all layers in one form"
            )
        made.layers.append(_layer(old, lost))
    return made, lost


def _layer(old: Any, lost: list[str]) -> Any:
    new = caffe_pb2.V1LayerParameter(bottom=old.bottom, top=old.top)
    kind, place, fields = "", "", ""
    if old.layer.HasField("type"):
        try:
            kind, place, fields = _TYPES[old.layer.type]
        except KeyError:
            raise Error(
                f"layer '{old.layer.name}': no layer type '{old.layer.type}' in the V0 form",
                remedy=f"there are: {', '.join(_TYPES)}",
            ) from None
        new.type = caffe_pb2.V1LayerParameter.LayerType.Value(kind)
    for field, _ in old.layer.ListFields():
        name = field.name
        if name in _OF_EVERY_LAYER:
            _copy(old.layer, name, new, name)
        elif name in _TRANSFORM:
            _copy(old.layer, name, new.transform_param, _TRANSFORM[name])
        elif name in fields.split():
            _copy(old.layer, name, getattr(new, place) if place else new, _RENAMED.get(name, name))
        elif name not in _DROPPED:
            lost.append(f"layer '{old.layer.name}': {name} is no field of type '{old.layer.type}'")
    return new


def _padded(net: Any) -> list[Any]:
    """The layers without those of type padding, whose pad the convolution or pooling above each has taken up."""
    kept: list[Any] = []
    giver: dict[str, Any] = dict.fromkeys(net.input)  # blob → the layer that gave it last, None for an input
    for original in net.layers:
        layer = caffe_pb2.V1LayerParameter()
        layer.CopyFrom(original)
        for index, bottom in enumerate(original.bottom):
            if bottom not in giver:
                raise Error(f"layer '{layer.layer.name}': unknown bottom '{bottom}'")
            below = giver[bottom]
            if below is None or below.layer.type != "padding":
                continue
            if layer.layer.type not in ("conv", "pool") or len(layer.bottom) != 1 or len(below.bottom) != 1:
                raise Error(
                    f"layer '{layer.layer.name}' ({layer.layer.type}): a padding layer stands below it",
                    remedy="one blob can be padded, for a conv or a pool",
                )
            layer.layer.pad = below.layer.pad
            layer.bottom[index] = below.bottom[0]
        giver.update(dict.fromkeys(original.top, original))
        if layer.layer.type != "padding":
            kept.append(layer)
    return kept


def _copy(source: Any, name: str, target: Any, new_name: str) -> None:
    """Copy a field that may be unset to a field of a perhaps other name, which may be repeated where it is not."""
    value, place = getattr(source, name), getattr(target, new_name)
    if hasattr(value, "append"):
        place.extend(value)
    elif not source.HasField(name):
        return
    elif hasattr(place, "append"):
        place.append(value)
    elif hasattr(value, "CopyFrom"):
        place.CopyFrom(value)
    else:
        setattr(target, new_name, value)
