"""Class probabilities of every pixel of a region: the paper's confidence maps (section VI-D).

Two ways: `patchwise` classifies the window of each pixel by itself, as the net was trained; `convolutional`, named
as the paper's, passes the enlarged region through the net at once (`ftcaffe.nets.dense`). They agree where the net
has no zero padding. AlexNet has, and it reaches far inwards: of the 13 × 13 places of conv5 the padding of conv2 to
conv5 touches all but the middle 5 × 5. A net trained on patches has learned that frame of zeros, which a region does
not have; what such maps are worth has to be seen on the data at hand (`deviation`), so `patchwise` is the default.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.nets.dense import DenseNet, dense
from ftcaffe.nets.preprocessing import Preprocessing
from ftcaffe.proto import read_net, to_text
from ftcaffe.store.regions import Region
from ftcaffe.store.window import SIDE, enlarged, factor
from ftcaffe.training.validate import probabilities

MODES = ("patchwise", "convolutional")


def patchwise(
    net: Any, preprocessing: Preprocessing, region: Region, side: float = SIDE, batch: int = 128
) -> np.ndarray:
    """Probabilities (classes × height × width, float32) of the pixels of a region, window by window.

    Parameters
    ----------
    net : a deploy net of pycaffe's.
    side : of the window, in pixels.
    batch : windows a forward pass.
    """
    size = net.blobs[net.inputs[0]].shape[2]
    height, width = region.shape
    step = factor(side, size)
    prepared: Callable[[np.ndarray], np.ndarray] = preprocessing
    if step is None:
        windows = (region.patch(x, y, side, size) for y in range(height) for x in range(width))
    else:  # cuts of one enlarged image, which are the same
        whole = _enlarged(region, (height, width), side, size)
        if (even := _even(preprocessing)) is not None:  # once for all of them
            whole, prepared = even(whole), np.asarray
        rows, columns = range(0, step * height, step), range(0, step * width, step)
        windows = (whole[:, y : y + size, x : x + size] for y in rows for x in columns)
    found = probabilities(net, windows, prepared, batch)
    return np.ascontiguousarray(found.T).reshape(-1, height, width)


def _enlarged(region: Region, shape: tuple[int, int], side: float, size: int) -> np.ndarray:
    """3 × height × width, of which the windows of all pixels of a region, filled up to `shape`, are cuts."""
    whole = enlarged(region.frame, region.margin, region.margin, *shape, side, size)
    return np.broadcast_to(whole, (3, *whole.shape))


def _even(preprocessing: Preprocessing) -> Preprocessing | None:
    """The same for images of any size; None where a mean image is subtracted."""
    mean = preprocessing.mean[:, :1, :1]
    return None if (preprocessing.mean != mean).any() else Preprocessing(mean, preprocessing.scale)


@dataclass(frozen=True)
class Deviation:
    """How far maps are from those patch by patch: mean and greatest difference of a probability, over some pixels."""

    mean: float
    most: float
    pixels: int


def deviation(
    maps: np.ndarray,
    net: Any,
    preprocessing: Preprocessing,
    region: Region,
    side: float = SIDE,
    pixels: int = 64,
    batch: int = 128,
) -> Deviation:
    """Compare maps of a region (classes × height × width) with the net's windows at pixels spread over it.

    Parameters
    ----------
    net, preprocessing, side, batch : as for `patchwise`.
    pixels : at most so many.
    """
    height, width = region.shape
    rows, columns = np.divmod(np.unique(np.linspace(0, height * width - 1, pixels).astype(int)), width)
    size = net.blobs[net.inputs[0]].shape[2]
    windows = (region.patch(x, y, side, size) for x, y in zip(columns.tolist(), rows.tolist(), strict=True))
    gap = np.abs(maps[:, rows, columns].T - probabilities(net, windows, preprocessing, min(batch, len(rows))))
    return Deviation(float(gap.mean()), float(gap.max()), len(rows))


class Convolutional:
    """A trained net of patches as one of regions.

    Parameters
    ----------
    caffe : pycaffe, or the engine.
    deploy : path of the prototxt of the net of patches.
    net : that net with its parameters, which are copied.
    preprocessing : of its patches, with a mean for each channel.
    side : of the window, in pixels.

    Raises
    ------
    Error : a window that is enlarged by no whole factor, a layer that a region cannot be passed through, or a mean
        image, which is another for each pixel of a region.
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
        even = _even(preprocessing)
        if even is None:
            raise Error(
                "subtracts a mean image, which a region has no place for",
                deploy,
                remedy="train with a mean for each channel (--mean B,G,R), or map the region patch by patch",
            )
        self.side, self.size = side, size
        self.preprocessing = even
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "deploy_dense.prototxt"
            path.write_text(to_text(self.dense.net), encoding="utf-8")
            self.net = caffe.Net(str(path), caffe.TEST)
        self.dense.transplant(net, self.net)

    def __call__(self, region: Region) -> np.ndarray:
        """Probabilities (classes × height × width, float32) of the pixels of a region."""
        height, width = region.shape
        rows, columns = self.dense.whole(height), self.dense.whole(width)
        self.dense.reshape(self.net, rows, columns)
        whole = _enlarged(region, (rows, columns), self.side, self.size)
        self.net.blobs[self.dense.data].data[...] = self.preprocessing(whole)
        top = np.asarray(self.net.forward()[self.net.outputs[0]])
        return self.dense.stitch(top, height, width)
