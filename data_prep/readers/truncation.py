"""Whether a video file ends before its container says it does.

Decoders end a truncated file as quietly as a whole one, and the frame count in a header is often wrong in whole
files (MPEG-1, ASF, SWF, camera AVI). The container's own lengths in bytes are dependable. Streams without any
(MPEG-1, MPEG-PS, RealMedia) can be checked only against their masks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_ISO_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_ASF = bytes.fromhex("3026b2758e66cf11")


def is_truncated(path: Path) -> bool:
    """True where an AVI, MP4/MOV, Matroska/WebM or ASF/WMV file is shorter than it declares; else False."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(12)
        if head[:4] == b"RIFF":
            return _riff_end(stream, size) > size
        if head[4:8] in _ISO_BOXES:
            return _iso_end(stream, size) > size
        if head[:8] == _ASF:
            return _asf_end(stream, size) > size
        if head[:4] == _EBML:
            return _matroska_end(stream) > size
    return False


def _riff_end(stream: BinaryIO, size: int) -> int:
    """Where the last top-level chunk ends. A length of 0 was never filled in by the recorder and says nothing."""
    end = 0
    while end + 8 <= size:
        stream.seek(end)
        length = int.from_bytes(stream.read(8)[4:], "little")
        if length == 0:
            return size
        end += 8 + length
    return end


def _iso_end(stream: BinaryIO, size: int) -> int:
    """Where the last top-level box ends (ISO/IEC 14496-12, 4.2)."""
    end = 0
    while end + 8 <= size:
        stream.seek(end)
        header = stream.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # 0: up to the end of the file
            return size
        end += length
    return end


def _asf_end(stream: BinaryIO, size: int) -> int:
    """Where the last top-level object ends (ASF specification, 2.1); a broadcast does not know its length."""
    end = 0
    while end + 24 <= size:
        stream.seek(end + 16)
        length = int.from_bytes(stream.read(8), "little")
        if length < 24:
            return size
        end += length
    return end


def _matroska_end(stream: BinaryIO) -> int:
    """Where the segment ends (RFC 8794); 0 where its length is unknown, as in live recordings."""
    stream.seek(4)
    header = _variable_length(stream)
    stream.seek(header or 0, os.SEEK_CUR)
    if stream.read(4) != _SEGMENT:
        return 0
    length = _variable_length(stream)
    return 0 if length is None else stream.tell() + length


def _variable_length(stream: BinaryIO) -> int | None:
    first = stream.read(1)[0]
    extra = 8 - first.bit_length()
    value = int.from_bytes(bytes([first & (0x7F >> extra)]) + stream.read(extra), "big")
    return None if value == (1 << 7 * (extra + 1)) - 1 else value
