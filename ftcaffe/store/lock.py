"""One process at a time where a folder is made: the data of an application, a run."""

from __future__ import annotations

import contextlib
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
    """Holds a folder, which need not be there yet, while the block runs, by a file ``.NAME.lock`` beside it.

    On one machine the kernel's file lock decides, which ends with its process however that dies. Where a shared
    file system does not carry it between machines, the holder's name in the file and the heartbeat (the
    file's time) do.

    Parameters
    ----------
    doing : what is done to the folder, as a participle that another process is told: ``trained``.

    Raises
    ------
    Error : another process holds it.
    """

    def __init__(self, folder: str | Path, doing: str) -> None:
        self.folder, self.doing = Path(folder), doing
        self.path = _path(self.folder)
        self._stop = threading.Event()

    def __enter__(self) -> Lock:
        self._made = [parent for parent in self.path.parents if not parent.exists()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        other = _elsewhere(self.path)
        self._file = None if other else _taken(self.path, patience=1.0)
        if self._file is None:
            told = other or _told(self.path)
            raise Error(
                f"is being {told or 'used by another process'}", self.folder, remedy="wait for it, or stop it"
            )
        self._file.truncate(0)
        json.dump({"host": socket.gethostname(), "pid": os.getpid(), "doing": self.doing}, self._file)
        self._file.flush()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._beating.join()
        assert self._file is not None
        self.path.unlink(missing_ok=True)
        self._file.close()
        for parent in self._made:
            with contextlib.suppress(OSError):
                parent.rmdir()  # goes when nothing was written

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            with contextlib.suppress(FileNotFoundError):
                os.utime(self.path)


def holder(folder: str | Path) -> str | None:
    """What is done to a folder, and by whom, as ``trained by host:pid``; None when nobody holds it."""
    path = _path(Path(folder))
    if not path.exists():
        return None
    if other := _elsewhere(path):
        return other
    stream = _taken(path)
    if stream is None:
        return _told(path)
    path.unlink()  # what a process that died left
    stream.close()
    return None


def _path(folder: Path) -> Path:
    return folder.absolute().with_name(f".{folder.name}.lock")


def _elsewhere(path: Path) -> str | None:
    """What a holder on another machine does that has been heard of lately."""
    try:
        silent = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None
    told = _told(path)
    return None if told is None or f" by {socket.gethostname()}:" in told or silent > SILENCE else told


def _told(path: Path) -> str | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return f"{record['doing']} by {record['host']}:{record['pid']}"
    except (OSError, ValueError, KeyError):  # released, or partial for an instant when taken
        return None


def _taken(path: Path, patience: float = 0.0) -> IO[str] | None:
    """The file, locked; None where another has it, for longer than `patience`: `holder` may, for an instant."""
    until = time.monotonic() + patience
    while True:
        stream = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                return stream
            stream.close()
        except FileNotFoundError:
            stream.close()  # its last holder has removed it: a lock on nothing
        except BlockingIOError:
            stream.close()
            if time.monotonic() >= until:
                return None
            time.sleep(0.05)
