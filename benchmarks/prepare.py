"""Patches a second: `ftcaffe prepare polyp` against Caffe's own `convert_imageset`, as many images in the same run.

    FTCAFFE_ORACLE=/path/to/a/root/with/caffe python benchmarks/prepare.py

Ours decodes the videos, cuts, scales, mirrors and rotates the patches and writes LMDBs, manifest and mean; Caffe's
tool reads each patch from an image file of its own, made beforehand, scales it and writes the LMDB. Both start from
given candidates. They take turns, and the table holds the medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep import manifest
from data_prep.patches import Augmentation, augmented
from data_prep.phantoms import polyp as phantom
from data_prep.readers import layouts
from ftcaffe.command import main
from ftcaffe.nets.alexnet import INPUT_SIZE
from ftcaffe.store.table import rows


def prepare(source: Path, work: Path, scale: str, candidates: Path | None, jobs: int) -> float:
    """Seconds that preparing takes."""
    arguments = ["prepare", "polyp", str(source), "--work", str(work), "--scale", scale, "--jobs", str(jobs)]
    arguments += ["--augment", "centred"] + (["--candidates", str(candidates)] if candidates else [])
    start = time.perf_counter()
    if main(arguments) != 0:
        raise SystemExit("preparing failed")
    return time.perf_counter() - start


def write_images(data: Path, source: Path, folder: Path) -> int:
    """An image file for each patch of the manifest, as it is before scaling, and their list; returns how many."""
    boxes = {(r.unit, r.image, r.candidate): r.geometry for r in manifest.read_candidates(data / "candidates.csv")}
    wanted: dict[tuple[str, str], list[tuple[str, dict[str, str]]]] = {}
    lines = []
    for number, (_, row) in enumerate(rows(data / "manifest.csv", manifest.PATCH_COLUMNS)):
        lines.append(f"{number:07d}.jpg {row['label']}\n")
        wanted.setdefault((row["unit"], row["image"]), []).append((f"{number:07d}.jpg", row))
    (folder / "images").mkdir()
    for unit in layouts.read("videos", source):
        for frame in unit:
            for name, row in wanted.get((frame.unit, frame.image), []):
                scale, shift_x, shift_y = (float(row[c]) for c in ("scale", "shift_x", "shift_y"))
                how = Augmentation(scale, shift_x, shift_y, int(row["dihedral"]))
                place = augmented(boxes[row["unit"], row["image"], row["candidate"]], how)
                x0, y0, x1, y1 = np.clip(np.round(place), 0, frame.pixels.shape[0]).astype(int)
                crop = np.rot90(frame.pixels[y0:y1, x0:x1, ::-1], how.dihedral % 4)
                Image.fromarray(np.ascontiguousarray(crop)).save(folder / "images" / name, quality=95)
    (folder / "list.txt").write_text("".join(lines))
    return len(lines)


def convert_imageset(root: str, folder: Path, size: int) -> float:
    """Seconds that Caffe's tool takes for the images of `folder`."""
    shutil.rmtree(folder / "caffe.lmdb", ignore_errors=True)
    inside = Path("/") / folder.relative_to(root)
    command = ["chroot", root, "convert_imageset", f"--resize_width={size}", f"--resize_height={size}"]
    command += [f"{inside}/images/", f"{inside}/list.txt", f"{inside}/caffe.lmdb"]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def benchmark() -> None:
    """Make a phantom, time both in turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", choices=tuple(INPUT_SIZE), default="full")
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    root = os.environ.get("FTCAFFE_ORACLE")
    if not root:
        sys.exit("FTCAFFE_ORACLE is not set: it names the root folder in which BVLC Caffe is installed")
    size = INPUT_SIZE[options.scale]
    with tempfile.TemporaryDirectory(dir=Path(root) / "tmp") as name:
        folder = Path(name)
        source = folder / "polyp"
        phantom.write(source, phantom.Settings(videos=options.videos, frames=8), options.jobs)
        prepare(source, folder / "first", options.scale, None, options.jobs)
        candidates = folder / "candidates.csv"
        shutil.copy(folder / "first" / "data" / "polyp" / "candidates.csv", candidates)
        count = write_images(folder / "first" / "data" / "polyp", source, folder)
        ours, theirs = [], []
        for number in range(options.rounds):
            ours.append(prepare(source, folder / f"work{number}", options.scale, candidates, options.jobs))
            shutil.rmtree(folder / f"work{number}")
            theirs.append(convert_imageset(root, folder, size))
    print(f"\n{count} patches of 3×{size}×{size}, {options.jobs} processes, medians of {options.rounds} rounds")
    print(f"{'':24}{'seconds':>9}{'patches/s':>11}{'MB/s':>8}")
    for title, seconds in (("ftcaffe prepare polyp", ours), ("Caffe convert_imageset", theirs)):
        median = statistics.median(seconds)
        print(f"{title:24}{median:9.2f}{count / median:11.0f}{count * 3 * size * size / median / 1e6:8.1f}")
    print(f"ratio {statistics.median(theirs) / statistics.median(ours):.2f}")


if __name__ == "__main__":
    benchmark()
