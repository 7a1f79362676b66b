"""The verbs that score and compare."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ftcaffe.arguments import add_engine, add_work
from ftcaffe.command import Command

if TYPE_CHECKING:
    from evaluation.report import Written


def _draws(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--draws", type=int, default=1000, help="draws of the units for the intervals (default: 1000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default: 0)")


def _show(written: Written) -> None:
    print(f"{written.table}\n\n{written.sentence}\n\nnext: open {written.page} in a browser")


def _score_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, or its name in the working folder")
    parser.add_argument("--snapshot", default="best", help="'best', or the iteration of a snapshot (default: best)")
    parser.add_argument("--batch", type=int, default=256, help="patches a forward pass (default: 256)")
    add_engine(parser)
    add_work(parser)


def _score(options: argparse.Namespace) -> None:
    from evaluation import runs, score

    settings = score.Settings(options.snapshot, options.batch, options.engine, options.gpu)
    paths = [runs.find(run, options.work) for run in options.runs]
    for path in paths:
        written, made = score.score(path, settings)
        print(f"{written}{'' if made else ' is there already'}")
    work = f" --work {options.work}" if options.work != Path("work") else ""
    print(f"next: ftcaffe report {paths[0].absolute().parent.name}{work}")


SCORE = Command("score the test candidates of finished runs", _score_arguments, _score)


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scores", nargs="+", type=Path, metavar="SCORES", help="scores.h5, or NAME.csv of any software"
    )
    parser.add_argument(
        "--images", type=Path, help="images.csv of the CSV files (default: NAME.images.csv beside each)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("evaluation-report"), help="folder of the curve and the table"
    )
    _draws(parser)


def _evaluate(options: argparse.Namespace) -> None:
    from evaluation import report

    _show(report.evaluate_files(options.scores, options.images, options.out, options.draws, options.seed))


EVALUATE = Command("curve and operating points of files of scores", _evaluate_arguments, _evaluate)


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, or its name in the working folder")
    parser.add_argument("--out", type=Path, help="folder of the page (default: WORK/reports/APP/compare)")
    add_work(parser)
    _draws(parser)


def _compare(options: argparse.Namespace) -> None:
    from evaluation import report

    _show(report.compare_runs(options.runs, options.work, options.out, options.draws, options.seed))


COMPARE = Command("compare runs: convergence, FROC, how far the layers moved", _compare_arguments, _compare)


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APP", help="name of the application")
    add_work(parser)
    _draws(parser)


def _report(options: argparse.Namespace) -> None:
    from evaluation import report

    _show(report.report(options.application, options.work, options.draws, options.seed))


REPORT = Command("the page of all finished runs of an application", _report_arguments, _report)
