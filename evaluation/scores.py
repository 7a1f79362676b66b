"""A run's scores: what it gave to every candidate, and the images that these are counted per."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from evaluation import csvfile
from ftcaffe.errors import Error
from ftcaffe.store import atomic, table

_ATTRIBUTES = ("application", "run", "snapshot", "split")
_SEPARATOR = "\x1f"  # between the parts of a name; no file name holds it


@dataclass(frozen=True, eq=False)
class Images:
    """Images of a split, with and without candidates.

    unit, image : (m,) strings.
    lesions : (m,) integers, the lesions that each image shows.
    """

    unit: np.ndarray
    image: np.ndarray
    lesions: np.ndarray


@dataclass(frozen=True, eq=False)
class Detections:
    """Scores as the metrics take them: names are numbers.

    score : (n,) of each candidate.
    lesion : (n,) integers; candidates with the same number hit the same lesion, -1 hits none.
    unit : (n,) integers, an index into the two arrays below.
    lesions, images : (units,) integers, how many of each a unit has.
    """

    score: np.ndarray
    lesion: np.ndarray
    unit: np.ndarray
    lesions: np.ndarray
    images: np.ndarray


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of the candidates of one split; checked when made.

    unit, image, candidate, lesion : (n,) strings; `lesion` is empty for a candidate that hits none.
    label : (n,) integers, the class.
    score : (n,) floats, higher is more suspicious.
    images : the images of the split.
    run : the run's name, or what else is to stand in a legend.
    snapshot : path of the snapshot relative to the run's folder, empty when the scores are not of a run.
    classes, positive : names of the classes; the label whose candidates are hits.
    path : the file of the scores, named in errors.

    Raises
    ------
    Error : a score that is not finite, a candidate or an image twice, a positive candidate without a lesion, a
        lesion of a candidate that is not positive, an image that is not listed or shows fewer lesions than are hit.
    """

    unit: np.ndarray
    image: np.ndarray
    candidate: np.ndarray
    lesion: np.ndarray
    label: np.ndarray
    score: np.ndarray
    images: Images
    application: str = ""
    run: str = ""
    snapshot: str = ""
    split: str = "test"
    classes: tuple[str, ...] = ("negative", "positive")
    positive: int = 1
    path: Path | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        names = self.names(self.unit, self.image, self.candidate)
        images = self.names(self.images.unit, self.images.image)
        self._refuse(images, _repeated(images), "an image stands twice", self.images.unit, self.images.image)
        columns = (self.unit, self.image, self.candidate)
        self._refuse(names, ~np.isfinite(self.score), "a score is not finite", *columns)
        self._refuse(names, _repeated(names), "a candidate stands twice", *columns)
        hits = self.lesion != ""
        positive = self.label == self.positive
        self._refuse(names, positive & ~hits, "a positive candidate has no lesion", *columns)
        self._refuse(names, ~positive & hits, "a candidate that is not positive has a lesion", *columns)
        known = np.isin(self.names(self.unit, self.image), images)
        self._refuse(names, ~known, "a candidate lies in an image that is not listed", *columns)
        if not len(self.images.image):
            raise Error("lists no images", self.path)
        lesions = np.unique(self.names(self.unit, self.image, self.lesion)[hits])
        of, hit = np.unique([name.rsplit(_SEPARATOR, 1)[0] for name in lesions], return_counts=True)
        order = np.argsort(images)
        shown = self.images.lesions[order][np.searchsorted(images[order], of)] if len(of) else np.zeros(0, int)
        self._refuse(of, hit > shown, "more lesions are hit than the image shows", of)

    @staticmethod
    def names(*columns: np.ndarray) -> np.ndarray:
        """One string a row that stands for the row's values in `columns`."""
        joined = columns[0].astype(str)
        for column in columns[1:]:
            joined = np.char.add(np.char.add(joined, _SEPARATOR), column.astype(str))
        return joined

    def _refuse(self, rows: np.ndarray, wrong: np.ndarray, what: str, *columns: np.ndarray) -> None:
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            key = "/".join(str(column[first]) for column in columns).replace(_SEPARATOR, "/")
            raise Error(f"{what}: {key} ({int(wrong.sum())} of {len(rows)})", self.path, remedy="score the run anew")

    @cached_property
    def detections(self) -> Detections:
        """The same as numbers, for the metrics."""
        units, unit_of_image = np.unique(self.images.unit.astype(str), return_inverse=True)
        lesion = np.full(len(self.score), -1)
        hits = self.lesion != ""
        lesion[hits] = np.unique(self.names(self.unit, self.image, self.lesion)[hits], return_inverse=True)[1]
        return Detections(
            score=self.score,
            lesion=lesion,
            unit=np.searchsorted(units, self.unit.astype(str)),
            lesions=np.bincount(unit_of_image, self.images.lesions, len(units)).astype(int),
            images=np.bincount(unit_of_image, minlength=len(units)),
        )


def _repeated(names: np.ndarray) -> np.ndarray:
    """(n,) whether the name stood in an earlier row already."""
    first = np.zeros(len(names), dtype=bool)
    first[np.unique(names, return_index=True)[1]] = True
    return ~first


def write(path: str | Path, scores: Scores) -> None:
    """Write ``scores.h5`` (docs/design.md, "On disk"), whole."""
    text = h5py.string_dtype("utf-8")
    with atomic.whole(path) as beside, h5py.File(beside, "w") as file:
        for name in ("unit", "image", "candidate", "lesion"):
            file.create_dataset(name, data=getattr(scores, name).astype(object), dtype=text)
        file["label"], file["score"] = scores.label, scores.score
        images = file.create_group("images")
        for name in ("unit", "image"):
            images.create_dataset(name, data=getattr(scores.images, name).astype(object), dtype=text)
        images["lesions"] = scores.images.lesions
        for name in _ATTRIBUTES:
            file.attrs[name] = getattr(scores, name)
        file.attrs.create("classes", list(scores.classes), dtype=text)
        file.attrs["positive"] = scores.positive


def read(path: str | Path) -> Scores:
    """The scores of a ``scores.h5``; `Error` when it is none or its content contradicts itself."""
    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            images = file["images"]
            return Scores(
                unit=_strings(file["unit"]),
                image=_strings(file["image"]),
                candidate=_strings(file["candidate"]),
                lesion=_strings(file["lesion"]),
                label=np.asarray(file["label"], dtype=int),
                score=np.asarray(file["score"], dtype=float),
                images=Images(_strings(images["unit"]), _strings(images["image"]), np.asarray(images["lesions"])),
                classes=tuple(str(name) for name in file.attrs["classes"]),
                positive=int(file.attrs["positive"]),
                path=path,
                **{name: str(file.attrs[name]) for name in _ATTRIBUTES},
            )
    except FileNotFoundError:
        raise Error("there is no such file", path, remedy="ftcaffe score writes it") from None
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise Error(f"is no file of scores ({error})", path, remedy="score the run anew") from None


def read_csv(path: str | Path, images: str | Path | None = None, split: str = "test") -> Scores:
    """Scores in CSV, such as other software's.

    Parameters
    ----------
    path : ``unit,image,candidate,lesion,score``; a candidate with a lesion is a hit.
    images : ``unit,image,lesions``, a row an image, with and without candidates; by default ``NAME.images.csv``
        beside ``NAME.csv``. Where it has a column ``split`` (as a data set's ``images.csv``), that of `split` counts.
    """
    path = Path(path)
    images = path.with_suffix(".images.csv") if images is None else Path(images)
    listed = csvfile.read(images, ("unit", "image", "lesions"))
    shown = np.array([row.get("split", split) == split for row in listed], dtype=bool)
    rows = csvfile.read(path, ("unit", "image", "candidate", "lesion", "score"))
    lesion = csvfile.strings(rows, "lesion")
    return Scores(
        unit=csvfile.strings(rows, "unit"),
        image=csvfile.strings(rows, "image"),
        candidate=csvfile.strings(rows, "candidate"),
        lesion=lesion,
        label=(lesion != "").astype(int),
        score=csvfile.numbers(path, rows, "score", float),
        images=Images(
            csvfile.strings(listed, "unit")[shown],
            csvfile.strings(listed, "image")[shown],
            csvfile.numbers(images, listed, "lesions", int)[shown],
        ),
        run=path.stem,
        split=split,
        path=path,
    )


def write_csv(path: str | Path, scores: Scores) -> None:
    """Write scores as CSV, and their images as ``NAME.images.csv`` beside ``NAME.csv``."""
    for place, columns, names in (
        (Path(path), scores, ("unit", "image", "candidate", "lesion", "score")),
        (Path(path).with_suffix(".images.csv"), scores.images, ("unit", "image", "lesions")),
    ):
        table.write(place, names, zip(*(getattr(columns, name).tolist() for name in names), strict=True))


def _strings(dataset: h5py.Dataset) -> np.ndarray:
    return np.array(dataset.asstr()[()], dtype=str)
