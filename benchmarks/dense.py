"""Speed of dense maps: a region at once against its patches in batches, the engine against BVLC Caffe, turn by turn.

    FTCAFFE_ORACLE=/path/to/a/root/with/caffe python benchmarks/dense.py [--rounds N] [--height H] [--width W]

The net is AlexNet at full size, the region the paper's 92 × 60 pixels, a window an eighth of the net's input. Patches
are timed for ten seconds, 50 a batch, and the region's time is theirs in proportion. Both use all cores; the table
holds medians of the rounds, the ratios are medians of each round's own. Without FTCAFFE_ORACLE the engine is alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ftcaffe import engine
from ftcaffe.nets import alexnet
from ftcaffe.nets.dense import ENLARGEMENT, dense
from ftcaffe.proto import to_text
from ftcaffe.store import atomic

REGION = Path(__file__).with_name("region.py")
Seconds = dict[str, float]


def write(folder: Path, height: int, width: int, times: int) -> None:
    """The nets, weights that keep the signal's strength, and a region of noise."""
    deploy, step = alexnet.deploy("cimt", 3), ENLARGEMENT["full"]
    made = dense(deploy, step, height, width)
    atomic.write_text(folder / "deploy.prototxt", to_text(deploy))
    atomic.write_text(folder / "deploy_dense.prototxt", to_text(made.net))
    rows, columns = made.whole(height), made.whole(width)
    region = {"layers": made.layers, "step": step, "pixels": rows * columns, "times": times}
    atomic.write_text(folder / "region.json", json.dumps(region))
    rng = np.random.default_rng(0)
    net = engine.Net(str(folder / "deploy.prototxt"), engine.TEST)
    for blobs in net.params.values():
        weight = blobs[0].data
        weight[...] = rng.standard_normal(weight.shape, dtype=np.float32) * np.sqrt(2 / np.prod(weight.shape[1:]))
    net.save(str(folder / "net.caffemodel"))
    np.save(folder / "data.npy", rng.standard_normal(made.inputs(rows, columns)["data"][1:], dtype=np.float32))


def measure(command: list[str]) -> Seconds:
    """What a process of `region.py` prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(root: str | None, height: int, width: int, rounds: int, times: int) -> list[tuple[Seconds, Seconds]]:
    """Each round's seconds of the engine and of BVLC Caffe, which are none without a root."""
    with tempfile.TemporaryDirectory(dir=Path(root) / "tmp" if root else None) as name:
        folder = Path(name)
        write(folder, height, width, times)
        shutil.copy(REGION, folder)
        turns = []
        for _ in range(rounds):
            theirs: Seconds = {}
            if root:
                inside = f"/{folder.relative_to(root)}"
                theirs = measure(["chroot", root, "python3", f"{inside}/{REGION.name}", inside, "caffe"])
            turns.append((measure([sys.executable, str(REGION), str(folder), "ftcaffe.engine"]), theirs))
        return turns


def benchmark() -> None:
    """Take turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--height", type=int, default=60, help="of the region, in pixels (default %(default)s)")
    parser.add_argument("--width", type=int, default=92, help="of the region, in pixels (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=3, help="regions a round, the best counts (default %(default)s)")
    options = parser.parse_args()
    root = os.environ.get("FTCAFFE_ORACLE")
    turns = compare(root, options.height, options.width, options.rounds, options.times)
    print("| | seconds a region | engine, convolutional, is so many times as fast |")
    print("|---|---|---|")
    for title, side, way in (
        ("engine, convolutional", 0, "convolutional"),
        ("engine, patch by patch", 0, "patchwise"),
        ("BVLC Caffe, convolutional", 1, "convolutional"),
        ("BVLC Caffe, patch by patch", 1, "patchwise"),
    ):
        if turns[0][side]:
            seconds = statistics.median(turn[side][way] for turn in turns)
            ratio = statistics.median(turn[side][way] / turn[0]["convolutional"] for turn in turns)
            print(f"| {title} | {seconds:.1f} | {ratio:.1f} |")


if __name__ == "__main__":
    benchmark()
