"""The test candidates of a data set, and the patches that were cut from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.scoring import csvfile
from evaluation.scoring.runs import read_json
from evaluation.scoring.scores import Images
from ftcaffe.errors import Error
from ftcaffe.store import datum
from ftcaffe.store.lmdb import Records
from ftcaffe.store.subimages import SubImages

SPLIT = "test"
_NAMES = ("unit", "image", "candidate")
_REMEDY = "prepare the data set anew"


@dataclass(frozen=True, eq=False)
class TestSet:
    """Test candidates of a data folder.

    folder : the data folder.
    rows : (n,) of ``candidates.csv``. label : (n,) integers, their classes.
    images : of the split.
    record : (records,) integers, the row that each record of ``test.lmdb`` was cut from.
    sub_images : how patches are cut from the records as they are scored; None where a record is a patch.
    """

    folder: Path
    rows: csvfile.Rows
    label: np.ndarray
    images: Images
    record: np.ndarray
    sub_images: SubImages | None = None

    @property
    def candidate(self) -> np.ndarray:
        """(patches,) integers, the row that each of `patches` is of."""
        return self.record if self.sub_images is None else np.repeat(self.record, self.sub_images.count)

    @property
    def lmdb(self) -> Path:
        """The LMDB of the patches."""
        return self.folder / f"{SPLIT}.lmdb"

    def column(self, name: str) -> np.ndarray:
        """(n,) a column of the candidates, as strings."""
        return csvfile.strings(self.rows, name)

    def patches(self) -> Iterator[np.ndarray]:
        """Every patch (channels × height × width) in the LMDB's order, each checked to be what the manifest says."""
        records = Records(self.lmdb)
        if len(records) != len(self.record):
            raise Error(
                f"holds {len(records)} patches and the manifest {len(self.record)}", self.lmdb, remedy=_REMEDY
            )
        for number, ((key, record), row) in enumerate(zip(records, _manifest(self.folder), strict=True)):
            if key != row["key"].encode():
                found = key.decode(errors="replace")
                raise Error(f"holds {found} where the manifest has {row['key']}", self.lmdb, remedy=_REMEDY)
            image = datum.decode(record, self.lmdb)[0]
            if self.sub_images is None:
                yield image
            else:
                yield from self.sub_images.cut(image, number)

    def first_patches(self, candidates: Collection[int]) -> dict[int, np.ndarray]:
        """The first record of each of the candidates asked for: the box itself, not moved or turned, or the image."""
        place = {int(np.argmax(self.record == candidate)): candidate for candidate in candidates}
        records = Records(self.lmdb)
        found: dict[int, np.ndarray] = {}
        for number, row in enumerate(_manifest(self.folder)):
            if number in place:
                try:
                    found[place[number]] = datum.decode(records[row["key"].encode()], self.lmdb)[0]
                except KeyError:
                    raise Error(f"lacks the patch {row['key']}", self.lmdb, remedy=_REMEDY) from None
                if len(found) == len(place):
                    break
        return found


def read(folder: Path) -> TestSet:
    """The test candidates of a data folder; `Error` when one has no patch.

    The manifest is streamed: a whole study's has millions of rows.
    """
    needed = (*_NAMES, "split", "label", "lesion")
    listed = csvfile.read(folder / "candidates.csv", needed)
    label = csvfile.numbers(folder / "candidates.csv", listed, "label", int)
    test = csvfile.strings(listed, "split") == SPLIT
    rows = [row for row in listed if row["split"] == SPLIT]
    number = {tuple(row[name] for name in _NAMES): place for place, row in enumerate(rows)}
    try:
        cut_from = (number[tuple(row[name] for name in _NAMES)] for row in _manifest(folder))
        candidate = np.fromiter(cut_from, dtype=np.int64)
    except KeyError as error:
        raise Error(
            f"lacks the candidate {'/'.join(error.args[0])}", folder / "candidates.csv", remedy=_REMEDY
        ) from None
    bare = np.flatnonzero(np.bincount(candidate, minlength=len(rows)) == 0)
    if len(bare):
        first = "/".join(rows[bare[0]][name] for name in _NAMES)
        raise Error(f"has no patch of {len(bare)} candidates, {first} first", folder / "manifest.csv", remedy=_REMEDY)
    return TestSet(folder, rows, label[test], images(folder, SPLIT), candidate, _sub_images(folder / "dataset.json"))


def _sub_images(path: Path) -> SubImages | None:
    said = read_json(path).get("test") if path.is_file() else None
    return None if said is None else SubImages(**said)


def _manifest(folder: Path) -> Iterator[dict[str, str]]:
    """Rows of the manifest that are of the split, in the order of its LMDB."""
    rows = csvfile.stream(folder / "manifest.csv", ("key", "split", *_NAMES))
    return (row for row in rows if row["split"] == SPLIT)


def images(folder: Path, split: str) -> Images:
    """The images of a split of a data folder."""
    path = folder / "images.csv"
    listed = csvfile.read(path, ("unit", "image", "split", "lesions"))
    kept = csvfile.strings(listed, "split") == split
    unit, image = (csvfile.strings(listed, name)[kept] for name in ("unit", "image"))
    return Images(unit, image, csvfile.numbers(path, listed, "lesions", int)[kept])
