"""Training and forward speed of the engine against BVLC Caffe, turn by turn on the same machine.

    FTCAFFE_ORACLE=/path/to/a/root/with/caffe python benchmarks/engine.py [--rounds N] [NET…]

A step is data from LMDB, forward, backward and update. Both use all cores; the table holds medians of the rounds, and
the ratio is the median of each round's own, since machines drift. `share` is the rate at which the engine does the
net's matrix products, as a share of the rate at which PyTorch multiplies two matrices of 2048 × 2048 in the same
minutes: what is left is everything that is no product. Memory is the most that each process held while it trained,
and the most that one holds which does no more than a small convolution, pooling and product in PyTorch, forward and
backward: what the library itself takes. The system counts it from what the starting process held, so that less than
this one's 240 MB reads as that.
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
ALONE = """
import resource, torch
x, kernel = (torch.randn(2, 3, n, n, requires_grad=True) for n in (8, 3))
y = torch.nn.functional.max_pool2d(torch.nn.functional.conv2d(x, kernel), 2).flatten(1)
(y @ torch.randn(y.shape[1], 5)).sum().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
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


def measure(command: list[str]) -> Any:
    """What a process prints in its last line, JSON."""
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


def rows(name: str, batch: int, turns: list[tuple[Figures, Figures, float]], alone: float) -> list[str]:
    """Two rows of the table; `alone` is PyTorch's own memory in kB."""
    engine, original = (statistics.median(turn[side]["memory"] for turn in turns) for side in (0, 1))
    most, theirs, own, over = (kb / 1024 for kb in (engine, original, alone, engine - original - alone))
    memory = f"{most:.0f} − ({theirs:.0f} + {own:.0f}) = {over:+.0f}"
    lines = []
    for what, title in (("step", "training step"), ("forward", "forward")):
        ours, others = ([turn[side][what] for turn in turns] for side in (0, 1))
        ratio = statistics.median(a / b for a, b in zip(ours, others, strict=True))
        share = statistics.median(engine[what] * engine[f"{what} products"] / machine for engine, _, machine in turns)
        lines.append(
            f"| {f'{name}, {batch}' if what == 'step' else ''} | {title} | {statistics.median(ours):.1f} "
            f"| {statistics.median(others):.1f} | {ratio:.1f} | {share:.0%} | {memory if what == 'step' else ''} |"
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
    alone = measure([sys.executable, "-c", ALONE])
    print(
        "| net, batch | | engine, images/s | BVLC Caffe, images/s | ratio | share "
        "| memory, MB: engine − (BVLC Caffe + PyTorch alone) |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in options.nets or SUBJECTS:
        for row in rows(name, SUBJECTS[name].batch, compare(SUBJECTS[name], root, options.rounds), alone):
            print(row, flush=True)


if __name__ == "__main__":
    benchmark()
