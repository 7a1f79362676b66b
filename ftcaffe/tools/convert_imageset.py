"""``convert_imageset``: pictures from a list into an LMDB, record for record as the original writes them.

The records are the same to the byte, but for pictures encoded as PNG anew: the same pixels, in fewer bytes.
"""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2
from ftcaffe.store import image, listing, lmdb
from ftcaffe.store.resize import bilinear

log = logging.getLogger(__name__)
_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "bmp": "BMP", "tif": "TIFF", "tiff": "TIFF", "webp": "WEBP"}
_REPORT = 1000  # records between two lines of the log


@dataclass(frozen=True)
class Conversion:
    """How pictures become records.

    gray : one channel instead of three.
    shuffle : in random order; the original's too is another each time.
    resize_height, resize_width : size of all, where both are above 0.
    check_size : stop at a picture of another size than the first.
    encoded : store files instead of pixels, unchanged where nothing has to be done to them.
    encode_type : "png", "jpg" …, which implies `encoded`; default: what the file is by its name.
    """

    gray: bool = False
    shuffle: bool = False
    resize_height: int = 0
    resize_width: int = 0
    check_size: bool = False
    encoded: bool = False
    encode_type: str = ""


def convert(root: str, source: Path, target: Path, how: Conversion) -> int:
    """Write the pictures of a list to an LMDB; returns how many.

    A picture that cannot be read is named in the log and left out, as in the original.

    Parameters
    ----------
    root : what the file names of the list are put behind, so a folder ends in a slash.
    source : the list, ``FILE LABEL`` a line.
    target : the LMDB, which must not exist.

    Raises
    ------
    Error : an empty list, an LMDB that exists, an encode_type that is unknown, a picture of another size.
    """
    if target.exists():
        raise Error("exists already", target, remedy="remove it or give another name")
    entries = listing.read(source)
    if how.shuffle:
        log.info("Shuffling data")
        random.shuffle(entries)
    log.info("A total of %d images.", len(entries))
    with lmdb.writer(target) as writer:
        for key, value in _records(root, entries, how):
            writer.put(key, value)
            if writer.count % _REPORT == 0:
                log.info("Processed %d files.", writer.count)
        if not writer.count:
            raise Error("names no picture that can be read", source)
    if writer.count % _REPORT:
        log.info("Processed %d files.", writer.count)
    return writer.count


def _records(root: str, entries: list[tuple[str, int]], how: Conversion) -> Iterator[tuple[bytes, bytes]]:
    size = None
    for number, (name, label) in enumerate(entries):
        try:
            pixels = image.read(root + name, "gray" if how.gray else "color")
        except Error as error:
            log.error("%s; it is left out", error)
            continue
        resized = pixels
        if how.resize_height > 0 and how.resize_width > 0:
            resized = bilinear(pixels, how.resize_height, how.resize_width)
        size = size or resized.shape
        if how.check_size and resized.shape != size:
            raise Error(f"has shape {resized.shape}, the first picture {size}", root + name)
        kind = how.encode_type or (_ending(name) if how.encoded else "")
        if not kind:
            datum = caffe_pb2.Datum(data=resized.tobytes(), label=label, encoded=False)
            datum.channels, datum.height, datum.width = resized.shape
        else:
            # A file that is to stay as it is stays a colour file, under --gray too: so it is in the original.
            same = how.resize_height <= 0 and how.resize_width <= 0 and _is_of(name, kind)
            content = Path(root + name).read_bytes() if same else _encode(resized, kind)
            datum = caffe_pb2.Datum(data=content, label=label, encoded=True)
        yield f"{number:08d}_{name}".encode("utf-8", "surrogateescape"), datum.SerializeToString()


def _ending(name: str) -> str:
    ending = Path(name).suffix[1:].lower()
    if not ending:
        raise Error("its name does not say how to encode it", name, remedy="give --encode_type")
    return ending


def _is_of(name: str, kind: str) -> bool:
    ending = Path(name).suffix[1:].lower()
    return ending == kind.lower() or (ending == "jpeg" and kind.lower() == "jpg")


def _encode(pixels: np.ndarray, kind: str) -> bytes:
    """The pixels (BGR or grey) as a file; JPEG of quality 95, as OpenCV has it."""
    if kind.lower() not in _FORMATS:
        raise Error(f"no encode_type '{kind}'", remedy=f"there are: {', '.join(_FORMATS)}")
    stream = io.BytesIO()
    picture = Image.fromarray(
        pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels[::-1].transpose(1, 2, 0))
    )
    how = {"quality": 95, "subsampling": "4:2:0"} if _FORMATS[kind.lower()] == "JPEG" else {}
    picture.save(stream, _FORMATS[kind.lower()], **how)
    return stream.getvalue()
