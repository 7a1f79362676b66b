"""Training and forward speed of the engine against BVLC Caffe, turn by turn on the same machine.

    FTCAFFE_ORACLE=/path/to/a/root/with/caffe python benchmarks/engine.py

A step is data from LMDB, forward, backward and update. Both use all cores; the table holds medians of the rounds, and
the ratio is the median of each round's own, since machines drift.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ftcaffe.nets import alexnet, depths
from ftcaffe.proto import to_text
from ftcaffe.store import atomic, datum, lmdb

STEP = Path(__file__).with_name("step.py")


def write(folder: Path, scale: str, depth: str, batch: int) -> None:
    """Net, solver and an LMDB of two batches of noise."""
    size = alexnet.INPUT_SIZE[scale]
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 256, (3, size, size), dtype=np.uint8) for _ in range(2 * batch))
    lmdb.write(folder / "records.lmdb", ((b"%08d" % i, datum.encode(image, i % 2)) for i, image in enumerate(images)))
    source = alexnet.Source("records.lmdb", "records.lmdb", batch)
    net = alexnet.train_val("polyp", 2, source, depths.rates(depth), scale=scale)
    atomic.write_text(folder / "net.prototxt", to_text(net))
    atomic.write_text(folder / "deploy.prototxt", to_text(alexnet.deploy("polyp", 2, scale, batch)))
    atomic.write_text(
        folder / "solver.prototxt",
        'net: "net.prototxt" base_lr: 0.0001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005\n',
    )


def measure(command: list[str]) -> tuple[float, float]:
    """Training and forward images a second that a process prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    trained, scored = done.stdout.split()[-2:]
    return float(trained), float(scored)


def benchmark() -> None:
    """Take turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    root = os.environ.get("FTCAFFE_ORACLE")
    if not root:
        sys.exit("FTCAFFE_ORACLE is not set: it names the root folder in which BVLC Caffe is installed")
    print("| net, depth, batch | | engine, images/s | BVLC Caffe, images/s | ratio |")
    print("|---|---|---|---|---|")
    for scale, depth, batch in (("full", "scratch", 50), ("full", "fc6-fc8", 50), ("tiny", "scratch", 64)):
        with tempfile.TemporaryDirectory(dir=Path(root) / "tmp") as name:
            folder = Path(name)
            write(folder, scale, depth, batch)
            shutil.copy(STEP, folder)
            inside = f"/{folder.relative_to(root)}"
            rounds = [
                (
                    measure([sys.executable, str(STEP), str(folder), "ftcaffe.engine"]),
                    measure(["chroot", root, "python3", f"{inside}/{STEP.name}", inside, "caffe"]),
                )
                for _ in range(options.rounds)
            ]
        for what, index in (("training step", 0), ("forward", 1)):
            ours, theirs = ([turn[side][index] for turn in rounds] for side in (0, 1))
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            mine, caffes = statistics.median(ours), statistics.median(theirs)
            print(f"| {scale} {depth} {batch} | {what} | {mine:.1f} | {caffes:.1f} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    benchmark()
