"""Arrays to and from Caffe's messages, and images on their way into a net, as pycaffe's ``caffe.io``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftcaffe.engine import resample
from ftcaffe.proto import caffe_pb2


def blobproto_to_array(blob: Any, return_diff: bool = False) -> np.ndarray:
    """The values of a BlobProto (float64), or its gradients, in its shape; older files' is num to width."""
    values = np.array(blob.diff if return_diff else blob.data, float)
    legacy = ("num", "channels", "height", "width")
    if any(blob.HasField(name) for name in legacy):
        return values.reshape([getattr(blob, name) for name in legacy])
    return values.reshape(tuple(blob.shape.dim))


def array_to_blobproto(arr: np.ndarray, diff: np.ndarray | None = None) -> Any:
    """A BlobProto of an array's shape and values, and of gradients when given."""
    blob = caffe_pb2.BlobProto(data=arr.astype(float).ravel().tolist())
    blob.shape.dim.extend(arr.shape)
    if diff is not None:
        blob.diff.extend(diff.astype(float).ravel().tolist())
    return blob


def arraylist_to_blobprotovector_str(arraylist: Sequence[np.ndarray]) -> bytes:
    """The bytes of a BlobProtoVector of arrays."""
    return caffe_pb2.BlobProtoVector(blobs=[array_to_blobproto(array) for array in arraylist]).SerializeToString()


def blobprotovector_str_to_arraylist(str: bytes) -> list[np.ndarray]:
    """The arrays of a BlobProtoVector's bytes."""
    return [blobproto_to_array(blob) for blob in caffe_pb2.BlobProtoVector.FromString(str).blobs]


def array_to_datum(arr: np.ndarray, label: int | None = None) -> Any:
    """A Datum of an image, channels × height × width: bytes for uint8, else floats; ``ValueError`` for other axes."""
    if arr.ndim != 3:
        raise ValueError("Incorrect array shape.")
    channels, height, width = arr.shape
    message = caffe_pb2.Datum(channels=channels, height=height, width=width)
    if arr.dtype == np.uint8:
        message.data = arr.tobytes()
    else:
        message.float_data.extend(arr.astype(float).ravel().tolist())
    if label is not None:
        message.label = label
    return message


def datum_to_array(datum: Any) -> np.ndarray:
    """The image of a Datum that is not encoded, channels × height × width, uint8 or float64, to be written to."""
    values = np.frombuffer(datum.data, np.uint8).copy() if datum.data else np.array(datum.float_data, float)
    return values.reshape(datum.channels, datum.height, datum.width)


class Transformer:
    """Images, height × width × channels, to what a net's inputs take, and back.

    In this order: float32, resized to the input's size, axes transposed, channels swapped, times raw_scale, minus the
    mean, times input_scale; each but the first two is done for an input that it has been set for.

    Parameters
    ----------
    inputs : shape (batch, channels, height, width) by input name.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]) -> None:
        self.inputs = inputs
        self.transpose: dict[str, Sequence[int]] = {}
        self.channel_swap: dict[str, Sequence[int]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, np.ndarray] = {}
        self.input_scale: dict[str, float] = {}

    def preprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """The image as the input takes it, float32.

        As in Caffe, a float32 image of the input's size is scaled and centred in its own memory.
        """
        self._check_input(in_)
        image = data.astype(np.float32, copy=False)
        if image.shape[:2] != tuple(self.inputs[in_][2:]):
            image = resize_image(image, self.inputs[in_][2:])
        if in_ in self.transpose:
            image = image.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            image = image[list(self.channel_swap[in_]), :, :]
        if in_ in self.raw_scale:
            image *= self.raw_scale[in_]
        if in_ in self.mean:
            image -= self.mean[in_]
        if in_ in self.input_scale:
            image *= self.input_scale[in_]
        return image

    def deprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """The image again that `preprocess` made an input's values of, but for its size."""
        self._check_input(in_)
        image = data.copy().squeeze()
        if in_ in self.input_scale:
            image /= self.input_scale[in_]
        if in_ in self.mean:
            image += self.mean[in_]
        if in_ in self.raw_scale:
            image /= self.raw_scale[in_]
        if in_ in self.channel_swap:
            image = image[np.argsort(self.channel_swap[in_]), :, :]
        if in_ in self.transpose:
            image = image.transpose(np.argsort(self.transpose[in_]))
        return image

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """Order of the axes: (2, 0, 1) makes channels × height × width."""
        self._check_input(in_)
        if len(order) != len(self.inputs[in_]) - 1:
            raise Exception("Transpose order needs to have the same number of dimensions as the input.")
        self.transpose[in_] = order

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """Order of the channels, the first axis by then: (2, 1, 0) makes BGR of RGB."""
        self._check_input(in_)
        if len(order) != self.inputs[in_][1]:
            raise Exception("Channel swap needs to have the same number of dimensions as the input channels.")
        self.channel_swap[in_] = order

    def set_raw_scale(self, in_: str, scale: float) -> None:
        """What the image is multiplied by before the mean is taken off: 255 for images of [0, 1]."""
        self._check_input(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_: str, mean: np.ndarray) -> None:
        """The mean to take off: one value a channel, or an image, which is resized to the input's size."""
        self._check_input(in_)
        wanted = tuple(self.inputs[in_][1:])
        if mean.ndim == 1:
            if mean.shape[0] != wanted[0]:
                raise ValueError("Mean channels incompatible with input.")
            mean = mean[:, np.newaxis, np.newaxis]
        else:
            shape = (1, *mean.shape) if mean.ndim == 2 else mean.shape
            if len(shape) != 3:
                raise ValueError("Mean shape invalid")
            if shape != wanted:
                low, high = float(mean.min()), float(mean.max())
                unit = ((mean - low) / (high - low)).transpose((1, 2, 0))
                mean = resize_image(unit, wanted[1:]).transpose((2, 0, 1)) * (high - low) + low
        self.mean[in_] = mean

    def set_input_scale(self, in_: str, scale: float) -> None:
        """What the result is multiplied by at the very end."""
        self._check_input(in_)
        self.input_scale[in_] = scale

    def _check_input(self, in_: str) -> None:
        if in_ not in self.inputs:
            raise Exception(f"{in_} is not one of the net inputs: {self.inputs}")


def load_image(filename: str, color: bool = True) -> np.ndarray:
    """A picture file: float32 of [0, 1], height × width × 3 (RGB) without alpha, or × 1 where `color` is false."""
    from skimage import io, util
    from skimage.color import rgb2gray

    pixels = util.img_as_float(io.imread(filename))
    if not color and pixels.ndim == 3:
        pixels = rgb2gray(pixels[..., :3])
    pixels = pixels.astype(np.float32)
    if pixels.ndim == 2:
        return np.tile(pixels[:, :, np.newaxis], (1, 1, 3 if color else 1))
    return pixels[:, :, :3] if pixels.shape[2] == 4 else pixels


def resize_image(im: np.ndarray, new_dims: Sequence[int], interp_order: int = 1) -> np.ndarray:
    """An image, height × width × channels, resized to `new_dims` (height, width), float32.

    One or three channels go through `resample.resize`, other numbers through SciPy's ``zoom``, which neither smooths
    nor takes pixels for areas: that is how Caffe has it.
    """
    height, width = (int(n) for n in new_dims)
    if im.shape[-1] not in (1, 3):
        from scipy.ndimage import zoom

        scale = (height / im.shape[0], width / im.shape[1], 1)
        return zoom(im, scale, order=interp_order).astype(np.float32)
    low, high = im.min(), im.max()
    if not high > low:
        return np.full((height, width, im.shape[-1]), low, np.float32)
    resized = resample.resize((im - low) / (high - low), height, width, interp_order)
    return (resized * (high - low) + low).astype(np.float32)


def oversample(images: Sequence[np.ndarray], crop_dims: Sequence[int]) -> np.ndarray:
    """Ten crops of each image: its corners, its centre, and these five mirrored.

    Parameters
    ----------
    images : height × width × channels each, all of the first one's size.
    crop_dims : height and width of a crop.

    Returns
    -------
    float32, 10 · images × height × width × channels.
    """
    size, crop = np.array(images[0].shape[:2]), np.array(crop_dims)
    starts = [(y, x) for y in (0, size[0] - crop[0]) for x in (0, size[1] - crop[1])]
    starts.append(tuple((size / 2.0 - crop / 2.0).astype(int)))
    crops = np.empty((len(images), 2, 5, *crop, images[0].shape[-1]), np.float32)
    for image, of_image in zip(images, crops, strict=True):
        for place, (y, x) in zip(of_image[0], starts, strict=True):
            place[...] = image[y : y + crop[0], x : x + crop[1]]
        of_image[1] = of_image[0, :, :, ::-1]
    return crops.reshape(-1, *crops.shape[3:])
