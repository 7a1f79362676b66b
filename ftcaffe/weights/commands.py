"""``ftcaffe fetch-weights`` and ``ftcaffe pretrain``: pre-trained weights, published or made here."""

from __future__ import annotations

import argparse

from ftcaffe.arguments import add_engine, add_work
from ftcaffe.command import Command
from ftcaffe.errors import Error
from ftcaffe.nets.alexnet import IMAGENET_MEAN, INPUT_SIZE, Transform


def _fetch_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="bvlc_alexnet", help="default %(default)s")
    parser.add_argument("--url", help="fetch from here in place of the published address")
    add_work(parser)


def _fetch(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from ftcaffe.weights import fetch

    if options.name not in fetch.PUBLISHED:
        raise Error(f"no published weights '{options.name}'", remedy=f"there are: {', '.join(fetch.PUBLISHED)}")
    with tqdm(unit="B", unit_scale=True, disable=None, desc=options.name) as bar:

        def watch(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        path = fetch.fetch(fetch.PUBLISHED[options.name], options.work / "weights", options.url, watch)
    print(f"{path}: fetched, its checksum is right")
    print(f"next: ftcaffe sweep APP --weights {path}")


def _pretrain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", choices=sorted(INPUT_SIZE), default="tiny", help="default %(default)s")
    parser.add_argument("--pieces", type=int, default=6000, help="training records (default %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="records an iteration (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=12, help="default %(default)s")
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default %(default)s")
    add_engine(parser)
    add_work(parser)


def _pretrain(options: argparse.Namespace) -> None:
    from ftcaffe import backend
    from ftcaffe.training.plan import Settings
    from ftcaffe.weights import standin

    settings = Settings(
        scale=options.scale,
        batch=options.batch,
        epochs=options.epochs,
        patience=options.epochs,
        engine=backend.select(options.engine),
        device=backend.device(options.gpu),
        mean=Transform(IMAGENET_MEAN),
        base_rate=options.rate,
    )
    folder = standin.pretrain(options.work, settings, options.pieces, options.seed, options.gpu)
    path, accuracy = standin.publish(options.work, folder, options.scale, backend.load(options.engine, options.gpu))
    print(f"{path}: {100 * accuracy:.1f} % of pieces from parts it never saw are given to the right photograph")
    print(f"next: ftcaffe sweep APP --scale {options.scale} --weights {path}")


FETCH = Command("download published weights, going on where it stopped", _fetch_arguments, _fetch)
PRETRAIN = Command(
    "make the stand-in for published weights from scikit-image's photographs", _pretrain_arguments, _pretrain
)
