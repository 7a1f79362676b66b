"""Runs a folder of cases under BVLC Caffe in a root folder, or under the engine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

RECORD = Path(__file__).with_name("record.py")


def root() -> Path | None:
    """The root that holds BVLC Caffe, from the environment (FTCAFFE_ORACLE)."""
    given = os.environ.get("FTCAFFE_ORACLE")
    return Path(given) if given else None


@contextmanager
def shared() -> Iterator[Path]:
    """A folder that the original sees too; `run` runs a command there."""
    where = root()
    assert where is not None
    folder = Path(tempfile.mkdtemp(dir=where / "tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def run(folder: Path, *command: str) -> str:
    """What a command prints that is run beside the original, in a folder of `shared`."""
    where = root()
    assert where is not None
    line = f"cd /{folder.relative_to(where)} && GLOG_minloglevel=2 exec {shlex.join(command)}"
    done = subprocess.run(["chroot", str(where), "sh", "-c", line], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def original(folder: Path) -> dict[str, np.ndarray]:
    """What BVLC Caffe computes for a folder of cases; files it writes come back to the folder."""
    with shared() as there:
        shutil.copytree(folder, there, dirs_exist_ok=True)
        shutil.copy(RECORD, there)
        run(there, "python3", RECORD.name, ".", "out.npz")
        shutil.copytree(there, folder, dirs_exist_ok=True)
    return _arrays(folder / "out.npz")


def engine(folder: Path) -> dict[str, np.ndarray]:
    """What the engine computes for a folder of cases, in a process of its own."""
    command = [sys.executable, str(RECORD), str(folder), str(folder / "ours.npz"), "ftcaffe.engine"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return _arrays(folder / "ours.npz")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


def deviation(found: np.ndarray, expected: np.ndarray) -> float:
    """Greatest difference, relative to the greatest expected value; what is not finite is the same on both sides."""
    assert found.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    if not finite.any():
        return 0.0
    expected = expected[finite]
    return float(np.abs(found[finite] - expected).max() / max(np.abs(expected).max(), 1e-6))
