"""Fillers: how a parameter begins. Registered by Caffe's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ftcaffe.engine import mode
from ftcaffe.engine.blob import Blob
from ftcaffe.errors import Error

Filler = Callable[[Any, tuple[int, ...]], "np.ndarray | float"]
_FILLERS: dict[str, Filler] = {}


def fill(blob: Blob, message: Any) -> None:
    """Fill a blob as a FillerParameter says, with the numbers that Caffe fills it with after the same seed.

    Raises `Error` for a type that there is none of, and for what the type does not take.
    """
    try:
        filler = _FILLERS[message.type]
    except KeyError:
        raise Error(f"no filler '{message.type}'", remedy=f"there are: {', '.join(sorted(_FILLERS))}") from None
    if message.sparse != -1 and message.type != "gaussian":
        raise Error(f"the filler '{message.type}' has no 'sparse'", remedy="only 'gaussian' has")
    if not blob.count:
        raise Error(f"a filler for a parameter of shape {blob.shape}, which is empty")
    blob.data[...] = filler(message, blob.shape)


def _register(name: str) -> Callable[[Filler], Filler]:
    def keep(filler: Filler) -> Filler:
        _FILLERS[name] = filler
        return filler

    return keep


@_register("constant")
def constant(message: Any, shape: tuple[int, ...]) -> float:
    """value everywhere."""
    return message.value


@_register("uniform")
def uniform(message: Any, shape: tuple[int, ...]) -> np.ndarray:
    """U(min, max)."""
    if message.min > message.max:
        raise Error(f"a uniform filler from {message.min:g} to {message.max:g}", remedy="min is at most max")
    return mode.random.uniform(message.min, message.max, math.prod(shape)).reshape(shape)


@_register("gaussian")
def gaussian(message: Any, shape: tuple[int, ...]) -> np.ndarray:
    """N(mean, std²); `sparse` keeps each value with probability sparse / shape[0], the others are 0.

    Caffe's intent is `sparse` inputs for an output; it divides by the number of outputs all the same.
    """
    if not message.std > 0:
        raise Error(f"a gaussian filler of std {message.std:g}", remedy="above 0, or 'constant'")
    if message.sparse < -1:
        raise Error(f"a gaussian filler's sparse is -1 (off) or more, not {message.sparse}")
    values = mode.random.gaussian(message.mean, message.std, math.prod(shape)).reshape(shape)
    if message.sparse >= 0:
        kept = np.float32(message.sparse) / np.float32(_axis(shape, 0))
        if kept > 1:
            raise Error(f"a gaussian filler's sparse is {message.sparse}, the parameter has {shape[0]} outputs")
        values *= mode.random.bernoulli(kept, values.size).reshape(shape)
    return values


@_register("positive_unitball")
def positive_unitball(message: Any, shape: tuple[int, ...]) -> np.ndarray:
    """U(0, 1) over the sum of all of the same index on the first axis."""
    rows = mode.random.uniform(0, 1, math.prod(shape)).reshape(_axis(shape, 0), -1)
    # One value is added after the other, in float32, as Caffe adds them.
    return (rows / np.cumsum(rows, axis=1)[:, -1:]).reshape(shape)


@_register("xavier")
def xavier(message: Any, shape: tuple[int, ...]) -> np.ndarray:
    """U(−√(3/n), √(3/n)); n is the fan-in, the fan-out, or their mean (variance_norm)."""
    limit = np.sqrt(np.float32(3) / _fan(message, shape))
    return mode.random.uniform(-limit, limit, math.prod(shape)).reshape(shape)


@_register("msra")
def msra(message: Any, shape: tuple[int, ...]) -> np.ndarray:
    """N(0, 2/n); n as for xavier."""
    return mode.random.gaussian(0, np.sqrt(np.float32(2) / _fan(message, shape)), math.prod(shape)).reshape(shape)


@_register("bilinear")
def bilinear(message: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Weights that enlarge by bilinear interpolation, in a Deconvolution; the same for all inputs and outputs.

    (1 − |x/f − c|) · (1 − |y/f − c|) with f = ⌈size/2⌉ and c = (size − 1) / 2f.
    """
    if len(shape) != 4 or shape[2] != shape[3]:
        raise Error(f"a bilinear filler for a parameter of shape {shape}", remedy="it takes square kernels of 4 axes")
    size = shape[3]
    factor = math.ceil(size / 2)
    centre = np.float32((size - 1) / (2 * factor))
    ramp = 1 - np.abs(np.arange(size, dtype=np.float32) / np.float32(factor) - centre)
    return np.broadcast_to(ramp[:, None] * ramp, shape)


def _fan(message: Any, shape: tuple[int, ...]) -> np.float32:
    """The n of xavier and msra: the count over the first axis (fan-in), over the second (fan-out), or their mean.

    In an InnerProduct's outputs × inputs the fan-out so is the number of outputs, in its transposed weights both are
    swapped, and a parameter of one axis has the fan-in 1.
    """
    count = math.prod(shape)
    fan_in = count // _axis(shape, 0)
    fan_out = count // shape[1] if len(shape) > 1 else count
    fans = {message.FAN_IN: fan_in, message.FAN_OUT: fan_out, message.AVERAGE: (fan_in + fan_out) / 2}
    return np.float32(fans[message.variance_norm])


def _axis(shape: tuple[int, ...], axis: int) -> int:
    if axis >= len(shape):
        raise Error(f"a filler that counts outputs, for a parameter of shape {shape}", remedy="use 'constant'")
    return shape[axis]
