"""The data set of a classification of whole images: from labelled images to LMDB.

Images are resized to the net's input, or sub-images at random places are cut from them (section VI-C of the paper);
each inherits the image's label. The score of an image is the mean over its sub-images. Those of the test split are
cut while they are scored (`ftcaffe.store.subimages`), and ``test.lmdb`` holds the whole images.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data_prep import class_splits, manifest, splits
from data_prep.dataset import Dataset
from data_prep.manifest import CandidateRow, ImageRow
from data_prep.parallel import Workers
from data_prep.preparation import Preparation
from data_prep.readers.labelled import View
from data_prep.spool import Writer
from data_prep.write import Plan, counts, plan
from data_prep.write import write as write_all
from ftcaffe.errors import Error
from ftcaffe.nets.alexnet import INPUT_SIZE
from ftcaffe.store.subimages import places

_log = logging.getLogger(__name__)

WHOLE = "whole"  # the only candidate of an image: itself


class Part(Protocol):
    """Images that one process reads."""

    def holds(self, wanted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of the images wanted (unit and name), those that this part is to have."""

    def read(self, view: View) -> Iterator[tuple[str, str, np.ndarray]]:
        """Unit, name and pixels (uint8, height × width × 3, BGR, of the view's size) of each image."""


@dataclass(frozen=True)
class Found:
    """What a source holds.

    labels : label of each image, by unit and name.
    classes : names in the order of the labels. positive : label of the positive one.
    parts : read all of the images, and maybe others.
    digest : of the source.
    """

    labels: Mapping[tuple[str, str], int]
    classes: tuple[str, ...]
    positive: int
    parts: Sequence[Part]
    digest: str


@dataclass(frozen=True, kw_only=True)
class Settings(Preparation):
    """How images are cut; checked once, here.

    frame : width and height of the whole images that sub-images are cut from, at full scale; None: whole images are
        resized to the net's input.
    sub_images, test_sub_images : of a training and of a test image, where `frame` is given.
    border, window : see `data_prep.readers.labelled.View`.
    whole_units : whether reduced training sets drop whole units, or single images.
    """

    frame: tuple[int, int] | None
    sub_images: int
    test_sub_images: int
    border: bool
    window: tuple[float, float] | None
    whole_units: bool

    REDUCED = "set"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sub_images < 1 or self.test_sub_images < 1:
            raise Error("an image needs at least one sub-image")
        if self.window is not None and self.window[0] >= self.window[1]:
            raise Error("--window: the lower level is not below the upper", remedy="such as --window -160,240")
        if self.frame is not None and min(self.frame) < INPUT_SIZE["full"]:
            side = INPUT_SIZE["full"]
            raise Error(
                f"frames of {self.frame[0]}×{self.frame[1]} are smaller than a sub-image of {side}×{side}",
                remedy="give a larger --size",
            )

    @property
    def size(self) -> int:
        """Side of the net's input, pixels."""
        return INPUT_SIZE[self.scale]

    @property
    def view(self) -> View:
        """Of the images: at the scale of the net's input."""
        if self.frame is None:
            return View((self.size, self.size), self.border, self.window)
        width, height = (round(side * self.size / INPUT_SIZE["full"]) for side in self.frame)
        return View((width, height), self.border, self.window)

    def arguments(self) -> dict[str, Any]:
        return {
            **super().arguments(),
            "size": None if self.frame is None else list(self.frame),
            "sub_images": None if self.frame is None else [self.sub_images, self.test_sub_images],
            "border": self.border,
            "window": None if self.window is None else list(self.window),
            "whole_units": self.whole_units,
        }


@dataclass(frozen=True)
class Window:
    """Where a patch lies in its image, pixels."""

    x: int
    y: int
    width: int
    height: int


def prepare(
    application: str, layout: str, source: Path, work: Path, found: Found, settings: Settings, **arguments: Any
) -> None:
    """Prepare the data set of labelled images, or continue where a killed run stopped.

    Parameters
    ----------
    arguments : the application's own options that change the data set, by name.

    Raises
    ------
    Error : an image that cannot be read or is not there, a class that a split lacks, another data set in its place.
    """
    decisive = {"layout": layout, "classes": list(found.classes), "positive": found.positive}
    dataset = Dataset(work, application, str(source), found.digest, decisive | arguments | settings.arguments())
    if dataset.is_there():
        return
    folder = dataset.staging()
    rows = _rows(found, settings, source)
    listed = {title: sum(row.label == label for row in rows) for label, title in enumerate(found.classes)}
    units = len({row.unit for row in rows})
    told = ", ".join(f"{count} {title}" for title, count in listed.items())
    _log.info("%s: %d images of %d units: %s", source, len(rows), units, told)
    manifest.write_candidates(folder / "candidates.csv", rows, ())
    images = [ImageRow(row.unit, row.image, row.split, int(row.label == found.positive)) for row in rows]
    manifest.write_images(folder / "images.csv", images)
    with Workers(settings.jobs) as workers:
        _write(dataset, folder, layout, found, settings, rows, workers)


def _rows(found: Found, settings: Settings, source: Path) -> list[CandidateRow]:
    """A row an image, with its split."""
    of_unit: dict[str, list[int]] = {}
    for (unit, _), label in found.labels.items():
        of_unit.setdefault(unit, []).append(label)
    given = splits.read(settings.splits) if settings.splits else None
    rng = np.random.default_rng([settings.seed, 10])
    place = settings.splits or source
    split = class_splits.assign(of_unit, found.classes, settings.test_fraction, rng, given, place)
    return [
        CandidateRow(unit, image, WHOLE, split[unit], label, "", 0.0, ())
        for (unit, image), label in found.labels.items()
    ]


def _write(
    dataset: Dataset,
    folder: Path,
    layout: str,
    found: Found,
    settings: Settings,
    rows: Sequence[CandidateRow],
    workers: Workers,
) -> None:
    view, size = settings.view, settings.size
    sub_images = 1 if settings.frame is None else settings.sub_images
    plans = plan(rows, sub_images, found.classes, settings.total, settings.seed, dataset.source)
    windows = [Window(0, 0, size, size)]
    if settings.frame is not None:
        windows = _windows(len(rows) * sub_images, view, size, settings.seed)
        # Way number i · n + k is sub-image k of image i; the ways beyond are the whole image.
        plans = {
            name: replace(part, augmentation=part.candidate * sub_images + part.augmentation)
            for name, part in plans.items()
        }
        test = plans["test"].take(np.arange(0, len(plans["test"]), sub_images))
        plans["test"] = replace(test, augmentation=np.full(len(test), len(windows)))
        windows.append(Window(0, 0, *view.size))
    rng = np.random.default_rng([settings.seed, 11])
    fractions = class_splits.shares(rows, settings.fractions, settings.whole_units, rng)
    cut = partial(_patches, found=found, rows=rows, windows=windows, view=view, workers=workers)
    whole = None if settings.frame is None else view.size[::-1]
    written = write_all(dataset, folder, plans, rows, windows, fractions, size, cut, workers, whole)
    description: dict[str, Any] = {
        "classes": list(found.classes),
        "positive": found.positive,
        "layout": layout,
        "counts": counts(plans, found.classes),
        "view": {"size": list(view.size), "border": view.border, "window": view.window},
    }
    if settings.frame is not None:
        description["test"] = {"count": settings.test_sub_images, "size": size, "seed": settings.seed}
    dataset.finish(folder, description | written)


def _windows(count: int, view: View, size: int, seed: int) -> list[Window]:
    """Windows of the net's input at random places of an image."""
    rng = np.random.default_rng([seed, 12])
    return [Window(int(x), int(y), size, size) for x, y in places(view.size[::-1], size, count, rng)]


def _patches(
    part: Plan,
    spool: Path,
    found: Found,
    rows: Sequence[CandidateRow],
    windows: Sequence[Window],
    view: View,
    workers: Workers,
) -> Iterator[None]:
    """Start to cut the patches of a plan into a spool; `Error` at the end for an image that no part has."""
    wanted: dict[tuple[str, str], list[tuple[int, Window]]] = {}
    for place, (index, how) in enumerate(zip(part.candidate.tolist(), part.augmentation.tolist(), strict=True)):
        wanted.setdefault((rows[index].unit, rows[index].image), []).append((place, windows[how]))
    tasks = []
    left = dict(wanted)
    for source in found.parts:
        held = source.holds(left)
        if held:
            tasks.append((source, {key: left.pop(key) for key in held}, spool, view))
    if left:
        raise not_there(*min(left))
    return workers.each(_cut, tasks, f"{part.split} patches")


def not_there(unit: str, image: str) -> Error:
    """The error of a label for an image that no file has."""
    return Error(f"a label names image '{image}' of unit '{unit}', which is not there", remedy="mend the labels")


def _cut(task: tuple[Part, dict[tuple[str, str], list[tuple[int, Window]]], Path, View]) -> None:
    source, wanted, spool, view = task
    left = set(wanted)
    with Writer(spool) as writer:
        for unit, name, pixels in source.read(view):
            for place, at in wanted.get((unit, name), ()):
                patch = pixels[at.y : at.y + at.height, at.x : at.x + at.width]
                writer.put(place, np.ascontiguousarray(patch.transpose(2, 0, 1)))
            left.discard((unit, name))
    if left:
        raise not_there(*min(left))
