"""The test candidates of a data set, and the patches that were cut from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.scoring import tablefile
from evaluation.scoring.runs import read_json
from evaluation.scoring.scores import Images
from evaluation.scoring.tablefile import Columns
from ftcaffe.errors import Error
from ftcaffe.store import datum, table
from ftcaffe.store.lmdb import Records
from ftcaffe.store.subimages import SubImages

SPLIT = "test"
_NAMES = ("unit", "image", "candidate")
_REMEDY = "prepare the data set anew"


@dataclass(frozen=True, eq=False)
class TestSet:
    """Test candidates of a data folder.

    folder : the data folder.
    columns : (n,) each, of ``candidates.csv``; `label` holds integers, the classes.
    images : of the split.
    record : (records,) integers, the row that each record of ``test.lmdb`` was cut from.
    sub_images : how patches are cut from the records as they are scored; None where a record is a patch.
    """

    folder: Path
    columns: Columns
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
    columns = _split(folder / "candidates.csv", (*_NAMES, "split", "label", "lesion"), SPLIT, whole=("label",))
    names = list(zip(*(columns[name].tolist() for name in _NAMES), strict=True))
    number = {name: place for place, name in enumerate(names)}
    try:
        cut_from = (number[tuple(row[name] for name in _NAMES)] for row in _manifest(folder))
        candidate = np.fromiter(cut_from, dtype=np.int64)
    except KeyError as error:
        raise Error(
            f"lacks the candidate {'/'.join(error.args[0])}", folder / "candidates.csv", remedy=_REMEDY
        ) from None
    bare = np.flatnonzero(np.bincount(candidate, minlength=len(names)) == 0)
    if len(bare):
        first = "/".join(names[bare[0]])
        raise Error(f"has no patch of {len(bare)} candidates, {first} first", folder / "manifest.csv", remedy=_REMEDY)
    return TestSet(folder, columns, images(folder, SPLIT), candidate, _sub_images(folder / "dataset.json"))


def _sub_images(path: Path) -> SubImages | None:
    said = read_json(path).get("test") if path.is_file() else None
    return None if said is None else SubImages(**said)


def _manifest(folder: Path) -> Iterator[dict[str, str]]:
    """Rows of the manifest that are of the split, in the order of its LMDB."""
    rows = table.rows(folder / "manifest.csv", ("key", "split", *_NAMES))
    return (row for _, row in rows if row["split"] == SPLIT)


def images(folder: Path, split: str) -> Images:
    """The images of a split of a data folder."""
    columns = _split(folder / "images.csv", ("unit", "image", "split", "lesions"), split, whole=("lesions",))
    return Images(columns["unit"], columns["image"], columns["lesions"])


def _split(path: Path, needed: Sequence[str], split: str, whole: Sequence[str]) -> Columns:
    """The rows of a table that are of a split."""
    columns = tablefile.read(path, needed, whole=whole)
    kept = columns["split"] == split
    return {name: values[kept] for name, values in columns.items()}
