"""The original's tools as verbs, under its names and with its arguments."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

from ftcaffe import backend
from ftcaffe.command import Command
from ftcaffe.proto.upgrade import Upgraded
from ftcaffe.tools import original, parse_log, upgrade
from ftcaffe.tools.flags import flag


def _upgrade(what: str, rewrite: Callable[[Path, Path], Upgraded]) -> Command:
    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("source", metavar="IN", type=Path, help=f"{what} of an older form")
        parser.add_argument("target", metavar="OUT", type=Path, help="where it goes in current form")

    def run(options: argparse.Namespace) -> int:
        done = rewrite(options.source, options.target)
        for step in done.steps:
            print(f"upgraded: {step}")
        for what in done.lost:
            print(f"lost: {what}")
        if not done.steps:
            print(f"File already in latest proto format: {options.source}")
        print(f"Wrote {options.target}")
        return 1 if done.lost else 0

    return Command(f"rewrite {what} of an older form in current form", arguments, run)


# The flags of the original's caffe binary: default and meaning.
_FLAGS = {
    "solver": ("", "the solver's prototxt"),
    "model": ("", "the net's prototxt"),
    "weights": ("", "caffemodel to begin with; for train several, separated by commas, but not with a snapshot"),
    "snapshot": ("", "solverstate to resume training from"),
    "iterations": (50, "how many iterations to run"),
    "gpu": ("", "numbers of GPUs, separated by commas, or all; training's batch is then one for each"),
    "phase": ("", "TRAIN (default) or TEST"),
    "level": (0, "the net's level"),
    "stage": ("", "the net's stages, separated by commas"),
    "sigint_effect": ("stop", "what SIGINT does: stop, snapshot or none; SIGTERM does that and takes a snapshot"),
    "sighup_effect": ("snapshot", "what SIGHUP does: stop, snapshot or none"),
}


def _brew(verb: str, text: str, flags: str) -> Command:
    """A command of the caffe binary: its own where BVLC Caffe is the engine, else that of `tools.<verb>`."""

    def arguments(parser: argparse.ArgumentParser) -> None:
        for name in flags.split():
            flag(parser, name, *_FLAGS[name])

    def run(options: argparse.Namespace) -> None:
        given = {name: getattr(options, name) for name in flags.split()}
        if backend.select() == "caffe":
            original.hand_over("caffe", verb, *(f"--{name}={value}" for name, value in given.items()))
        glog = importlib.import_module("ftcaffe.engine.glog")
        glog.to_stderr()
        getattr(importlib.import_module(f"ftcaffe.tools.{verb}"), verb)(**given)

    return Command(text, arguments, run)


def _parse_log_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("log", metavar="LOG", type=Path, help="what Caffe wrote to standard error")
    parser.add_argument("folder", metavar="OUTDIR", type=Path, help="where LOG.train and LOG.test go")
    parser.add_argument("--verbose", action="store_true", help="name the files that were written")
    parser.add_argument("--delimiter", default=",", metavar="C", help="between columns (default ,)")


def _parse_log(options: argparse.Namespace) -> None:
    for path in parse_log.write(options.log, options.folder, options.delimiter):
        if options.verbose:
            print(f"Wrote {path}")


TRAIN = _brew(
    "train",
    "train or finetune a net, as caffe train",
    "solver weights snapshot gpu sigint_effect sighup_effect level stage",
)
TEST = _brew("test", "score weights, as caffe test", "model weights iterations gpu level stage")
TIME = _brew("time", "how long each layer takes, as caffe time", "model iterations gpu phase level stage")
DEVICE_QUERY = _brew("device_query", "what is known of the GPUs", "gpu")
PARSE_LOG = Command("a training log as tables of training and testing", _parse_log_arguments, _parse_log)
UPGRADE_NET_PROTO_TEXT = _upgrade("a net's prototxt", upgrade.net_text)
UPGRADE_NET_PROTO_BINARY = _upgrade("a caffemodel", upgrade.net_binary)
UPGRADE_SOLVER_PROTO_TEXT = _upgrade("a solver's prototxt", upgrade.solver_text)
