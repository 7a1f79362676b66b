"""Single images and masks from files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ftcaffe.errors import Error

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
_JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def read_bgr(path: Path) -> np.ndarray:
    """The image as uint8, height × width × 3, BGR as in Caffe and OpenCV; a grey one gets three equal channels."""
    return np.ascontiguousarray(np.asarray(opened(path).convert("RGB"))[..., ::-1])


def read_mask(path: Path) -> np.ndarray:
    """The mask as bool, height × width: at or above half of the range in any colour channel.

    Public masks come with three channels, as JPEG (0–8 and 246–255) or with smoothed borders, so no single value
    can be tested for.
    """
    picture = opened(path)
    if picture.mode.startswith(("I", "F")):
        return np.asarray(picture) >= 1 << 15
    if picture.mode not in ("1", "L"):
        picture = picture.convert("RGB")
    return threshold(np.asarray(picture.convert("L") if picture.mode == "1" else picture))


def threshold(pixels: np.ndarray) -> np.ndarray:
    """The bool mask of uint8 pixels, height × width with or without channels."""
    return (pixels if pixels.ndim == 2 else pixels.max(axis=2)) >= 128


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder in numerical order (``10`` after ``9``), without what systems leave in folders."""
    return [path for path in entries(folder) if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]


def images_under(folder: Path) -> Iterator[Path]:
    """The image files of a folder and of those within it, each in numerical order."""
    for path in entries(folder):
        if path.is_dir():
            yield from images_under(path)
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            yield path


def entries(folder: Path) -> list[Path]:
    """Files and folders in a folder, in numerical order, without what systems leave there (``.DS_Store``)."""
    kept = (path for path in folder.iterdir() if path.name[0] != "." and path.name.lower() not in _JUNK)
    return sorted(kept, key=lambda path: numerical(path.name))


def numerical(name: str) -> tuple[tuple[int, str], ...]:
    """A sorting key under which ``10`` comes after ``9``."""
    return tuple(_parts(name))


def _parts(name: str) -> Iterator[tuple[int, str]]:
    for text, digits in re.findall(r"(\D*)(\d*)", name):
        yield -1, text
        yield int(digits or -1), digits


def opened(path: Path) -> Image.Image:
    """The picture in a file as Pillow has it, loaded; `Error` when it is none."""
    try:
        picture = Image.open(path)
        picture.load()
    except FileNotFoundError:
        raise Error("is not there", path) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Error(f"cannot be read as an image ({error})", path, remedy="copy the file anew") from None
    return picture
