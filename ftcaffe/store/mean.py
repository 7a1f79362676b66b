"""Mean images: computed, written and read as Caffe's ``compute_image_mean`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2, read_binary
from ftcaffe.store import atomic, datum
from ftcaffe.store.lmdb import Records


def compute(records: Records) -> np.ndarray:
    """The mean image (float32, channels × height × width) of every record.

    The sum runs in float32 in the order of the records, as Caffe's tool does, so the two are equal to the bit.
    """
    total: np.ndarray | None = None
    for _, record in records:
        image, _ = datum.decode(record, records.path)
        if total is None:
            total = np.zeros(image.shape, np.float32)
        if image.shape != total.shape:
            raise Error(f"has images of shapes {total.shape} and {image.shape}", records.path)
        total += image
    assert total is not None
    return total / np.float32(len(records))


def write(path: str | Path, mean: np.ndarray) -> None:
    """Write a mean image (float32, channels × height × width) as Caffe's binaryproto, whole."""
    blob = caffe_pb2.BlobProto(num=1, data=mean.ravel().tolist())
    blob.channels, blob.height, blob.width = mean.shape
    atomic.write_bytes(path, blob.SerializeToString())


def read(path: str | Path) -> np.ndarray:
    """The mean image (float32, channels × height × width) of a binaryproto; `Error` when it is none."""
    blob = read_binary(path, caffe_pb2.BlobProto)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    mean = np.array(blob.data or blob.double_data, dtype=np.float32)
    if len(shape) < 3 or mean.size != int(np.prod(shape)) or not mean.size:
        raise Error(f"is no mean image: shape {shape}, {mean.size} values", path)
    return mean.reshape(shape[-3:])
