"""From leaf images with their spots to LMDB: read, candidates, patches, write."""

from __future__ import annotations

import argparse
import csv
import hashlib
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep import manifest, splits
from data_prep.dataset import Dataset
from data_prep.manifest import CandidateRow, ImageRow
from data_prep.parallel import Workers
from data_prep.spool import Writer
from data_prep.write import Plan, counts, of_units, plan
from data_prep.write import write as write_all
from ftcaffe.nets.alexnet import INPUT_SIZE
from leaves import CLASSES

HALF = 10  # pixels from a candidate's centre to its box's side


@dataclass(frozen=True)
class Turn:
    """How a patch is cut: its fields are columns of the manifest."""

    quarters: int


def draw(folder: Path, plants: int, seed: int) -> None:
    """A synthetic set: ``<plant>_<leaf>.png`` and ``spots.csv`` (``plant,leaf,x,y``)."""
    folder.mkdir(parents=True)
    rows = [("plant", "leaf", "x", "y")]
    for plant in range(plants):
        rng = np.random.default_rng([seed, plant])
        for leaf in range(4):
            pixels = np.full((96, 96, 3), (40, 120, 50)) + rng.normal(0, 12, (96, 96, 3))
            y, x = np.mgrid[:96, :96]
            for _ in range(2):
                x0, y0 = rng.integers(15, 81, 2).tolist()
                pixels[np.hypot(x - x0, y - y0) < 7] = (110, 70, 20)
                rows.append((plant, leaf, x0, y0))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{plant}_{leaf}.png")
    with (folder / "spots.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


def read(source: Path) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """The spots of each leaf, by plant and leaf."""
    leaves = {tuple(path.stem.split("_")): [] for path in sorted(source.glob("*.png"))}
    with (source / "spots.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            leaves[row["plant"], row["leaf"]].append((float(row["x"]), float(row["y"])))
    return leaves


def candidates(leaves: dict, source: Path) -> tuple[list[ImageRow], list[CandidateRow]]:
    """Brown places, and as many green ones; a candidate within 7 pixels of a spot hits it."""
    images, found = [], []
    for (plant, leaf), spots in leaves.items():
        images.append(ImageRow(plant, leaf, "", len(spots)))
        red = np.asarray(Image.open(source / f"{plant}_{leaf}.png")).astype(float)[..., 0]
        places = [(x, y) for y in range(12, 84, 8) for x in range(12, 84, 8)]
        score = {(x, y): red[y - 3 : y + 4, x - 3 : x + 4].mean() for x, y in places}
        ranked = sorted(places, key=lambda place: -score[place])
        for number, (x, y) in enumerate(ranked[:6] + ranked[-6:]):
            hit = next((k for k, (sx, sy) in enumerate(spots, 1) if np.hypot(x - sx, y - sy) < 7), None)
            geometry = (x - HALF, y - HALF, x + HALF, y + HALF)
            label, lesion = int(hit is not None), str(hit or "")
            found.append(CandidateRow(plant, leaf, str(number), "", label, lesion, score[x, y], geometry))
    return images, found


def patches(part: Plan, spool: Path, source: Path, found: list, turns: list, size: int, workers: Workers):
    """Cut the patches of a plan into a spool, a task a leaf."""
    wanted: dict[tuple[str, str], list] = {}
    for place, (index, how) in enumerate(zip(part.candidate.tolist(), part.augmentation.tolist(), strict=True)):
        row = found[index]
        wanted.setdefault((row.unit, row.image), []).append((place, row.geometry, turns[how].quarters))
    tasks = [(source / f"{plant}_{leaf}.png", cuts, spool, size) for (plant, leaf), cuts in wanted.items()]
    return workers.each(_cut, tasks, part.split)


def _cut(task: tuple) -> None:
    path, wanted, spool, size = task
    picture = Image.open(path).convert("RGB")
    with Writer(spool) as writer:
        for place, box, quarters in wanted:
            patch = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, box=box))
            writer.put(place, np.ascontiguousarray(np.rot90(patch, quarters)[..., ::-1].transpose(2, 0, 1)))


def prepare(options: argparse.Namespace, source: Path, work: Path) -> None:
    """Read, find candidates, choose and cut patches, write."""
    files = b"".join(path.read_bytes() for path in sorted(source.iterdir()))
    arguments = {"scale": options.scale, "turns": options.turns, "total": options.total, "seed": options.seed}
    arguments["fractions"] = list(options.fractions)
    dataset = Dataset(work, "leaves", str(source), hashlib.sha256(files).hexdigest(), arguments)
    if dataset.is_there():
        return
    folder = dataset.staging()
    images, found = candidates(read(source), source)
    bearing = {row.unit: True for row in images}
    of_unit = splits.assign(bearing, options.test_fraction, np.random.default_rng([options.seed, 10]))
    images = [replace(row, split=of_unit[row.unit]) for row in images]
    found = [replace(row, split=of_unit[row.unit]) for row in found]
    manifest.write_candidates(folder / "candidates.csv", found, ("x0", "y0", "x1", "y1"))
    manifest.write_images(folder / "images.csv", images)
    turns, size = [Turn(k) for k in range(options.turns)], INPUT_SIZE[options.scale]
    plans = plan(found, len(turns), CLASSES, options.total, options.seed, str(source))
    train = {unit: True for unit, split in of_unit.items() if split == "train"}
    kept = splits.nested(train, options.fractions, np.random.default_rng([options.seed, 11]))
    fractions = {fraction: of_units(units, found) for fraction, units in kept.items()}
    with Workers(options.jobs) as workers:
        cut = partial(patches, source=source, found=found, turns=turns, size=size, workers=workers)
        written = write_all(dataset, folder, plans, found, turns, fractions, size, cut, workers)
    description = {"classes": list(CLASSES), "positive": 1, "layout": "leaves", "counts": counts(plans, CLASSES)}
    dataset.finish(folder, description | written)
