"""Regions of images in which a net is applied at every pixel, with the interfaces that experts traced in them.

A region is kept with a margin of the image around it, so that a patch about any of its pixels has its surroundings.
Training patches and dense maps are both cut by `window`, so that a net sees a pixel alike in both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from ftcaffe.errors import Error
from ftcaffe.store import atomic
from ftcaffe.store.window import window

_NAMES = ("unit", "image", "region", "split")


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
        """``unit/image/region``, without a unit where it has none."""
        return "/".join(filter(None, (self.unit, self.image, self.region)))

    def patch(self, x: int, y: int, side: float, size: int) -> np.ndarray:
        """The patch of pixel (x, y) of the region: uint8, 3 × size × size, the window's grey repeated (VI-D)."""
        grey = window(self.frame, y + self.margin, x + self.margin, side, size)
        return np.repeat(grey[None], 3, axis=0)


def margin(side: float) -> int:
    """The margin in pixels that windows of that side need; bilinear interpolation looks one pixel further."""
    return math.ceil(side / 2) + 1


@dataclass(frozen=True, eq=False)
class Picture:
    """An image in which regions are to be measured.

    name : of it. path : its file, named in errors.
    pixels : uint8, height × width. spacing : height of a pixel in millimetres.
    boxes : x, y, width, height of its regions; none where they are yet to be chosen.
    """

    name: str
    path: Path
    pixels: np.ndarray
    spacing: float
    boxes: tuple[tuple[int, int, int, int], ...]


def cut(picture: Picture, box: tuple[int, int, int, int], unit: str, number: int, side: float) -> Region:
    """A region of a picture, without split and truth.

    Parameters
    ----------
    box : x, y, width, height in pixels. side : of a patch, which a region must hold.

    Raises
    ------
    Error : a region outside the picture or smaller than a patch.
    """
    x, y, width, height = box
    rows, columns = picture.pixels.shape
    what = f"{width}×{height} at ({x}, {y})"
    if min(x, y) < 0 or x + width > columns or y + height > rows:
        raise Error(
            f"does not hold the region {what}: it is {columns}×{rows}", picture.path, remedy="mend the region"
        )
    if min(width, height) < side:
        remedy = f"regions are at least as large as a patch of {side:g} pixels"
        raise Error(f"has a region that is smaller than a patch, {what}", picture.path, remedy=remedy)
    around = margin(side)
    frame = surrounded(picture.pixels, x, y, width, height, around)
    return Region(unit, picture.name, str(number), "", x, y, frame, around, picture.spacing)


def surrounded(image: np.ndarray, x: int, y: int, width: int, height: int, around: int) -> np.ndarray:
    """A region's `frame`: part of an image (uint8, height × width) with a margin, mirrored where the image ends."""
    rows, columns = image.shape
    before = (max(0, around - y), max(0, around - x))
    after = (max(0, y + height + around - rows), max(0, x + width + around - columns))
    padded = np.pad(image, tuple(zip(before, after, strict=True)), mode="reflect")
    top, left = y - around + before[0], x - around + before[1]
    return np.ascontiguousarray(padded[top : top + height + 2 * around, left : left + width + 2 * around])


def write(path: Path, regions: Iterable[Region]) -> None:
    """Write ``regions.h5`` whole (docs/design.md, "On disk")."""
    with atomic.whole(path) as beside, h5py.File(beside, "w") as file:
        for number, region in enumerate(regions):
            group = file.create_group(f"{number:06d}")
            for name in (*_NAMES, "x", "y", "margin", "spacing"):
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
    unit, image, region, split = (str(group.attrs[name]) for name in _NAMES)
    return Region(
        unit=unit,
        image=image,
        region=region,
        split=split,
        x=int(group.attrs["x"]),
        y=int(group.attrs["y"]),
        margin=int(group.attrs["margin"]),
        spacing=float(group.attrs["spacing"]),
        frame=group["frame"][()],
        truth=group["truth"][()] if "truth" in group else None,
        experts={name: rows[()] for name, rows in group["experts"].items()},
    )
