"""The original's tools as verbs, under its names and with its arguments."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

from ftcaffe import backend
from ftcaffe.command import Command
from ftcaffe.errors import Error
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
        for lost in done.lost:
            print(f"lost: {lost}")
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


def _convert_imageset_arguments(parser: argparse.ArgumentParser) -> None:
    flag(parser, "gray", False, "read pictures as grey ones")
    flag(parser, "shuffle", False, "in random order")
    flag(parser, "backend", "lmdb", "lmdb; leveldb is not written")
    flag(parser, "resize_width", 0, "width that all are resized to")
    flag(parser, "resize_height", 0, "height that all are resized to")
    flag(parser, "check_size", False, "stop at a picture of another size than the first")
    flag(parser, "encoded", False, "store the encoded files")
    flag(parser, "encode_type", "", "encode pictures as png, jpg …")
    parser.add_argument("root", metavar="ROOTFOLDER/", help="put before each file name of the list")
    parser.add_argument("list", metavar="LISTFILE", type=Path, help="'FILE LABEL' a line")
    parser.add_argument("target", metavar="DB_NAME", type=Path, help="the LMDB")


def _convert_imageset(options: argparse.Namespace) -> None:
    from ftcaffe.tools.convert_imageset import Conversion, convert

    _only_lmdb(options.backend)
    how = Conversion(**{name: getattr(options, name) for name in Conversion.__dataclass_fields__})
    convert(options.root, options.list, options.target, how)


def _compute_image_mean_arguments(parser: argparse.ArgumentParser) -> None:
    flag(parser, "backend", "lmdb", "lmdb; leveldb is not read")
    parser.add_argument("source", metavar="INPUT_DB", type=Path, help="the LMDB")
    parser.add_argument("target", metavar="OUTPUT_FILE", type=Path, nargs="?", help="the mean as a binaryproto")


def _compute_image_mean(options: argparse.Namespace) -> None:
    from ftcaffe.tools.compute_image_mean import compute

    _only_lmdb(options.backend)
    compute(options.source, options.target)


def _extract_features_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", metavar="WEIGHTS", help="caffemodel")
    parser.add_argument("net", metavar="PROTO", help="prototxt of a net with a data layer")
    parser.add_argument("blobs", metavar="BLOB[,BLOB2]", help="the blobs to write")
    parser.add_argument("targets", metavar="DB[,DB2]", help="an LMDB for each blob")
    parser.add_argument("batches", metavar="NUM_MINI_BATCHES", type=int, help="how many forward passes")
    parser.add_argument("backend", metavar="DB_TYPE", help="lmdb; leveldb is not written")
    parser.add_argument("mode", metavar="CPU|GPU", nargs="?", default="CPU", help="default CPU")
    parser.add_argument("device", metavar="DEVICE_ID", nargs="?", type=int, default=0, help="GPU (default 0)")


def _extract_features(options: argparse.Namespace) -> None:
    from ftcaffe.tools.extract_features import extract

    _only_lmdb(options.backend)
    caffe = backend.load(gpu=options.device if options.mode == "GPU" else None).caffe
    targets = [Path(target) for target in options.targets.split(",")]
    extract(caffe, options.weights, options.net, options.blobs.split(","), targets, options.batches)


def _only_lmdb(name: str) -> None:
    if name != "lmdb":
        raise Error(f"no backend '{name}'", remedy="there is: lmdb")


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
CONVERT_IMAGESET = Command(
    "pictures of a list to an LMDB, as convert_imageset", _convert_imageset_arguments, _convert_imageset
)
COMPUTE_IMAGE_MEAN = Command(
    "the mean image of an LMDB, as compute_image_mean", _compute_image_mean_arguments, _compute_image_mean
)
EXTRACT_FEATURES = Command(
    "blobs of a net to LMDBs, as extract_features", _extract_features_arguments, _extract_features
)
