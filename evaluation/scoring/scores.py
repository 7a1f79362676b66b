"""A score set: what was given to every candidate, and the images and lesions that these are counted per."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from evaluation.statistics import roc
from evaluation.statistics.detections import Detections
from ftcaffe.errors import Error
from ftcaffe.store import atomic, table

CURVES = ("froc", "roc")
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
class Lesions:
    """Lesions that may show in several images of their unit, and count once.

    unit, lesion : (k,) strings.
    """

    unit: np.ndarray
    lesion: np.ndarray


@dataclass(frozen=True)
class Unlisted:
    """Images without a candidate and lesions that none hits, of which only the number is known: not their units."""

    images: int = 0
    lesions: int = 0


@dataclass(frozen=True)
class Counts:
    """What was counted: the denominators.

    with_lesions : images that show a lesion; None where that is not known.
    lesions : each once; of a ROC set, its positives.
    reached : lesions that a candidate hits. false_candidates : candidates that hit none; of a ROC set, its negatives.
    """

    units: int
    images: int
    with_lesions: int | None
    lesions: int
    reached: int
    candidates: int
    false_candidates: int


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one split; checked when made.

    unit, image, candidate, lesion : (n,) strings; `lesion` is empty for a candidate that hits none.
    label : (n,) integers, the class.
    score : (n,) floats, higher is more suspicious.
    images : the images of the split. Of a ROC set they are those of its rows, and its lesions are its positives.
    curve : ``froc``: candidates, counted per image; ``roc``: cases, positive or negative, without lesions.
    lesions : where a lesion's name counts within its unit; None where it counts within its image.
    unlisted : see there.
    run : the run's name, or what else is to stand in a legend.
    snapshot : path of the snapshot relative to the run's folder, empty when the scores are not of a run.
    classes, positive : names of the classes; the label whose candidates are hits.
    probability : (n, classes) of each class, where there are more than two; None where only `score` is known.
    turned : whether the file's scores fall with suspicion, so that `score` is their negative.
    path : the file of the scores, named in errors.

    Raises
    ------
    Error : a score that is not finite, a candidate or an image twice, a positive candidate of an FROC set without a
        lesion, a lesion of a candidate that is not positive, a lesion or an image that is not listed, an image that
        shows fewer lesions than are hit.
    """

    unit: np.ndarray
    image: np.ndarray
    candidate: np.ndarray
    lesion: np.ndarray
    label: np.ndarray
    score: np.ndarray
    images: Images
    curve: str = "froc"
    lesions: Lesions | None = None
    unlisted: Unlisted = Unlisted()
    application: str = ""
    run: str = ""
    snapshot: str = ""
    split: str = "test"
    classes: tuple[str, ...] = ("negative", "positive")
    positive: int = 1
    probability: np.ndarray | None = None
    turned: bool = False
    path: Path | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        images = self.names(self.images.unit, self.images.image)
        self._refuse(images, _repeated(images), "an image stands twice", self.images.unit, self.images.image)
        columns = (self.unit, self.image, self.candidate)
        self._refuse(self.keys, ~np.isfinite(self.score), "a score is not finite", *columns)
        self._refuse(self.keys, _repeated(self.keys), "a candidate stands twice", *columns)
        hits = self.lesion != ""
        positive = self.label == self.positive
        if self.curve == "froc":
            self._refuse(self.keys, positive & ~hits, "a positive candidate has no lesion", *columns)
        self._refuse(self.keys, ~positive & hits, "a candidate that is not positive has a lesion", *columns)
        known = np.isin(self.names(self.unit, self.image), images)
        self._refuse(self.keys, ~known, "a candidate lies in an image that is not listed", *columns)
        if not len(images):
            raise Error("lists no images", self.path)
        if self.lesions is not None:
            listed = self.names(self.lesions.unit, self.lesions.lesion)
            self._refuse(listed, _repeated(listed), "a lesion stands twice", self.lesions.unit, self.lesions.lesion)
            unknown = hits & ~np.isin(self.lesion_keys, listed)
            self._refuse(self.keys, unknown, "a lesion is not listed in its unit", self.unit, self.lesion)
        elif self.curve == "froc":
            self._enough_lesions(images)

    def _enough_lesions(self, images: np.ndarray) -> None:
        lesions = np.unique(self.lesion_keys[self.lesion != ""])
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

    @staticmethod
    def spoken(name: str) -> str:
        """One of `names` as an error says it."""
        return name.replace(_SEPARATOR, "/").strip("/")

    @cached_property
    def keys(self) -> np.ndarray:
        """(n,) a name for each candidate."""
        return self.names(self.unit, self.image, self.candidate)

    @cached_property
    def lesion_keys(self) -> np.ndarray:
        """(n,) a name for the lesion of each candidate, the same wherever it is the same lesion."""
        within = (self.unit, self.image) if self.lesions is None else (self.unit,)
        return self.names(*within, self.lesion)

    def _refuse(self, rows: np.ndarray, wrong: np.ndarray, what: str, *columns: np.ndarray) -> None:
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            key = self.spoken("/".join(str(column[first]) for column in columns))
            remedy = "score the run anew" if self.snapshot else "mend the table"
            raise Error(f"{what}: {key} ({int(wrong.sum())} of {len(rows)})", self.path, remedy=remedy)

    @cached_property
    def detections(self) -> Detections:
        """The same as numbers, for the metrics; what is `unlisted` is a unit more, the last, without candidates."""
        if self.curve == "roc":
            return roc.detections(self.score, self.label == self.positive, self.unit)
        units, unit_of_image = np.unique(self.images.unit.astype(str), return_inverse=True)
        lesion = np.full(len(self.score), -1)
        hits = self.lesion != ""
        lesion[hits] = np.unique(self.lesion_keys[hits], return_inverse=True)[1]
        if self.lesions is None:
            lesions = np.bincount(unit_of_image, self.images.lesions, len(units)).astype(int)
        else:
            units = np.unique(np.concatenate([units, self.lesions.unit]))
            unit_of_image = np.searchsorted(units, self.images.unit)
            lesions = np.bincount(np.searchsorted(units, self.lesions.unit), minlength=len(units))
        images = np.bincount(unit_of_image, minlength=len(units))
        if self.unlisted != Unlisted():
            lesions, images = np.append(lesions, self.unlisted.lesions), np.append(images, self.unlisted.images)
        return Detections(self.score, lesion, np.searchsorted(units, self.unit.astype(str)), lesions, images)

    @property
    def placed(self) -> bool:
        """Whether the unit of every image and lesion is known, so that units can be drawn."""
        return self.unlisted == Unlisted()

    @property
    def independent(self) -> bool:
        """Whether every row is a unit of its own."""
        return len(np.unique(self.unit)) == len(self.unit)

    @cached_property
    def counts(self) -> Counts:
        """The denominators."""
        found = self.detections
        hits = found.lesion >= 0
        known = self.curve == "roc" or (self.lesions is None and not self.unlisted.lesions)
        return Counts(
            units=len(found.lesions) - (not self.placed),
            images=len(self.images.image) + self.unlisted.images,
            with_lesions=int((self.images.lesions > 0).sum()) if known else None,
            lesions=int(found.lesions.sum()),
            reached=len(np.unique(found.lesion[hits])),
            candidates=len(self.score),
            false_candidates=int((~hits).sum()),
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
        if scores.probability is not None:
            file["probability"] = scores.probability
        images = file.create_group("images")
        for name in ("unit", "image"):
            images.create_dataset(name, data=getattr(scores.images, name).astype(object), dtype=text)
        images["lesions"] = scores.images.lesions
        for name in _ATTRIBUTES:
            file.attrs[name] = getattr(scores, name)
        file.attrs.create("classes", list(scores.classes), dtype=text)
        file.attrs["positive"] = scores.positive
        file.attrs["curve"] = scores.curve


def read(path: str | Path) -> Scores:
    """The scores of a run's ``scores.h5``; `Error` when it is none or its content contradicts itself.

    Any software's tables are read by `scoreset.read`.
    """
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
                probability=np.asarray(file["probability"]) if "probability" in file else None,
                curve=str(file.attrs.get("curve", "froc")),
                path=path,
                application=str(file.attrs["application"]),
                run=str(file.attrs["run"]),
                snapshot=str(file.attrs["snapshot"]),
                split=str(file.attrs["split"]),
            )
    except FileNotFoundError:
        raise Error("there is no such file", path, remedy="ftcaffe score writes it") from None
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise Error(f"is no file of scores ({error})", path, remedy="score the run anew") from None


def write_csv(path: str | Path, scores: Scores) -> None:
    """Write scores as CSV, and their images as ``NAME.images.csv`` beside ``NAME.csv``."""
    for place, columns, names in (
        (Path(path), scores, ("unit", "image", "candidate", "lesion", "label", "score")),
        (Path(path).with_suffix(".images.csv"), scores.images, ("unit", "image", "lesions")),
    ):
        table.write(place, names, zip(*(getattr(columns, name).tolist() for name in names), strict=True))


def _strings(dataset: h5py.Dataset) -> np.ndarray:
    return np.array(dataset.asstr()[()], dtype=str)
