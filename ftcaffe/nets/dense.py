"""A net that classifies patches, made one that classifies every pixel of a region at once.

The windows of neighbouring pixels (`ftcaffe.store.window`) are cuts of one enlarged image, f samples apart, and so
are their maps in every layer, as long as the layers' strides divide that step. Let the windows of m × m' pixels be d
positions apart in a layer's bottom, and the layer have the stride s. Every n-th of them, n = s / gcd(s, d), is n·d
apart, a multiple of s; so the bottom is shifted n ways along each axis, the n² shifts go through the layer as a
batch, and in its top each holds m/n × m'/n windows, d / gcd(s, d) apart ("shift and stitch": Long, Shelhamer and
Darrell, CVPR 2015, section 3.2). An inner product becomes a convolution whose kernel is the window's whole map.

With AlexNet and f = 8 the step is 8 at conv1 (stride 4) and 2 at pool1: both are computed once for all pixels. It is
1 from there on, so pool2 and pool5 take 2 × 2 shifts each; no position of any map is computed twice, and only fc6 to
fc8 are paid for every pixel. A region of 92 × 60 pixels takes 0.33 · 10¹² multiplications, its patches one by one
4.0 · 10¹². Another factor has its own shifts (f = 7: 4 at conv1 and 2 at each pooling, 32 × 32 together, which share
nothing), so f is best a power of two.

Zero padding is the one thing that is not the same: a patch has zeros around its maps, a window in a region has its
neighbours' values there. Without padding both give the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2

ENLARGEMENT = {"full": 8, "tiny": 2}
"""Samples of the enlarged image a pixel, by the net's scale: windows of 28.375 and 33.5 pixels (assumed)."""

# Layers that treat each position alone.
_POINTWISE = {"AbsVal", "BatchNorm", "Bias", "BNLL", "Dropout", "ELU", "Exp", "Log", "LRN", "Power", "PReLU", "ReLU"}
_POINTWISE |= {"Scale", "Sigmoid", "Softmax", "Swish", "TanH"}


@dataclass(frozen=True)
class _Stage:
    """Shifts before a layer: the input blob that gives their size, how many an axis, their windows and distance.

    For m windows an axis, before the shifts, a shift is window + (m / shifts − 1) · shifts · step long.
    """

    blob: str
    shifts: int
    window: int
    step: int


@dataclass(frozen=True)
class DenseNet:
    """A net for regions of any size.

    net : NetParameter, its inputs for the region's size that was asked for.
    data : name of the blob of the enlarged region.
    layers : names of the layers with parameters by those in the net of patches.
    window : side of the patches' input. step : samples of the enlarged image a pixel.
    stages : where shifts are taken.
    """

    net: Any
    data: str
    layers: dict[str, str]
    channels: int
    window: int
    step: int
    stages: tuple[_Stage, ...]

    @property
    def shifts(self) -> int:
        """Shifts an axis of all stages together; a region has a multiple of as many rows and columns."""
        return math.prod(stage.shifts for stage in self.stages)

    def whole(self, pixels: int) -> int:
        """Pixels of an axis filled up to a multiple of the shifts."""
        return -(-pixels // self.shifts) * self.shifts

    def inputs(self, height: int, width: int) -> dict[str, tuple[int, int, int, int]]:
        """Shapes of the net's input blobs for a region of these pixels: the enlarged region, the sizes of the shifts.

        The region is filled up (`whole`).
        """
        sides = [self.whole(height), self.whole(width)]
        lengths = [self.step * (side - 1) + self.window for side in sides]
        shapes = {self.data: (1, self.channels, lengths[0], lengths[1])}
        for stage in self.stages:
            sides = [side // stage.shifts for side in sides]
            lengths = [stage.window + (side - 1) * stage.shifts * stage.step for side in sides]
            shapes[stage.blob] = (1, 1, lengths[0], lengths[1])
        return shapes

    def reshape(self, net: Any, height: int, width: int) -> None:
        """Make a pycaffe net of this one ready for regions of another size."""
        for name, shape in self.inputs(height, width).items():
            net.blobs[name].reshape(*shape)
        net.reshape()

    def transplant(self, source: Any, net: Any) -> None:
        """Copy the parameters of the pycaffe net of patches into that of regions ("net surgery")."""
        for name, blobs in source.params.items():
            for blob, into in zip(blobs, net.params[self.layers[name]], strict=True):
                into.data[...] = blob.data.reshape(into.data.shape)

    def stitch(self, top: np.ndarray, height: int, width: int) -> np.ndarray:
        """The net's top (shifts² × classes × rows × columns) as maps (classes × height × width)."""
        count = len(self.stages)
        shifts = [stage.shifts for stage in reversed(self.stages)]  # the last stage's are outermost in the batch
        _, classes, rows, columns = top.shape
        parts = top.reshape(*(n for shift in shifts for n in (shift, shift)), classes, rows, columns)
        down, across = range(0, 2 * count, 2), range(1, 2 * count, 2)
        order = (2 * count, 2 * count + 1, *down, 2 * count + 2, *across)
        maps = parts.transpose(order).reshape(classes, rows * self.shifts, columns * self.shifts)
        return np.ascontiguousarray(maps[:, :height, :width])


def dense(deploy: Any, step: int, height: int, width: int) -> DenseNet:
    """The net of regions of a net of patches.

    Parameters
    ----------
    deploy : NetParameter, a chain from one Input to a Softmax with square kernels, inner products at its end.
    step : samples of the enlarged image a pixel (`ftcaffe.store.window.factor`).
    height, width : of the region, in pixels; `DenseNet.reshape` changes them.

    Raises
    ------
    Error : a layer that a region cannot be passed through, named.
    """
    walk = _Walk(deploy, step)
    for layer in deploy.layer:
        walk.add(layer)
    made = walk.finished()
    shapes = made.inputs(height, width)
    source = made.net.layer[0]
    source.top[:] = list(shapes)
    for shape in shapes.values():
        source.input_param.shape.add(dim=shape)
    return made


class _Walk:
    """Down the chain: `window` and `step` are the side of a pixel's map and its distance from the next one's."""

    def __init__(self, deploy: Any, step: int) -> None:
        self.name = deploy.name
        self.net = caffe_pb2.NetParameter(name=f"{deploy.name}_dense")
        self.first = self.step = step
        self.data = self.top = ""
        self.channels = self.size = self.window = 0
        self.layers: dict[str, str] = {}
        self.stages: list[_Stage] = []

    def add(self, layer: Any) -> None:
        """One layer of the net of patches."""
        if layer.type != "Input" and (list(layer.bottom) != [self.top] or len(layer.top) != 1):
            raise _fault(layer, f"does not stand on '{self.top}' alone")
        if layer.type == "Input":
            self._input(layer)
        elif layer.type == "Convolution":
            self._convolution(layer)
        elif layer.type == "Pooling":
            self._pooling(layer)
        elif layer.type == "InnerProduct":
            self._inner_product(layer)
        elif layer.type in _POINTWISE and not self._spatial(layer):
            self._copy(layer)
        else:
            raise _fault(layer, f"a {layer.type} layer is not the same in a region as in a patch")
        self.top = layer.top[0]

    def finished(self) -> DenseNet:
        """The net, when all layers are added."""
        if (self.window, self.step) != (1, 1):
            raise Error(f"a patch has {self.window} × {self.window} outputs in net '{self.name}', not one")
        return DenseNet(self.net, self.data, self.layers, self.channels, self.size, self.first, tuple(self.stages))

    def _input(self, layer: Any) -> None:
        shape = list(layer.input_param.shape[0].dim)
        if self.data or len(layer.top) != 1 or len(shape) != 4 or shape[2] != shape[3]:
            raise _fault(layer, "the net's one input is batch × channels × size × size")
        self.data = layer.top[0]
        self.channels, self.size = shape[1], shape[2]
        self.window = self.size
        self.net.layer.add(name=layer.name, type="Input")

    def _convolution(self, layer: Any) -> None:
        parameter = layer.convolution_param
        kernel, stride, pad, dilation = (
            _square(layer, parameter, name, default)
            for name, default in (("kernel_size", 0), ("stride", 1), ("pad", 0), ("dilation", 1))
        )
        self._shifted(layer, stride)
        self.window = (self.window + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1

    def _pooling(self, layer: Any) -> None:
        parameter = layer.pooling_param
        if parameter.global_pooling or any(parameter.HasField(name) for name in ("kernel_h", "stride_h", "pad_h")):
            raise _fault(layer, "a region is pooled by square windows")
        spare = self.window - parameter.kernel_size
        if parameter.pad or spare % parameter.stride:
            raise _fault(layer, "its last window hangs over the patch's border, where a region goes on")
        self._shifted(layer, parameter.stride)
        self.window = spare // parameter.stride + 1

    def _inner_product(self, layer: Any) -> None:
        """A convolution with the window's map for a kernel, from pixel to pixel."""
        parameter = layer.inner_product_param
        if parameter.axis != 1 or parameter.transpose:
            raise _fault(layer, "only an inner product along axis 1, not transposed, is a convolution")
        name = f"{layer.name}_conv"
        made = self.net.layer.add(name=name, type="Convolution", bottom=layer.bottom, top=layer.top)
        made.convolution_param.num_output = parameter.num_output
        made.convolution_param.kernel_size.append(self.window)
        if not parameter.bias_term:
            made.convolution_param.bias_term = False
        if self.step != 1:
            made.convolution_param.stride.append(self.step)
        self.layers[layer.name] = name
        self.window = self.step = 1

    def _shifted(self, layer: Any, stride: int) -> None:
        """The layer on the shifts of its bottom that its stride asks for."""
        common = math.gcd(stride, self.step)
        shifts = stride // common
        bottom = layer.bottom[0]
        if shifts > 1:
            size, joined = f"{layer.name}_shift", f"{layer.name}_shifts"
            self.stages.append(_Stage(size, shifts, self.window, self.step))
            parts = []
            for down in range(shifts):
                for across in range(shifts):
                    parts.append(f"{layer.name}_shift_{down}_{across}")
                    crop = self.net.layer.add(name=parts[-1], type="Crop", bottom=[bottom, size], top=parts[-1:])
                    crop.crop_param.axis = 2
                    crop.crop_param.offset.extend([down * self.step, across * self.step])
            join = self.net.layer.add(name=joined, type="Concat", bottom=parts, top=[joined])
            join.concat_param.axis = 0
            bottom = joined
        self._copy(layer).bottom[:] = [bottom]
        self.step //= common

    def _copy(self, layer: Any) -> Any:
        copied = self.net.layer.add()
        copied.CopyFrom(layer)
        self.layers[layer.name] = layer.name
        return copied

    @staticmethod
    def _spatial(layer: Any) -> bool:
        """Whether a layer that is pointwise by default looks at its neighbours or at places here."""
        if layer.type == "LRN":
            return layer.lrn_param.norm_region != layer.lrn_param.ACROSS_CHANNELS
        if layer.type in ("Scale", "Bias"):
            parameter = layer.scale_param if layer.type == "Scale" else layer.bias_param
            return (parameter.axis, parameter.num_axes) != (1, 1)
        return layer.type == "Softmax" and layer.softmax_param.axis != 1


def _square(layer: Any, parameter: Any, name: str, default: int) -> int:
    """A size that is the same for both axes."""
    high = "kernel_h" if name == "kernel_size" else f"{name}_h"
    given = set(getattr(parameter, name)) or {default}
    if len(given) != 1 or (name != "dilation" and parameter.HasField(high)):
        raise _fault(layer, "kernel, stride and pad are not the same for both axes")
    return given.pop()


def _fault(layer: Any, what: str) -> Error:
    return Error(f"layer '{layer.name}': {what}", remedy="map the region patch by patch")
