"""What training needs to know of a prepared data set: ``dataset.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftcaffe.errors import Error
from ftcaffe.store.lmdb import Records


@dataclass(frozen=True)
class Dataset:
    """A prepared data set; paths are relative to the working folder.

    classes : names in the order of their labels. positive : label of the class whose probability is the score, or
        labels of several whose probabilities are added.
    size : side of the patches. mean : path of the mean image. digest : of manifest and pixels.
    lmdbs : training LMDB by fraction. val : validation LMDB.
    """

    application: str
    classes: tuple[str, ...]
    positive: int | list[int]
    size: int
    mean: str
    digest: str
    lmdbs: dict[float, str]
    val: str

    def lmdb(self, fraction: float) -> str:
        """The training LMDB of a fraction; `Error` listing those there are."""
        if fraction not in self.lmdbs:
            raise Error(
                f"no fraction {fraction:g} of '{self.application}' is prepared",
                remedy=f"there are: {', '.join(f'{f:g}' for f in sorted(self.lmdbs, reverse=True))}",
            )
        return self.lmdbs[fraction]


def read(work: Path, application: str) -> Dataset:
    """The data set of an application in a working folder; `Error` when it is not prepared or damaged."""
    path = work / "data" / application / "dataset.json"
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        return Dataset(
            application=application,
            classes=tuple(record["classes"]),
            positive=_labels(record["positive"]),
            size=int(record["input"]["size"]),
            mean=record["mean"],
            digest=record["digest"],
            lmdbs={float(fraction): entry["lmdb"] for fraction, entry in record["fractions"].items()},
            val=f"data/{application}/val.lmdb",
        )
    except FileNotFoundError:
        raise Error("is not there", path, remedy=f"prepare it: ftcaffe prepare {application} SOURCE") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Error(f"is damaged ({error!r})", path, remedy="prepare the data set anew") from None


def _labels(positive: Any) -> int | list[int]:
    return [int(label) for label in positive] if isinstance(positive, list) else int(positive)


def count(work: Path, lmdb: str) -> int:
    """Records of an LMDB in a working folder."""
    return len(Records(work / lmdb))
