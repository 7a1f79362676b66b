"""Frames of a video file, decoded in order by PyAV where it is installed and by OpenCV elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.readers.truncation import is_truncated
from ftcaffe.errors import Error

_NAMES = "3g2 3gp asf avi f4v flv gif m1v m2v m4v mkv mov mp4 mpeg mpg mts ogg ogv rm swf ts vob webm wmv"
VIDEO_SUFFIXES = frozenset("." + name for name in _NAMES.split())
_REMEDY = "copy the video anew, or cut it at the last whole frame and its masks with it"


def decoder() -> str:
    """The library that decodes: ``av`` or ``cv2``; `Error` where neither is installed."""
    for name in ("av", "cv2"):
        if find_spec(name):
            return name
    raise Error("no video decoder is installed", remedy="install PyAV ('pip install av') or OpenCV 4")


def frames(path: Path) -> Iterator[np.ndarray]:
    """Frames (uint8, height × width × 3, BGR) in order of presentation, one in memory at a time.

    The header's frame count is not looked at. Nothing is sought: seeking returns wrong frames in many containers.

    Raises
    ------
    Error : not a video, no frame in it, a frame that cannot be decoded, or a file that ends too early; the line names
        the frame that was reached.
    """
    if not path.is_file():
        raise Error("is not there", path)
    count = 0
    for frame in _decoded_by_av(path) if decoder() == "av" else _decoded_by_opencv(path):
        yield frame
        count += 1
    if count and is_truncated(path):
        raise Error(f"is truncated: it ends after frame {count - 1}", path, remedy=_REMEDY)
    if count == 0:
        raise _unreadable(path, "no frame can be decoded")


def _decoded_by_av(path: Path) -> Iterator[np.ndarray]:
    import av

    av.logging.set_level(av.logging.PANIC)  # what FFmpeg reports is raised here instead
    count = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise Error("holds no video", path)
            for packet in container.demux(container.streams.video[0]):
                if holds_on(packet):
                    continue
                # FFmpeg marks a packet whose last bytes are missing, and would decode what there is of it.
                if packet.is_corrupt:
                    raise Error(f"is truncated or damaged at frame {count}", path, remedy=_REMEDY)
                for frame in packet.decode():
                    yield frame.to_ndarray(format="bgr24")
                    count += 1
    except av.error.FFmpegError as error:
        if count == 0:
            raise _unreadable(path, error.strerror or "unknown format") from None
        what = f"is truncated or damaged: decoding stops at frame {count} ({error.strerror})"
        raise Error(what, path, remedy=_REMEDY) from None


def holds_on(packet: Any) -> bool:
    """Whether a packet of PyAV says that the frame before is shown on: Theora's of no bytes, which FFmpeg rejects."""
    return packet.size == 0 and packet.pts is not None


def _decoded_by_opencv(path: Path) -> Iterator[np.ndarray]:
    import cv2

    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise _unreadable(path, "OpenCV cannot open it")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        while True:
            there, frame = capture.read()
            if not there:
                return
            yield frame
    finally:
        capture.release()


def _unreadable(path: Path, why: str) -> Error:
    if is_truncated(path):
        return Error("is truncated before frame 0", path, remedy="copy the video anew")
    return Error(f"cannot be read as a video ({why})", path, remedy="copy the video anew")
