"""LMDB as Caffe reads and writes it: records in key order, large transactions, a map that grows."""

from __future__ import annotations

import itertools
import struct
import time
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

import lmdb

from ftcaffe.errors import Error
from ftcaffe.store.atomic import whole

_REMEDY = "prepare the data set anew"
_META = struct.Struct("<16xII")  # past a page's header: magic, format version
_MAGIC, _VERSION = 0xBEEFC0DE, 1
_FIRST_MAP = 1 << 26
_PATIENCE = 100  # hundredths of a second
_TRANSACTION_BYTES, _TRANSACTION_RECORDS = 1 << 26, 1000
# LMDB forbids opening one file twice in a process: readers of the same one share its environment.
_OPEN: weakref.WeakValueDictionary[tuple[int, int], lmdb.Environment] = weakref.WeakValueDictionary()


class Records:
    """Records of an LMDB in key order, read without locks (Caffe may hold it open too).

    Not to be carried across a fork: open it where it is read.

    Parameters
    ----------
    path : the LMDB's folder.

    Raises
    ------
    Error : no LMDB there, a foreign format version, damaged or empty.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        data = self.path / "data.mdb"
        try:
            with data.open("rb") as stream:
                head = stream.read(_META.size)
        except OSError as error:
            raise Error(f"no LMDB: {error.strerror}", self.path, remedy=_REMEDY) from None
        if len(head) < _META.size or _META.unpack(head)[0] != _MAGIC:
            raise Error("is damaged or no LMDB", self.path, remedy=_REMEDY)
        if _META.unpack(head)[1] != _VERSION:
            raise Error(
                f"has LMDB format {_META.unpack(head)[1]}, and Caffe reads {_VERSION}",
                self.path,
                remedy=_REMEDY,
            )
        try:
            self._environment = _environment(self.path)
            self._count = self._environment.stat()["entries"]
            last = self._environment.info()["last_pgno"]
        except lmdb.Error as error:
            raise Error(f"is damaged: {error}", self.path, remedy=_REMEDY) from None
        # A page past the file's end would be a bus error, not an exception.
        if data.stat().st_size < (last + 1) * self._environment.stat()["psize"]:
            raise Error("is truncated", self.path, remedy=_REMEDY)
        if self._count == 0:
            raise Error("holds no records", self.path, remedy=_REMEDY)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of each record, in key order."""
        return self._from(0)

    def cycle(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Records without end, from record `start` (modulo the count), rewinding after the last as Caffe does."""
        yield from self._from(start % self._count)
        while True:
            yield from self._from(0)

    def _from(self, start: int) -> Iterator[tuple[bytes, bytes]]:
        try:
            with self._environment.begin() as transaction, transaction.cursor() as cursor:
                cursor.first()
                for _ in range(start):
                    cursor.next()
                yield from cursor
        except lmdb.Error as error:
            raise Error(f"is damaged: {error}", self.path, remedy=_REMEDY) from None

    def __getitem__(self, key: bytes) -> bytes:
        """The value of `key`; `KeyError` where there is none."""
        with self._environment.begin() as transaction:
            value = transaction.get(key)
        if value is None:
            raise KeyError(key)
        return value


def _environment(path: Path) -> lmdb.Environment:
    status = (path / "data.mdb").stat()
    identity = (status.st_dev, status.st_ino)
    for attempt in itertools.count():
        environment = _OPEN.get(identity)
        if environment is not None:
            return environment
        try:
            environment = _OPEN[identity] = lmdb.open(str(path), readonly=True, lock=False, readahead=False)
            return environment
        except lmdb.Error as error:
            # A reader's thread is just closing the last environment of that file.
            if "already open" not in str(error) or attempt == _PATIENCE:
                raise
            time.sleep(0.01)
    raise AssertionError


def write(path: str | Path, records: Iterable[tuple[bytes, bytes]]) -> int:
    """Write an LMDB whole: beside its name, renamed when the last record is in. Returns the count.

    Keys must ascend (Caffe's tools write them so; appending is several times faster than inserting). The map doubles
    as it is needed, so no size need be known. The same records give the same bytes: pages are cleared before use.
    """
    count = 0
    with whole(path) as beside:
        environment = lmdb.open(str(beside), map_size=_FIRST_MAP, sync=False, lock=False)
        pending: list[tuple[bytes, bytes]] = []
        size = 0
        try:
            for key, value in records:
                pending.append((key, value))
                size += len(key) + len(value)
                if size >= _TRANSACTION_BYTES or len(pending) == _TRANSACTION_RECORDS:
                    _append(environment, pending, size)
                    count += len(pending)
                    pending.clear()
                    size = 0
            _append(environment, pending, size)
            count += len(pending)
            environment.sync(True)
        except lmdb.Error as error:  # a full disk is an I/O error here, or a DiskError
            raise Error(f"cannot be written: {error}", path, remedy="free some disk space and run again") from None
        finally:
            environment.close()
        (beside / "lock.mdb").unlink(missing_ok=True)
    return count


def _append(environment: lmdb.Environment, records: list[tuple[bytes, bytes]], size: int) -> None:
    page = environment.stat()["psize"]
    used = (environment.info()["last_pgno"] + 1) * page
    # A value ends in a page of its own, and the tree has its pages: a map too small would cost the whole transaction.
    needed = used + size + 2 * page * (len(records) + 16)
    while environment.info()["map_size"] < needed:
        environment.set_mapsize(2 * environment.info()["map_size"])
    with environment.begin(write=True) as transaction:
        for key, value in records:
            if not transaction.put(key, value, append=True, overwrite=False):
                raise ValueError(f"keys do not ascend at {key!r}")
