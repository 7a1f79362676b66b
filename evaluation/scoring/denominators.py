"""The images and lesions of an FROC set: what its candidates are counted per, with and without any of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evaluation.scoring import tablefile
from evaluation.scoring.scores import Images, Lesions, Scores, Unlisted
from evaluation.scoring.tablefile import Columns
from ftcaffe.errors import Error

Given = Path | int | None
Candidates = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Listed:
    """Images and lesions as `scores.Scores` takes them."""

    images: Images
    lesions: Lesions | None
    unlisted: Unlisted

    def independent(self) -> Listed:
        """The same where every image is a unit of its own: those of which only the number is known can be listed."""
        made = np.array([f"without candidates {number}" for number in range(1, self.unlisted.images + 1)], dtype=str)
        images = _joined(self.images, made, made, np.zeros(len(made), dtype=int))
        return replace(self, images=images, unlisted=Unlisted(0, self.unlisted.lesions))


def listed(path: Path, candidates: Candidates, given: tuple[Given, Given], split: str) -> Listed:
    """The images and lesions of a score set.

    Parameters
    ----------
    path : of the score set, which errors name.
    candidates : unit, image and lesion of each, (n,) strings; of all the sets that are compared.
    given : of images and of lesions: a table, or how many there are, or None for a table beside the score set.
    split : of a table of images that has several.

    Raises
    ------
    Error : nothing is given; fewer are listed than are hit; a lesion stands twice, or lies in two units.
    """
    lesions = _given(path, "lesions", given[1], ("lesion",))
    images, more_images = _images(path, candidates, _given(path, "images", given[0], ()), lesions, split)
    images, named, more_lesions = _lesions(path, candidates, images, lesions)
    return Listed(images, named, Unlisted(more_images, more_lesions))


@dataclass(frozen=True, eq=False)
class _Given:
    """What was given of images or lesions: a table, or how many there are."""

    path: Path | None
    columns: Columns | None
    number: int = 0


def _given(path: Path, what: str, given: Given, needed: tuple[str, ...]) -> _Given | None:
    if isinstance(given, int):
        return _Given(None, None, given)
    beside = path.with_suffix(f".{what}.csv")
    if given is None and not beside.is_file():
        return None
    found = given or beside
    return _Given(found, tablefile.read(found, needed, whole=("lesions",)))


def _images(
    path: Path, candidates: Candidates, given: _Given | None, lesions: _Given | None, split: str
) -> tuple[Images, int]:
    """Every image that is known, with its lesions (-1 where it is not said), and how many more there are."""
    if given is None:
        what = f"has no list of its images ({path.stem}.images.csv beside it), and a curve is counted per image"
        raise Error(what, path, remedy="give --images: a table unit,image,lesions, or how many there are")
    if given.columns is not None:
        return _split_images(given, split), 0
    unit, image, _ = candidates
    seen = Images(unit, image, np.full(len(unit), -1))
    if lesions is not None and lesions.columns is not None and "image" in lesions.columns:
        shown = lesions.columns["image"]
        seen = _joined(seen, lesions.columns.get("unit", shown), shown, np.full(len(shown), -1))
    first = np.unique(Scores.names(seen.unit, seen.image), return_index=True)[1]
    if len(first) > given.number:
        what = f"has candidates in {len(first)} images, and --images says {given.number}"
        raise Error(what, path, remedy="count every image, with and without candidates")
    return Images(seen.unit[first], seen.image[first], seen.lesions[first]), given.number - len(first)


def _split_images(given: _Given, split: str) -> Images:
    assert given.columns is not None
    columns = given.columns
    image = columns.get("image", columns.get("unit"))
    if image is None:
        raise Error("lacks the columns unit and image", given.path, remedy="a row is an image")
    kept = columns.get("split", np.full(len(image), split)) == split
    lesions = columns.get("lesions", np.full(len(image), -1))
    return Images(columns.get("unit", image)[kept], image[kept], lesions[kept])


def _lesions(
    path: Path, candidates: Candidates, images: Images, given: _Given | None
) -> tuple[Images, Lesions | None, int]:
    """The images with how many lesions they show, the lesions of units, and how many more there are."""
    unit, image, lesion = candidates
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
