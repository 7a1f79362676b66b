"""Pictures from JPEG, PNG, BMP, TIFF and WebP: the pixels that OpenCV decodes, as the original reads by it.

Pillow decodes to the same pixels; what OpenCV does otherwise stands here: how colours become grey (each format has
its own weights), CMYK, 16 bits, and that a JPEG is turned as its EXIF says. One thing stays apart: a PNG of three
channels of 16 bits made grey is off by one here and there, as Pillow leaves out the lower bits first.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from ftcaffe.errors import Error

_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "JPEG2000", "PPM")
Colors = Literal["color", "gray", "as is"]
_JPEG = ("JPEG", "MPO")  # some cameras put a second picture behind the first
_ORIENTATION = 0x112
# Weights of blue, green, red; what is added before the shift; the shift.
_GRAY = {
    "PNG": ((3737, 19234, 9797), 0, 15),
    "WEBP": ((3735, 19235, 9798), 1 << 14, 15),
    "": ((1868, 9617, 4899), 1 << 13, 14),
}


def read(path: str | Path, colors: Colors = "color") -> np.ndarray:
    """The picture of a file, as `decode` gives it; `Error` when there is none."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise Error(error.strerror or "cannot be read", path) from None
    return decode(content, colors, path)


def decode(content: bytes, colors: Colors = "color", place: str | Path | None = None) -> np.ndarray:
    """The picture in encoded bytes: uint8, channels × height × width.

    Parameters
    ----------
    colors : "color" gives BGR, "gray" one channel, "as is" the channels that it has (grey, BGR or BGRA).
    place : named in the `Error` that is raised where the bytes are no whole picture of 8 bits.
    """
    try:
        picture: Image.Image = Image.open(io.BytesIO(content), formats=_FORMATS)
        if picture.format in _JPEG and colors == "gray":
            picture.draft("L", None)  # luminance as it is stored
        picture.load()
        if picture.format in _JPEG and colors != "as is":
            picture = _upright(picture)
        return np.ascontiguousarray(_pixels(picture, colors))
    except Exception as error:  # noqa: BLE001 Pillow's decoders raise whatever they stumble over
        raise Error(f"cannot be decoded as a picture ({error})", place) from None


def _upright(picture: Image.Image) -> Image.Image:
    if picture.getexif().get(_ORIENTATION, 1) == 1:
        return picture
    turned = ImageOps.exif_transpose(picture)
    turned.format = picture.format
    return turned


def _pixels(picture: Image.Image, colors: Colors) -> np.ndarray:
    kind = picture.format or ""
    if picture.mode.startswith("I"):  # sixteen bits, of which the upper eight are kept
        if colors == "as is":
            raise ValueError("it has 16 bits a channel")
        gray = (np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8)[None]
        return gray if colors == "gray" else gray.repeat(3, axis=0)
    if picture.mode in ("1", "L", "LA") and (colors != "as is" or picture.mode != "LA"):
        gray = np.asarray(picture.convert("L"))[None]
        return gray.repeat(3, axis=0) if colors == "color" else gray
    if picture.mode == "CMYK":
        bgr = _from_cmyk(np.asarray(picture))
    elif colors == "as is" and (picture.mode in ("RGBA", "LA") or "transparency" in picture.info):
        bgr = np.asarray(picture.convert("RGBA"))[..., [2, 1, 0, 3]].transpose(2, 0, 1)
    else:
        bgr = np.asarray(picture.convert("RGB"))[..., ::-1].transpose(2, 0, 1)
    return _gray(bgr, kind) if colors == "gray" else bgr


def _from_cmyk(pixels: np.ndarray) -> np.ndarray:
    """BGR of CMYK as Pillow gives it, which is the complement of what the file holds."""
    cyan, magenta, yellow, black = (255 - pixels.astype(np.int32)).transpose(2, 0, 1)
    return np.stack([black - ((255 - ink) * black >> 8) for ink in (yellow, magenta, cyan)]).astype(np.uint8)


def _gray(bgr: np.ndarray, kind: str) -> np.ndarray:
    weights, added, shift = _GRAY.get(kind, _GRAY[""])
    blue, green, red = bgr[:3].astype(np.uint32)
    mixed = (blue * weights[0] + green * weights[1] + red * weights[2] + added) >> shift
    return mixed.astype(np.uint8)[None]
