"""The folder of a phantom: written whole, recognised when it is there."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ftcaffe.errors import Error
from ftcaffe.store import atomic

_log = logging.getLogger(__name__)


@contextmanager
def made(folder: Path, record: Mapping[str, object]) -> Iterator[Path | None]:
    """A folder to write a phantom into, put in its place when the block ends; None when it is there already.

    Parameters
    ----------
    record : what decides the phantom; kept in its ``phantom.json``.

    Raises
    ------
    Error : the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()):
        try:
            there = json.loads((folder / "phantom.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            there = None
        if there != record:
            raise Error("holds something else", folder, remedy="remove it, or name another folder")
        _log.info("%s: is there already, made with the same arguments", folder)
        yield None
        return
    with atomic.whole(folder) as beside:
        beside.mkdir(parents=True)
        yield beside
        atomic.write_text(beside / "phantom.json", json.dumps(record, indent=2) + "\n")
