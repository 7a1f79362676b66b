"""Video files: Motion JPEG in AVI, by PyAV where it is installed and by OpenCV elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data_prep.readers.video import decoder
from ftcaffe.errors import Error


def write(path: Path, frames: Iterable[np.ndarray], rate: int = 10) -> None:
    """Write frames (uint8, height × width × 3, BGR; even sides) as an AVI of Motion JPEG, `rate` frames a second."""
    (_by_av if decoder() == "av" else _by_opencv)(path, frames, rate)


def _by_av(path: Path, frames: Iterable[np.ndarray], rate: int) -> None:
    import av

    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=rate)
        stream.pix_fmt = "yuvj420p"
        stream.options = {"qmin": "2", "qmax": "4"}
        for pixels in frames:
            if not stream.codec_context.is_open:
                stream.height, stream.width = pixels.shape[:2]
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def _by_opencv(path: Path, frames: Iterable[np.ndarray], rate: int) -> None:
    import cv2

    writer = None
    for pixels in frames:
        if writer is None:
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, pixels.shape[1::-1])
            if not writer.isOpened():
                raise Error("cannot be written by OpenCV", path, remedy="install PyAV ('pip install av')")
        writer.write(pixels)
    if writer is not None:
        writer.release()
