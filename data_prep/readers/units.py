"""What a layout hands to the pipeline: units (videos, sequences) that stream their frames with masks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from data_prep.readers import image, video
from ftcaffe.errors import Error


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a unit.

    unit, image : names; a video's frames are named by their number from 0.
    pixels : uint8, height × width × 3, BGR.
    mask : bool, height × width, True in lesions; None where the source says that there are none.
    """

    unit: str
    image: str
    pixels: np.ndarray
    mask: np.ndarray | None


@dataclass(frozen=True)
class Video:
    """A video file whose masks are a folder of images named by frame number, or a video too; None: no lesion in it.

    Mask numbers may be padded and have text around them (``frame_0012_mask.png``); they count from 0 where there is
    a mask 0, else from 1. Every frame needs its mask, all black where it shows no lesion.
    """

    unit: str
    path: Path
    masks: Path | None

    def files(self) -> list[Path]:
        """The files that this unit reads."""
        if self.masks is None:
            return [self.path]
        return [self.path, *(image.images_in(self.masks) if self.masks.is_dir() else [self.masks])]

    def __iter__(self) -> Iterator[Frame]:
        """Frames in order, one in memory at a time; `Error` for a mask missing, left over, or of another size."""
        if self.masks is None:
            masks = None
        else:
            masks = _mask_folder(self.masks) if self.masks.is_dir() else _mask_video(self.masks)
        number = -1
        for number, pixels in enumerate(video.frames(self.path)):
            if masks is None:
                yield Frame(self.unit, str(number), pixels, None)
                continue
            place, mask = next(masks, (None, None))
            if mask is None or place is None:
                raise Error(
                    f"has no mask for frame {number} of {self.path.name}",
                    self.masks,
                    remedy="add the mask (black where the frame shows no lesion), or end the video before it",
                )
            _check_size(mask, pixels, place)
            yield Frame(self.unit, str(number), pixels, mask)
        if masks is not None and next(masks, None) is not None:
            raise Error(
                f"ends at frame {number}, and {self.masks} has masks beyond it",
                self.path,
                remedy="the video is truncated or the masks are another video's: copy the right one",
            )


@dataclass(frozen=True)
class Stills:
    """Image files, each with the path of its mask or None where it shows no lesion: (name, image, mask)."""

    unit: str
    images: tuple[tuple[str, Path, Path | None], ...]

    def files(self) -> list[Path]:
        """The files that this unit reads."""
        return [path for _, picture, mask in self.images for path in (picture, mask) if path is not None]

    def __iter__(self) -> Iterator[Frame]:
        """Images in order, one in memory at a time; `Error` for one that cannot be read or a mask of another size."""
        for name, path, mask_path in self.images:
            pixels = image.read_bgr(path)
            mask = None
            if mask_path is not None:
                mask = image.read_mask(mask_path)
                _check_size(mask, pixels, mask_path)
            yield Frame(self.unit, name, pixels, mask)


Unit = Video | Stills


class Files(Protocol):
    """What reads files of one unit."""

    @property
    def unit(self) -> str:
        """The unit's name."""

    def files(self) -> list[Path]:
        """The files that are read."""


def digest(units: Iterable[Files], source: Path) -> str:
    """SHA-256 over names and contents of every file that the units read; the same when the source has been moved.

    source : the folder that the names are relative to, or a table in it.
    """
    root = source.parent if source.is_file() else source
    whole = hashlib.sha256()
    for unit in units:
        for path in unit.files():
            name = path.relative_to(root) if path.is_relative_to(root) else path
            with path.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            whole.update(f"{unit.unit}\t{name.as_posix()}\t{content}\n".encode())
    return whole.hexdigest()


def frame_number(path: Path) -> int:
    """The last number in a file's name; `Error` where there is none."""
    numbers = re.findall(r"\d+", path.stem)
    if not numbers:
        raise Error("has no frame number in its name", path, remedy="name masks by the number of their frame")
    return int(numbers[-1])


def _mask_folder(folder: Path) -> Iterator[tuple[Path, np.ndarray | None]]:
    """Masks of frames 0, 1, 2 …; ends at the last number, with None in a gap."""
    numbered: dict[int, Path] = {}
    for path in image.images_in(folder):
        if numbered.setdefault(frame_number(path), path) != path:
            raise Error(f"is a second mask of frame {frame_number(path)}", path, remedy="keep one of them")
    first = 0 if 0 in numbered else 1
    for number in range(first, max(numbered) + 1):
        path = numbered.get(number, folder)
        yield path, (image.read_mask(path) if number in numbered else None)


def _mask_video(path: Path) -> Iterator[tuple[Path, np.ndarray]]:
    for pixels in video.frames(path):
        yield path, image.threshold(pixels)


def _check_size(mask: np.ndarray, pixels: np.ndarray, path: Path) -> None:
    if mask.shape != pixels.shape[:2]:
        (height, width), (frame_height, frame_width) = mask.shape, pixels.shape[:2]
        raise Error(
            f"is a mask of {width}×{height} for a frame of {frame_width}×{frame_height}",
            path,
            remedy="export the mask at the size of its frame",
        )
