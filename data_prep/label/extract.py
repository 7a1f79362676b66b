"""Frames of videos as files, for whoever is to label them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from data_prep.parallel import Workers
from data_prep.readers.frames import Clip
from data_prep.readers.labelled import View
from ftcaffe.errors import Error
from ftcaffe.store import atomic, table

_log = logging.getLogger(__name__)


def extract(videos: Mapping[str, Path], folder: Path, every: float, size: tuple[int, int], jobs: int) -> int:
    """Write ``<unit>/<time>.png`` of each video and ``frames.csv`` (``unit,image``); units that are there are kept.

    Parameters
    ----------
    every : seconds between frames.
    size : width and height of the frames, pixels; the black border is cropped first.

    Returns
    -------
    How many frames there are.

    Raises
    ------
    Error : a video without a usable frame; frames in `folder` that were taken at other times or sizes.
    """
    made = f"every {every:g} s, {size[0]}x{size[1]}\n"
    note = folder / "frames.txt"
    if note.exists() and note.read_text(encoding="utf-8") != made:
        there = note.read_text(encoding="utf-8").strip()
        raise Error(f"holds frames taken otherwise ({there})", folder, remedy="name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_text(note, made)
    missing = [unit for unit in videos if not (folder / unit).is_dir()]
    tasks = [(Clip(unit, videos[unit], every), folder, View(size, border=True)) for unit in missing]
    with Workers(jobs) as workers:
        for unit, count in workers.each(_extracted, tasks, "videos"):
            _log.info("%s: %d frames", folder / unit, count)
    rows = [(unit, path.stem) for unit in videos for path in sorted((folder / unit).glob("*.png"))]
    table.write(folder / "frames.csv", ("unit", "image"), rows)
    return len(rows)


def _extracted(task: tuple[Clip, Path, View]) -> tuple[str, int]:
    clip, folder, view = task
    count = 0
    with atomic.whole(folder / clip.unit) as beside:
        beside.mkdir()
        for _, name, pixels in clip.read(view):
            Image.fromarray(pixels[..., ::-1]).save(beside / f"{name}.png", compress_level=3)
            count += 1
    return clip.unit, count
