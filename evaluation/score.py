"""Scores a run's test candidates: patches through its deploy net, averaged over each candidate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from evaluation import csvfile, runs, scores
from evaluation.runs import Run
from evaluation.scores import Images, Scores
from ftcaffe import application, backend
from ftcaffe.errors import Error
from ftcaffe.nets import preprocessing
from ftcaffe.store import datum
from ftcaffe.store.lmdb import Records
from ftcaffe.training.validate import probabilities

_SPLIT = "test"
_REMEDY = "prepare the data set anew"


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


@dataclass(frozen=True, eq=False)
class TestSet:
    """Test candidates of a data set.

    rows : of ``candidates.csv``. images : of the split.
    candidate : (patches,) integers, the row that each record of the LMDB was cut from.
    keys : (patches,) keys of the records, in their order.
    """

    rows: list[dict[str, str]]
    images: Images
    candidate: np.ndarray
    keys: list[str]


def score(folder: Path, settings: Settings) -> tuple[Path, bool]:
    """Score the test candidates of the run in `folder` into its ``scores.h5``.

    Returns
    -------
    path, made : the file, and False when the scores of that snapshot were there already.

    Raises
    ------
    Error : the run is not finished, was trained on other data, its snapshot is gone, or patches are missing.
    """
    run = runs.read(folder)
    snapshot = _snapshot(run, settings.snapshot)
    if run.scores.is_file() and scores.read(run.scores).snapshot == snapshot:
        return run.scores, False
    data = run.work / "data" / run.application
    _same_data(run, runs.read_json(data / "dataset.json"))
    tests = read_tests(data)
    app = application.load(run.application)
    engine = backend.load(settings.engine, settings.gpu)
    net = engine.caffe.Net(str(run.folder / "deploy.prototxt"), str(run.folder / snapshot), engine.caffe.TEST)
    path = data / f"{_SPLIT}.lmdb"
    try:
        found = probabilities(
            net,
            _images(path, tests, run.name),
            preprocessing.read(run.folder / "train_val.prototxt", run.work),
            settings.batch,
        )
    except Error as error:
        raise error if error.path is not None else Error(error.what, path, remedy=error.remedy) from None
    scores.write(run.scores, _averaged(run, snapshot, app, tests, found[:, app.positive]))
    return run.scores, True


def read_tests(data: Path) -> TestSet:
    """The test candidates of the data folder; `Error` when one has no patch."""
    rows = _tests(data / "candidates.csv", "unit,image,candidate,split,label,lesion")
    manifest = _tests(data / "manifest.csv", "key,split,unit,image,candidate")
    number = {(row["unit"], row["image"], row["candidate"]): place for place, row in enumerate(rows)}
    try:
        candidate = np.array([number[row["unit"], row["image"], row["candidate"]] for row in manifest], dtype=int)
    except KeyError as error:
        raise Error(
            f"lacks the candidate {'/'.join(error.args[0])}", data / "candidates.csv", remedy=_REMEDY
        ) from None
    bare = np.flatnonzero(np.bincount(candidate, minlength=len(rows)) == 0)
    if len(bare):
        first = "/".join(rows[bare[0]][name] for name in ("unit", "image", "candidate"))
        raise Error(f"has no patch of {len(bare)} candidates, {first} first", data / "manifest.csv", remedy=_REMEDY)
    return TestSet(rows, _shown(data / "images.csv"), candidate, [row["key"] for row in manifest])


def _shown(path: Path) -> Images:
    """The images of the test split."""
    listed = csvfile.read(path, ("unit", "image", "split", "lesions"))
    test = csvfile.strings(listed, "split") == _SPLIT
    unit, image = (csvfile.strings(listed, name)[test] for name in ("unit", "image"))
    return Images(unit, image, csvfile.numbers(path, listed, "lesions", int)[test])


def _averaged(run: Run, snapshot: str, app: Any, tests: TestSet, probability: np.ndarray) -> Scores:
    """Scores of the candidates: the mean over the patches of each."""
    count = np.bincount(tests.candidate)
    return Scores(
        unit=csvfile.strings(tests.rows, "unit"),
        image=csvfile.strings(tests.rows, "image"),
        candidate=csvfile.strings(tests.rows, "candidate"),
        lesion=csvfile.strings(tests.rows, "lesion"),
        label=np.array([int(row["label"]) for row in tests.rows]),
        score=np.bincount(tests.candidate, probability.astype(float)) / count,
        images=tests.images,
        application=run.application,
        run=run.name,
        snapshot=snapshot,
        split=_SPLIT,
        classes=tuple(app.classes),
        positive=app.positive,
        path=run.scores,
    )


def _images(path: Path, tests: TestSet, name: str) -> Iterator[np.ndarray]:
    """Patches of the LMDB in its order, each checked to be the one that the manifest names."""
    records = Records(path)
    if len(records) != len(tests.keys):
        raise Error(f"holds {len(records)} patches and the manifest {len(tests.keys)}", path, remedy=_REMEDY)
    with tqdm(total=len(records), desc=name, unit="patch", disable=None) as bar:
        for (key, record), expected in zip(records, tests.keys, strict=True):
            if key != expected.encode():
                raise Error(
                    f"holds {key.decode(errors='replace')} where the manifest has {expected}", path, remedy=_REMEDY
                )
            yield datum.decode(record, path)[0]
            bar.update()


def _snapshot(run: Run, wanted: str) -> str:
    """Path of the snapshot relative to the run's folder."""
    snapshot = run.best["snapshot"] if wanted == "best" else f"snapshots/run_iter_{wanted}.caffemodel"
    if not (run.folder / snapshot).is_file():
        there = ", ".join(f"{iteration:.0f}" for iteration in run.trace.iteration)
        raise Error("there is no such snapshot", run.folder / snapshot, remedy=f"there are: {there}")
    return snapshot


def _same_data(run: Run, dataset: dict[str, Any]) -> None:
    if run.record.get("dataset_digest") != dataset.get("digest"):
        raise Error("was trained on other data than the working folder holds", run.folder, remedy="train it anew")


def _tests(path: Path, columns: str) -> list[dict[str, str]]:
    """Rows of the test split."""
    return [row for row in csvfile.read(path, tuple(columns.split(","))) if row["split"] == _SPLIT]
