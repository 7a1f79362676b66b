"""Datum: the record of Caffe's databases, an image with its label."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2


def encode(image: np.ndarray, label: int) -> bytes:
    """The bytes of a raw Datum.

    Parameters
    ----------
    image : uint8, channels × height × width, BGR for colour.
    label : 0 and up.
    """
    if image.dtype != np.uint8 or image.ndim != 3:
        raise ValueError(f"an image is uint8 of three axes, not {image.dtype} of {image.ndim}")
    datum = caffe_pb2.Datum(label=int(label), data=image.tobytes())
    datum.channels, datum.height, datum.width = image.shape
    return datum.SerializeToString()


def decode(record: bytes, place: str | Path | None = None) -> tuple[np.ndarray, int]:
    """Image (channels × height × width; uint8, or float32 for `float_data`) and label of a Datum.

    An encoded Datum (JPEG, PNG) is decoded to BGR, a grey one to one channel. `place` is named in the
    `Error` raised for a record that is none.
    """
    try:
        datum = caffe_pb2.Datum.FromString(record)
    except Exception as error:  # noqa: BLE001 the class is DecodeError or the C implementation's own
        raise Error(f"a record is no Datum ({type(error).__name__})", place) from None
    if datum.encoded:
        return _decoded(datum, place), datum.label
    shape = (datum.channels, datum.height, datum.width)
    flat = np.frombuffer(datum.data, np.uint8) if datum.data else np.asarray(datum.float_data, dtype=np.float32)
    if flat.size != shape[0] * shape[1] * shape[2] or not flat.size:
        raise Error(f"a Datum of shape {shape} holds {flat.size} values", place)
    return flat.reshape(shape), datum.label


def _decoded(datum: Any, place: str | Path | None) -> np.ndarray:
    try:
        picture = Image.open(io.BytesIO(datum.data))
        picture.load()
    except (UnidentifiedImageError, OSError) as error:
        raise Error(f"an encoded Datum cannot be decoded ({error})", place) from None
    if picture.mode in ("L", "1"):
        return np.asarray(picture.convert("L"))[None]
    return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[..., ::-1].transpose(2, 0, 1))
