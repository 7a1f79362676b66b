"""Pulmonary embolism in CT angiograms (sections IV-B and VI-B of the paper): from volumes with marked emboli to LMDB.

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

from data_prep.features.pe import HANDCRAFTED
from data_prep.preparation import Preparation
from ftcaffe.application import Application, Probabilities
from ftcaffe.errors import Error

if TYPE_CHECKING:
    from data_prep import representations
    from data_prep.assumed import Assumed
    from data_prep.candidates import emboli
    from data_prep.dataset import Dataset
    from data_prep.manifest import CandidateRow, ImageRow
    from data_prep.parallel import Workers
    from data_prep.readers.scans import Scan
    from data_prep.write import Plan

_log = logging.getLogger(__name__)

LAYOUTS = ("cad-pe", "fumpe", "read", "csv")
CLASSES = ("background", "embolus")
# Of a candidate: where it is, its vessel's axis and one direction across it (mm, LPS; the directions of length one).
GEOMETRY = ("x_mm", "y_mm", "z_mm", "axis_x", "axis_y", "axis_z", "across_x", "across_y", "across_z")
COORDINATES = ("mm", "voxel0", "voxel1")
TOTAL = 81_000  # patches, the paper's
EXTRA = 512  # random ways of cutting, of which positives get as many as they need


@dataclass(frozen=True, kw_only=True)
class Settings(Preparation):
    """How embolism data are prepared; checked once, here.

    layout, series : of the source, see `data_prep.readers.scans`; which DICOM series of a folder.
    candidates, coordinates : a file of candidates and what its numbers are, or None for tobogganing.
    assumed : of candidates and patches.
    representation, augment : which planes, and how many ways of cutting them (`data_prep.representations`).
    """

    layout: str
    series: str | None
    candidates: Path | None
    coordinates: str
    assumed: Assumed
    representation: str
    augment: str

    REDUCED = "emboli"

    def arguments(self) -> dict[str, object]:
        from data_prep.dataset import content_digest

        return {
            **super().arguments(),
            "layout": self.layout,
            "series": self.series,
            "candidates": content_digest(self.candidates),
            "coordinates": self.coordinates if self.candidates else None,
            "set": self.assumed.values(),
            "representation": self.representation,
            "augment": self.augment,
        }


def read(layout: str, source: Path, series: str | None = None) -> list[Scan]:
    """The scans of the source: CT volumes, and where their emboli are marked."""
    from data_prep.readers import scans

    return scans.read(layout, source, series)


def candidates(
    scans: Sequence[Scan], table: Path | None, coordinates: str, settings: emboli.Settings, workers: Workers
) -> tuple[list[ImageRow], list[CandidateRow]]:
    """Every volume and every labelled candidate, without a split yet.

    A candidate is positive if it lies inside a marked embolus.

    Raises
    ------
    Error : a volume or a reference that cannot be used; the same emboli in two patients; a candidate of no volume, or
        outside its volume.
    """
    from data_prep.candidates import points, volumes

    given = points.read(table) if table else None
    if given is not None:
        there = {(scan.unit, scan.name) for scan in scans}
        for unit, image in given:
            if (unit, image) not in there:
                line = given[unit, image][0].line
                raise Error(f"has candidates of '{unit}/{image}', not in the source", table, line=line,
                            remedy="name units and volumes as images.csv does")  # fmt: skip
    tasks = [
        (scan, table, coordinates, settings, None if given is None else given.get((scan.unit, scan.name), []))
        for scan in scans
    ]
    images: list[ImageRow] = []
    found: list[CandidateRow] = []
    marked: dict[str, Scan] = {}
    for scan, (row, of_row, marks) in zip(scans, workers.each(volumes.examine, tasks, "candidates"), strict=True):
        other = marked.setdefault(marks, scan) if marks else scan
        if other.unit != scan.unit:
            what = f"marks the very emboli of patient '{other.unit}' ({other.mask and other.mask.name})"
            raise Error(what, scan.mask, remedy="an embolus is one patient's: give each scan its own reference")
        images.append(row)
        found += of_row
    return images, found


def patches(
    plan: Plan,
    spool: Path,
    scans: Sequence[Scan],
    found: Sequence[CandidateRow],
    augmentations: Sequence[object],
    representation: str,
    size: int,
    settings: representations.Settings,
    workers: Workers,
) -> Iterator[None]:
    """Start to cut the patches of a plan into a spool, each volume's in one process; they are there at the end."""
    wanted: dict[tuple[str, str], dict[tuple[float, ...], list[tuple[int, object]]]] = {}
    for place, (index, how) in enumerate(zip(plan.candidate.tolist(), plan.augmentation.tolist(), strict=True)):
        row = found[index]
        by_candidate = wanted.setdefault((row.unit, row.image), {})
        by_candidate.setdefault(row.geometry, []).append((place, augmentations[how]))
    tasks = [
        (scan, wanted[scan.unit, scan.name], spool, representation, size, settings)
        for scan in scans
        if (scan.unit, scan.name) in wanted
    ]
    return workers.each(_cut, tasks, f"{plan.split} patches")


def write(
    dataset: Dataset,
    folder: Path,
    settings: Settings,
    scans: Sequence[Scan],
    images: Sequence[ImageRow],
    found: Sequence[CandidateRow],
    workers: Workers,
) -> None:
    """Choose the patches of each split, write all of it into `folder`, and put that in the data set's place."""
    import numpy as np

    from data_prep import representations
    from data_prep.sheet import candidate_sheet
    from data_prep.write import by_lesions, counts, plan
    from data_prep.write import write as write_all
    from ftcaffe.nets.alexnet import INPUT_SIZE

    chosen, size = settings.assumed.patches, INPUT_SIZE[settings.scale]
    regular = representations.augmentations(settings.augment, chosen)
    # A set of one patch a candidate is for comparing cuts: it is not topped up.
    extra = 0 if settings.augment == "none" else EXTRA
    augmentations = (*regular, *representations.drawn(extra, np.random.default_rng([settings.seed, 12]), chosen))
    plans = plan(found, len(regular), CLASSES, settings.total, settings.seed, dataset.source, extra)
    fractions = by_lesions(found, settings.fractions, np.random.default_rng([settings.seed, 11]))
    cut = partial(
        patches,
        scans=scans,
        found=found,
        augmentations=augmentations,
        representation=settings.representation,
        size=size,
        settings=chosen,
        workers=workers,
    )
    written = write_all(dataset, folder, plans, found, augmentations, fractions, size, cut, workers)
    candidate_sheet(folder / "candidates.png", scans, found, chosen)
    description = {
        "classes": list(CLASSES),
        "positive": PE.positive,
        "layout": settings.layout,
        "counts": counts(plans, CLASSES),
    }
    dataset.finish(folder, description | written)
    _log.info("%s/candidates.png: candidates in both representations", dataset.folder)


def prepare(settings: Settings, source: Path, work: Path) -> None:
    """Prepare the data set, or continue where a killed run stopped.

    Raises
    ------
    Error : bad input, or another data set in its place.
    """
    from data_prep import splits
    from data_prep.candidates import volumes
    from data_prep.dataset import Dataset
    from data_prep.examined import examined
    from data_prep.parallel import Workers
    from data_prep.readers.units import digest

    given = splits.read(settings.splits) if settings.splits else None
    scans = read(settings.layout, source, settings.series)
    dataset = Dataset(work, "pe", str(source), digest(scans, source), settings.arguments())
    if dataset.is_there():
        return
    folder = dataset.staging()
    with Workers(settings.jobs) as workers:
        find = partial(
            candidates, scans, settings.candidates, settings.coordinates, settings.assumed.candidates, workers
        )
        place = settings.splits or source
        images, found = examined(folder, find, GEOMETRY, settings.seed, settings.test_fraction, given, place)
        for line in volumes.summary(images, found, settings.candidates):
            _log.info("%s", line)
        write(dataset, folder, settings, scans, images, found, workers)


def _cut(task: tuple[Scan, dict[tuple[float, ...], list], Path, str, int, representations.Settings]) -> None:
    from data_prep.representations import cuts
    from data_prep.spool import Writer
    from data_prep.vessel import placed

    scan, wanted, path, representation, size, settings = task
    volume = scan.ct()
    with Writer(path) as writer:
        for geometry, chosen in wanted.items():
            position, frame = placed(geometry)
            made = cuts(volume, position, frame, [how for _, how in chosen], representation, size, settings)
            for (place, _), patch in zip(chosen, made, strict=True):
                writer.put(place, patch)


def _generator_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--series", metavar="UID", help="of the DICOM series in a folder of several, or its end")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change what is assumed of candidates, lungs, vessels or patches, such as contrast=0 or"
        " patches.window=-250,450 (data_prep/README.md lists them)",
    )


def _prepare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(total=TOTAL)
    parser.add_argument(
        "--candidates",
        type=Path,
        metavar="FILE",
        help="unit,image,candidate,x,y,z,score as CSV, or CAD-PE's detection file (default: found by tobogganing)",
    )
    parser.add_argument(
        "--coordinates",
        choices=COORDINATES,
        default="mm",
        help="what they are: mm (LPS), or voxels in the file's order x, y, z, from 0 or from 1 (default: mm)",
    )
    parser.add_argument(
        "--representation",
        choices=("vessel", "planes"),
        default="vessel",
        help="vessel, planes along and across the vessel; planes, axial, coronal and sagittal (default: vessel)",
    )
    parser.add_argument(
        "--augment",
        choices=("full", "centred", "none"),
        default="full",
        help="patches a candidate: full, the paper's 54 (3 widths, 3 shifts, 6 rotations); centred, 18 without the"
        " shifts; none, one (default: full)",
    )
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="write nothing: tell what the candidate step finds with these settings and with others near them",
    )
    _generator_arguments(parser)


def _prepare(options: argparse.Namespace, source: Path, work: Path) -> None:
    from data_prep import assumed

    settled = assumed.Assumed.of(assumed.read(options.set))
    if options.calibrate:
        from data_prep.calibrate import calibrate

        calibrate(read(options.layout, source, options.series), settled.candidates, options.jobs)
        return
    prepare(Settings.of(options, assumed=settled), source, work)


def _phantom_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--patients", type=int, default=24, help="how many patients (default: 24)")
    parser.add_argument("--spacing", type=float, default=0.8, help="mm, side of a voxel in a slice (default: 0.8)")
    parser.add_argument("--dicom", action="store_true", help="write the volumes as DICOM series")
    parser.add_argument(
        "--on", type=Path, metavar="VOLUME", help="paint emboli into this real CT with contrast instead"
    )
    parser.add_argument(
        "--artery", type=Path, metavar="MASK", help="its arteries (default: what is bright in the lungs)"
    )


def _phantom(options: argparse.Namespace, folder: Path) -> None:
    from data_prep.phantoms import pe as phantom

    settings = phantom.Settings(options.seed, options.patients, options.spacing, options.on, options.artery)
    phantom.write(folder, settings, options.jobs, options.dicom)


def _apply(options: argparse.Namespace, source: Path, probabilities: Probabilities, out: Path) -> None:
    from data_prep.detect import detect

    detect(options.dataset, source, options.series, options.set, probabilities, out)


PE = Application(
    name="pe",
    title="Pulmonary embolism",
    classes=CLASSES,
    positive=1,
    layouts=LAYOUTS,
    unit="patient",
    image="volume",
    curve="froc",
    operating_points=(1, 2, 3, 4, 5),
    phantom_arguments=_phantom_arguments,
    phantom=_phantom,
    prepare_arguments=_prepare_arguments,
    prepare=_prepare,
    handcrafted=HANDCRAFTED,
    apply_arguments=_generator_arguments,
    apply=_apply,
)
