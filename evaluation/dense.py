"""Class probabilities of every pixel of a region: the paper's confidence maps (section VI-D).

Two ways: `patchwise`, the reference, classifies the window of each pixel by itself; `convolutional`, the paper's,
passes the enlarged region through the net at once (`ftcaffe.nets.dense`). They agree where the net has no zero
padding and the mean is one number a channel; AlexNet has padding, so there they differ somewhat.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.nets.dense import DenseNet, dense
from ftcaffe.nets.preprocessing import Preprocessing
from ftcaffe.proto import read_net, to_text
from ftcaffe.store.window import SIDE, enlarged, factor, window
from ftcaffe.training.validate import probabilities

MODES = ("convolutional", "patchwise")


@dataclass(frozen=True)
class Region:
    """Pixels of an image: the row and column of its first, its height and width."""

    row: int
    column: int
    height: int
    width: int

    def check(self, image: np.ndarray) -> None:
        """Raise `Error` where the region is not of an image (height × width)."""
        height, width = image.shape
        inside = self.row >= 0 and self.column >= 0
        inside = inside and self.row + self.height <= height and self.column + self.width <= width
        if not inside or min(self.height, self.width) < 1:
            raise Error(
                f"the region {self.width} × {self.height} at {self.column}, {self.row} is not inside the image, "
                f"{width} × {height}"
            )

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The region's pixels (height × width)."""
        self.check(image)
        return image[self.row : self.row + self.height, self.column : self.column + self.width]


def patchwise(
    net: Any,
    preprocessing: Preprocessing,
    image: np.ndarray,
    region: Region,
    side: float = SIDE,
    batch: int = 128,
) -> np.ndarray:
    """Probabilities (classes × height × width, float32) of the pixels of a region, window by window.

    Parameters
    ----------
    net : a deploy net of pycaffe's; the grey windows are repeated for each of its channels.
    image : uint8, height × width, the whole frame: the windows look beyond the region.
    side : of the window, in pixels.
    batch : windows a forward pass.
    """
    region.check(image)
    _, channels, size, _ = net.blobs[net.inputs[0]].shape

    def windows() -> Iterator[np.ndarray]:
        for row in range(region.row, region.row + region.height):
            for column in range(region.column, region.column + region.width):
                patch = window(image, row, column, side, size)
                yield np.broadcast_to(patch, (channels, size, size))

    found = probabilities(net, windows(), preprocessing, batch)
    return np.ascontiguousarray(found.T).reshape(-1, region.height, region.width)


class Convolutional:
    """A trained net of patches as one of regions.

    Parameters
    ----------
    caffe : pycaffe, or the engine.
    deploy : path of the prototxt of the net of patches.
    net : that net with its parameters, which are copied.
    preprocessing : of its patches; a mean image counts as the mean of each channel, since a region has no one place.
    side : of the window, in pixels.

    Raises
    ------
    Error : a window that is enlarged by no whole factor, or a layer that a region cannot be passed through.
    """

    def __init__(
        self, caffe: Any, deploy: str | Path, net: Any, preprocessing: Preprocessing, side: float = SIDE
    ) -> None:
        size = net.blobs[net.inputs[0]].shape[2]
        step = factor(side, size)
        if step is None:
            raise Error(
                f"windows of {side:g} pixels are enlarged {size / side:g} times to the net's {size}, no whole number",
                remedy=f"take {size / round(size / side):g} pixels, or map the region patch by patch",
            )
        try:
            self.dense: DenseNet = dense(read_net(deploy), step, 1, 1)
        except Error as error:
            raise Error(error.what, deploy, remedy=error.remedy) from None
        self.side, self.size = side, size
        mean = preprocessing.mean.mean(axis=(1, 2), keepdims=True)
        self.preprocessing = Preprocessing(mean, preprocessing.scale)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "deploy_dense.prototxt"
            path.write_text(to_text(self.dense.net), encoding="utf-8")
            self.net = caffe.Net(str(path), caffe.TEST)
        self.dense.transplant(net, self.net)

    def __call__(self, image: np.ndarray, region: Region) -> np.ndarray:
        """Probabilities (classes × height × width, float32) of a region of an image (uint8, height × width)."""
        region.check(image)
        height, width = self.dense.whole(region.height), self.dense.whole(region.width)
        whole = enlarged(image, region.row, region.column, height, width, self.side, self.size)
        self.dense.reshape(self.net, height, width)
        self.net.blobs[self.dense.data].data[...] = self.preprocessing(
            np.broadcast_to(whole, (self.dense.channels, *whole.shape))
        )
        top = np.asarray(self.net.forward()[self.net.outputs[0]])
        return self.dense.stitch(top, region.height, region.width)
