"""Carotid intima-media thickness (sections IV-D and VI-D of the paper): from traced ultrasound images to LMDB.

Four verbs in the order that data flows: `read`, `candidates`, `patches`, `write`. A candidate is a pixel of a region
of the far wall whose class is known; the net that tells the classes apart is later applied to every pixel of the test
regions, which ``regions.h5`` holds.
"""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.preparation import Preparation
from ftcaffe.application import Application
from ftcaffe.errors import Error

if TYPE_CHECKING:
    from data_prep.dataset import Dataset
    from data_prep.manifest import CandidateRow, ImageRow
    from data_prep.parallel import Workers
    from data_prep.readers.cubs import Source
    from data_prep.write import Plan
    from ftcaffe.store.regions import Picture, Region

_log = logging.getLogger(__name__)

LAYOUTS = ("cubs", "csv")
CLASSES = ("background", "lumen-intima", "media-adventitia")
GEOMETRY = ("region", "x", "y")  # of a candidate: its region's number in the image, its pixel in that region

EXPERTS = ("Manual-A1", "Manual-A2")
TOTAL = 200_000  # patches (section VI-D)
PATCH = {"full": 28.375, "tiny": 33.5}  # pixels, an eighth and a half of the input (assumed)


@dataclass(frozen=True)
class Pixel:
    """How a patch is cut: a square of `side` pixels about its pixel; no augmentation (section VI-D)."""

    side: float


@dataclass(frozen=True, kw_only=True)
class Settings(Preparation):
    """How carotid data are prepared; checked once, here.

    layout : of the source, see `data_prep.readers.cubs`.
    experts : whose traces count; the truth is their mean.
    base : number of the first pixel in trace files.
    regions : most regions an image. region : their width and height, pixels.
    patch : side of a patch, pixels.
    band : pixels from an interface's row that are of its class. far : pixels from both that background keeps.
    test_pixels : most pixels of each class that a test region gives.
    splits : may be a folder of CUBS' own, ``Folds/f0``.
    """

    layout: str
    experts: tuple[str, ...]
    base: int
    regions: int
    region: tuple[int, int]
    patch: float
    band: int
    far: float
    test_pixels: int

    LEAST = 15

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.regions < 1 or self.test_pixels < 1:
            raise Error("--regions and --test-pixels are at least 1")
        if not 1 <= self.patch <= min(self.region):
            width, height = self.region
            remedy = f"give from 1 to {min(self.region)} pixels"
            raise Error(f"--patch {self.patch:g} does not fit in --region {width}x{height}", remedy=remedy)
        if self.band < 0 or self.far <= self.band:
            remedy = "far from the interfaces is beyond their bands"
            raise Error(f"--far {self.far:g} is not beyond --band {self.band}", remedy=remedy)

    def arguments(self) -> dict[str, object]:
        return {
            **super().arguments(),
            "layout": self.layout,
            "experts": list(self.experts),
            "base": self.base,
            "regions": self.regions,
            "region": list(self.region),
            "patch": self.patch,
            "band": self.band,
            "far": self.far,
            "test_pixels": self.test_pixels,
        }


def read(settings: Settings, source: Path) -> list[Source]:
    """The images of the source with the files of their traces, by subject."""
    from data_prep.readers import cubs

    return cubs.read(settings.layout, source, settings.experts, settings.base)


def candidates(
    sources: Sequence[Source], settings: Settings, workers: Workers
) -> tuple[list[Region], list[tuple[CandidateRow, ...]]]:
    """The regions of every image, and of each pixels whose class is known, without a split yet.

    Raises
    ------
    Error : an image, a trace or a calibration that cannot be read or cannot be right; see `Source.read`.
    """
    regions: list[Region] = []
    found: list[tuple[CandidateRow, ...]] = []
    # Of a large set not every pixel is listed, but some three times as many as can be used, evenly from all regions.
    trained = len(sources) * settings.regions * (1 - settings.test_fraction)
    each = max(math.ceil(3 * settings.total / (len(CLASSES) * trained)), settings.test_pixels)
    for pairs in workers.each(_examined, [(one, settings, each) for one in sources], "images"):
        for region, rows in pairs:
            regions.append(region)
            found.append(rows)
    return regions, found


def patches(
    plan: Plan,
    spool: Path,
    regions: Sequence[Region],
    found: Sequence[CandidateRow],
    side: float,
    size: int,
    workers: Workers,
) -> Iterator[None]:
    """Start to cut the patches of a plan into a spool, each region's in one process; they are there at the end."""
    by_region = {(region.unit, region.image, int(region.region)): region for region in regions}
    wanted: dict[tuple[str, str, int], list[tuple[int, int, int]]] = {}
    for place, index in enumerate(plan.candidate.tolist()):
        row = found[index]
        number, x, y = map(int, row.geometry)
        wanted.setdefault((row.unit, row.image, number), []).append((place, x, y))
    tasks = [(by_region[key], pixels, spool, side, size) for key, pixels in wanted.items()]
    return workers.each(_cut, tasks, f"{plan.split} patches")


def write(
    dataset: Dataset,
    folder: Path,
    settings: Settings,
    regions: Sequence[Region],
    images: Sequence[ImageRow],
    found: Sequence[CandidateRow],
    workers: Workers,
) -> None:
    """Choose the patches of each split, write all of it into `folder`, and put that in the data set's place."""
    import numpy as np

    from data_prep import splits
    from data_prep.write import counts, of_units, plan
    from data_prep.write import write as write_all
    from ftcaffe.nets.alexnet import INPUT_SIZE

    size = INPUT_SIZE[settings.scale]
    plans = plan(found, 1, CLASSES, settings.total, settings.seed, dataset.source)
    train = {row.unit: True for row in images if row.split == "train"}
    units_kept = splits.nested(train, settings.fractions, np.random.default_rng([settings.seed, 11]))
    fractions = {fraction: of_units(kept, found) for fraction, kept in units_kept.items()}
    cut = partial(patches, regions=regions, found=found, side=settings.patch, size=size, workers=workers)
    how = [Pixel(settings.patch)]
    written = write_all(dataset, folder, plans, found, how, fractions, size, cut, workers, even_mean=True)
    description = {
        "classes": list(CLASSES),
        "positive": list(CIMT.positives),
        "layout": settings.layout,
        "counts": counts(plans, CLASSES),
        "patch": settings.patch,
    }
    dataset.finish(folder, description | written)


def prepare(settings: Settings, source: Path, work: Path) -> None:
    """Prepare the data set, or continue where a killed run stopped.

    Raises
    ------
    Error : bad input, or another data set in its place.
    """
    import numpy as np

    from data_prep import manifest, splits, walls
    from data_prep.dataset import Dataset
    from data_prep.manifest import ImageRow
    from data_prep.parallel import Workers
    from data_prep.readers.units import digest
    from ftcaffe.store import regions as store

    sources = read(settings, source)
    given = None if settings.splits is None else _given(settings.splits, sources)
    dataset = Dataset(work, "cimt", str(source), digest(sources, source), settings.arguments())
    if dataset.is_there():
        return
    folder = dataset.staging()
    with Workers(settings.jobs) as workers:
        found_regions, by_region = candidates(sources, settings, workers)
        units = dict.fromkeys((region.unit for region in found_regions), True)
        rng = np.random.default_rng([settings.seed, 10])
        split = splits.assign(units, settings.test_fraction, rng, given, settings.splits or source)
        regions = [replace(region, split=split[region.unit]) for region in found_regions]
        found = []
        for rows in by_region:
            where = split[rows[0].unit]
            kept = walls.thinned(rows, settings.test_pixels) if where == "test" else rows
            found += [replace(row, split=where) for row in kept]
        names = dict.fromkeys((region.unit, region.image) for region in regions)
        images = [ImageRow(unit, image, split[unit], 1) for unit, image in names]
        store.write(folder / "regions.h5", regions)
        manifest.write_candidates(folder / "candidates.csv", found, GEOMETRY)
        manifest.write_images(folder / "images.csv", images)
        what = (source, len(units), len(images), len(regions), len(found))
        _log.info("%s: %d subjects, %d images, %d regions, %d pixels with a class", *what)
        write(dataset, folder, settings, regions, images, found, workers)


def _given(path: Path, sources: Sequence[Source]) -> dict[str, str]:
    from data_prep import splits
    from data_prep.readers import cubs

    return cubs.fold(path, sources) if path.is_dir() else splits.read(path)


def _examined(task: tuple[Source, Settings, int]) -> list[tuple[Region, tuple[CandidateRow, ...]]]:
    """The regions of an image, of each the pixels of its interfaces, up to a number, and as many of background."""
    import numpy as np

    from data_prep import walls
    from data_prep.manifest import CandidateRow

    source, settings, each = task
    scan = source.read()
    truth = walls.consensus(scan.experts)
    boxes = source.rois or walls.placed(truth, scan.pixels.shape[0], settings.region, settings.regions)
    if not boxes:
        raise Error("is nowhere traced by every expert", source.path, remedy="name one of them in --experts")
    found = []
    for region in walls.cut(scan, boxes, (source.unit, source.image), settings.patch, source.path):
        assert region.truth is not None
        label = walls.classes(region.truth, region.shape[0], settings.band, settings.far)
        rng = np.random.default_rng([settings.seed, *f"{region.name}".encode()])
        rows = tuple(
            CandidateRow(
                region.unit, region.image, f"{region.region}.{x}.{y}", "", which, "", 1.0, (int(region.region), x, y)
            )
            for y, x, which in walls.sampled(label, region.truth, each, rng).tolist()
        )
        found.append((region, rows))
    return found


def _cut(task: tuple[Region, list[tuple[int, int, int]], Path, float, int]) -> None:
    from data_prep.spool import Writer

    region, pixels, path, side, size = task
    with Writer(path) as writer:
        for place, x, y in pixels:
            writer.put(place, region.patch(x, y, side, size))


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = map(int, text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not like 92x60") from None
    return width, height


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _prepare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(total=TOTAL)
    parser.add_argument(
        "--experts",
        type=_names,
        default=EXPERTS,
        metavar="NAME,NAME",
        help=f"whose traces count, folders of CUBS; their mean is the truth (default: {','.join(EXPERTS)})",
    )
    parser.add_argument(
        "--base", type=int, choices=(0, 1), default=1, help="number of the first pixel in traces (default: 1)"
    )
    parser.add_argument("--regions", type=int, default=3, help="most regions an image (default: 3)")
    parser.add_argument(
        "--region", type=_size, default=(92, 60), metavar="WxH", help="size of a region in pixels (default: 92x60)"
    )
    parser.add_argument(
        "--patch",
        type=float,
        help="side of a patch in pixels (default: an eighth of the full net's input, half of the tiny one's: a whole"
        " factor, with which dense maps are fast)",
    )
    parser.add_argument(
        "--band", type=int, default=2, help="pixels above and below an interface that are of its class (default: 2)"
    )
    parser.add_argument(
        "--far", type=float, default=6, help="pixels from both interfaces where background begins (default: 6)"
    )
    parser.add_argument(
        "--test-pixels",
        type=int,
        default=60,
        help="most test patches of a region and class; every pixel is scored later on (default: 60)",
    )


def _prepare(options: argparse.Namespace, source: Path, work: Path) -> None:
    patch = PATCH[options.scale] if options.patch is None else options.patch
    prepare(Settings.of(options, patch=patch), source, work)


def _phantom_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--subjects", type=int, default=24, help="how many subjects, each with two images (default: 24)"
    )


def _phantom(options: argparse.Namespace, folder: Path) -> None:
    from data_prep.phantoms import carotid

    carotid.write(folder, carotid.Settings(options.seed, options.subjects), options.jobs)


def _apply_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The intima-media thickness in new images: INPUT is an image, a DICOM file, or a CSV file"
        " image,mm_per_pixel,roi (roi as 'x y width height'), a row a region."
    )
    parser.add_argument(
        "--roi",
        metavar="X,Y,W,H",
        help="region of the far wall in pixels (default: one is proposed and drawn, and nothing is measured)",
    )
    parser.add_argument(
        "--mm-per-pixel",
        type=float,
        metavar="MM",
        help="height of a pixel (default: of the DICOM file's region, or the table's)",
    )
    parser.add_argument("--frame", type=int, default=0, help="of a DICOM file with several, from 0 (default: 0)")


def _pictures(options: argparse.Namespace, source: Path) -> Iterator[Picture]:
    from data_prep.readers import pictures

    return pictures.read(source, options.roi, options.mm_per_pixel, options.frame)


CIMT = Application(
    name="cimt",
    title="Carotid intima-media interfaces",
    classes=CLASSES,
    positive=(1, 2),
    layouts=LAYOUTS,
    unit="subject",
    image="image",
    curve="roc",
    operating_points=(0.05, 0.1),
    phantom_arguments=_phantom_arguments,
    phantom=_phantom,
    prepare_arguments=_prepare_arguments,
    prepare=_prepare,
    apply_arguments=_apply_arguments,
    pictures=_pictures,
)
