"""Labelled images from files: which there are, of which unit and class, and their pixels.

Layouts of any images:

``folders``
    A folder a class: ``<class>/…/<image>``. A table ``units.csv`` (``image,unit``; the image's path within the
    source, with or without suffix) says which images are of one patient; else every image is a unit of its own.
``csv``
    The source is a CSV file ``unit,image,label`` with paths relative to it; without the column ``unit`` every image
    is a unit of its own.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.readers import image
from data_prep.readers.border import Border
from ftcaffe.errors import Error
from ftcaffe.store import table

_log = logging.getLogger(__name__)

_SAME_CLASS_SHOWN = 3


@dataclass(frozen=True)
class Labelled:
    """An image with its class. `image` is its name within the unit."""

    unit: str
    image: str
    label: str
    path: Path


@dataclass(frozen=True)
class View:
    """How the pixels of a file become what is cut or handed to a net.

    size : width and height to which images are resized (bilinear, filtered where they shrink).
    border : whether the black border is cropped first.
    window : grey levels of 16-bit images that become 0 and 255; None for their whole range.
    """

    size: tuple[int, int]
    border: bool = False
    window: tuple[float, float] | None = None

    def resized(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (uint8, height × width × 3) at the view's size."""
        if pixels.shape[1::-1] == self.size:
            return pixels
        return np.asarray(Image.fromarray(pixels).resize(self.size, Image.Resampling.BILINEAR))


@dataclass(frozen=True)
class Files:
    """Image files that are read one after the other: a task of one process, all of one unit where it has a border."""

    images: tuple[Labelled, ...]

    def holds(self, wanted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of the images wanted (unit and name), those that are here."""
        there = {(one.unit, one.image) for one in self.images}
        return [key for key in wanted if key in there]

    def read(self, view: View) -> Iterator[tuple[str, str, np.ndarray]]:
        """Unit, name and pixels (uint8, height × width × 3, BGR) of each image."""
        border = Border()
        for one in self.images:
            pixels = pixels_of(one.path, view.window)
            yield one.unit, one.image, view.resized(border.crop(pixels) if view.border else pixels)


def pixels_of(path: Path, window: tuple[float, float] | None = None) -> np.ndarray:
    """An image file as uint8, height × width × 3, BGR; grey levels of more than 8 bits through a window.

    Parameters
    ----------
    window : levels that become 0 and 255, linearly between and clipped beyond; None: 0 and 65535 (0 and 1 of floats).
    """
    picture = image.opened(path)
    if not picture.mode.startswith(("I", "F")):
        return image.read_bgr(path)
    values = np.asarray(picture, np.float64)
    low, high = window or ((0.0, 1.0) if picture.mode.startswith("F") else (0.0, 65535.0))
    grey = np.clip((values - low) / (high - low) * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def parts(images: Sequence[Labelled], by_unit: bool, most: int = 64) -> list[Files]:
    """The images in tasks of at most `most`, or of one whole unit each."""
    if by_unit:
        units: dict[str, list[Labelled]] = {}
        for one in images:
            units.setdefault(one.unit, []).append(one)
        return [Files(tuple(of)) for of in units.values()]
    return [Files(tuple(images[i : i + most])) for i in range(0, len(images), most)]


def folders(source: Path) -> list[Labelled]:
    """The images of a folder a class."""
    classes = [path for path in image.entries(source) if path.is_dir() and any(_images_under(path))]
    while len(classes) == 1 and not image.images_in(classes[0]):  # downloads nest a folder within a folder
        classes = [path for path in image.entries(classes[0]) if path.is_dir() and any(_images_under(path))]
    if len(classes) < 2:
        raise Error(
            f"holds {len(classes)} folders with images, and a folder a class is needed",
            source,
            remedy="put each class into its own folder, or give a CSV file with --layout csv",
        )
    top = classes[0].parent
    found = [
        (path.relative_to(top).with_suffix("").as_posix(), folder.name, path)
        for folder in classes
        for path in _images_under(folder)
    ]
    first: dict[str, Path] = {}
    for name, _, path in found:
        if first.setdefault(name, path) != path:
            raise Error(f"is a second image '{name}', beside {first[name].name}", path, remedy="rename or remove one")
    return with_units([Labelled("", name, label, path) for name, label, path in found], source)


def with_units(images: Sequence[Labelled], source: Path) -> list[Labelled]:
    """The images with their units from ``units.csv`` of the source; each is its own where there is none."""
    path = source / "units.csv"
    if not path.exists():
        say_no_units(source)
        return [Labelled(one.image, one.image, one.label, one.path) for one in images]
    rows = table.rows(path, ("image", "unit"))
    unit = {Path(row["image"]).with_suffix("").as_posix(): row["unit"] for _, row in rows}
    for one in images:
        if not unit.get(one.image):
            raise Error(f"has no row for image '{one.image}'", path, remedy="add its unit")
    return [Labelled(unit[one.image], one.image, one.label, one.path) for one in images]


def say_no_units(source: Path) -> None:
    """Warn that nothing says which images are of one patient."""
    _log.warning(
        "WARNING: %s: nothing says which images are of one patient. Every image is taken for a unit of its own: "
        "images of one patient may fall into training and test, and the results would then be too good. Give units: "
        "a column 'unit' of the CSV file, or units.csv (image,unit) in the folder.",
        source,
    )


def listed(source: Path) -> list[Labelled]:
    """The images of a CSV file ``unit,image,label``."""
    found: dict[Path, tuple[int, Labelled]] = {}
    has_units = True
    for line, row in table.rows(source, ("image", "label")):
        if not row["image"] or not row["label"]:
            raise Error("has no image or no label", source, line=line, remedy="mend the row")
        name = Path(row["image"]).with_suffix("").as_posix()
        has_units = "unit" in row
        unit = row.get("unit", name)
        if not unit:
            raise Error("has no unit", source, line=line, remedy="mend the row")
        one = Labelled(unit, name, row["label"], source.parent / row["image"])
        if not one.path.is_file():
            raise Error(f"labels {row['image']}, which is not there", source, line=line, remedy="mend the path")
        before = found.setdefault(one.path.resolve(), (line, one))
        if before[1] is not one:
            again = f"labels {row['image']} again"
            other = f", as '{one.label}' after '{before[1].label}' in line {before[0]}"
            what = again + (other if one.label != before[1].label else f" after line {before[0]}")
            raise Error(what, source, line=line, remedy="keep one of the rows")
    if not found:
        raise Error("lists no images", source, remedy="give rows unit,image,label")
    if not has_units:
        say_no_units(source)
    return [one for _, one in found.values()]


def digests(images: Iterable[Labelled]) -> dict[Labelled, str]:
    """SHA-256 of each image's file."""
    found = {}
    for one in images:
        with one.path.open("rb") as stream:
            found[one] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def check_repeated(contents: Mapping[Labelled, str]) -> None:
    """Look for one image under several names.

    Raises
    ------
    Error : it has two labels.
    """
    first: dict[str, Labelled] = {}
    leaking: list[tuple[Labelled, Labelled]] = []
    for one, digest in contents.items():
        other = first.setdefault(digest, one)
        if other.label != one.label:
            what = f"is labelled '{one.label}', and the same image, {other.path}, '{other.label}'"
            raise Error(what, one.path, remedy="keep one of them")
        if other.unit != one.unit:
            leaking.append((other, one))
    for other, one in leaking[:_SAME_CLASS_SHOWN]:
        _log.warning("WARNING: %s and %s are the same image in two units, which may leak", other.path, one.path)
    if len(leaking) > _SAME_CLASS_SHOWN:
        _log.warning("WARNING: and %d more such images", len(leaking) - _SAME_CLASS_SHOWN)


def source_digest(contents: Mapping[Labelled, str]) -> str:
    """SHA-256 over units, names, labels and contents."""
    whole = hashlib.sha256()
    for one, digest in contents.items():
        whole.update(f"{one.unit}\t{one.image}\t{one.label}\t{digest}\n".encode())
    return whole.hexdigest()


def _images_under(folder: Path) -> Iterator[Path]:
    for path in image.entries(folder):
        if path.is_dir():
            yield from _images_under(path)
        elif path.suffix.lower() in image.IMAGE_SUFFIXES:
            yield path


LAYOUTS: dict[str, Callable[[Path], list[Labelled]]] = {"folders": folders, "csv": listed}
