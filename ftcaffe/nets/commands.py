"""``ftcaffe nets``: emits an application's nets and solvers."""

from __future__ import annotations

import argparse
from pathlib import Path

from ftcaffe.command import Command
from ftcaffe.errors import Error
from ftcaffe.nets import alexnet, emit
from ftcaffe.nets.solver import MODES


def mean(text: str) -> alexnet.Transform:
    """The transform that ``--mean`` asks for: a binaryproto's path, or one number a channel."""
    if text.endswith(".binaryproto"):
        return alexnet.Transform(text)
    try:
        values = tuple(float(value) for value in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, 3):
        raise argparse.ArgumentTypeError(f"'{text}' is neither a .binaryproto nor B,G,R")
    return alexnet.Transform(values)


def _arguments(parser: argparse.ArgumentParser) -> None:
    default = emit.Options()
    parser.add_argument("application", metavar="APP", help="names the nets, their data and their last layer")
    parser.add_argument("--classes", type=int, help="number of classes (default: the paper's application)")
    parser.add_argument("--records", type=int, help="training patches, an epoch (default: the paper's)")
    parser.add_argument("--scale", choices=sorted(alexnet.INPUT_SIZE), default=default.scale)
    parser.add_argument("--batch", type=int, default=default.batch, help="patches an iteration (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=default.epochs, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=default.seed, help="default %(default)s")
    parser.add_argument(
        "--mean", type=mean, default=default.transform, metavar="FILE|B,G,R", help="default: ImageNet's, by channel"
    )
    parser.add_argument("--snapshot", type=int, help="iterations between snapshots (default: an epoch)")
    parser.add_argument("--solver-mode", choices=MODES, default=default.mode, help="default %(default)s")
    parser.add_argument("--weights", default=default.weights, help="the caffemodel tuned (default %(default)s)")
    parser.add_argument(
        "--inits", default=",".join(default.inits), help="initialisers of scratch (default %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=Path(), help="the working folder (default: here)")


def _run(options: argparse.Namespace) -> None:
    paper = emit.PAPER.get(options.application)
    classes = options.classes or (paper and paper.classes)
    records = options.records or (paper and paper.records)
    if not classes or not records:
        raise Error(f"'{options.application}' is not in the paper", remedy="give --classes and --records")
    written = emit.write(
        options.application,
        emit.TrainingSet(classes, records, paper.region if paper else None),
        emit.Options(
            scale=options.scale,
            batch=options.batch,
            epochs=options.epochs,
            seed=options.seed,
            transform=options.mean,
            snapshot=options.snapshot,
            mode=options.solver_mode,
            weights=options.weights,
            inits=tuple(options.inits.split(",")),
        ),
        options.out,
    )
    print(f"{len(written)} files in {written[0].parent} and {written[-1].parent}")
    first = written[-1].relative_to(options.out)
    print(f"next: cd {options.out} && caffe train --solver {first}")


NETS = Command("write an application's nets and solvers, one for each depth of tuning", _arguments, _run)
