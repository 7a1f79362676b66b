"""The runs of a study: every combination of depth, fraction, initialiser and seed, each a folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ftcaffe import __version__
from ftcaffe.errors import Error
from ftcaffe.nets import alexnet
from ftcaffe.nets.depths import BASE_RATE, pretrained, rates
from ftcaffe.nets.shapes import parameter_shapes
from ftcaffe.nets.solver import Schedule, solver
from ftcaffe.proto import to_text
from ftcaffe.store import atomic, table
from ftcaffe.training.dataset import Dataset, count
from ftcaffe.weights.check import check


@dataclass(frozen=True)
class Weights:
    """Pre-trained weights: path (relative to the working folder), digest, and mean (B, G, R) of their training."""

    path: str
    sha256: str
    mean: tuple[float, ...] | None


@dataclass(frozen=True)
class Settings:
    """What every run of a sweep has in common.

    patience : snapshots without a rise of the AUC after which training stops.
    snapshot : iterations between snapshots; None is at the end of each epoch.
    mean : what is subtracted; None is the weights' own mean, or without weights the data set's mean image.
    engine : ``caffe`` or ``torch``. device : ``cpu`` or ``gpu N``.
    """

    scale: str
    batch: int
    epochs: int
    patience: int
    engine: str
    device: str
    weights: Weights | None = None
    snapshot: int | None = None
    mean: alexnet.Transform | None = None
    base_rate: float = BASE_RATE


@dataclass(frozen=True)
class Combination:
    """One point of the grid. `init` is what fills the layers that no pre-trained weights fill."""

    depth: str
    init: str
    fraction: float
    seed: int


@dataclass(frozen=True)
class Run:
    """A planned run: its folder's name, its ``run.json`` and its prototxt files by name."""

    name: str
    record: dict[str, Any]
    files: dict[str, str]


def combinations(
    depths: Sequence[str], fractions: Sequence[float], inits: Sequence[str], seeds: Sequence[int]
) -> list[Combination]:
    """The grid; the initialiser is an axis of scratch alone, and tuned nets start their last layer by gaussian."""
    return [
        Combination(depth, init, fraction, seed)
        for fraction, seed, depth in product(fractions, seeds, depths)
        for init in (("gaussian",) if pretrained(depth) else inits)
    ]


def plan(work: Path, data: Dataset, settings: Settings, grid: Iterable[Combination]) -> list[Run]:
    """The runs of a grid; nothing is written.

    Raises
    ------
    Error : an unknown depth or init, a fraction that is not prepared, patches of another size than the net's input,
        weights that are missing or do not fit.
    """
    grid = list(grid)
    size = alexnet.INPUT_SIZE[settings.scale]
    if data.size != size:
        raise Error(
            f"patches of '{data.application}' are {data.size} × {data.size}, the {settings.scale} net takes {size}",
            remedy=f"prepare them with --scale {settings.scale}, or choose another --scale here",
        )
    tuned = [point.depth for point in grid if pretrained(point.depth)]
    if tuned and settings.weights is None:
        raise Error(f"tuning {tuned[0]} needs pre-trained weights", remedy="give --weights FILE")
    if tuned and settings.weights is not None:
        last = alexnet.last_layer(data.application)
        shapes = parameter_shapes(alexnet.deploy(data.application, len(data.classes), settings.scale), 3, size)
        check(work / settings.weights.path, shapes, [name for name in shapes if name != last])
    records = {fraction: count(work, data.lmdb(fraction)) for fraction in {point.fraction for point in grid}}
    return [_run(work, data, settings, point, records[point.fraction]) for point in grid]


def _run(work: Path, data: Dataset, settings: Settings, point: Combination, records: int) -> Run:
    weights = settings.weights if pretrained(point.depth) else None
    transform = _transform(data, settings)
    schedule = Schedule(records, settings.batch, settings.epochs, settings.base_rate)
    what = {
        "application": data.application,
        **asdict(point),
        "scale": settings.scale,
        "engine": settings.engine,
        "dataset_digest": data.digest,
    }
    how = {
        "records": records,
        "batch": settings.batch,
        "epochs": settings.epochs,
        "patience": settings.patience,
        "snapshot": settings.snapshot,
        "base_rate": settings.base_rate,
    }
    decides = {
        **what,
        **how,
        "device": settings.device.split()[0],
        "weights": weights.sha256 if weights else None,
        "mean": _identity(work, transform),
    }
    identity = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
    row = point.depth if pretrained(point.depth) else f"{point.depth}-{point.init}"
    name = f"{row}_f{100 * point.fraction:g}_s{point.seed}_{identity[:8]}"
    folder = f"runs/{data.application}/{name}"
    learning = rates(point.depth)
    factor = settings.base_rate / BASE_RATE
    record = {
        **what,
        "run": name,
        "identity": identity,
        "engine_version": None,
        "device": settings.device,
        "weights": {"path": weights.path, "sha256": weights.sha256} if weights else None,
        "settings": {
            **how,
            "mean": transform.mean,
            "positive": data.positive,
            "rates": {layer: round(rate * factor, 12) for layer, rate in learning.items()},
        },
        "versions": {"ftcaffe": __version__},
        "resumes": 0,
        "status": "planned",
        "error": None,
    }
    source = alexnet.Source(data.lmdb(point.fraction), data.val, settings.batch, transform)
    classes = len(data.classes)
    files = {
        "train_val.prototxt": to_text(
            alexnet.train_val(data.application, classes, source, learning, point.init, settings.scale)
        ),
        "deploy.prototxt": to_text(alexnet.deploy(data.application, classes, settings.scale)),
        "solver.prototxt": to_text(
            solver(
                schedule,
                net=f"{folder}/train_val.prototxt",
                prefix=f"{folder}/snapshots/run",
                seed=point.seed,
                weights=weights.path if weights else None,
                snapshot=settings.snapshot,
                mode=settings.device.split()[0],
            )
        ),
    }
    return Run(name, record, files)


def write(work: Path, application: str, runs: Sequence[Run]) -> None:
    """Write the folders that are not there yet, and ``plan.csv``. A run that was planned before is left as it is.

    Raises
    ------
    Error : a folder of a run's name holds another run.
    """
    above = work / "runs" / application
    for run in runs:
        folder = above / run.name
        if (folder / "run.json").exists():
            if json.loads((folder / "run.json").read_text())["identity"] != run.record["identity"]:
                raise Error("holds another run", folder, remedy="move it away")
            continue
        with atomic.whole(folder) as beside:
            (beside / "snapshots").mkdir(parents=True)
            for name, text in run.files.items():
                (beside / name).write_text(text)
            (beside / "run.json").write_text(json.dumps(run.record, indent=2) + "\n")
    columns = ("run", "identity", "depth", "init", "fraction", "seed", "scale", "engine")
    table.write(above / "plan.csv", columns, ([run.record[column] for column in columns] for run in runs))


def weights(path: Path, work: Path) -> Weights:
    """Pre-trained weights from a caffemodel, and their mean from the ``.json`` beside it where there is one."""
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise Error(
            "is not there", path, remedy="fetch or make it: ftcaffe fetch-weights, ftcaffe pretrain"
        ) from None
    beside = path.with_suffix(".json")
    mean = tuple(json.loads(beside.read_text())["mean"]) if beside.exists() else None
    return Weights(os.path.relpath(path.resolve(), work.resolve()), digest, mean)


def _transform(data: Dataset, settings: Settings) -> alexnet.Transform:
    """One preprocessing for every run of a sweep, scratch too, so that depth alone differs."""
    if settings.mean is not None:
        return settings.mean
    if settings.weights is None:
        return alexnet.Transform(data.mean)
    if settings.weights.mean is None:
        raise Error(
            "no .json beside it says which mean was subtracted", settings.weights.path, remedy="give --mean B,G,R"
        )
    return alexnet.Transform(settings.weights.mean)


def _identity(work: Path, transform: alexnet.Transform) -> str | list[float]:
    if isinstance(transform.mean, str):
        return hashlib.sha256((work / transform.mean).read_bytes()).hexdigest()
    return list(transform.mean)
