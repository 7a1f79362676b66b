"""LMDB's file, read page by page with every step checked.

LMDB itself trusts its file: over a damaged one its older versions end the whole process, by a segmentation fault or a
bus error, which no exception handler sees. The format is simple where it is only read: two pages that say where the
tree begins, its branches and leaves, and values too large for a leaf in runs of pages of their own.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ftcaffe.errors import Error

REMEDY = "prepare the data set anew"
_MAGIC, _VERSION = 0xBEEFC0DE, 1
_HEADER = struct.Struct("<QHHHH")  # of a page: its number, padding, flags, and where free space begins and ends
_PAGE_SIZES = [2**n for n in range(8, 17)]
_BRANCH, _LEAF, _OVERFLOW, _META = 1, 2, 4, 8
_NODE = struct.Struct(
    "<HHHH"
)  # low and high half of a value's length or of a page's number, flags, length of the key
_LARGE, _NAMED = 1, 2  # flags of a node: its value has pages of its own, or is a tree
_ABOUT = struct.Struct("<II16x I44x 4xHH24xQQ QQ")  # of its two trees the first is that of free pages


class _About(NamedTuple):
    """What stands past the header of one of a file's two first pages."""

    magic: int
    version: int
    page_size: int
    kind: int
    depth: int
    entries: int
    root: int
    last: int
    transaction: int


class Pages:
    """The records of a ``data.mdb``, in the order of their keys. Nothing is held in memory but the page at hand.

    Parameters
    ----------
    path : the LMDB's folder, which is named in errors.

    Raises
    ------
    Error : no LMDB there, a foreign format version, truncated or damaged; also while reading.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = (path / "data.mdb").open("rb", buffering=0)
        except OSError as error:
            raise Error(f"no LMDB: {error.strerror}", path, remedy=REMEDY) from None
        first = self._about(0)
        self._size = first.page_size
        if self._size not in _PAGE_SIZES:
            raise self._damaged(f"pages of {self._size} bytes")
        about = max(first, self._about(self._size), key=lambda about: about.transaction)
        self._depth, self._count, self._root, self._last = about.depth, about.entries, about.root, about.last
        if os.fstat(self._file.fileno()).st_size < (self._last + 1) * self._size:
            raise Error("is truncated", path, remedy=REMEDY)
        if self._count * _NODE.size > (self._last + 1) * self._size:
            raise self._damaged(f"{self._count} records in {self._last + 1} pages")
        if about.kind:
            raise Error("has keys of a kind that Caffe's have not", path, remedy=REMEDY)

    def __len__(self) -> int:
        return self._count

    def records(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of each record from the one numbered `start`."""
        seen = 0
        for page, places in self._leaves():
            if seen + len(places) > start:
                for place in places[max(0, start - seen) :]:
                    yield self._record(page, place)
            seen += len(places)
        if seen != self._count:
            raise self._damaged(f"{seen} records instead of {self._count}")

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None where there is none."""
        if not self._count:
            return None
        number = self._root
        for _ in range(self._depth - 1):
            page, places = self._page(number, _BRANCH)
            # The first child is that of all keys below the second's, whatever its own key.
            index = bisect_right(places, key, lo=1, key=partial(self._key, page))
            number = self._child(page, places[index - 1])
        page, places = self._page(number, _LEAF)
        index = bisect_left(places, key, key=partial(self._key, page))
        if index < len(places) and self._key(page, places[index]) == key:
            return self._record(page, places[index])[1]
        return None

    def _leaves(self) -> Iterator[tuple[bytes, tuple[int, ...]]]:
        """Each leaf, and where its nodes begin."""
        if not self._count:
            return
        waiting = [(self._root, self._depth)]
        for _ in range(self._last + 1):
            number, height = waiting.pop()
            page, places = self._page(number, _LEAF if height == 1 else _BRANCH)
            if height == 1:
                yield page, places
            else:
                waiting.extend((self._child(page, place), height - 1) for place in reversed(places))
            if not waiting:
                return
            if len(waiting) > self._last:
                break
        raise self._damaged("a tree of more pages than there are")

    def _page(self, number: int, kind: int) -> tuple[bytes, tuple[int, ...]]:
        """A branch or leaf, and where its nodes begin."""
        page = self._read(number, 0, self._size)
        own, _, flags, end, _ = _HEADER.unpack_from(page)
        if own != number or flags & 0xF != kind or not _HEADER.size < end <= self._size:
            raise self._damaged(f"page {number}")
        return page, struct.unpack_from(f"<{(end - _HEADER.size) // 2}H", page, _HEADER.size)

    def _record(self, page: bytes, place: int) -> tuple[bytes, bytes]:
        key = self._key(page, place)
        low, high, flags, _ = _NODE.unpack_from(page, place)
        begin, length = place + _NODE.size + len(key), low | high << 16
        if flags == 0 and begin + length <= self._size:
            return key, page[begin : begin + length]
        if flags & _NAMED:
            raise Error("holds named databases, and Caffe reads the one without a name", self.path, remedy=REMEDY)
        if flags != _LARGE or begin + 8 > self._size:
            raise self._damaged(f"the record {key!r}")
        number = int.from_bytes(page[begin : begin + 8], "little")
        own, _, kind, low, high = _HEADER.unpack(self._read(number, 0, _HEADER.size))
        if own != number or kind & 0xF != _OVERFLOW or _HEADER.size + length > (low | high << 16) * self._size:
            raise self._damaged(f"page {number}")
        return key, self._read(number, _HEADER.size, length)

    def _key(self, page: bytes, place: int) -> bytes:
        begin = place + _NODE.size
        length = _NODE.unpack_from(page, place)[3] if begin <= self._size else self._size
        if begin + length > self._size:
            raise self._damaged("a key beyond its page")
        return page[begin : begin + length]

    def _child(self, page: bytes, place: int) -> int:
        if place + _NODE.size > self._size:
            raise self._damaged("a branch beyond its page")
        low, middle, high, _ = _NODE.unpack_from(page, place)
        return low | middle << 16 | high << 32

    def _read(self, number: int, begin: int, length: int) -> bytes:
        """Bytes from a place in a page on, which may run over into the pages after it."""
        place = number * self._size + begin
        if not 1 < number <= self._last or place + length > (self._last + 1) * self._size:
            raise self._damaged(f"page {number} is asked for")
        content = os.pread(self._file.fileno(), length, place)
        if len(content) < length:
            raise Error("is truncated", self.path, remedy=REMEDY)
        return content

    def _about(self, place: int) -> _About:
        """What one of the two first pages says: the later written of them is true."""
        content = os.pread(self._file.fileno(), _HEADER.size + _ABOUT.size, place)
        if len(content) < _HEADER.size + _ABOUT.size:
            raise Error("is damaged or no LMDB", self.path, remedy=REMEDY)
        about = _About(*_ABOUT.unpack_from(content, _HEADER.size))
        if about.magic != _MAGIC or not _HEADER.unpack_from(content)[2] & _META:
            raise Error("is damaged or no LMDB", self.path, remedy=REMEDY)
        if about.version != _VERSION:
            raise Error(f"has LMDB format {about.version}, and Caffe reads {_VERSION}", self.path, remedy=REMEDY)
        return about

    def _damaged(self, what: str) -> Error:
        return Error(f"is damaged: {what}", self.path, remedy=REMEDY)
