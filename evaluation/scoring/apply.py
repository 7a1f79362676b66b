"""What a trained run says of new data: its net and its preprocessing, in the hands of its application."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evaluation.scoring import runs
from evaluation.scoring.score import same_data
from evaluation.segmenting import interfaces, measuring, tracing
from ftcaffe import application, backend
from ftcaffe.errors import Error
from ftcaffe.nets import preprocessing
from ftcaffe.training.validate import probabilities


@dataclass(frozen=True)
class Settings:
    """How to run the net.

    batch : patches a forward pass. engine, gpu : as `ftcaffe.backend.load` takes them.
    maps : how regions are mapped, one of `dense.MODES`. trace : see `interfaces.Settings`.
    """

    batch: int = 256
    engine: str | None = None
    gpu: int | None = None
    maps: str = "patchwise"
    trace: interfaces.Settings = field(default_factory=interfaces.Settings)

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise Error(f"--batch {self.batch} is less than one patch")


def apply(name: str, source: Path, folder: Path, out: Path, settings: Settings, options: argparse.Namespace) -> None:
    """Have an application put what a run finds in new data into files.

    Parameters
    ----------
    name : of the application.
    source : the new data, as the application takes them.
    folder : of the finished run.
    out : folder for what is found.
    options : the application's own; they get `dataset`, the ``dataset.json`` that the run was trained on.

    Raises
    ------
    Error : the application cannot be applied, the run is another's, is not finished, or `source` is at fault.
    """
    app = application.load(name)
    if app.apply is None and app.pictures is None:
        able = [other for other in application.names() if application.load(other).apply_arguments is not None]
        raise Error(f"{name} has no way to be applied to new data", remedy=f"there is for: {', '.join(able)}")
    run = runs.read(folder)
    if run.application != name:
        raise Error(f"is a run of {run.application}, not of {name}", folder, remedy="name another run")
    if not source.exists():
        raise Error("is not there", source, remedy="give the path of the new data")
    snapshot = run.folder / run.best["snapshot"]
    if not snapshot.is_file():
        raise Error("there is no such snapshot", snapshot, remedy="train the run anew")
    engine = backend.load(settings.engine, settings.gpu)
    net = engine.deployed(run.folder / "deploy.prototxt", snapshot, settings.batch)
    transform = preprocessing.read(run.folder / "train_val.prototxt", run.work)

    def predict(patches: Iterable[np.ndarray]) -> np.ndarray:
        return probabilities(net, patches, transform, settings.batch)

    # What it was trained on says how to cut: scale and the application's own choices.
    options.dataset = runs.read_json(run.work / "data" / name / "dataset.json")
    same_data(run, options.dataset)
    if app.apply is not None:
        app.apply(options, source, predict, out)
    elif app.pictures is not None:
        side, maps = float(options.dataset["patch"]), settings.maps
        deploy = run.folder / "deploy.prototxt"
        mapping = tracing.mapper(engine.caffe, deploy, net, transform, side, maps, settings.batch)
        places = np.atleast_1d(options.dataset["positive"]).tolist()
        width, height = options.dataset["arguments"]["region"]
        measuring.measure(
            app.pictures(options, source), mapping, places, side, (width, height), maps, out, settings.trace
        )
