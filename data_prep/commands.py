"""The verbs that make data: `phantom` writes a synthetic data set, `prepare` reads one into LMDB."""

from __future__ import annotations

import argparse
from pathlib import Path

from data_prep.parallel import jobs_by_default
from ftcaffe import application
from ftcaffe.arguments import add_work
from ftcaffe.command import Command
from ftcaffe.store.lock import Lock


def _jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs", type=_at_least_one, default=jobs_by_default(), help="processes (default: the cores)"
    )


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _fractions(text: str) -> tuple[float, ...]:
    return tuple(sorted({1.0, *map(float, text.split(","))}, reverse=True))


def _phantom_arguments(parser: argparse.ArgumentParser) -> None:
    applications = parser.add_subparsers(dest="application", metavar="APP", required=True)
    for name in application.names():
        app = application.load(name)
        sub = applications.add_parser(
            name, help=app.title, description=f"{app.title}: a synthetic data set, as files."
        )
        sub.add_argument("folder", type=Path, metavar="DIR", help="where to write it")
        sub.add_argument("--seed", type=int, default=0, help="of everything drawn (default: 0)")
        _jobs(sub)
        app.phantom_arguments(sub)


def _phantom(options: argparse.Namespace) -> None:
    application.load(options.application).phantom(options, options.folder)
    print(f"next: ftcaffe prepare {options.application} {options.folder}")


PHANTOM = Command("write a synthetic data set as files", _phantom_arguments, _phantom)


def _prepare_arguments(parser: argparse.ArgumentParser) -> None:
    applications = parser.add_subparsers(dest="application", metavar="APP", required=True)
    for name in application.names():
        app = application.load(name)
        sub = applications.add_parser(name, help=app.title, description=f"{app.title}: from files to LMDB.")
        sub.add_argument("source", type=Path, metavar="SOURCE", help="the data set")
        sub.add_argument("--layout", choices=app.layouts, default=app.layouts[0], help=f"default: {app.layouts[0]}")
        add_work(sub)
        sub.add_argument("--scale", choices=("full", "tiny"), default="full", help="of the net (default: full)")
        sub.add_argument(
            "--total",
            type=int,
            default=100_000,
            help="most patches of training and validation (default: %(default)s)",
        )
        sub.add_argument(
            "--splits", type=Path, metavar="CSV", help="unit,split with train, val, test (default: drawn)"
        )
        sub.add_argument(
            "--test-fraction", type=float, default=0.5, help=f"of the {app.unit}s, where drawn (default: 0.5)"
        )
        sub.add_argument(
            "--fractions",
            type=_fractions,
            default=(1.0,),
            metavar="F,F",
            help=f"training sets reduced to these parts of the {app.unit}s as well, such as 0.5,0.25",
        )
        sub.add_argument("--seed", type=int, default=0, help="of everything drawn (default: 0)")
        _jobs(sub)
        app.prepare_arguments(sub)


def _prepare(options: argparse.Namespace) -> None:
    folder = options.work / "data" / options.application
    with Lock(folder, "prepared"):
        application.load(options.application).prepare(options, options.source, options.work)
    if (folder / "dataset.json").is_file():
        print(f"next: ftcaffe sweep {options.application} --work {options.work} --scale {options.scale}")


PREPARE = Command("from a data set's files to LMDB, manifest and mean", _prepare_arguments, _prepare)
