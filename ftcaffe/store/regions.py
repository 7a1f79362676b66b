"""Regions of images in which a net is applied at every pixel, with the interfaces that experts traced in them.

A region is kept with a margin of the image around it, so that a patch about any of its pixels has its surroundings.
Training patches and dense maps are cut by the one function here, so that both see a pixel alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from ftcaffe.errors import Error
from ftcaffe.store import atomic

PATCH = 28.375
"""Side of a patch in pixels (assumed): enlarged eightfold it is AlexNet's 227, so that a step of one pixel is a
whole number of conv1's and pool1's strides."""

_NAMES = ("unit", "image", "region", "split")
_WHOLE = ("x", "y", "margin")


@dataclass(frozen=True, eq=False)
class Region:
    """A region of an image.

    unit, image, region, split : names; `region` is unique within its image.
    x, y : column and row of its first pixel in the image.
    frame : uint8, (height + 2 · margin) × (width + 2 · margin), the region with what surrounds it in the image,
        mirrored where the image ends.
    margin : pixels.
    spacing : height of a pixel in millimetres.
    truth : (interfaces, width) rows within the region, the upper interface first, nan where not traced; None where
        nobody traced.
    experts : the same of each expert of whom the truth is the consensus, by name.
    """

    unit: str
    image: str
    region: str
    split: str
    x: int
    y: int
    frame: np.ndarray
    margin: int
    spacing: float
    truth: np.ndarray | None = None
    experts: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels, without the margin."""
        return self.frame.shape[0] - 2 * self.margin, self.frame.shape[1] - 2 * self.margin

    @property
    def pixels(self) -> np.ndarray:
        """uint8, height × width, without the margin."""
        height, width = self.shape
        return self.frame[self.margin : self.margin + height, self.margin : self.margin + width]

    @property
    def name(self) -> str:
        """``unit/image/region``."""
        return f"{self.unit}/{self.image}/{self.region}"

    def patch(self, x: float, y: float, side: float, size: int) -> np.ndarray:
        """The patch about the centre of pixel (x, y) of the region: uint8, 3 × size × size, see `patch`."""
        return patch(self.frame, x + self.margin, y + self.margin, side, size)

    def patches(self, side: float, size: int) -> Iterator[np.ndarray]:
        """The patch of every pixel, row by row from the top left: uint8, 3 × size × size each."""
        height, width = self.shape
        for y in range(height):
            for x in range(width):
                yield self.patch(x, y, side, size)


def margin(side: float) -> int:
    """The margin in pixels that patches of that side need; bilinear interpolation looks one pixel further."""
    return math.ceil(side / 2) + 1


def patch(frame: np.ndarray, x: float, y: float, side: float, size: int) -> np.ndarray:
    """A square about the centre of a pixel, resized to the net's input.

    Sample (i, j) of it lies at (x + ½ + (i + ½ - size/2) · side/size, y + …) where pixel (x, y) covers [x, x + 1):
    with an odd size the middle sample is the pixel itself, and with side = size/8 the samples are an eighth apart.

    Parameters
    ----------
    frame : uint8, height × width, grey.
    x, y : column and row; the square must lie in the frame.
    side : of the square in pixels; it need not be whole.
    size : of the result.

    Returns
    -------
    uint8, 3 × size × size: the grey repeated (section VI-D of the paper). Bilinear, filtered where it shrinks.
    """
    left, top = x + 0.5 - side / 2, y + 0.5 - side / 2
    height, width = frame.shape
    if left < 0 or top < 0 or left + side > width or top + side > height:
        raise ValueError(f"a square of {side:g} pixels about ({x:g}, {y:g}) leaves the frame of {width} × {height}")
    # A crop that holds every pixel that interpolation looks at, so that the cost does not grow with the frame.
    x0, y0 = max(0, math.floor(left) - 2), max(0, math.floor(top) - 2)
    crop = frame[y0 : math.ceil(top + side) + 2, x0 : math.ceil(left + side) + 2]
    box = (left - x0, top - y0, left - x0 + side, top - y0 + side)
    grey = Image.fromarray(np.ascontiguousarray(crop)).resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.repeat(np.asarray(grey)[None], 3, axis=0)


def surrounded(image: np.ndarray, x: int, y: int, width: int, height: int, around: int) -> np.ndarray:
    """A region's `frame`: part of an image (uint8, height × width) with a margin, mirrored where the image ends."""
    rows, columns = image.shape
    before = (max(0, around - y), max(0, around - x))
    after = (max(0, y + height + around - rows), max(0, x + width + around - columns))
    padded = np.pad(image, tuple(zip(before, after, strict=True)), mode="symmetric")
    top, left = y - around + before[0], x - around + before[1]
    return np.ascontiguousarray(padded[top : top + height + 2 * around, left : left + width + 2 * around])


def write(path: Path, regions: Iterable[Region]) -> None:
    """Write ``regions.h5`` whole (docs/design.md, "On disk")."""
    with atomic.whole(path) as beside, h5py.File(beside, "w") as file:
        for number, region in enumerate(regions):
            group = file.create_group(f"{number:06d}")
            for name in (*_NAMES, *_WHOLE, "spacing"):
                group.attrs[name] = getattr(region, name)
            group.create_dataset("frame", data=region.frame, compression="gzip")
            if region.truth is not None:
                group["truth"] = region.truth
            experts = group.create_group("experts")
            for name, rows in region.experts.items():
                experts[name] = rows


def read(path: Path, split: str | None = None) -> list[Region]:
    """The regions of ``regions.h5``, or those of a split, in the order they were written; `Error` when it is none."""
    try:
        with h5py.File(path, "r") as file:
            groups = [file[name] for name in sorted(file)]
            return [_region(group) for group in groups if split is None or group.attrs["split"] == split]
    except FileNotFoundError:
        raise Error("there is no such file", path, remedy="prepare the data set anew") from None
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise Error(f"is no file of regions ({error})", path, remedy="prepare the data set anew") from None


def _region(group: h5py.Group) -> Region:
    return Region(
        **{name: str(group.attrs[name]) for name in _NAMES},
        **{name: int(group.attrs[name]) for name in _WHOLE},
        spacing=float(group.attrs["spacing"]),
        frame=group["frame"][()],
        truth=group["truth"][()] if "truth" in group else None,
        experts={name: rows[()] for name, rows in group["experts"].items()},
    )
