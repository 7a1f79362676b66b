"""``ftcaffe sweep`` and ``ftcaffe status``: the study's runs, planned, done and shown."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftcaffe.arguments import add_engine, add_work
from ftcaffe.command import Command
from ftcaffe.nets.alexnet import INITS, INPUT_SIZE
from ftcaffe.nets.commands import mean
from ftcaffe.nets.depths import DEPTHS


def _list(convert: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    def parse(text: str) -> list[Any]:
        return [convert(part) for part in text.split(",")]

    parse.__name__ = f"comma-separated {convert.__name__}"
    return parse


def _sweep_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APP", help="the prepared application")
    parser.add_argument(
        "--depths", type=_list(str), default=list(DEPTHS), help=f"comma-separated (default: {','.join(DEPTHS)})"
    )
    parser.add_argument("--fractions", type=_list(float), default=[1.0], help="of the training data (default 1.0)")
    parser.add_argument(
        "--inits", type=_list(str), default=["gaussian"], help=f"of scratch: {','.join(INITS)} (default gaussian)"
    )
    parser.add_argument("--seeds", type=_list(int), default=[0], help="default 0")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="the pre-trained caffemodel")
    parser.add_argument("--scale", choices=sorted(INPUT_SIZE), default="full", help="default full")
    parser.add_argument("--batch", type=int, default=128, help="patches an iteration (default 128)")
    parser.add_argument("--epochs", type=int, default=30, help="at most (default 30)")
    parser.add_argument(
        "--patience", type=int, default=5, help="stop after so many snapshots without a rise of the AUC (default 5)"
    )
    parser.add_argument("--snapshot", type=int, metavar="N", help="iterations between snapshots (default: an epoch)")
    parser.add_argument(
        "--mean", type=mean, metavar="FILE|B,G,R", help="default: the weights' own; without weights the data set's"
    )
    add_engine(parser)
    add_work(parser)
    parser.add_argument("--dry-run", action="store_true", help="write the plan and the runs' folders, train nothing")


def _sweep(options: argparse.Namespace) -> int:
    from ftcaffe import backend
    from ftcaffe.training import dataset, plan, sweep

    work: Path = options.work
    # A plan may be made elsewhere than where it is done.
    engine = backend.select(options.engine) if options.dry_run else backend.expect(options.engine, options.gpu)
    settings = plan.Settings(
        scale=options.scale,
        batch=options.batch,
        epochs=options.epochs,
        patience=options.patience,
        engine=engine,
        device=backend.device(options.gpu),
        weights=plan.weights(options.weights, work) if options.weights else None,
        snapshot=options.snapshot,
        mean=options.mean,
    )
    grid = plan.combinations(options.depths, options.fractions, options.inits, options.seeds)
    runs = plan.plan(work, dataset.read(work, options.application), settings, grid)
    plan.write(work, options.application, runs)
    above = work / "runs" / options.application
    print(f"{len(runs)} runs in {above}, listed in {above / 'plan.csv'}")
    if options.dry_run:
        print("next: the same command without --dry-run")
        return 0
    failed = sweep.sweep(work, [above / run.name for run in runs], options.gpu)
    if failed:
        print(f"{len(failed)} of {len(runs)} runs failed: {', '.join(failed)}")
        return 1
    print(f"next: ftcaffe score {above}/*/")
    return 0


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APP")
    add_work(parser)


def _status(options: argparse.Namespace) -> None:
    from ftcaffe.training import sweep

    states = sweep.states(options.work, options.application)
    width = max(len(state.name) for state in states)
    print(f"{'run':<{width}}  {'status':<11}  {'iteration':>15}  {'best AUC':>8}  {'epoch':>5}  {'left':>8}")
    for state in states:
        auc = "" if state.best_auc is None else f"{state.best_auc:.4f}"
        epoch = "" if state.best_epoch is None else str(state.best_epoch)
        left = "" if state.remaining is None else f"{state.remaining / 60:.1f} min"
        done = f"{state.iteration} of {state.iterations}"
        print(f"{state.name:<{width}}  {state.status:<11}  {done:>15}  {auc:>8}  {epoch:>5}  {left:>8}")
        if state.error:
            print(f"  {state.error}")


SWEEP = Command("plan and do the runs of a study: depths, fractions, initialisers, seeds", _sweep_arguments, _sweep)
STATUS = Command("where each run stands", _status_arguments, _status)
