"""Contact sheets of candidate emboli: what the net sees of them, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from data_prep import representations, vessel
from data_prep.representations import sections, windowed
from ftcaffe.store import atomic

if TYPE_CHECKING:
    from data_prep.manifest import CandidateRow
    from data_prep.readers.scans import Scan
    from data_prep.readers.volume import Volume

TILE, GAP, CAPTION = 96, 6, 16  # pixels
COLUMNS = ("along the vessel", "across it", "axial", "coronal", "sagittal")
EACH = 12  # positives, and as many negatives


def tiles(
    volume: Volume, position: np.ndarray, frame: np.ndarray, settings: representations.Settings
) -> list[np.ndarray]:
    """A candidate in both representations (`COLUMNS`), uint8, TILE × TILE each."""
    one = representations.augmentations("none", settings)
    planes = [
        plane
        for representation in representations.REPRESENTATIONS
        for plane in sections(volume, position, frame, one, representation, settings.samples)[0]
    ]
    bicubic = Image.Resampling.BICUBIC
    return [
        np.asarray(Image.fromarray(p).resize((TILE, TILE), bicubic))
        for p in windowed(np.stack(planes), settings.window)
    ]


def draw(path: Path, blocks: Sequence[tuple[str, Sequence[tuple[str, list[np.ndarray]]]]]) -> None:
    """Write a sheet (PNG): blocks side by side, each a heading and rows of tiles with a caption beneath each row."""
    step, width = TILE + GAP, len(COLUMNS) * (TILE + GAP) + 3 * GAP
    rows = max((len(block) for _, block in blocks), default=0)
    sheet = Image.new("L", (width * len(blocks), 3 * CAPTION + rows * (step + CAPTION)), 255)
    pen = ImageDraw.Draw(sheet)
    for number, (heading, block) in enumerate(blocks):
        left = number * width + GAP
        pen.text((left, 4), heading, 0)
        for column, title in enumerate(COLUMNS):
            pen.text((left + column * step, CAPTION + 8), title, 0)
        for row, (caption, pictures) in enumerate(block):
            top = 3 * CAPTION + row * (step + CAPTION)
            for column, picture in enumerate(pictures):
                sheet.paste(Image.fromarray(picture), (left + column * step, top))
            pen.text((left, top + TILE + 1), caption, 0)
    with atomic.whole(path) as beside:
        sheet.save(beside, "PNG")


def candidate_sheet(
    path: Path, scans: Sequence[Scan], found: Sequence[CandidateRow], settings: representations.Settings
) -> None:
    """Write a sheet of positives and negatives, spread over the training split as Fig. 3 of the paper shows them."""
    chosen: list[CandidateRow] = []
    for label in (1, 0):
        of_label = [row for row in found if row.split == "train" and row.label == label]
        places = np.unique(np.linspace(0, len(of_label) - 1, min(EACH, len(of_label))).astype(int))
        chosen += [of_label[k] for k in places]
    pictures: dict[int, list[np.ndarray]] = {}
    for scan in scans:
        here = [k for k, row in enumerate(chosen) if (row.unit, row.image) == (scan.unit, scan.name)]
        if here:
            volume = scan.ct()
            for k in here:
                pictures[k] = tiles(volume, *vessel.placed(chosen[k].geometry), settings)
    blocks = []
    for label, heading in ((1, "emboli"), (0, "other candidates")):
        block = [(_caption(row), pictures[k]) for k, row in enumerate(chosen) if row.label == label]
        blocks.append((heading, block))
    draw(path, blocks)


def _caption(row: CandidateRow) -> str:
    lesion = f", embolus {row.lesion}" if row.lesion else ""
    return f"{row.unit}/{row.image}/{row.candidate}{lesion}"
