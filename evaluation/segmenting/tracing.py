"""A run's interfaces in the test regions: confidence maps by its net, traced by snakes, into ``traces.h5``."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from tqdm import tqdm

from evaluation.scoring import runs
from evaluation.scoring.runs import Run
from evaluation.scoring.score import same_data, snapshot_of
from evaluation.segmenting import dense, interfaces
from ftcaffe import backend
from ftcaffe.errors import Error
from ftcaffe.nets import preprocessing
from ftcaffe.nets.preprocessing import Preprocessing
from ftcaffe.store import atomic, regions
from ftcaffe.store.regions import Region

_log = logging.getLogger(__name__)

TOLERANCE = 0.05
"""Mean difference of a probability from which on convolutional maps are warned of."""

# From a region to class probabilities, classes × height × width.
Mapping = Callable[[Region], np.ndarray]


@dataclass(frozen=True)
class Settings:
    """How regions are mapped and traced.

    snapshot, batch, engine, gpu : as for `score.Settings`.
    maps : one of `dense.MODES`.
    trace : see `interfaces.Settings`.
    """

    snapshot: str = "best"
    batch: int = 256
    engine: str | None = None
    gpu: int | None = None
    maps: str = "patchwise"
    trace: interfaces.Settings = field(default_factory=interfaces.Settings)


@dataclass(frozen=True, eq=False)
class Traced:
    """What a run finds in a region.

    confidence : float32, 2 × height × width, of the upper and of the lower interface.
    start : (2, width) rows of the maxima. rows : (2, width) of the snakes.
    """

    confidence: np.ndarray
    start: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Traces:
    """What a run finds in every test region, in the order of ``regions.h5``.

    run, snapshot, maps, dataset : the run's name, the snapshot and way of mapping, the data set's digest.
    names : of the regions.
    settings : of the tracing, as JSON.
    """

    run: str
    snapshot: str
    maps: str
    dataset: str
    names: tuple[str, ...]
    traced: tuple[Traced, ...]
    settings: str = ""


def path_of(run: Run) -> Path:
    """Where a run's traces are or will be."""
    return run.folder / "traces.h5"


def has_regions(run: Run) -> bool:
    """Whether the data set of a run has regions to trace."""
    return (run.work / "data" / run.application / "regions.h5").is_file()


def trace(folder: Path, settings: Settings) -> tuple[Path, bool]:
    """Map and trace every test region by the run in `folder`, into its ``traces.h5``.

    Returns
    -------
    path, made : the file, and False when it was there already, of that snapshot, way of mapping and tracing.

    Raises
    ------
    Error : the run is not finished, was trained on other data, or its snapshot is gone.
    """
    run = runs.read(folder)
    snapshot = snapshot_of(run, settings.snapshot)
    data = run.work / "data" / run.application
    dataset = runs.read_json(data / "dataset.json")
    same_data(run, dataset)
    side, maps, path = float(dataset["patch"]), settings.maps, path_of(run)
    how = json.dumps(asdict(settings.trace), sort_keys=True)
    if path.is_file():
        there = read(path)
        if (there.snapshot, there.maps, there.dataset, there.settings) == (snapshot, maps, dataset["digest"], how):
            return path, False
    engine = backend.load(settings.engine, settings.gpu)
    net = engine.deployed(run.folder / "deploy.prototxt", run.folder / snapshot, settings.batch)
    transform = preprocessing.read(run.folder / "train_val.prototxt", run.work)
    mapping = mapper(engine.caffe, run.folder / "deploy.prototxt", net, transform, side, maps, settings.batch)
    places = np.atleast_1d(dataset["positive"]).tolist()
    tested = regions.read(data / "regions.h5", "test")
    found = [
        traced(mapping(region), places, settings.trace)
        for region in tqdm(tested, desc=f"{run.name} maps", unit="region", disable=None)
    ]
    names = tuple(region.name for region in tested)
    write(path, Traces(run.name, snapshot, maps, dataset["digest"], names, tuple(found), how))
    return path, True


def mapper(
    caffe: Any, deploy: Path, net: Any, transform: Preprocessing, side: float, maps: str, batch: int
) -> Mapping:
    """The function from regions to class probabilities that a trained net makes; `maps` is one of `dense.MODES`.

    The convolutional way says at its first region how far it is from patch by patch.
    """
    if maps not in dense.MODES:
        raise Error(f"--maps {maps} is none of {', '.join(dense.MODES)}")
    if maps == "patchwise":
        return lambda region: dense.patchwise(net, transform, region, side, batch)
    convolutional = dense.Convolutional(caffe, deploy, net, transform, side)
    told = False

    def mapped(region: Region) -> np.ndarray:
        nonlocal told
        found = convolutional(region)
        if not told:
            gap = dense.deviation(found, net, transform, region, side, batch=batch)
            _log.log(
                logging.WARNING if gap.mean > TOLERANCE else logging.INFO,
                "%s: probabilities differ from those patch by patch by %.3f on average, by %.3f at most (%d pixels)",
                region.name, gap.mean, gap.most, gap.pixels,
            )  # fmt: skip
            told = True
        return found

    return mapped


def traced(probability: np.ndarray, places: Sequence[int], settings: interfaces.Settings) -> Traced:
    """Trace both interfaces in class probabilities (classes × height × width); `places` are their labels."""
    upper, lower = (probability[place] for place in places)
    found = interfaces.trace(upper, lower, settings)
    return Traced(
        confidence=np.stack([upper, lower]),
        start=np.stack([found.start_li, found.start_ma]),
        rows=np.stack([found.li.rows, found.ma.rows]),
    )


def write(path: Path, traces: Traces) -> None:
    """Write ``traces.h5`` whole."""
    with atomic.whole(path) as beside, h5py.File(beside, "w") as file:
        for name in ("run", "snapshot", "maps", "dataset", "settings"):
            file.attrs[name] = getattr(traces, name)
        for number, (name, one) in enumerate(zip(traces.names, traces.traced, strict=True)):
            group = file.create_group(f"{number:06d}")
            group.attrs["region"] = name
            group.create_dataset("confidence", data=one.confidence.astype(np.float32), compression="gzip")
            group["start"], group["rows"] = one.start, one.rows


def read(path: Path) -> Traces:
    """The traces of a run; `Error` when the file is none."""
    try:
        with h5py.File(path, "r") as file:
            groups = [file[name] for name in sorted(file)]
            run, snapshot, maps, dataset = (str(file.attrs[n]) for n in ("run", "snapshot", "maps", "dataset"))
            settings = str(file.attrs.get("settings", ""))
            found = tuple(Traced(group["confidence"][()], group["start"][()], group["rows"][()]) for group in groups)
            return Traces(
                run, snapshot, maps, dataset, tuple(str(g.attrs["region"]) for g in groups), found, settings
            )
    except FileNotFoundError:
        raise Error("there is no such file", path, remedy="ftcaffe score writes it") from None
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise Error(f"is no file of traces ({error})", path, remedy="score the run anew") from None
