"""Polyp detection in colonoscopy (sections IV-A and VI-A of the paper): from videos with masks to LMDB.

Four verbs in the order that data flows: `read`, `candidates`, `patches`, `write`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.preparation import Preparation
from ftcaffe.application import Application, Probabilities
from ftcaffe.errors import Error

if TYPE_CHECKING:
    from data_prep.candidates.candidate import Candidate
    from data_prep.dataset import Dataset
    from data_prep.manifest import CandidateRow, ImageRow
    from data_prep.parallel import Workers
    from data_prep.readers.units import Unit
    from data_prep.write import Plan

_log = logging.getLogger(__name__)

LAYOUTS = ("videos", "asu-mayo", "clinicdb", "colondb", "etis", "kvasir-seg", "csv")
CLASSES = ("background", "polyp")
GEOMETRY = ("x0", "y0", "x1", "y1")  # of a candidate, pixels


@dataclass(frozen=True, kw_only=True)
class Settings(Preparation):
    """How polyp data are prepared; checked once, here.

    layout : of the source, see `data_prep.readers.layouts`.
    candidates : a CSV file of candidates, or None for the built-in generator.
    augment : which patches a candidate gets, a key of `data_prep.patches.AUGMENTATIONS`.
    """

    layout: str
    candidates: Path | None
    augment: str

    def arguments(self) -> dict[str, object]:
        from data_prep.dataset import content_digest

        return {
            **super().arguments(),
            "layout": self.layout,
            "candidates": content_digest(self.candidates),
            "augment": self.augment,
        }


def read(layout: str, source: Path) -> list[Unit]:
    """The units of the source: videos or sequences that stream (frame, mask)."""
    from data_prep.readers import layouts

    return layouts.read(layout, source)


def candidates(
    units: Sequence[Unit], table: Path | None, workers: Workers
) -> tuple[list[ImageRow], list[CandidateRow]]:
    """Every image and every labelled candidate of the units, without a split yet.

    A candidate is positive if its centre lies in a lesion.

    Raises
    ------
    Error : a video or mask that cannot be read; a candidate of an image that is not there.
    """
    from data_prep.candidates.table import read as read_table

    given = read_table(table) if table else None
    tasks = [(unit, None if given is None else given.get(unit.unit, {})) for unit in units]
    images: list[ImageRow] = []
    found: list[CandidateRow] = []
    for unit_images, unit_candidates in workers.each(_examined, tasks, "candidates"):
        images += unit_images
        found += unit_candidates
    if given is not None:
        there = {(row.unit, row.image) for row in images}
        for unit, by_image in given.items():
            for image in by_image:
                if (unit, image) not in there:
                    remedy = "name a video's frames by number from 0, still images by the stem of their file"
                    raise Error(
                        f"has candidates of image '{image}' of unit '{unit}', not in the source", table, remedy=remedy
                    )
    return images, found


def patches(
    plan: Plan,
    spool: Path,
    units: Sequence[Unit],
    found: Sequence[CandidateRow],
    augment: str,
    size: int,
    workers: Workers,
) -> Iterator[None]:
    """Start to cut the patches of a plan into a spool, each unit's in one process; they are there at the end."""
    wanted: dict[str, dict[str, list[tuple[int, tuple[float, ...], int]]]] = {}
    for place, (index, how) in enumerate(zip(plan.candidate.tolist(), plan.augmentation.tolist(), strict=True)):
        row = found[index]
        wanted.setdefault(row.unit, {}).setdefault(row.image, []).append((place, row.geometry, how))
    tasks = [(unit, wanted[unit.unit], spool, augment, size) for unit in units if unit.unit in wanted]
    return workers.each(_cut, tasks, f"{plan.split} patches")


def write(
    dataset: Dataset,
    folder: Path,
    settings: Settings,
    units: Sequence[Unit],
    images: Sequence[ImageRow],
    found: Sequence[CandidateRow],
    workers: Workers,
) -> None:
    """Choose the patches of each split, write all of it into `folder`, and put that in the data set's place."""
    import numpy as np

    from data_prep import splits
    from data_prep.examined import bearing
    from data_prep.patches import AUGMENTATIONS
    from data_prep.write import counts, of_units, plan
    from data_prep.write import write as write_all
    from ftcaffe.nets.alexnet import INPUT_SIZE

    augmentations, size = AUGMENTATIONS[settings.augment], INPUT_SIZE[settings.scale]
    plans = plan(found, len(augmentations), CLASSES, settings.total, settings.seed, dataset.source)
    train = bearing([row for row in images if row.split == "train"])
    units_kept = splits.nested(train, settings.fractions, np.random.default_rng([settings.seed, 11]))
    fractions = {fraction: of_units(kept, found) for fraction, kept in units_kept.items()}
    cut = partial(patches, units=units, found=found, augment=settings.augment, size=size, workers=workers)
    written = write_all(dataset, folder, plans, found, augmentations, fractions, size, cut, workers)
    description = {
        "classes": list(CLASSES),
        "positive": POLYP.positive,
        "layout": settings.layout,
        "counts": counts(plans, CLASSES),
    }
    dataset.finish(folder, description | written)


def prepare(settings: Settings, source: Path, work: Path) -> None:
    """Prepare the data set, or continue where a killed run stopped.

    Raises
    ------
    Error : bad input, or another data set in its place.
    """
    from data_prep import splits
    from data_prep.dataset import Dataset
    from data_prep.examined import examined
    from data_prep.parallel import Workers
    from data_prep.readers.units import digest

    given = splits.read(settings.splits) if settings.splits else None
    units = read(settings.layout, source)
    dataset = Dataset(work, "polyp", str(source), digest(units, source), settings.arguments())
    if dataset.is_there():
        return
    folder = dataset.staging()
    with Workers(settings.jobs) as workers:
        find = partial(candidates, units, settings.candidates, workers)
        place = settings.splits or source
        images, found = examined(folder, find, GEOMETRY, settings.seed, settings.test_fraction, given, place)
        shown, hits = sum(row.lesions for row in images), sum(row.label for row in found)
        _log.info("%s: %d videos, %d frames, %d polyps", source, len(units), len(images), shown)
        _log.info("%s: %d candidates, %d of them on a polyp", settings.candidates or "voting", len(found), hits)
        write(dataset, folder, settings, units, images, found, workers)


def _examined(
    task: tuple[Unit, dict[str, list[Candidate]] | None],
) -> tuple[list[ImageRow], list[CandidateRow]]:
    from data_prep.candidates import voting
    from data_prep.manifest import CandidateRow, ImageRow
    from data_prep.readers import lesions

    unit, given = task
    images: list[ImageRow] = []
    found: list[CandidateRow] = []
    for frame in unit:
        labels, count = lesions.label(frame.mask)
        images.append(ImageRow(frame.unit, frame.image, "", count))
        for candidate in voting.candidates(frame.pixels) if given is None else given.get(frame.image, []):
            lesion = lesions.at(labels, *candidate.centre)
            place = (frame.unit, frame.image, candidate.name)
            found.append(CandidateRow(*place, "", int(lesion > 0), str(lesion or ""), candidate.score, candidate.box))
    return images, found


def _cut(task: tuple[Unit, dict[str, list], Path, str, int]) -> None:
    from data_prep.patches import AUGMENTATIONS, cuts
    from data_prep.spool import Writer

    unit, wanted, path, augment, size = task
    with Writer(path) as writer:
        for frame in unit:
            by_box: dict[tuple[float, float, float, float], list[tuple[int, int]]] = {}
            for place, box, how in wanted.get(frame.image, []):
                by_box.setdefault(box, []).append((place, how))
            for box, chosen in by_box.items():
                augmentations = [AUGMENTATIONS[augment][how] for _, how in chosen]
                for (place, _), patch in zip(chosen, cuts(frame.pixels, box, augmentations, size), strict=True):
                    writer.put(place, patch)


def _prepare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--candidates",
        type=Path,
        metavar="CSV",
        help="candidates as unit,image,candidate,x0,y0,x1,y1,score (default: found by edges and voting)",
    )
    parser.add_argument(
        "--augment",
        choices=("full", "centred", "none"),
        default="full",
        help="patches a candidate: full, the paper's 120 (3 scales, 5 positions, 8 versions); centred, 24 without the"
        " translations; none, the box itself (default: full)",
    )


def _prepare(options: argparse.Namespace, source: Path, work: Path) -> None:
    prepare(Settings.of(options), source, work)


def _phantom_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--videos", type=int, default=24, help="how many videos (default: 24)")
    parser.add_argument("--frames", type=int, default=20, help="frames a video (default: 20)")
    parser.add_argument("--size", type=int, default=288, help="side of a frame in pixels (default: 288)")


def _phantom(options: argparse.Namespace, folder: Path) -> None:
    from data_prep.phantoms import polyp as phantom

    settings = phantom.Settings(options.seed, options.videos, options.frames, options.size)
    phantom.write(folder, settings, options.jobs)


def _apply_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threshold", type=float, default=0.5, help="probability from which a polyp is shown (default: 0.5)"
    )


def _apply(options: argparse.Namespace, source: Path, probabilities: Probabilities, out: Path) -> None:
    from data_prep import detections

    made = options.dataset
    augment, size = made["arguments"]["augment"], made["input"]["size"]
    found = detections.detect(source, size, augment, made["positive"], probabilities)
    out.mkdir(parents=True, exist_ok=True)
    detections.write(source, found, options.threshold, out)


POLYP = Application(
    name="polyp",
    title="Polyp detection",
    classes=CLASSES,
    positive=1,
    layouts=LAYOUTS,
    unit="video",
    image="frame",
    curve="froc",
    operating_points=(0.01, 0.001),
    phantom_arguments=_phantom_arguments,
    phantom=_phantom,
    prepare_arguments=_prepare_arguments,
    prepare=_prepare,
    apply_arguments=_apply_arguments,
    apply=_apply,
)
