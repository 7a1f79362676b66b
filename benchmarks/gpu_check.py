"""The original and the engine, on CPU and GPU, on the same nets, solvers and LMDB: numbers, determinism, speed.

    python benchmarks/gpu_check.py [--out DIR] [--gpu N] [--sides SIDE,…]

The original is what Python imports as `caffe`; else the image `ftcaffe-caffe-cuda-check`, where docker runs and has
it (make image-caffe-cuda), which does its two sides into the same folder; else, on the CPU, the root that
FTCAFFE_ORACLE names. Sides that were done before are kept, so that what one machine or image did is joined by what
another does. The tables go to DIR/table.md. Exit status: 0 all within the tolerances, 1 not all, 2 a fault, 3 no GPU,
so that nothing of one was checked.

The random numbers of a GPU are the original's own there, so cases that draw any (dropout) are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from gpu_table import BATCHES, SIDES, Values, agree, read, tables
from parity import cases, folder, oracle
from parity.oracle import RECORD

from ftcaffe import gpus
from ftcaffe.errors import Error
from ftcaffe.nets import alexnet, depths
from ftcaffe.proto import to_text
from ftcaffe.store import atomic, datum, lmdb

RECORDED = RECORD.with_name("recorded")
FAMILIES = ("convolution", "pooling", "normalize", "neuron", "elementwise", "loss", "solvers", "alexnet")
IMAGE = "ftcaffe-caffe-cuda-check"
NO_GPU = 3
_LAYER = re.compile(r"\s(\S+)\s+(forward|backward): ([\d.e+-]+) ms\.")

_FTCAFFE = "import sys; from ftcaffe.command import main; sys.exit(main())"


class Runner:
    """Runs programs beside one engine, in a folder that both it and this process see."""

    def __init__(self, module: str, root: Path | None) -> None:
        self.module, self.root = module, root

    def __call__(self, place: Path, *command: str) -> str:
        """What a command prints; standalone scripts are found in `place` itself."""
        if self.root is not None:
            inside = f'cd /{place.relative_to(self.root)} && exec "$@"'
            line = ["chroot", str(self.root), "sh", "-c", inside, "sh", *command]
        else:
            line = [sys.executable if command[0] == "python3" else command[0], *command[1:]]
        engine = "caffe" if self.module == "caffe" else "torch"
        environment = {**os.environ, "FTCAFFE_ENGINE": engine, "FTCAFFE_GPU": ""}
        done = subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True)
        if done.returncode:
            last = ([line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"])[-1]
            raise Error(f"{' '.join(command)} ended with {done.returncode}: {last}")
        return done.stdout + done.stderr

    def time(self, place: Path, batch: int, gpu: int | None) -> dict[str, dict[str, float]]:
        """Milliseconds of each layer's forward and backward, as `caffe time` has them."""
        flags = [f"--model=net_{batch}.prototxt", "--iterations=10", *([] if gpu is None else [f"--gpu={gpu}"])]
        program = ["caffe"] if self.module == "caffe" else ["python3", "-c", _FTCAFFE]
        found: dict[str, dict[str, float]] = {}
        for layer, way, value in _LAYER.findall(self(place, *program, "time", *flags)):
            found.setdefault(layer, {})[way] = float(value)
        return found


def chosen(family: str) -> dict[str, dict]:
    """The cases of a family that draw no random numbers on a GPU."""
    return {
        name: case
        for name, case in cases.of(family).items()
        if "seed" not in case and "dropout" not in name and not case.get("memory")
    }


def reference() -> Values:
    """What the original computed on a CPU, as the tests' recording has it."""
    found: Values = {}
    for family in FAMILIES:
        wanted = chosen(family)
        with np.load(RECORDED / f"{family}.npz") as stored:
            found |= {f"{family}/{key}": stored[key] for key in stored if key.partition(":")[0] in wanted}
    return found


def write(place: Path) -> None:
    """Cases, and AlexNet at each batch with an LMDB of noise, beside the scripts that stand alone."""
    for family in FAMILIES:
        folder.write(place / family, chosen(family))
    rng = np.random.default_rng(0)
    noise = (
        (b"%08d" % i, datum.encode(rng.integers(0, 256, (3, 227, 227), dtype=np.uint8), i % 2)) for i in range(256)
    )
    lmdb.write(place / "records.lmdb", noise)
    for batch in BATCHES:
        source = alexnet.Source("records.lmdb", "records.lmdb", batch)
        net = alexnet.train_val("polyp", 2, source, depths.rates("scratch"))
        atomic.write_text(place / f"net_{batch}.prototxt", to_text(net))
        atomic.write_text(place / f"deploy_{batch}.prototxt", to_text(alexnet.deploy("polyp", 2, "full", batch)))
        rule = 'base_lr: 0.0001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 snapshot_after_train: false'
        atomic.write_text(place / f"solver_{batch}.prototxt", f'net: "net_{batch}.prototxt" {rule}\n')
    for script in (RECORD, *(Path(__file__).with_name(name) for name in ("gpu_side.py", "step.py"))):
        shutil.copy(script, place)


def do(name: str, runner: Runner, gpu: int | None, place: Path, out: Path) -> None:
    """Run one side whole: the values twice, then speed, and layer by layer."""
    where = [] if gpu is None else [str(gpu)]
    with atomic.whole(out / name) as beside:
        beside.mkdir()
        for turn in ("values", "again"):
            values: Values = {}
            for family in FAMILIES:
                runner(place, "python3", RECORD.name, family, "out.npz", runner.module, *where)
                with np.load(place / "out.npz") as stored:
                    values |= {f"{family}/{key}": stored[key] for key in stored}
            np.savez_compressed(beside / f"{turn}.npz", **values)
        speed, layers = {}, {}
        for batch in BATCHES:
            runner(place, "python3", "gpu_side.py", ".", "speed.json", runner.module, str(batch), *where)
            speed[str(batch)] = json.loads((place / "speed.json").read_text())
            layers[str(batch)] = runner.time(place, batch, gpu)
        version = runner(place, "python3", "-c", f"import {runner.module} as c; print(c.__version__)").split()[-1]
        told = {"version": version, "speed": speed, "layers": layers}
        atomic.write_text(beside / "side.json", json.dumps(told, indent=1))


def runners(gpu: int | None) -> dict[str, tuple[Runner, int | None]]:
    """What can be run here: a runner and a device for each side."""
    found: dict[str, tuple[Runner, int | None]] = {}
    here = find_spec("caffe") is not None
    if here or oracle.root() is not None:
        found["original-cpu"] = (Runner("caffe", None if here else oracle.root()), None)
    if here and gpu is not None:
        found["original-gpu"] = (Runner("caffe", None), gpu)
    if find_spec("torch") is not None:
        found["engine-cpu"] = (Runner("ftcaffe.engine", None), None)
        if gpu is not None:
            found["engine-gpu"] = (Runner("ftcaffe.engine", None), gpu)
    return found


def image(out: Path, gpu: int) -> None:
    """Have the image do the original's sides, where docker runs and has it."""
    if find_spec("caffe") is not None or shutil.which("docker") is None:
        return
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True).returncode:
        return
    user = f"{os.getuid()}:{os.getgid()}"
    command = ["docker", "run", "--rm", "--gpus", "all", "-u", user, "-v", f"{out.resolve()}:/study", IMAGE]
    subprocess.run([*command, "gpu-check", "--out", "/study", "--gpu", str(gpu)], check=False)


def main() -> int:
    """Do the sides that are not done, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu-check"), metavar="DIR")
    parser.add_argument("--gpu", type=int, default=0, metavar="N", help="number of the GPU (default 0)")
    parser.add_argument("--sides", default=",".join(SIDES), help=f"of {', '.join(SIDES)} (default: all)")
    options = parser.parse_args()
    asked = options.sides.split(",")
    if unknown := [name for name in asked if name not in SIDES]:
        raise Error(f"no side '{unknown[0]}'", remedy=f"there are: {', '.join(SIDES)}")
    seen = gpus.driver()
    with_gpu = seen is not None and bool(seen.gpus)
    if not with_gpu and any(name.endswith("-gpu") for name in asked):
        print("gpu-check: no GPU is seen, so nothing was checked", file=sys.stderr)
        return NO_GPU
    if with_gpu:
        gpus.check(options.gpu, seen, None, "gpu-check")
    options.out.mkdir(parents=True, exist_ok=True)
    if with_gpu:
        image(options.out, options.gpu)
    here = runners(options.gpu if with_gpu else None)
    root = next((runner.root for runner, _ in here.values() if runner.root is not None), None)
    with tempfile.TemporaryDirectory(dir=root / "tmp" if root else None) as name:
        place = Path(name)
        place.chmod(0o755)
        write(place)
        for side in asked:
            if side in here and not (options.out / side).exists():
                print(f"{SIDES[side]} …", file=sys.stderr, flush=True)
                do(side, *here[side], place, options.out)
    return conclude(options.out, asked)


def conclude(out: Path, asked: list[str]) -> int:
    """Write the tables of every side that is there; the exit status."""
    found = [side for side in (read(out / name) for name in SIDES) if side is not None]
    live = next((side for side in found if side.name == "original-cpu"), None)
    expected, of = (reference(), "the recorded original, CPU") if live is None else (live.values, "the original, CPU")
    lines = list(tables(found, expected, of))
    lines += [f"Not run: {SIDES[name]}." for name in asked if name not in {side.name for side in found}]
    atomic.write_text(out / "table.md", "\n".join([*lines, ""]))
    print("\n".join(lines))
    if not any(side.name.endswith("-gpu") for side in found):
        print("gpu-check: nothing of a GPU was checked", file=sys.stderr)
        return NO_GPU
    return 0 if agree(found, expected) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Error as error:
        print(f"gpu-check: {error}", file=sys.stderr)
        sys.exit(2)
