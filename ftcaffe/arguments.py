"""The options that several verbs share, spelt and explained once."""

from __future__ import annotations

import argparse
from pathlib import Path

from ftcaffe.backend import ENGINES, default_gpu


def add_work(parser: argparse.ArgumentParser) -> None:
    """The working folder, where all that is made lies."""
    parser.add_argument("--work", type=Path, default=Path("work"), help="the working folder (default: work)")


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Where nets run."""
    parser.add_argument("--engine", choices=ENGINES, help="default: FTCAFFE_ENGINE, else BVLC Caffe if it is there")
    parser.add_argument(
        "--gpu",
        type=int,
        metavar="N",
        default=default_gpu(),
        help="number of the GPU (default: FTCAFFE_GPU, else the CPU)",
    )
