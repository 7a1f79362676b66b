"""Scores a run's test candidates: patches through its deploy net, averaged over each candidate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from evaluation.scoring import runs, scores, testset
from evaluation.scoring.runs import Run
from evaluation.scoring.scores import Scores
from evaluation.scoring.testset import TestSet
from ftcaffe import application, backend
from ftcaffe.application import Application
from ftcaffe.errors import Error
from ftcaffe.nets import preprocessing
from ftcaffe.store.lock import Lock
from ftcaffe.training.validate import probabilities


@dataclass(frozen=True)
class Settings:
    """How to score.

    snapshot : ``best``, or the iteration of a snapshot.
    batch : patches a forward pass.
    engine, gpu : as `ftcaffe.backend.load` takes them.
    """

    snapshot: str = "best"
    batch: int = 256
    engine: str | None = None
    gpu: int | None = None

    def __post_init__(self) -> None:
        if self.snapshot != "best" and not self.snapshot.isdigit():
            raise Error(f"--snapshot {self.snapshot} is neither 'best' nor an iteration")
        if self.batch < 1:
            raise Error(f"--batch {self.batch} is less than one patch")


def score(folder: Path, settings: Settings) -> tuple[Path, bool]:
    """Score the test candidates of the run in `folder` into its ``scores.h5``.

    Returns
    -------
    path, made : the file, and False when the scores of that snapshot were there already.

    Raises
    ------
    Error : the run is not finished, was trained on other data, is held by another process; its snapshot is gone, or
        patches are missing.
    """
    run = runs.read(folder)
    snapshot = snapshot_of(run, settings.snapshot)
    if run.scores.is_file() and scores.read(run.scores).snapshot == snapshot:
        return run.scores, False
    with Lock(run.folder, "scored"):
        scores.write(run.scores, _scored(run, snapshot, settings))
    return run.scores, True


def _scored(run: Run, snapshot: str, settings: Settings) -> Scores:
    data = run.work / "data" / run.application
    dataset = runs.read_json(data / "dataset.json")
    same_data(run, dataset)
    tests = testset.read(data)
    app = application.load(run.application)
    engine = backend.load(settings.engine, settings.gpu)
    net = engine.deployed(run.folder / "deploy.prototxt", run.folder / snapshot, settings.batch)
    transform = preprocessing.read(run.folder / "train_val.prototxt", run.work)
    patches = tqdm(tests.patches(), desc=run.name, total=len(tests.candidate), unit="patch", disable=None)
    try:
        found = probabilities(net, patches, transform, settings.batch)
    except Error as error:
        raise error if error.path is not None else Error(error.what, tests.lmdb, remedy=error.remedy) from None
    return _averaged(run, snapshot, app, dataset, tests, found)


def _averaged(
    run: Run, snapshot: str, app: Application, dataset: dict[str, Any], tests: TestSet, probability: np.ndarray
) -> Scores:
    """Scores of the candidates: the mean over the patches of each. Classes that count as one become one."""
    positives = np.atleast_1d(dataset["positive"]).tolist()
    label, classes, positive = tests.columns["label"], tuple(dataset["classes"]), positives[0]
    if len(positives) > 1:
        label, positive = np.isin(label, positives).astype(int), 1
        parts = [[name for place, name in enumerate(classes) if (place in positives) == side] for side in (0, 1)]
        classes = tuple(" or ".join(part) for part in parts)
    patches = np.bincount(tests.candidate)
    means = np.stack(
        [np.bincount(tests.candidate, column) / patches for column in probability.T.astype(float)], axis=1
    )
    return Scores(
        unit=tests.columns["unit"],
        image=tests.columns["image"],
        candidate=tests.columns["candidate"],
        lesion=tests.columns["lesion"],
        label=label,
        score=means[:, positives].sum(axis=1),
        probability=means if len(classes) > 2 else None,
        images=tests.images,
        curve=app.curve,
        application=run.application,
        run=run.name,
        snapshot=snapshot,
        split=testset.SPLIT,
        classes=classes,
        positive=positive,
        path=run.scores,
    )


def snapshot_of(run: Run, wanted: str) -> str:
    """Path of the snapshot relative to the run's folder."""
    snapshot = run.best["snapshot"] if wanted == "best" else f"snapshots/run_iter_{wanted}.caffemodel"
    if not (run.folder / snapshot).is_file():
        there = ", ".join(f"{iteration:.0f}" for iteration in run.trace.iteration)
        raise Error("there is no such snapshot", run.folder / snapshot, remedy=f"there are: {there}")
    return snapshot


def same_data(run: Run, dataset: dict[str, Any]) -> None:
    """`Error` when the run was trained on other data than that ``dataset.json`` describes."""
    if run.record.get("dataset_digest") != dataset.get("digest"):
        raise Error("was trained on other data than the working folder holds", run.folder, remedy="train it anew")
