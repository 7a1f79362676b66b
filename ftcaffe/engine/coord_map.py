"""How the coordinates of one top lie on those of another, as pycaffe's ``caffe.coord_map``.

A map is (axis, scale, shift): coordinate i of a layer's bottom is scale · i + shift of its top, from the spatial axis
`axis` on; the axis is None where every one does. Scale and shift are numbers or arrays, one value a spatial axis.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np

from ftcaffe.engine.net_spec import Function, Top, layers
from ftcaffe.errors import Error

Map = tuple[int | None, Any, Any]
IDENTITY: Map = (None, 1, 0)
PASS_THROUGH_LAYERS = [
    *("AbsVal", "BatchNorm", "Bias", "BNLL", "Dropout", "Eltwise", "ELU", "Log", "LRN", "Exp", "MVN", "Power"),
    *("ReLU", "PReLU", "Scale", "Sigmoid", "Split", "TanH", "Threshold"),
]
_LEGACY = {"pad_h", "pad_w", "kernel_h", "kernel_w", "stride_h", "stride_w"}


class UndefinedMapException(Error):
    """A layer does not map coordinates."""


class AxisMismatchException(Error):
    """Maps of different axes follow each other."""


class CropError(Error, AssertionError):
    """One top cannot be cropped to the other; pycaffe asserts that it can."""


def conv_params(fn: Function) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Axis, stride, extent of the kernel with its holes, and padding of a layer that slides a window."""
    params = fn.params.get("convolution_param", fn.params)
    if legacy := sorted(_LEGACY & set(fn.params)):
        raise CropError(
            f"{fn.type_name}: {', '.join(legacy)} cannot be mapped", remedy="use kernel_size, stride, pad"
        )
    kernel, dilation, stride, pad = (
        np.array(params.get(name, default), ndmin=1)
        for name, default in (("kernel_size", None), ("dilation", 1), ("stride", 1), ("pad", 0))
    )
    return params.get("axis", 1), stride, (kernel - 1) * dilation + 1, pad


def crop_params(fn: Function) -> tuple[int, np.ndarray]:
    """Axis and offsets of a Crop layer."""
    params = fn.params.get("crop_param", fn.params)
    return params.get("axis", 2), np.array(params.get("offset", 0), ndmin=1)


def coord_map(fn: Function) -> Map:
    """The map of a layer; `UndefinedMapException` where it has none."""
    if fn.type_name in ("Convolution", "Pooling", "Im2col"):
        axis, stride, extent, pad = conv_params(fn)
        return axis, 1 / stride, (pad - (extent - 1) / 2) / stride
    if fn.type_name == "Deconvolution":
        axis, stride, extent, pad = conv_params(fn)
        return axis, stride, (extent - 1) / 2 - pad
    if fn.type_name == "Crop":
        axis, offset = crop_params(fn)
        return axis - 1, 1, -offset  # a map's axis is the one before the first that is mapped
    if fn.type_name in PASS_THROUGH_LAYERS:
        return IDENTITY
    raise UndefinedMapException(f"a layer of type {fn.type_name} has no map of coordinates")


def compose(base_map: Map, next_map: Map) -> Map:
    """The map that applies `next_map` and then `base_map`."""
    (axis, scale, shift), (next_axis, next_scale, next_shift) = base_map, next_map
    if None not in (axis, next_axis) and axis != next_axis:
        raise AxisMismatchException(f"maps of axes {axis} and {next_axis} cannot follow each other")
    return next_axis if axis is None else axis, scale * next_scale, scale * next_shift + shift


def inverse(coord_map: Map) -> Map:
    """The map the other way."""
    axis, scale, shift = coord_map
    return axis, 1 / scale, -shift / scale


def coord_map_from_to(top_from: Top, top_to: Top) -> Map:
    """The map from one top to another, over a blob that both come from.

    Raises `Error`, a RuntimeError, where they have none in common through layers that map coordinates.
    """
    from_maps = {top_from: IDENTITY}
    _walk(top_from, from_maps, ())
    to_maps = {top_to: IDENTITY}
    common = _walk(top_to, to_maps, from_maps)
    if common is None:
        raise Error("could not compute the map between two tops; are they connected by spatial layers?")
    return compose(to_maps[common], inverse(from_maps[common]))


def _walk(top: Top, maps: dict[Top, Map], sought: Container[Top]) -> Top | None:
    """Walk down from a top, adding the map to it of each top below; ends at the first that is sought and returns it.

    A Crop layer's second bottom only gives a size, and is not walked to; a layer without a map ends its path.
    """
    frontier = [top]
    while frontier:
        top = frontier.pop(0)
        if top in sought:
            return top
        bottoms = top.fn.inputs[:1] if top.fn.type_name == "Crop" else top.fn.inputs
        for bottom in bottoms:
            try:
                maps[bottom] = compose(maps[top], coord_map(top.fn))
            except UndefinedMapException:
                break
            frontier.append(bottom)
    return None


def crop(top_from: Top, top_to: Top) -> Top:
    """The Crop layer that cuts `top_from` to what lies under `top_to`; `CropError` where no whole offset does."""
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    scale, shift = np.asarray(scale), np.asarray(shift)
    if (scale != 1).any():
        raise CropError(f"scale mismatch on crop (a = {scale})")
    if (shift > 0).any():
        raise CropError(f"cannot crop negative offset (b = {shift})")
    if (np.round(shift) != shift).any():
        raise CropError(f"cannot crop noninteger offset (b = {shift})")
    offset = (-np.round(shift).astype(int)).tolist()
    return layers.Crop(top_from, top_to, crop_param={"axis": (axis or 0) + 1, "offset": offset})
