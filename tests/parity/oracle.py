"""Runs a folder of cases under BVLC Caffe in a root folder, or under the engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

RECORD = Path(__file__).with_name("record.py")


def root() -> Path | None:
    """The root that holds BVLC Caffe, from the environment (FTCAFFE_ORACLE)."""
    given = os.environ.get("FTCAFFE_ORACLE")
    return Path(given) if given else None


def original(folder: Path, where: Path) -> dict[str, np.ndarray]:
    """What BVLC Caffe in the root `where` computes for a folder of cases; files it writes come back to the folder."""
    inside = Path(tempfile.mkdtemp(dir=where / "tmp"))
    try:
        shutil.copytree(folder, inside, dirs_exist_ok=True)
        shutil.copy(RECORD, inside)
        place = Path("/") / inside.relative_to(where)
        _run(["chroot", str(where), "python3", str(place / RECORD.name), str(place), str(place / "out.npz")])
        shutil.copytree(inside, folder, dirs_exist_ok=True)
    finally:
        shutil.rmtree(inside)
    return _arrays(folder / "out.npz")


def engine(folder: Path) -> dict[str, np.ndarray]:
    """What the engine computes for a folder of cases, in a process of its own."""
    _run([sys.executable, str(RECORD), str(folder), str(folder / "ours.npz"), "ftcaffe.engine"])
    return _arrays(folder / "ours.npz")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"GLOG_minloglevel": "2"})
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


def deviation(found: np.ndarray, expected: np.ndarray) -> float:
    """Greatest difference, relative to the greatest expected value."""
    assert found.shape == expected.shape
    if not expected.size:
        return 0.0
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-6))
