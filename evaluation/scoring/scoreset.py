"""Score sets of any software: tables in CSV or HDF5, and beside them the images and lesions that there are.

A score set has a row a candidate and the columns ``unit,image,candidate,lesion,label,score``, of which only `score`
and one of `lesion` and `label` must be there. With a column `lesion` it is an FROC set: candidates, counted per
image. Without, it is a ROC set: cases, each positive or negative.

- `unit` is what was drawn from the world: the patient, the video. Without it every image is a unit of its own.
- `image` is what false positives are counted per. Without it, in an FROC set a unit is one image, in a ROC set a row.
- `candidate` names a row within its image. Without it the candidates of an FROC image are numbered.
- `lesion` is the lesion that the candidate hits, and empty for none.
- `label` is the class.

Images without candidates and lesions that nothing hits count too, so an FROC set comes with both (`Reading`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.scoring import denominators, scores, tablefile
from evaluation.scoring.denominators import Candidates
from evaluation.scoring.scores import Images, Scores
from evaluation.scoring.tablefile import Columns
from ftcaffe import application
from ftcaffe.errors import Error


@dataclass(frozen=True)
class Reading:
    """How tables of scores are to be understood; what a run's ``scores.h5`` says itself is not asked here.

    images : a table ``unit,image,lesions`` of every image, or how many there are; None for ``NAME.images.csv`` beside
        ``NAME.csv``. Where the table has a column `split`, as a data set's ``images.csv``, that of `split` counts.
    lesions : a table of every lesion, or how many there are; None for ``NAME.lesions.csv``, or for the column
        `lesions` of the images. Its columns say where a lesion's name counts: ``unit,image,lesion`` within its image,
        as a polyp's within its frame (so it is without a table); ``unit,lesion`` within its unit, so that a lesion
        that shows in several images counts once; ``lesion`` in the whole set.
    positive : label of the positive class, ``1`` by default.
    lower : whether lower scores are the more suspicious.
    application : whose words and operating points are used; its curve must be the set's.
    """

    images: Path | int | None = None
    lesions: Path | int | None = None
    positive: str | None = None
    lower: bool = False
    application: str = ""
    split: str = "test"


def read(paths: Sequence[Path], reading: Reading) -> list[Scores]:
    """Score sets that are to be compared.

    Where only the number of images or lesions is given, those that any of the sets names are listed in all of them.

    Raises
    ------
    Error : names the file, the first row at fault, and what to do.
    """
    tables = {path: _table(path) for path in paths if not _of_a_run(path)}
    froc = {path: table for path, table in tables.items() if _froc(path, table, reading)}
    named = _named(list(froc.values()))

    def one(path: Path) -> Scores:
        if path in froc:
            return _candidates(path, froc[path], reading, named)
        return _cases(path, tables[path], reading) if path in tables else scores.read(path)

    return [one(path) for path in paths]


def _of_a_run(path: Path) -> bool:
    """Whether it is as the toolkit writes it, with its images."""
    return tablefile.is_hdf5(path) and "images" in tablefile.names(path)


def _table(path: Path) -> Columns:
    columns = tablefile.read(path, ("score",), ("score",))
    if not len(columns["score"]):
        raise Error("holds no scores", path, remedy=_REMEDY)
    if "lesion" not in columns and "label" not in columns:
        raise Error("lacks the columns label (a ROC set) and lesion (an FROC set)", path, remedy=_REMEDY)
    return columns


def _places(columns: Columns) -> Candidates | None:
    """Unit, image and lesion of each candidate; None where nothing says its image."""
    image = columns.get("image", columns.get("unit"))
    return None if image is None else (columns.get("unit", image), image, columns["lesion"])


def _named(tables: Sequence[Columns]) -> Candidates:
    """The same of all the FROC sets, one below the other."""
    places = [found for table in tables if (found := _places(table)) is not None]
    empty = np.zeros(0, dtype=str)
    return tuple(np.concatenate([empty, *(place[part] for place in places)]) for part in range(3))  # type: ignore[return-value]


_REMEDY = "ftcaffe evaluate --help says what a score set is"


def _froc(path: Path, columns: Columns, reading: Reading) -> bool:
    """Whether the set is one of candidates; the application must agree."""
    froc = "lesion" in columns
    if not reading.application:
        return froc
    curve = application.load(reading.application).curve
    if froc and curve == "roc" and not (columns["lesion"] != "").any():
        return False  # as the toolkit's own tables, whose lesions are then empty
    if froc != (curve == "froc"):
        what = "has a column lesion" if froc else "lacks the column lesion"
        raise Error(f"{what}, and {reading.application} is judged by {curve.upper()} curves", path, remedy=_REMEDY)
    return froc


def _cases(path: Path, columns: Columns, reading: Reading) -> Scores:
    """A ROC set."""
    if "label" not in columns:
        raise Error("lacks the column label", path, remedy=_REMEDY)
    for name in ("images", "lesions"):
        if getattr(reading, name) is not None:
            raise Error(f"is a ROC set (it has no column lesion), which needs no --{name}", path, remedy=_REMEDY)
    rows = np.arange(1, len(columns["score"]) + 1).astype(str)
    image = columns.get("image", rows)
    unit = columns.get("unit", image)
    label, classes, positive = _labels(path, columns["label"], reading)
    images, place = np.unique(Scores.names(unit, image), return_inverse=True)
    first = np.unique(place, return_index=True)[1]
    shown = np.bincount(place, label == positive, len(images)).astype(int)
    return Scores(
        unit=unit,
        image=image,
        candidate=columns.get("candidate", np.full(len(rows), "")),
        lesion=np.full(len(rows), ""),
        label=label,
        score=-columns["score"] if reading.lower else columns["score"],
        images=Images(unit[first], image[first], shown),
        curve="roc",
        application=reading.application,
        run=path.stem,
        split=reading.split,
        classes=classes,
        positive=positive,
        turned=reading.lower,
        path=path,
    )


def _candidates(path: Path, columns: Columns, reading: Reading, named: Candidates) -> Scores:
    """An FROC set; `named` are the candidates of all those that it is compared with."""
    places = _places(columns)
    if places is None:
        raise Error("lacks the column image, which false positives are counted per", path, remedy=_REMEDY)
    unit, image, lesion = places
    if "label" in columns:
        label, classes, positive = _labels(path, columns["label"], reading)
    else:
        label, classes, positive = (lesion != "").astype(int), ("negative", "positive"), 1
    candidate = columns.get("candidate", _numbered(Scores.names(unit, image)))
    listed = denominators.listed(path, named, (reading.images, reading.lesions), reading.split)
    if "unit" not in columns:
        listed = listed.independent()
    return Scores(
        unit=unit,
        image=image,
        candidate=candidate,
        lesion=lesion,
        label=label,
        score=-columns["score"] if reading.lower else columns["score"],
        images=listed.images,
        lesions=listed.lesions,
        unlisted=listed.unlisted,
        application=reading.application,
        run=path.stem,
        split=reading.split,
        classes=classes,
        positive=positive,
        turned=reading.lower,
        path=path,
    )


def _numbered(image: np.ndarray) -> np.ndarray:
    """(n,) numbers from 1 within each image, in the order of the rows."""
    order = np.argsort(image, kind="stable")
    starts = np.flatnonzero(np.append(True, image[order][1:] != image[order][:-1]))
    lengths = np.diff(np.append(starts, len(image)))
    number = np.empty(len(image), dtype=int)
    number[order] = np.arange(len(image)) - np.repeat(starts, lengths) + 1
    return number.astype(str)


def _labels(path: Path, given: np.ndarray, reading: Reading) -> tuple[np.ndarray, tuple[str, ...], int]:
    """(n,) class numbers, the names of the classes, and the number of the positive one."""
    names, label = np.unique(given, return_inverse=True)
    classes, wanted = names.tolist(), reading.positive or "1"
    if wanted not in classes:
        shown = ", ".join(classes[:6]) + (" …" if len(classes) > 6 else "")
        raise Error(
            f"no row has the label {wanted} (there are: {shown})", path, remedy="--positive names the positive"
        )
    return label, tuple(classes), classes.index(wanted)
