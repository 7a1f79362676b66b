"""Frames of whole procedures at regular times, streamed, whatever the container claims and whatever is damaged."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.readers import video
from data_prep.readers.border import Border
from data_prep.readers.labelled import View
from data_prep.readers.truncation import is_truncated
from ftcaffe.errors import Error

_log = logging.getLogger(__name__)

_TOLERANCE = 0.001  # seconds: Matroska and FLV round times to thousandths
_AHEAD = 16  # frames from which the border is known before the first is cropped


@dataclass(frozen=True, eq=False)
class Sample:
    """The frame that is shown at a time.

    time : asked for, seconds from the first frame.
    pixels : uint8, height × width × 3, BGR, turned as the container says.
    """

    time: float
    pixels: np.ndarray

    @property
    def name(self) -> str:
        """As the frame is called in tables and files."""
        return frame_name(self.time)


def frame_name(time: float) -> str:
    """The name of the frame shown at a time: seconds with three decimals, of one width so that names sort."""
    return f"{time:09.3f}"


class Samples:
    """The frames shown at 0, `every`, 2 · `every` … seconds of presentation time; iterated once.

    The frame shown at a time is the last whose presentation time is not later: so it is under a variable frame rate
    too. Times count from the first frame, wherever the container's clock starts. What cannot be decoded, and all that
    depends on it up to the next key frame, is skipped; times that fall into such a stretch have no sample.

    skipped : times without a sample so far. damaged : packets that could not be decoded. length : seconds seen.
    """

    def __init__(self, path: Path, every: float) -> None:
        if every <= 0:
            raise Error(f"--every {every:g} is no interval", remedy="give seconds above 0")
        if not path.is_file():
            raise Error("is not there", path)
        if find_spec("av") is None:
            raise Error(
                "PyAV is not installed, which gives the times of frames", remedy="pip install 'ftcaffe[video]'"
            )
        self.path, self.every = path, every
        self.skipped = self.damaged = 0
        self.length = 0.0

    def __iter__(self) -> Iterator[Sample]:
        """The samples in order, one in memory at a time.

        Raises
        ------
        Error : not a video, or no usable frame in it.
        """
        due, shown, broken, found = 0, None, False, 0
        for time, frame in self._frames():
            while due * self.every < time - _TOLERANCE:
                if shown is not None and not broken:
                    found += 1
                    yield Sample(due * self.every, _pixels(shown))
                else:
                    self.skipped += 1
                due += 1
            broken = frame is None
            shown = frame if frame is not None else shown
            self.length = max(self.length, time)
        while shown is not None and due * self.every <= self.length + _TOLERANCE:
            if not broken:
                found += 1
                yield Sample(due * self.every, _pixels(shown))
            else:
                self.skipped += 1
            due += 1
        if not found:
            raise Error("has no usable frame", self.path, remedy="copy the video anew")
        if self.damaged:
            _log.warning(
                "%s: %d packets are damaged; %d of the times fall there and have no frame",
                self.path,
                self.damaged,
                self.skipped,
            )
        if is_truncated(self.path):
            _log.warning("%s: is truncated; it ends at %.1f s", self.path, self.length)

    def _frames(self) -> Iterator[tuple[float, Any]]:
        """Presentation times from 0 with their frames, rising; None for a frame that is damaged."""
        import av

        av.logging.set_level(av.logging.PANIC)  # what FFmpeg reports is counted here instead
        start: float | None = None
        last, step, whole = 0.0, 0.0, True
        try:
            with av.open(str(self.path)) as container:
                if not container.streams.video:
                    raise Error("holds no video", self.path)
                stream = container.streams.video[0]
                # Else what is missing is made up from the frames around it.
                stream.codec_context.options = {"err_detect": "explode"}
                step = float(1 / stream.average_rate) if stream.average_rate else 0.04
                for packet in self._packets(container, stream):
                    if video.holds_on(packet):
                        continue
                    try:
                        frames = [] if packet.is_corrupt else packet.decode()
                    except av.error.FFmpegError:
                        frames = []
                        damaged = True
                    else:
                        damaged = packet.is_corrupt
                    if damaged:
                        self.damaged += 1
                        whole = False
                        yield last, None
                    for frame in frames:
                        whole = (whole or bool(frame.key_frame)) and not frame.is_corrupt
                        time = last + step if frame.time is None else float(frame.time)
                        start = time if start is None else start
                        # A clock that jumps back (a recording that was joined) goes on from where it was.
                        if time - start < last:
                            start = time - last - step
                        last = time - start
                        yield last, frame if whole else None
        except av.error.FFmpegError as error:
            raise Error(f"cannot be read as a video ({error.strerror})", self.path, remedy="copy it anew") from None

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        """Packets up to the end, or to where the container is broken for good."""
        import av

        packets = container.demux(stream)
        while True:
            try:
                yield next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:
                self.damaged += 1
                return


@dataclass(frozen=True)
class Clip:
    """A video of a procedure as a unit: its frames at regular times, cropped and resized."""

    unit: str
    path: Path
    every: float

    def holds(self, wanted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of the frames wanted, those of this unit; whether it has them is known once it is decoded."""
        return [key for key in wanted if key[0] == self.unit]

    def read(self, view: View) -> Iterator[tuple[str, str, np.ndarray]]:
        """Unit, name and pixels (uint8, height × width × 3, BGR, of the view's size) of each frame."""
        for sample in cropped(Samples(self.path, self.every), view):
            yield self.unit, sample.name, sample.pixels


def cropped(samples: Iterable[Sample], view: View) -> Iterator[Sample]:
    """The samples at a view's size, without their black border where the view says so."""
    border, left = Border(), iter(samples)
    ahead = deque(islice(left, _AHEAD))
    for sample in ahead:
        border.see(sample.pixels)
    while ahead:
        sample = ahead.popleft()
        pixels = border.crop(sample.pixels) if view.border else sample.pixels
        yield Sample(sample.time, view.resized(pixels))
        ahead.extend(islice(left, 1))


def _pixels(frame: Any) -> np.ndarray:
    pixels = frame.to_ndarray(format="bgr24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4  # PyAV from 13 on knows it; counter-clockwise
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
