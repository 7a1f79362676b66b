"""WindowData: boxes of pictures, objects and background, as R-CNN is trained on them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ftcaffe.engine import glog, mode
from ftcaffe.engine.layers.base import Shape, register
from ftcaffe.engine.layers.source import Batch, Reading
from ftcaffe.engine.random import Random
from ftcaffe.errors import Error
from ftcaffe.store import image, mean
from ftcaffe.store.resize import bilinear

_REMEDY = (
    "write '# INDEX', path, channels, height, width and the number of boxes of each picture, "
    "then its boxes: class overlap x1 y1 x2 y2"
)


class Window(NamedTuple):
    """A box of a picture: index of the picture, class (0: background), and corners in pixels, both inside."""

    picture: int
    label: int
    x1: int
    y1: int
    x2: int
    y2: int


@register("WindowData")
class WindowData(Reading):
    """Boxes drawn at random, background first and then `fg_fraction` of objects, each warped to crop_size².

    A box of an overlap of at least fg_threshold is an object, one below bg_threshold background. `context_pad` widens
    it so that so many pixels of the crop are its surroundings, zero where the picture ends; `crop_mode` "square"
    makes it square first. Caffe takes the scale from window_data_param and passes over transform_param's.
    """

    tops = (2, 2)
    origin = "window_data_layer.cpp:183"

    def open(self) -> Windows:
        """The window file's batches."""
        message, transform = self.message.window_data_param, self.message.transform_param
        if not transform.crop_size:
            raise self.fault("transform_param needs a crop_size, the side of the warped boxes")
        if message.batch_size < 1:
            raise self.fault("batch_size is at least 1")
        if message.context_pad * 2 >= transform.crop_size:
            raise self.fault(f"context_pad {message.context_pad} leaves nothing of a crop of {transform.crop_size}")
        return Windows(message, transform)


class Windows:
    """Batches of warped boxes."""

    def __init__(self, message: Any, transform: Any) -> None:
        self._message, self._transform = message, transform
        self._random = Random(mode.random.word())
        self._size = transform.crop_size
        self._pictures, self._background, self._objects, channels = _read(message)
        self._tell()
        self._cache = {path: Path(path).read_bytes() for path in self._pictures} if message.cache_images else {}
        self.shape: Shape = (message.batch_size, channels, self._size, self._size)
        self._values = np.array(transform.mean_value, np.float32)
        if len(self._values) not in (0, 1, channels):
            raise Error(f"mean_value is given {len(self._values)} times for {channels} channels")
        self._mean = None
        if transform.mean_file:
            whole = mean.read(transform.mean_file)
            top = left = (whole.shape[2] - self._size) // 2  # Caffe takes the width's rim for the height's too
            self._mean = whole[:, top : top + self._size, left : left + self._size]
            if self._mean.shape != self.shape[1:]:
                raise Error(f"has shape {whole.shape}, too small for crops of {self.shape[1:]}", transform.mean_file)

    def _tell(self) -> None:
        glog.info("window_data_layer.cpp:160", "Number of images: %d", len(self._pictures))
        samples = Counter(window.label for window in self._background + self._objects)
        for label, count in sorted(samples.items()):
            glog.info("window_data_layer.cpp:164", "class %d has %d samples", label, count)
        glog.info("window_data_layer.cpp:168", "Amount of context padding: %d", self._message.context_pad)
        glog.info("window_data_layer.cpp:171", "Crop mode: %s", self._message.crop_mode)

    def batches(self, start: int) -> Iterator[Batch]:
        """Batch after batch; they have no order, so `start` does not count."""
        count = self._message.batch_size
        objects = int(np.float32(count) * np.float32(self._message.fg_fraction))
        while True:
            places, labels = np.zeros(self.shape, np.float32), np.empty(count, np.float32)
            for number in range(count):
                windows = self._background if number < count - objects else self._objects
                window = windows[self._random.word() % len(windows)]
                mirrored = self._transform.mirror and self._random.word() % 2 == 1
                self._warp(places[number], window, mirrored)
                labels[number] = window.label
            yield places, labels

    def _warp(self, place: np.ndarray, window: Window, mirrored: bool) -> None:
        path = self._pictures[window.picture]
        picture = image.decode(self._cache[path], "color", path) if self._cache else image.read(path)
        square = self._message.crop_mode == "square"
        if self._message.context_pad or square:
            columns, rows = _widened(window, self._size, self._message.context_pad, square)
            x1, x2, left, width = _spread(*columns, picture.shape[2], self._size, mirrored)
            y1, y2, top, height = _spread(*rows, picture.shape[1], self._size, False)
        else:
            x1, y1, x2, y2 = window[2:]
            left, top, width, height = 0, 0, self._size, self._size
        if not (0 <= x1 <= x2 < picture.shape[2] and 0 <= y1 <= y2 < picture.shape[1] and width > 0 and height > 0):
            raise Error(
                f"box {window[2:]} is not inside the picture of {picture.shape[1]} × {picture.shape[2]}", path
            )
        warped = bilinear(picture[:, y1 : y2 + 1, x1 : x2 + 1], height, width)
        if mirrored:
            warped = warped[..., ::-1]
        part = (slice(None), slice(top, top + height), slice(left, left + width))
        place[part] = warped
        if self._mean is not None:
            place[part] -= self._mean[part]
        elif self._values.size:
            place[part] -= self._values[:, None, None]
        place[part] *= np.float32(self._message.scale)


def _widened(window: Window, size: int, pad: int, square: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last column, and row, of a box with its surroundings, which may lie outside the picture."""
    scale = np.float32(size) / np.float32(size - 2 * pad)
    half_width = np.float32(window.x2 - window.x1 + 1) / np.float32(2)
    half_height = np.float32(window.y2 - window.y1 + 1) / np.float32(2)
    center_x, center_y = np.float32(window.x1) + half_width, np.float32(window.y1) + half_height
    if square:
        half_width = half_height = max(half_width, half_height)
    columns = (_round(center_x - half_width * scale), _round(center_x + half_width * scale))
    return columns, (_round(center_y - half_height * scale), _round(center_y + half_height * scale))


def _spread(first: int, last: int, length: int, size: int, mirrored: bool) -> tuple[int, int, int, int]:
    """An axis of a widened box: its first and last pixel in the picture, and start and length in the crop."""
    before, after = max(0, -first), max(0, last - length + 1)
    scale = np.float32(size) / np.float32(last - first + 1)
    first, last = first + before, last - after
    start = _round(np.float32(after if mirrored else before) * scale)
    return first, last, start, min(_round(np.float32(last - first + 1) * scale), size - start)


def _round(value: np.float32) -> int:
    """To the nearest whole number, halves away from zero."""
    return int(math.copysign(math.floor(abs(float(value)) + 0.5), value))


def _read(message: Any) -> tuple[list[str], list[Window], list[Window], int]:
    """Pictures, background and object boxes of a window file, and the last picture's channels."""
    try:
        words = iter(Path(message.source).read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"cannot be read ({error})", message.source) from None
    pictures: list[str] = []
    background: list[Window] = []
    objects: list[Window] = []
    channels = 0
    try:
        while (mark := next(words, None)) is not None:
            if mark != "#":
                raise ValueError
            index = int(next(words))
            pictures.append(message.root_folder + next(words))
            channels, _, _ = int(next(words)), next(words), next(words)
            for _ in range(int(next(words))):
                label, overlap = int(next(words)), np.float32(next(words))
                box = [int(next(words)) for _ in range(4)]
                if overlap >= np.float32(message.fg_threshold):
                    if label <= 0:
                        raise Error(f"an object of picture {index} has class {label}", message.source)
                    objects.append(Window(index, label, *box))
                elif overlap < np.float32(message.bg_threshold):
                    background.append(Window(index, 0, *box))
    except (ValueError, StopIteration):
        what = f"is no window file: picture {len(pictures) - 1} is cut short or misspelt"
        raise Error(what, message.source, remedy=_REMEDY) from None
    if channels != 3:
        raise Error(f"says {channels} channels, and pictures are read in colour, with 3", message.source)
    if not objects or not background:
        raise Error(f"has {len(objects)} boxes of objects and {len(background)} of background", message.source)
    if any(not 0 <= window.picture < len(pictures) for window in objects + background):
        raise Error("numbers its pictures otherwise than 0, 1, 2 …", message.source)
    return pictures, background, objects, channels
