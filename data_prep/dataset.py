"""A data folder (docs/design.md, "On disk"): made beside its place, put there when whole, recognised when there.

The folder being made is named by a fingerprint of the source and the arguments, so that a run that was killed is
continued by the same command, and never by another.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ftcaffe import __version__
from ftcaffe.errors import Error
from ftcaffe.store import atomic
from ftcaffe.store.lmdb import Records

_log = logging.getLogger(__name__)

_LIBRARIES = ("numpy", "scipy", "scikit-image", "pillow", "lmdb", "av", "opencv-python-headless", "opencv-python")


@dataclass(frozen=True)
class Dataset:
    """What decides a data set's contents.

    work : the working folder.
    application : its name.
    source : the data set read, as the user gave it.
    source_digest : of the files read from it.
    arguments : every argument that changes what is written, with its value.
    """

    work: Path
    application: str
    source: str
    source_digest: str
    arguments: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where the data set is in the end."""
        return self.work / "data" / self.application

    @property
    def fingerprint(self) -> str:
        """A hash of what decides the contents."""
        decisive = [__version__, self.application, self.source_digest, dict(self.arguments)]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def is_there(self) -> bool:
        """True when the data set stands whole, and said so; `Error` when another one stands in its place."""
        try:
            there = json.loads((self.folder / "dataset.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            if self.folder.is_dir() and any(self.folder.iterdir()):
                remedy = "move it away, or choose another --work"
                raise Error("is no data folder of ftcaffe, and is not empty", self.folder, remedy=remedy) from None
            return False
        except (ValueError, UnicodeDecodeError):
            raise Error(
                "is damaged", self.folder / "dataset.json", remedy="remove the folder and run again"
            ) from None
        if there.get("fingerprint") == self.fingerprint:
            _log.info("%s: is there already, made from the same source with the same arguments", self.folder)
            return True
        changed = [name for name, value in self.arguments.items() if there.get("arguments", {}).get(name) != value]
        if there.get("source_digest") != self.source_digest:
            changed.insert(0, "source")
        raise Error(
            f"holds a data set made otherwise ({', '.join(changed) or 'another version of ftcaffe'})",
            self.folder,
            remedy="remove it to make it anew, or choose another --work",
        )

    def staging(self) -> Path:
        """The folder to make the data set in, kept from a run that was killed; those of other arguments go."""
        staging = self.folder.with_name(f".{self.application}.{self.fingerprint[:16]}.part")
        for other in self.folder.parent.glob(f".{self.application}.*.part"):
            if other != staging:
                shutil.rmtree(other)
        staging.mkdir(parents=True, exist_ok=True)
        for torn in staging.glob(".*"):  # what a killed run left half-written
            shutil.rmtree(torn) if torn.is_dir() else torn.unlink()
        return staging

    def finish(self, staging: Path, description: Mapping[str, Any]) -> None:
        """Write dataset.json, put the folder in its place, and say how many patches of each class every LMDB has.

        description : what the application says of it, its `counts` by split and class among it.
        """
        content = {
            "application": self.application,
            **description,
            "source": self.source,
            "source_digest": self.source_digest,
            "arguments": dict(self.arguments),
            "fingerprint": self.fingerprint,
            "versions": _versions(),
        }
        atomic.write_text(staging / "dataset.json", json.dumps(content, indent=2) + "\n")
        staging.rename(self.folder)
        for name, count in description["counts"].items():
            told = ", ".join(f"{n} {title}" for title, n in count.items())
            _log.info("%s/%s.lmdb: %s", self.folder, name, told)

    def relative(self, name: str) -> str:
        """The path of a file of the data set as other files name it: relative to the working folder."""
        return f"data/{self.application}/{name}"


def content_digest(path: Path | None) -> str | None:
    """SHA-256 of a file that is given as an option, or of a folder's files in order of name; None for none."""
    if path is None:
        return None
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(one.read_bytes() for one in files if one.is_file())).hexdigest()


def records_digest(path: Path) -> str:
    """SHA-256 over the keys and the records of an LMDB, in its order."""
    whole = hashlib.sha256()
    for key, record in Records(path):
        whole.update(key)
        whole.update(record)
    return whole.hexdigest()


def check_space(folder: Path, records: Sequence[tuple[int, int]], spooled: int) -> None:
    """`Error` when the disk has no room for LMDBs, each of so many records of so many bytes, and `spooled` bytes."""
    page = 4096
    needed = sum(count * -(-(size + 64) // page) * page for count, size in records) + spooled
    free = shutil.disk_usage(folder).free
    if needed > free:
        patches = sum(count for count, _ in records)
        raise Error(
            f"the disk has {free / 1e9:.3g} GB free, and {patches:,} patches need {needed / 1e9:.3g} GB",
            folder.parent,
            remedy="free some space, or ask for less (--augment centred, --total)",
        )


def _versions() -> dict[str, str]:
    found = {"ftcaffe": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
