"""LMDB as Caffe reads and writes it: records in key order, large transactions, a map that grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import lmdb

from ftcaffe.errors import Error
from ftcaffe.store.atomic import whole
from ftcaffe.store.pages import REMEDY, Pages

_FIRST_MAP = 1 << 26
_PATIENCE = 100  # hundredths of a second
_TRANSACTION_BYTES, _TRANSACTION_RECORDS = 1 << 26, 1000


class Records:
    """Records of an LMDB in key order, read without locks (Caffe may hold it open too).

    Parameters
    ----------
    path : the LMDB's folder.

    Raises
    ------
    Error : no LMDB there, a foreign format version, damaged or empty.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._pages = Pages(self.path)
        if not len(self._pages):
            raise Error("holds no records", self.path, remedy=REMEDY)

    def __len__(self) -> int:
        return len(self._pages)

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of each record, in key order."""
        return self._pages.records()

    def cycle(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Records without end, from record `start` (modulo the count), rewinding after the last as Caffe does."""
        yield from self._pages.records(start % len(self))
        while True:
            yield from self._pages.records()

    def __getitem__(self, key: bytes) -> bytes:
        """The value of `key`; `KeyError` where there is none."""
        value = self._pages.get(key)
        if value is None:
            raise KeyError(key)
        return value


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
