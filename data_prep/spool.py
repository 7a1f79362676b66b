"""Patches on their way from units, which are read in order, to an LMDB in shuffled order.

A patch has a fixed size, so each process writes its patches straight to their places in one file; the LMDB is then
appended to in key order. Memory stays bounded whatever the size of the set, and no pixels pass between processes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ftcaffe.errors import Error


@contextmanager
def created(path: Path) -> Iterator[Path]:
    """An empty spool at `path`, removed when the block ends."""
    path.write_bytes(b"")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


class Writer:
    """Writes patches to their places; several processes may write to one spool. A context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Writer:
        self._file = os.open(self.path, os.O_WRONLY)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def put(self, place: int, patch: np.ndarray) -> None:
        """Write a patch (uint8) as number `place`; `Error` when the disk is full."""
        content = patch.tobytes()
        try:
            # Not through a memory map, where a full disk is a bus error.
            written = os.pwrite(self._file, content, place * len(content))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            written = 0
        if written != len(content):
            raise Error("no space left on the disk", self.path.parent, remedy="free some space and run again")


def patches(path: Path, count: int, shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """The first `count` patches (uint8, channels × height × width), in the order of their places."""
    size = int(np.prod(shape))
    with path.open("rb") as stream:
        for _ in range(count):
            yield np.frombuffer(stream.read(size), np.uint8).reshape(shape)
