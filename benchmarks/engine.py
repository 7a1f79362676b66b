"""Training and forward speed of the engine against BVLC Caffe, turn by turn on the same machine.

    FTCAFFE_ORACLE=/path/to/a/root/with/caffe python benchmarks/engine.py [--rounds N] [NET…]

A step is data from LMDB, forward, backward and update. Both use all cores; the table holds medians of the rounds, and
the ratio is the median of each round's own, since machines drift. `share` is the rate at which the engine does the
net's matrix products, as a share of the rate at which PyTorch multiplies two matrices of 2048 × 2048 in the same
minutes: what is left is everything that is no product. Memory is what the process grew by.
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
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nets import SUBJECTS, Subject

from ftcaffe.proto import caffe_pb2, to_text
from ftcaffe.store import atomic, datum, lmdb

STEP = Path(__file__).with_name("step.py")
Figures = dict[str, float]


def write(folder: Path, subject: Subject) -> None:
    """Nets, solver and an LMDB of two batches of noise."""
    rng = np.random.default_rng(0)
    records = (
        (b"%08d" % i, datum.encode(rng.integers(0, 256, subject.image, dtype=np.uint8), i % subject.classes))
        for i in range(2 * subject.batch)
    )
    lmdb.write(folder / "records.lmdb", records)
    net = subject.net("records.lmdb", subject.batch)
    atomic.write_text(folder / "net.prototxt", to_text(net))
    atomic.write_text(folder / "forward.prototxt", to_text(_fed(net, subject)))
    frozen = [layer.name for layer in net.layer if layer.param and not any(param.lr_mult for param in layer.param)]
    atomic.write_text(folder / "frozen.json", json.dumps(frozen))
    atomic.write_text(
        folder / "solver.prototxt",
        'net: "net.prototxt" base_lr: 0.0001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005\n',
    )


def _fed(net: Any, subject: Subject) -> Any:
    """The net with inputs for its data layers."""
    fed = caffe_pb2.NetParameter()
    source = fed.layer.add(name="data", type="Input", top=["data", "label"])
    source.input_param.shape.add(dim=(subject.batch, *subject.image))
    source.input_param.shape.add(dim=[subject.batch])
    fed.layer.extend(layer for layer in net.layer if layer.type != "Data")
    return fed


def measure(command: list[str]) -> Figures:
    """What a process of `step.py` prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def product_rate(seconds: float = 2.0, size: int = 2048) -> float:
    """Operations a second of PyTorch's matrix product."""
    left, right = torch.randn(size, size), torch.randn(size, size)
    _ = left @ right
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        _ = left @ right
        done += 2 * size**3
    return done / (time.perf_counter() - start)


def compare(subject: Subject, root: str, rounds: int) -> list[tuple[Figures, Figures, float]]:
    """Each round's figures of the engine and of BVLC Caffe, and the machine's product rate."""
    with tempfile.TemporaryDirectory(dir=Path(root) / "tmp") as name:
        folder = Path(name)
        write(folder, subject)
        shutil.copy(STEP, folder)
        inside = f"/{folder.relative_to(root)}"
        return [
            (
                measure([sys.executable, str(STEP), str(folder), "ftcaffe.engine"]),
                measure(["chroot", root, "python3", f"{inside}/{STEP.name}", inside, "caffe"]),
                product_rate(),
            )
            for _ in range(rounds)
        ]


def rows(name: str, batch: int, turns: list[tuple[Figures, Figures, float]]) -> list[str]:
    """Two rows of the table."""
    lines = []
    for what, title in (("step", "training step"), ("forward", "forward")):
        ours, theirs = ([turn[side][what] for turn in turns] for side in (0, 1))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        share = statistics.median(engine[what] * engine[f"{what} products"] / machine for engine, _, machine in turns)
        memory = " / ".join(f"{statistics.median(t[side]['memory'] for t in turns) / 1024:.0f}" for side in (0, 1))
        lines.append(
            f"| {f'{name}, {batch}' if what == 'step' else ''} | {title} | {statistics.median(ours):.1f} "
            f"| {statistics.median(theirs):.1f} | {ratio:.1f} | {share:.0%} | {memory if what == 'step' else ''} |"
        )
    return lines


def benchmark() -> None:
    """Take turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="*", metavar="NET", help=f"of: {'; '.join(SUBJECTS)} (default all)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    root = os.environ.get("FTCAFFE_ORACLE")
    if not root:
        sys.exit("FTCAFFE_ORACLE is not set: it names the root folder in which BVLC Caffe is installed")
    print("| net, batch | | engine, images/s | BVLC Caffe, images/s | ratio | share | memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for name in options.nets or SUBJECTS:
        for row in rows(name, SUBJECTS[name].batch, compare(SUBJECTS[name], root, options.rounds)):
            print(row, flush=True)


if __name__ == "__main__":
    benchmark()
