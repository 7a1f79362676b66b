"""The stand-in for ImageNet's weights, where those cannot be fetched: trained on a few photographs.

It shows the mechanics of tuning and gives useful first layers; it is no substitute for a million images.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from ftcaffe.backend import Backend
from ftcaffe.errors import Error
from ftcaffe.nets import preprocessing
from ftcaffe.nets.alexnet import INPUT_SIZE
from ftcaffe.store import atomic, datum
from ftcaffe.store.lmdb import Records
from ftcaffe.store.lock import Lock
from ftcaffe.training import dataset, plan, run, sweep
from ftcaffe.training.log import Log
from ftcaffe.training.validate import probabilities
from ftcaffe.weights import photographs


def name(scale: str) -> str:
    """Name of the stand-in's files."""
    return f"standin_{scale}"


def pretrain(work: Path, settings: plan.Settings, pieces: int, seed: int, gpu: int | None) -> Path:
    """Train an AlexNet on photographs; returns the folder of its run, to be passed to `publish`.

    Run again, it goes on where it stopped.

    Raises
    ------
    Error : the run failed.
    """
    with Lock(work / "data" / photographs.APPLICATION, "prepared"):
        photographs.write(work, INPUT_SIZE[settings.scale], pieces, seed)
    data = dataset.read(work, photographs.APPLICATION)
    grid = [plan.Combination("scratch", "xavier", 1.0, seed)]
    runs = plan.plan(work, data, settings, grid)
    plan.write(work, data.application, runs)
    folder = work / "runs" / data.application / runs[0].name
    if sweep.sweep(work, [folder], gpu):
        raise Error(f"pre-training failed: {run.read(folder)['error']}", folder)
    return folder


def publish(work: Path, folder: Path, scale: str, backend: Backend) -> tuple[Path, float]:
    """Put the last snapshot of a run where weights belong, with its record; returns its path and accuracy.

    The accuracy is over pieces of the parts of the photographs that training never saw.
    """
    last = Log(folder).rows[-1].iteration
    snapshot = folder / "snapshots" / f"run_iter_{last}.caffemodel"
    accuracy = _accuracy(work, folder, snapshot, backend)
    path = work / "weights" / f"{name(scale)}.caffemodel"
    with atomic.whole(path) as beside:
        shutil.copyfile(snapshot, beside)
    record = {
        "name": name(scale),
        "source": "pieces of scikit-image's photographs",
        "run": f"{folder.parent.name}/{folder.name}",
        "iteration": last,
        "accuracy": accuracy,
        "classes": list(dataset.read(work, photographs.APPLICATION).classes),
        "mean": run.read(folder)["settings"]["mean"],
    }
    atomic.write_text(path.with_suffix(".json"), json.dumps(record, indent=2) + "\n")
    return path, accuracy


def _accuracy(work: Path, folder: Path, snapshot: Path, backend: Backend) -> float:
    net = backend.caffe.Net(str(folder / "deploy.prototxt"), str(snapshot), backend.caffe.TEST)
    transform = preprocessing.read(folder / "train_val.prototxt", work)
    pairs = [datum.decode(value) for _, value in Records(work / "data" / photographs.APPLICATION / "val.lmdb")]
    predicted = probabilities(net, (image for image, _ in pairs), transform)
    return float(np.mean(predicted.argmax(1) == [label for _, label in pairs]))
