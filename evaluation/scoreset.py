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

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from evaluation import csvfile, scores
from evaluation.scores import Images, Lesions, Scores, Unlisted
from ftcaffe import application
from ftcaffe.errors import Error

COLUMNS = ("unit", "image", "candidate", "lesion", "label", "score")
HDF5 = (".h5", ".hdf5")
Columns = Mapping[str, np.ndarray]


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


def read(path: Path, reading: Reading) -> Scores:
    """A score set; `Error` names the file, the first row at fault, and what to do."""
    hdf5 = path.suffix.lower() in HDF5
    if hdf5 and _of_a_run(path):
        return scores.read(path)
    columns = _hdf5(path) if hdf5 else _csv(path)
    if not len(columns["score"]):
        raise Error("holds no scores", path, remedy=_REMEDY)
    if "lesion" not in columns and "label" not in columns:
        raise Error("lacks the columns label (a ROC set) and lesion (an FROC set)", path, remedy=_REMEDY)
    if not _froc(path, columns, reading):
        return _cases(path, columns, reading)
    return _candidates(path, columns, reading)


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


def _candidates(path: Path, columns: Columns, reading: Reading) -> Scores:
    """An FROC set."""
    image = columns.get("image", columns.get("unit"))
    if image is None:
        raise Error("lacks the column image, which false positives are counted per", path, remedy=_REMEDY)
    unit, lesion = columns.get("unit", image), columns["lesion"]
    if "label" in columns:
        label, classes, positive = _labels(path, columns["label"], reading)
    else:
        label, classes, positive = (lesion != "").astype(int), ("negative", "positive"), 1
    candidate = columns.get("candidate", _numbered(Scores.names(unit, image)))
    lesions = _given(path, "lesions", reading.lesions, ("lesion",))
    images, more_images = _images(path, unit, image, lesions, reading)
    images, named, more_lesions = _lesions(path, unit, image, lesion, images, lesions)
    if more_images and "unit" not in columns:  # each is then a unit of its own, and can as well be listed
        made = np.array([f"without candidates {number}" for number in range(1, more_images + 1)])
        images, more_images = _joined(images, made, made, np.zeros(len(made), dtype=int)), 0
    return Scores(
        unit=unit,
        image=image,
        candidate=candidate,
        lesion=lesion,
        label=label,
        score=-columns["score"] if reading.lower else columns["score"],
        images=images,
        lesions=named,
        unlisted=Unlisted(more_images, more_lesions),
        application=reading.application,
        run=path.stem,
        split=reading.split,
        classes=classes,
        positive=positive,
        turned=reading.lower,
        path=path,
    )


@dataclass(frozen=True, eq=False)
class _Given:
    """What was given of images or lesions: a table, or how many there are."""

    path: Path | None
    columns: Columns | None
    number: int = 0


def _given(path: Path, what: str, given: Path | int | None, needed: tuple[str, ...]) -> _Given | None:
    if isinstance(given, int):
        return _Given(None, None, given)
    beside = path.with_suffix(f".{what}.csv")
    if given is None and not beside.is_file():
        return None
    found = given or beside
    columns = _hdf5(found, needed) if found.suffix.lower() in HDF5 else _csv(found, needed)
    return _Given(found, columns)


def _images(
    path: Path, unit: np.ndarray, image: np.ndarray, lesions: _Given | None, reading: Reading
) -> tuple[Images, int]:
    """Every image that is known, with its lesions (-1 where it is not said), and how many more there are."""
    given = _given(path, "images", reading.images, ())
    if given is None:
        remedy = (
            "false positives are counted per image: give --images, a table unit,image,lesions or how many there are"
        )
        raise Error(f"has no list of its images ({path.stem}.images.csv beside it)", path, remedy=remedy)
    if given.columns is not None:
        return _split_images(given, reading.split), 0
    seen = Images(unit, image, np.full(len(unit), -1))
    if lesions is not None and lesions.columns is not None and "image" in lesions.columns:
        shown = lesions.columns["image"]
        seen = _joined(seen, lesions.columns.get("unit", shown), shown, np.full(len(shown), -1))
    first = np.unique(Scores.names(seen.unit, seen.image), return_index=True)[1]
    if len(first) > given.number:
        raise Error(f"has candidates in {len(first)} images, and --images says {given.number}", path, remedy=_REMEDY)
    return Images(seen.unit[first], seen.image[first], seen.lesions[first]), given.number - len(first)


def _split_images(given: _Given, split: str) -> Images:
    assert given.columns is not None
    columns = given.columns
    image = columns.get("image", columns.get("unit"))
    if image is None:
        raise Error("lacks the columns unit and image", given.path, remedy="a row is an image")
    kept = columns.get("split", np.full(len(image), split)) == split
    lesions = np.full(len(image), -1)
    if "lesions" in columns:
        lesions = _whole(given, columns["lesions"], "lesions")
    return Images(columns.get("unit", image)[kept], image[kept], lesions[kept])


def _lesions(
    path: Path, unit: np.ndarray, image: np.ndarray, lesion: np.ndarray, images: Images, given: _Given | None
) -> tuple[Images, Lesions | None, int]:
    """The images with how many lesions they show, the lesions of units, and how many more there are."""
    hits = lesion != ""
    places = Scores.names(images.unit, images.image)
    if given is None:
        if (images.lesions < 0).any():
            raise Error("has no list of its lesions", path, remedy="give --lesions: a table, or how many there are")
        return images, None, 0
    if given.columns is None:
        reached = np.unique(Scores.names(unit, image, lesion)[hits], return_index=True)[1]
        if len(reached) > given.number:
            what = f"hits {len(reached)} lesions, and --lesions says {given.number}"
            raise Error(what, path, remedy="a name counts within its image; a table of lesions can say otherwise")
        showing = Scores.names(unit, image)[hits][reached]
        return _showing(images, places, showing), None, given.number - len(reached)
    names = given.columns["lesion"]
    if "image" in given.columns:
        of = given.columns["image"]
        of_unit = given.columns.get("unit", of)
        _once(given, Scores.names(of_unit, of, names))
        showing = Scores.names(of_unit, of)
        _known(given, showing, places, "shows a lesion in an image that is not listed")
        _known(
            given,
            Scores.names(unit, image, lesion)[hits],
            Scores.names(of_unit, of, names),
            "lacks a lesion that is hit",
        )
        return _showing(images, places, showing), None, 0
    if "unit" in given.columns:
        _once(given, Scores.names(given.columns["unit"], names))
        return _showing(images, places, places[:0]), Lesions(given.columns["unit"], names), 0
    _once(given, names)
    _known(given, lesion[hits], names, "lacks a lesion that is hit")
    pairs = np.unique(np.stack([lesion[hits], unit[hits]]), axis=1)
    twice = np.flatnonzero(pairs[0, 1:] == pairs[0, :-1])
    if len(twice):
        name, one, other = pairs[0, twice[0]], pairs[1, twice[0]], pairs[1, twice[0] + 1]
        raise Error(f"a lesion lies in two units: {name} in {one} and in {other}", path, remedy=_UNITS)
    return _showing(images, places, places[:0]), Lesions(pairs[1], pairs[0]), len(names) - len(pairs[0])


_UNITS = "without a column unit in the table of lesions their names count in the whole set"


def _showing(images: Images, places: np.ndarray, showing: np.ndarray) -> Images:
    """The images with as many lesions as there are names of them in `showing`."""
    of, count = np.unique(showing, return_counts=True)
    lesions = np.zeros(len(places), dtype=int)
    order = np.argsort(places)
    # A name that is not among the places is refused when the scores are made.
    lesions[order[np.searchsorted(places[order], of).clip(max=len(places) - 1)]] = count
    return Images(images.unit, images.image, lesions)


def _joined(images: Images, unit: np.ndarray, image: np.ndarray, lesions: np.ndarray) -> Images:
    pairs = ((images.unit, unit), (images.image, image), (images.lesions, lesions))
    return Images(*(np.concatenate(pair) for pair in pairs))


def _once(given: _Given, names: np.ndarray) -> None:
    found, count = np.unique(names, return_counts=True)
    if (count > 1).any():
        raise Error(
            f"a lesion stands twice: {Scores.spoken(found[count > 1][0])}", given.path, remedy="a row is a lesion"
        )


def _known(given: _Given, names: np.ndarray, among: np.ndarray, what: str) -> None:
    unknown = ~np.isin(names, among)
    if unknown.any():
        raise Error(f"{what}: {Scores.spoken(names[unknown][0])}", given.path, remedy="list every image and lesion")


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


def _whole(given: _Given, values: np.ndarray, name: str) -> np.ndarray:
    try:
        return values.astype(int)
    except ValueError:
        raise Error(
            f"a value of the column {name} is no whole number", given.path, remedy="count the lesions"
        ) from None


def _csv(path: Path, needed: tuple[str, ...] = ("score",)) -> Columns:
    rows = csvfile.read(path, needed)
    columns = {name: csvfile.strings(rows, name) for name in (rows[0] if rows else needed)}
    if "score" in needed:
        columns["score"] = csvfile.numbers(path, rows, "score", float)
    return columns


def _hdf5(path: Path, needed: tuple[str, ...] = ("score",)) -> Columns:
    try:
        with h5py.File(path, "r") as file:
            columns = {name: _column(data) for name, data in file.items() if isinstance(data, h5py.Dataset)}
    except FileNotFoundError:
        raise Error("there is no such file", path, remedy=_REMEDY) from None
    except (OSError, ValueError, TypeError) as error:
        raise Error(f"is no HDF5 table ({error})", path, remedy=_REMEDY) from None
    if missing := [name for name in needed if name not in columns]:
        raise Error(f"lacks the columns {', '.join(missing)}", path, remedy=_REMEDY)
    if len({len(column) for column in columns.values()}) > 1:
        raise Error("has columns of several lengths", path, remedy=_REMEDY)
    if "score" in needed:
        columns["score"] = columns["score"].astype(float)
    return columns


def _column(data: h5py.Dataset) -> np.ndarray:
    """(n,) strings, whole numbers without a decimal point."""
    if h5py.check_string_dtype(data.dtype) is not None:
        return np.array(data.asstr()[()], dtype=str).ravel()
    values = np.asarray(data).ravel()
    if values.dtype.kind == "f" and data.name != "/score" and (values == np.rint(values)).all():
        values = values.astype(int)
    return values.astype(str) if data.name != "/score" else values


def _of_a_run(path: Path) -> bool:
    """Whether an HDF5 file lists its images itself, as `scores.write` leaves it; a damaged one is for its reader."""
    try:
        with h5py.File(path, "r") as file:
            return "images" in file
    except OSError:
        return True
