"""Small polyp data sets as real files: videos of a drawn disc with masks, and the phantom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (64, 80)  # height, width


def frame(number: int) -> np.ndarray:
    """A frame (uint8, height × width × 3, BGR) that tells its number by its brightness."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    pixels = np.stack([60 + x, 40 + y, np.full(SIZE, 20 + 15 * number)], axis=-1)
    return pixels.astype(np.uint8)


def mask(row: int = 30, column: int = 40, radius: int = 10) -> np.ndarray:
    """The mask (bool) of a disc."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.hypot(y - row, x - column) < radius


def write_video(path: Path, frames: Sequence[np.ndarray], codec: str = "mpeg4") -> Path:
    """A video file by PyAV, in the container of its suffix."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 4_000_000
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def write_masks(folder: Path, masks: Sequence[np.ndarray], name: str = "{:04d}.png", first: int = 0) -> Path:
    """A folder of masks, one a frame."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(masks, first):
        Image.fromarray(pixels.astype(np.uint8) * 255).save(folder / name.format(number))
    return folder


def write_still(path: Path, pixels: np.ndarray) -> Path:
    """An image file: RGB of a frame, or a mask (bool) as black and white."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels[..., ::-1]
    Image.fromarray(np.ascontiguousarray(content)).save(path)
    return path
