"""LMDB as Caffe reads and writes it: records in key order, large transactions, a map that grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb

from ftcaffe.errors import Error
from ftcaffe.store.atomic import whole
from ftcaffe.store.pages import REMEDY, Pages

_FIRST_MAP = 1 << 26
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


class Writer:
    """Appends records to an LMDB, many in a transaction; `writer` makes one.

    Attributes
    ----------
    count : records so far.
    """

    def __init__(self, environment: lmdb.Environment) -> None:
        self.count = 0
        self._environment = environment
        self._pending: list[tuple[bytes, bytes]] = []
        self._size = 0

    def put(self, key: bytes, value: bytes) -> None:
        """Append a record, whose key is above those before it.

        Caffe's tools write their keys so, and appending is several times faster than inserting.
        """
        self.count += 1
        self._pending.append((key, value))
        self._size += len(key) + len(value)
        if self._size >= _TRANSACTION_BYTES or len(self._pending) == _TRANSACTION_RECORDS:
            self.flush()

    def flush(self) -> None:
        """Write what is pending, in a map large enough for it."""
        page = self._environment.stat()["psize"]
        used = (self._environment.info()["last_pgno"] + 1) * page
        # A value ends in a page of its own, and the tree has its pages: a map too small would cost the transaction.
        needed = used + self._size + 2 * page * (len(self._pending) + 16)
        while self._environment.info()["map_size"] < needed:
            self._environment.set_mapsize(2 * self._environment.info()["map_size"])
        with self._environment.begin(write=True) as transaction:
            for key, value in self._pending:
                if not transaction.put(key, value, append=True, overwrite=False):
                    raise ValueError(f"keys do not ascend at {key!r}")
        self._pending.clear()
        self._size = 0


@contextmanager
def writer(path: str | Path) -> Iterator[Writer]:
    """An LMDB to be written whole: beside its name, renamed when the block ends well, gone when it does not.

    The map doubles as it is needed, so no size need be known. The same records give the same bytes: pages are cleared
    before use. Raises `Error` on a full disk or a key that LMDB does not take.
    """
    with whole(path) as beside:
        environment = lmdb.open(str(beside), map_size=_FIRST_MAP, sync=False, lock=False)
        try:
            made = Writer(environment)
            yield made
            made.flush()
            environment.sync(True)
        except lmdb.BadValsizeError:
            raise Error("cannot be written: a key has more than 511 bytes", path, remedy="shorten it") from None
        except lmdb.Error as error:  # a full disk is an I/O error here, or a DiskError
            raise Error(f"cannot be written: {error}", path, remedy="free some disk space and run again") from None
        finally:
            environment.close()
        (beside / "lock.mdb").unlink(missing_ok=True)


def write(path: str | Path, records: Iterable[tuple[bytes, bytes]]) -> int:
    """Write records, whose keys ascend, as an LMDB (see `writer`). Returns the count."""
    with writer(path) as made:
        for key, value in records:
            made.put(key, value)
    return made.count
