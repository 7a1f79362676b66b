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
    """Fill a blob as a FillerParameter says; `Error` naming the fillers there are for another type."""
    try:
        filler = _FILLERS[message.type]
    except KeyError:
        raise Error(f"no filler '{message.type}'", remedy=f"there are: {', '.join(sorted(_FILLERS))}") from None
    blob.data[...] = np.reshape(filler(message, blob.shape), blob.shape if message.type != "constant" else ())


def _register(name: str) -> Callable[[Filler], Filler]:
    def keep(filler: Filler) -> Filler:
        _FILLERS[name] = filler
        return filler

    return keep


@_register("constant")
def constant(message: Any, shape: tuple[int, ...]) -> float:
    """value everywhere."""
    return message.value


@_register("gaussian")
def gaussian(message: Any, shape: tuple[int, ...]) -> np.ndarray:
    """N(mean, std²)."""
    if message.sparse >= 0:
        raise Error("the gaussian filler's 'sparse' is not supported")
    return mode.random.gaussian(message.mean, message.std, math.prod(shape))


@_register("xavier")
def xavier(message: Any, shape: tuple[int, ...]) -> np.ndarray:
    """U(−√(3/n), √(3/n)); n is the fan-in, the fan-out, or their mean (variance_norm)."""
    limit = math.sqrt(3.0 / _fan(message, shape))
    return mode.random.uniform(-limit, limit, math.prod(shape))


@_register("msra")
def msra(message: Any, shape: tuple[int, ...]) -> np.ndarray:
    """N(0, 2/n); n as for xavier."""
    return mode.random.gaussian(0.0, math.sqrt(2.0 / _fan(message, shape)), math.prod(shape))


def _fan(message: Any, shape: tuple[int, ...]) -> float:
    count = math.prod(shape)
    fan_in = count / shape[0]
    fan_out = count / shape[1] if len(shape) > 1 else count
    return {message.FAN_IN: fan_in, message.FAN_OUT: fan_out, message.AVERAGE: (fan_in + fan_out) / 2}[
        message.variance_norm
    ]
