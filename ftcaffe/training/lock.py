"""One process at a time in a run's folder."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import IO

from ftcaffe.errors import Error

BEAT, SILENCE = 30.0, 300.0
"""Seconds between heartbeats, and of silence after which a holder on another machine counts as dead."""


class Lock:
    """Holds a run's folder while the block runs.

    On one machine the kernel's file lock decides, which ends with its process however that dies. Where a shared
    file system does not carry it between machines, the holder's name in the file and the heartbeat (the
    file's time) do.

    Raises
    ------
    Error : another process holds it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / "lock"
        self._stop = threading.Event()

    def __enter__(self) -> Lock:
        self._file = self.path.open("a+")
        other = _elsewhere(self.path)
        if other or not _take(self._file, patience=1.0):
            who = holder(self.path.parent) or other
            self._file.close()
            raise Error(
                f"is being trained by {who or 'another process'}", self.path.parent, remedy="wait for it, or stop it"
            )
        self._file.truncate(0)
        json.dump({"host": socket.gethostname(), "pid": os.getpid()}, self._file)
        self._file.flush()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._beating.join()
        self._file.truncate(0)  # never removed: who has it open already would hold a lock on nothing
        self._file.close()

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            os.utime(self.path)


def holder(folder: str | Path) -> str | None:
    """Who trains in a run's folder, as ``host:pid``; None when nobody does."""
    path = Path(folder) / "lock"
    if not path.exists():
        return None
    if other := _elsewhere(path):
        return other
    with path.open("a+") as stream:
        return None if _take(stream) else _name(path)


def _elsewhere(path: Path) -> str | None:
    """The holder on another machine that has been heard of lately."""
    name = _name(path)
    if name is None or name.split(":")[0] == socket.gethostname() or time.time() - path.stat().st_mtime > SILENCE:
        return None
    return name


def _name(path: Path) -> str | None:
    try:
        record = json.loads(path.read_text())
        return f"{record['host']}:{record['pid']}"
    except (ValueError, KeyError):  # empty when released, partial for an instant when taken
        return None


def _take(stream: IO[str], patience: float = 0.0) -> bool:
    """Take the file's lock; `holder` may have it for an instant, hence `patience`, in seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)
        else:
            return True
