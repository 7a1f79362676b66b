"""Datum: the record of Caffe's databases, an image with its label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2
from ftcaffe.store import image
from ftcaffe.store.image import Colors

_LARGE = 1 << 15  # bytes of a record, above which joining records costs more than a loop over them


def encode(pixels: np.ndarray, label: int) -> bytes:
    """The bytes of a raw Datum.

    Parameters
    ----------
    pixels : uint8, channels × height × width, BGR for colour.
    label : 0 and up.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise ValueError(f"an image is uint8 of three axes, not {pixels.dtype} of {pixels.ndim}")
    datum = caffe_pb2.Datum(label=int(label), data=pixels.tobytes())
    datum.channels, datum.height, datum.width = pixels.shape
    return datum.SerializeToString()


def encode_floats(values: np.ndarray) -> bytes:
    """The bytes of a Datum of floats without a label; `values` is channels × height × width."""
    fields = np.empty((values.size, 5), np.uint8)  # each number is a field of its own: its tag, and four bytes
    fields[:, 0] = caffe_pb2.Datum(float_data=[0]).SerializeToString()[0]
    fields[:, 1:] = np.ascontiguousarray(values, "<f4").reshape(-1, 1).view(np.uint8)
    channels, height, width = values.shape
    return caffe_pb2.Datum(channels=channels, height=height, width=width).SerializeToString() + fields.tobytes()


def decode(record: bytes, place: str | Path | None = None, colors: Colors = "as is") -> tuple[np.ndarray, int]:
    """Image (channels × height × width; uint8, or float32 for `float_data`) and label of a Datum.

    An encoded Datum (JPEG, PNG) is decoded as `image.decode` does with `colors`; others are what they are. `place` is
    named in the `Error` raised for a record that is none.
    """
    datum = _parse(record, place)
    return values(datum, place, colors), datum.label


def values(datum: Any, place: str | Path | None = None, colors: Colors = "as is") -> np.ndarray:
    """The image of a Datum message, as `decode` gives it."""
    if datum.encoded:
        return image.decode(datum.data, colors, place)
    shape = (datum.channels, datum.height, datum.width)
    flat = np.frombuffer(datum.data, np.uint8) if datum.data else np.asarray(datum.float_data, dtype=np.float32)
    if flat.size != shape[0] * shape[1] * shape[2] or not flat.size:
        raise Error(f"a Datum of shape {shape} holds {flat.size} values", place)
    return flat.reshape(shape)


def decode_all(
    records: Sequence[bytes], place: str | Path | None = None, colors: Colors = "as is"
) -> tuple[Sequence[np.ndarray] | np.ndarray, np.ndarray]:
    """Images and labels (float32) of several Datums; those of small raw ones are one array.

    Raw images of one shape are taken from the records as they lie, without a message for each.
    """
    first = _parse(records[0], place)
    span = _pixels_of(records[0], first)
    if span is not None:
        size, head = len(records[0]), records[0][: span.start]
        if all(len(record) == size and record.startswith(head) for record in records):
            ends = [record[span.stop :] for record in records]
            known = {end: _label(end) for end in set(ends)}
            if None not in known.values():
                shape, labels = (first.channels, first.height, first.width), [known[end] for end in ends]
                images: Sequence[np.ndarray] | np.ndarray
                if size > _LARGE:
                    images = [np.frombuffer(record, np.uint8)[span].reshape(shape) for record in records]
                else:
                    together = np.frombuffer(b"".join(records), np.uint8).reshape(len(records), size)
                    images = together[:, span].reshape(len(records), *shape)
                return images, np.array(labels, np.float32)
    pairs = [decode(record, place, colors) for record in records]
    return [pair[0] for pair in pairs], np.array([pair[1] for pair in pairs], np.float32)


def _pixels_of(record: bytes, datum: Any) -> slice | None:
    """Where a raw Datum's pixels lie, if its shape stands before them, as every writer has it; else None."""
    if datum.encoded or not datum.data or len(datum.data) != datum.channels * datum.height * datum.width:
        return None
    field = caffe_pb2.Datum(data=datum.data).SerializeToString()
    start = record.find(field)
    head = caffe_pb2.Datum(channels=datum.channels, height=datum.height, width=datum.width).SerializeToString()
    if start < 0 or record[:start] != head:
        return None
    stop = start + len(field)
    return slice(stop - len(datum.data), stop)


def _label(end: bytes) -> int | None:
    """The label in what follows a raw Datum's pixels; None if anything else stands there."""
    try:
        rest = caffe_pb2.Datum.FromString(end)
    except Exception:  # noqa: BLE001 the record is told of where it is parsed whole
        return None
    told = {field.name for field, _ in rest.ListFields()}
    return rest.label if told <= {"label", "encoded"} and not rest.encoded else None


def _parse(record: bytes, place: str | Path | None) -> Any:
    try:
        return caffe_pb2.Datum.FromString(record)
    except Exception as error:  # noqa: BLE001 the class is DecodeError or the C implementation's own
        raise Error(f"a record is no Datum ({type(error).__name__})", place) from None
