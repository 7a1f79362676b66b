"""Colonoscopy frames, informative or not (sections IV-C and VI-C of the paper): from whole videos to LMDB."""

from __future__ import annotations

import argparse
import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.features.forest import HANDCRAFTED
from ftcaffe.application import Application, Probabilities
from ftcaffe.errors import Error

if TYPE_CHECKING:
    from data_prep.classification import Found

_log = logging.getLogger(__name__)

LAYOUTS = ("videos", "frames", "csv", "nerthus", "hyperkvasir", "nbi-infframes", "kvasir")
CLASSES = ("non-informative", "informative")
FRAME = (500, 350)  # width, height (the paper's 500 × 350; which is which is assumed)
EVERY = 5.0  # seconds (the paper)
_MADE = ("frames",)  # layouts whose frames have no border any more


def read(layout: str, source: Path, labels: Path | None, every: float) -> Found:
    """The labelled frames of a source.

    Parameters
    ----------
    labels : a CSV file ``unit,image,label`` for the layouts ``videos`` and ``frames``; None for ``labels.csv`` there.
    every : seconds between the frames of a video.

    Raises
    ------
    Error : not of that layout, a label that is neither class, a frame under two labels, labels for a video or a frame
        that is not there.
    """
    from data_prep.classification import Found
    from data_prep.readers import labelled, quality

    if not source.exists():
        raise Error("is not there", source, remedy="give the folder (or the CSV file) of the data set")
    if source.is_file() != (layout == "csv"):
        kind = "a CSV file" if layout == "csv" else "a folder"
        raise Error(f"is not {kind}, which the layout '{layout}' needs", source, remedy="choose another --layout")
    if layout == "videos":
        return _of_videos(source, labels or source / "labels.csv", every)
    if layout == "frames":
        images = quality.labelled_frames(source, labels or source / "labels.csv")
    else:
        images = quality.LAYOUTS[layout](source)
    if not images:
        raise Error(f"holds no frames in the layout '{layout}'", source, remedy="choose another --layout")
    contents = labelled.digests(images)
    labelled.check_repeated(contents)
    known = {(one.unit, one.image): CLASSES.index(one.label) for one in images}
    return Found(known, CLASSES, 1, labelled.parts(images, by_unit=True), labelled.source_digest(contents))


def _of_videos(source: Path, labels: Path, every: float) -> Found:
    from data_prep.classification import Found
    from data_prep.readers import quality
    from data_prep.readers.frames import Clip

    listed = quality.labels(labels)
    videos = quality.videos(source)
    for unit, image in listed:
        if unit not in videos:
            raise Error(
                f"labels frame '{image}' of '{unit}', and there is no such video", labels, remedy="mend the unit"
            )
    units = {unit for unit, _ in listed}
    for unit in videos:
        if unit not in units:
            _log.warning("%s: has no labels in %s, left out", videos[unit], labels)
    clips = [Clip(unit, videos[unit], every) for unit in videos if unit in units]
    whole = hashlib.sha256(repr(sorted(listed.items())).encode())
    for unit, path in videos.items():
        if unit in units:
            with path.open("rb") as stream:
                whole.update(f"{unit}\t{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return Found(listed, CLASSES, 1, clips, whole.hexdigest())


def _prepare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels", type=Path, metavar="CSV", help="unit,image,label of videos or frames (default: SOURCE/labels.csv)"
    )
    parser.add_argument(
        "--every", type=float, default=EVERY, metavar="SECONDS", help=f"of videos: a frame each (default: {EVERY:g})"
    )
    parser.add_argument("--sub-images", type=int, default=20, help="of a training frame (default: 20)")
    parser.add_argument("--test-sub-images", type=int, default=200, help="of a test frame (default: 200)")


def _prepare(options: argparse.Namespace, source: Path, work: Path) -> None:
    from data_prep.classification import Settings, prepare

    border = options.layout not in _MADE
    # The paper reduces the samples, not the videos.
    settings = Settings.of(options, frame=FRAME, border=border, window=None, whole_units=False)
    found = read(options.layout, source, options.labels, options.every)
    every = {"every": options.every} if options.layout == "videos" else {}
    prepare("frames", options.layout, source, work, found, settings, **every)


def _phantom_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--videos", type=int, default=8, help="how many procedures (default: 8)")
    parser.add_argument("--minutes", type=float, default=4.0, help="length of each (default: 4)")
    parser.add_argument("--every", type=float, default=EVERY, help=f"seconds between labels (default: {EVERY:g})")


def _phantom(options: argparse.Namespace, folder: Path) -> None:
    from data_prep.phantoms import procedure

    settings = procedure.Settings(options.seed, options.videos, options.minutes, options.every)
    procedure.write(folder, settings, options.jobs)


def _apply_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help="a frame each (default: 1)")
    parser.add_argument("--sub-images", type=int, default=20, help="of each frame (default: 20)")
    parser.add_argument(
        "--threshold", type=float, default=0.5, help="probability of an informative frame from here on (default: 0.5)"
    )


def _apply(options: argparse.Namespace, source: Path, probabilities: Probabilities, out: Path) -> None:
    from data_prep import timeline, timeline_page
    from data_prep.readers.labelled import View

    made = options.dataset
    # A video has its border, also where the run learned from frames whose border was cropped before.
    view = View(tuple(made["view"]["size"]), border=True)
    settings = timeline.Settings(options.every, options.sub_images, options.threshold, made["seed"])
    found = timeline.timeline(source, view, made["input"]["size"], made["positive"], probabilities, settings)
    out.mkdir(parents=True, exist_ok=True)
    timeline.write_tables(found, out)
    page = timeline_page.write(found, source.name, options.trained, out)
    share, low, high = (100 * value for value in (found.share, found.low, found.high))
    _log.info("%s: %.0f %% of the time is not informative [%.0f, %.0f]; %s", source, share, low, high, page)


FRAMES = Application(
    name="frames",
    title="Frame classification",
    classes=CLASSES,
    positive=1,
    layouts=LAYOUTS,
    unit="video",
    image="frame",
    curve="roc",
    operating_points=(0.1, 0.15, 0.2),
    phantom_arguments=_phantom_arguments,
    phantom=_phantom,
    prepare_arguments=_prepare_arguments,
    prepare=_prepare,
    handcrafted=HANDCRAFTED,
    apply_arguments=_apply_arguments,
    apply=_apply,
)
