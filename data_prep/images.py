"""Any labelled images, two classes or more: the study of tuning depth for a task that the paper never had."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ftcaffe.application import Application, Probabilities
from ftcaffe.errors import Error

if TYPE_CHECKING:
    from data_prep.classification import Found

_log = logging.getLogger(__name__)

LAYOUTS = ("folders", "csv")


def read(layout: str, source: Path, positive: str | None) -> Found:
    """The images of a source; classes are in the order of their names.

    Parameters
    ----------
    positive : the class whose probability is the score; None for the last.

    Raises
    ------
    Error : not of that layout, fewer than two classes, one image under two labels, no such positive class.
    """
    from data_prep.classification import Found
    from data_prep.readers import labelled
    from data_prep.readers.image import numerical

    if not source.exists():
        raise Error("is not there", source, remedy="give a folder with a folder a class, or a CSV file")
    if source.is_file() != (layout == "csv"):
        kind = "a CSV file" if layout == "csv" else "a folder"
        raise Error(f"is not {kind}, which the layout '{layout}' needs", source, remedy="choose another --layout")
    images = labelled.LAYOUTS[layout](source)
    classes = sorted({one.label for one in images}, key=numerical)
    if len(classes) < 2:
        raise Error(f"has the one class '{classes[0]}'", source, remedy="two classes are needed at least")
    if positive is not None and positive not in classes:
        raise Error(f"--positive {positive} is no class", source, remedy=f"there are: {', '.join(classes)}")
    contents = labelled.digests(images)
    labelled.check_repeated(contents)
    chosen = positive or classes[-1]
    _log.info("%s: classes %s; positive: %s", source, ", ".join(classes), chosen)
    labels = {(one.unit, one.image): classes.index(one.label) for one in images}
    if len(labels) < len(images):
        raise Error("has two images of one unit and name", source, remedy="name the images of a unit apart")
    parts = labelled.parts(images, by_unit=False)
    digest = labelled.source_digest(contents)
    return Found(labels, tuple(classes), classes.index(chosen), parts, digest)


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = map(int, text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no size such as 256x256") from None
    return width, height


def _window(text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' are not two levels such as -160,240") from None
    return low, high


def _prepare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--positive", metavar="CLASS", help="the class whose probability is the score (default: the last by name)"
    )
    parser.add_argument(
        "--crop",
        choices=("whole", "random"),
        default="whole",
        help="whole images resized to the net's input, or sub-images at random places (default: whole)",
    )
    parser.add_argument(
        "--size",
        type=_size,
        default=(256, 256),
        metavar="WxH",
        help="with --crop random: images are resized to it, at full scale (default: 256x256)",
    )
    parser.add_argument("--sub-images", type=int, default=20, help="of a training image (default: 20)")
    parser.add_argument("--test-sub-images", type=int, default=200, help="of a test image (default: 200)")
    parser.add_argument(
        "--window",
        type=_window,
        metavar="LOW,HIGH",
        help="levels of images of more than 8 bits that become black and white (default: the whole range)",
    )


def _prepare(options: argparse.Namespace, source: Path, work: Path) -> None:
    from data_prep.classification import Settings, prepare

    frame = None if options.crop == "whole" else options.size
    settings = Settings.of(options, frame=frame, border=False, whole_units=True)
    prepare("images", options.layout, source, work, read(options.layout, source, options.positive), settings)


def _phantom_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--classes", type=int, default=2, help="2 to 4 kinds of cells (default: 2)")
    parser.add_argument("--units", type=int, default=24, help="how many slides (default: 24)")
    parser.add_argument("--images", type=int, default=20, help="images of a slide (default: 20)")
    parser.add_argument("--size", type=int, default=96, help="side of an image in pixels (default: 96)")


def _phantom(options: argparse.Namespace, folder: Path) -> None:
    from data_prep.phantoms import cells

    cells.write(folder, cells.Settings(options.seed, options.classes, options.units, options.images, options.size))


def _apply_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sub-images",
        type=int,
        metavar="N",
        help="of each image, for a run that learned from sub-images (default: as many as its test images had)",
    )


def _apply(options: argparse.Namespace, source: Path, probabilities: Probabilities, out: Path) -> None:
    from data_prep import predictions
    from data_prep.readers.labelled import View
    from ftcaffe.store.subimages import SubImages

    made = options.dataset
    window, how = made["view"]["window"], made.get("test")
    view = View(tuple(made["view"]["size"]), made["view"]["border"], tuple(window) if window else None)
    sub_images = SubImages(**how) if how else None
    if options.sub_images is not None:
        if sub_images is None:
            raise Error(f"--sub-images: the run '{options.trained}' learned from whole images", remedy="leave it out")
        if options.sub_images < 1:
            raise Error(f"--sub-images {options.sub_images} is less than one")
        sub_images = replace(sub_images, count=options.sub_images)
    found = predictions.predict(source, view, made["classes"], probabilities, sub_images)
    out.mkdir(parents=True, exist_ok=True)
    predictions.write(found, view, out)


IMAGES = Application(
    name="images",
    title="Image classification",
    classes=("negative", "positive"),  # a data set's own classes stand in its dataset.json
    positive=1,
    layouts=LAYOUTS,
    unit="unit",
    image="image",
    curve="roc",
    operating_points=(0.1, 0.15, 0.2),
    phantom_arguments=_phantom_arguments,
    phantom=_phantom,
    prepare_arguments=_prepare_arguments,
    prepare=_prepare,
    apply_arguments=_apply_arguments,
    apply=_apply,
)
