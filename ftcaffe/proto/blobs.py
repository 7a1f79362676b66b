"""Large blobs in and out of Caffe's binary files without passing through Python numbers.

A caffemodel of AlexNet holds 61 million floats. protobuf hands them over one by one; here the wire format is walked
for the few fields that matter, and the packed floats are taken as they lie.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from ftcaffe.errors import Error
from ftcaffe.proto.messages import caffe_pb2
from ftcaffe.store import atomic

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Field numbers of the wire format: NetParameter.layer and its old form, and the name and blobs in each.
_LAYER, _V1_LAYER = 100, 2
_NAME_AND_BLOBS = {_LAYER: (1, 7), _V1_LAYER: (4, 6)}
_V0_IN_V1, _V0_NAME, _V0_BLOBS = 1, 1, 50
_STATE_HISTORY = 3
_DATA, _DIFF, _DOUBLE_DATA, _DOUBLE_DIFF = 5, 6, 8, 9
_FAULTS = (ValueError, IndexError, DecodeError)  # what walking a damaged file meets


def read_layers(path: str | Path) -> dict[str, list[np.ndarray]]:
    """Parameter arrays (float32) by layer name, in the order of a caffemodel; V1 and V0 models too.

    Layers without parameters are left out. Raises `Error` when the file is no caffemodel or is truncated.
    """
    content = _content(path)
    layers: dict[str, list[np.ndarray]] = {}
    try:
        for number, layer in _messages(content):
            if number in _NAME_AND_BLOBS:
                name, blobs = _layer(layer, number)
                if blobs:
                    layers[name] = blobs
    except _FAULTS:
        raise Error("is no caffemodel or is truncated", path, remedy="copy or make the file anew") from None
    if not layers:
        raise Error("holds no layer with weights", path)
    return layers


def write_layers(
    path: str | Path,
    net: Any,
    blobs: Sequence[Sequence[np.ndarray]],
    diffs: Sequence[Sequence[np.ndarray]] = (),
) -> None:
    """Write a caffemodel whole: a NetParameter without blobs, each of its layers' parameters, and their gradients."""
    with atomic.whole(path) as beside, beside.open("wb") as stream:
        rest = type(net)()
        rest.CopyFrom(net)
        rest.ClearField("layer")
        stream.write(rest.SerializeToString())
        for layer, arrays, gradients in zip(net.layer, blobs, diffs or [()] * len(blobs), strict=True):
            header = layer.SerializeToString()
            _, field = _NAME_AND_BLOBS[_LAYER]
            pairs = zip_longest(arrays, gradients)
            encoded = [piece for array, gradient in pairs for piece in _encode_blob(field, array, gradient)]
            stream.write(_tag(_LAYER, len(header) + sum(map(len, encoded))) + header)
            stream.writelines(encoded)


def read_state(path: str | Path) -> tuple[Any, list[np.ndarray]]:
    """A solverstate: its SolverState without the history, and the history as arrays; `Error` when it is none."""
    content = _content(path)
    head, history = bytearray(), []
    try:
        for number, start, end, whole_start in _fields(content):
            if number == _STATE_HISTORY:
                history.append(_blob(content[start:end]))
            else:
                head += content[whole_start:end]
        state = caffe_pb2.SolverState.FromString(bytes(head))
    except _FAULTS:
        raise Error("is no solverstate or is truncated", path, remedy="resume from an earlier snapshot") from None
    if not state.HasField("iter"):
        raise Error("is no solverstate: it has no iteration", path, remedy="resume from an earlier snapshot")
    return state, history


def write_state(path: str | Path, state: Any, history: Sequence[np.ndarray]) -> None:
    """Write a solverstate whole: a SolverState without history, and the history."""
    with atomic.whole(path) as beside, beside.open("wb") as stream:
        stream.write(state.SerializeToString())
        for array in history:
            stream.writelines(_encode_blob(_STATE_HISTORY, array))


def legacy_equal(shape: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two shapes are the same but for leading ones: older files hold every blob in four axes."""
    short, long = sorted((tuple(shape), tuple(other)), key=len)
    return long == short or (len(long) <= 4 and long == (1,) * (len(long) - len(short)) + short)


def _content(path: str | Path) -> memoryview:
    try:
        return memoryview(Path(path).read_bytes())
    except OSError as error:
        raise Error(error.strerror or "cannot be read", path) from None


def _layer(layer: memoryview, form: int) -> tuple[str, list[np.ndarray]]:
    name_field, blobs_field = _NAME_AND_BLOBS[form]
    name, blobs = "", []
    for number, value in _messages(layer):
        if number == name_field:
            name = bytes(value).decode()
        elif number == blobs_field:
            blobs.append(_blob(value))
        elif form == _V1_LAYER and number == _V0_IN_V1:
            for inner, content in _messages(value):
                if inner == _V0_NAME:
                    name = bytes(content).decode()
                elif inner == _V0_BLOBS:
                    blobs.append(_blob(content))
    return name, blobs


def _blob(blob: memoryview) -> np.ndarray:
    head, values = bytearray(), []
    for number, start, end, whole_start in _fields(blob):
        if number == _DATA:
            values.append(np.frombuffer(blob[start:end], "<f4"))
        elif number == _DOUBLE_DATA:
            with np.errstate(over="ignore"):  # beyond float32 is infinite
                values.append(np.frombuffer(blob[start:end], "<f8").astype(np.float32))
        elif number not in (_DIFF, _DOUBLE_DIFF):
            head += blob[whole_start:end]
    message = caffe_pb2.BlobProto.FromString(bytes(head))
    shape = message.shape.dim if message.HasField("shape") else _legacy_shape(message)
    array = np.concatenate(values) if len(values) != 1 else values[0]
    if array.size != math.prod(shape):
        raise ValueError
    return array.astype(np.float32, copy=False).reshape(tuple(shape))


def _legacy_shape(message: Any) -> tuple[int, ...]:
    return (message.num, message.channels, message.height, message.width)


def _messages(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of each field of a message."""
    for number, start, end, _ in _fields(content):
        yield number, content[start:end]


def _fields(content: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Number, start and end of each field's value, and where its tag starts; `ValueError` past the end."""
    place = 0
    while place < len(content):
        whole_start = place
        key, place = _varint(content, place)
        number, kind = key >> 3, key & 7
        if kind == _BYTES:
            size, place = _varint(content, place)
        elif kind == _VARINT:
            size = _varint(content, place)[1] - place
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if size < 0 or number == 0 or place + size > len(content):
            raise ValueError
        yield number, place, place + size, whole_start
        place += size


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(number: int, size: int) -> bytes:
    return _encode_varint(number << 3 | _BYTES) + _encode_varint(size)


def _encode_blob(field: int, array: np.ndarray, gradient: np.ndarray | None = None) -> list[bytes | memoryview]:
    """Pieces of a BlobProto in that field: its tag, its shape, and the values as they lie in memory."""
    pieces: list[bytes | memoryview] = [
        caffe_pb2.BlobProto(shape=caffe_pb2.BlobShape(dim=array.shape)).SerializeToString()
    ]
    for number, values in ((_DATA, array), (_DIFF, gradient)):
        if values is not None:
            content = np.ascontiguousarray(values, dtype="<f4").reshape(-1).view(np.uint8).data
            pieces += [_tag(number, len(content)), content]
    return [_tag(field, sum(map(len, pieces))), *pieces]
