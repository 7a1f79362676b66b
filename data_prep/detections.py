"""Polyps that a run finds in a new video: detections by frame as a table, and a copy of the video that shows them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from data_prep.candidates import voting
from data_prep.candidates.candidate import Candidate
from data_prep.patches import AUGMENTATIONS, cuts
from data_prep.phantoms import video as video_file
from data_prep.readers import video
from ftcaffe.application import Probabilities
from ftcaffe.store import atomic, table

_log = logging.getLogger(__name__)

COLUMNS = ("frame", "candidate", "x0", "y0", "x1", "y1", "probability", "voting_score")
_COLOUR = (0, 255, 255)  # RGB, seen on mucosa and by any colour vision


@dataclass(frozen=True)
class Detection:
    """A candidate with what the net says of it; the box is in pixels, half-open."""

    frame: int
    candidate: str
    box: tuple[float, float, float, float]
    probability: float
    voting_score: float


def detect(path: Path, size: int, augment: str, positive: int, predict: Probabilities) -> list[Detection]:
    """Candidates of every frame, each with the mean probability over its patches.

    Parameters
    ----------
    size : side of the net's input. augment : a key of `data_prep.patches.AUGMENTATIONS`, as the run was trained.
    positive : the polyp class. predict : from patches to class probabilities.
    """
    found: list[tuple[int, Candidate]] = []
    augmentations = AUGMENTATIONS[augment]

    def patches() -> Iterator[np.ndarray]:
        for number, frame in enumerate(tqdm(video.frames(path), desc=path.name, unit="frame", disable=None)):
            for candidate in voting.candidates(frame):
                found.append((number, candidate))
                yield from cuts(frame, candidate.box, augmentations, size)

    stream = patches()
    first = next(stream, None)
    if first is None:  # a video without candidates
        return []
    probability = predict(chain([first], stream))[:, positive]
    probability = probability.reshape(-1, len(augmentations)).mean(axis=1, dtype=float)
    return [
        Detection(number, one.name, one.box, float(p), one.score)
        for (number, one), p in zip(found, probability, strict=True)
    ]


def write(path: Path, found: list[Detection], threshold: float, out: Path) -> None:
    """Write ``detections.csv`` (every candidate) and ``annotated.avi`` (those from the threshold on)."""
    rows = ((d.frame, d.candidate, *d.box, round(d.probability, 6), d.voting_score) for d in found)
    table.write(out / "detections.csv", COLUMNS, rows)
    shown: dict[int, list[Detection]] = {}
    for one in found:
        if one.probability >= threshold:
            shown.setdefault(one.frame, []).append(one)
    with atomic.whole(out / "annotated.avi") as beside:
        frames = (_annotated(frame, shown.get(number, [])) for number, frame in enumerate(video.frames(path)))
        video_file.write(beside, frames, _rate(path))
    count = sum(map(len, shown.values()))
    _log.info("%s: %d candidates, %d of probability %g or more", path, len(found), count, threshold)


def _rate(path: Path) -> int:
    """Whole frames a second nearest to the video's mean, for the copy."""
    if video.decoder() == "av":
        import av

        with av.open(str(path)) as container:
            rate = float(container.streams.video[0].average_rate or 25)
    else:
        import cv2

        rate = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) or 25.0
    return max(1, round(rate))


def _annotated(frame: np.ndarray, found: list[Detection]) -> np.ndarray:
    """The frame (even sides) with a box and its probability about each detection."""
    height, width = (side // 2 * 2 for side in frame.shape[:2])
    picture = Image.fromarray(np.ascontiguousarray(frame[:height, :width, ::-1]))
    drawing = ImageDraw.Draw(picture)
    for one in found:
        x0, y0, x1, y1 = one.box
        drawing.rectangle((x0, y0, x1 - 1, y1 - 1), outline=_COLOUR, width=2)
        drawing.text((x0 + 3, max(0, y0 - 12)), f"{one.probability:.2f}", fill=_COLOUR)
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])
