"""Spots on leaves: an application with candidates and patches of its own, outside ftcaffe."""

from __future__ import annotations

import argparse
from pathlib import Path

from ftcaffe.application import Application

CLASSES = ("healthy", "spot")


def _phantom_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plants", type=int, default=8, help="how many plants (default: 8)")


def _phantom(options: argparse.Namespace, folder: Path) -> None:
    from leaves import data

    data.draw(folder, options.plants, options.seed)


def _prepare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=4, help="quarter turns of each candidate (default: 4)")


def _prepare(options: argparse.Namespace, source: Path, work: Path) -> None:
    from leaves import data

    data.prepare(options, source, work)


LEAVES = Application(
    name="leaves",
    title="Spots on leaves",
    classes=CLASSES,
    positive=1,
    layouts=("leaves",),
    unit="plant",
    image="leaf",
    curve="froc",
    operating_points=(0.1, 1.0),
    phantom_arguments=_phantom_arguments,
    phantom=_phantom,
    prepare_arguments=_prepare_arguments,
    prepare=_prepare,
)
