"""Files that are whole or absent: written beside their name and renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path to write to; renamed to `path` when the block ends well, removed when it does not.

    Works for a file and, when the block makes one, for a folder (an LMDB): an older folder gives way only
    once the new one is whole. On an error whatever stood at `path` is untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    _remove(beside)
    try:
        yield beside
        if path.is_dir() and beside.is_dir():
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            beside.rename(path)
            _remove(old)
        else:
            beside.replace(path)
    finally:
        _remove(beside)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write `content` to `path` whole."""
    with whole(path) as beside, beside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def write_text(path: str | Path, content: str) -> None:
    """Write `content` to `path` whole, as UTF-8."""
    write_bytes(path, content.encode("utf-8"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
