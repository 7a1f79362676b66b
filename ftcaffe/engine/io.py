"""Arrays to and from Caffe's messages, as pycaffe's ``caffe.io``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftcaffe.proto import caffe_pb2
from ftcaffe.store import datum


def blobproto_to_array(blob: Any, return_diff: bool = False) -> np.ndarray:
    """The values of a BlobProto, or its gradients, in its shape."""
    values = np.array(blob.diff if return_diff else blob.data, dtype=np.float32)
    if blob.HasField("shape"):
        return values.reshape(tuple(blob.shape.dim))
    return values.reshape(blob.num, blob.channels, blob.height, blob.width)


def array_to_blobproto(array: np.ndarray, diff: np.ndarray | None = None) -> Any:
    """A BlobProto of an array's shape and values, and of gradients when given."""
    blob = caffe_pb2.BlobProto(data=np.asarray(array, float).ravel().tolist())
    blob.shape.dim.extend(array.shape)
    if diff is not None:
        blob.diff.extend(np.asarray(diff, float).ravel().tolist())
    return blob


def array_to_datum(array: np.ndarray, label: int = 0) -> Any:
    """A Datum of an image, channels × height × width, uint8 or float."""
    if array.dtype == np.uint8:
        return caffe_pb2.Datum.FromString(datum.encode(array, label))
    channels, height, width = array.shape
    return caffe_pb2.Datum(
        channels=channels, height=height, width=width, float_data=array.ravel().tolist(), label=label
    )


def datum_to_array(message: Any) -> np.ndarray:
    """The image of a Datum, channels × height × width."""
    return datum.decode(message.SerializeToString())[0]
