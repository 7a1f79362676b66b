"""An application's handcrafted method: its features, what it learns from them, and its scores of the test candidates.

It is kept as a run is, in ``work/rivals/APP/NAME``: ``rival.json`` (what it was made from), ``features.csv``, the
tables of what it learned, and ``scores.h5`` over the same candidates and images as every run's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.scoring import runs, scores, tablefile, testset
from evaluation.scoring.scores import Scores
from evaluation.scoring.tablefile import Columns
from ftcaffe import __version__, application
from ftcaffe.application import Application, Handcrafted
from ftcaffe.errors import Error
from ftcaffe.handcrafted.examples import Examples, Features
from ftcaffe.store import atomic, table
from ftcaffe.store.lock import Lock

_log = logging.getLogger(__name__)

NAME = "handcrafted"
_KEY = ("unit", "image", "candidate")
_LEARNED_FROM = ("train", "val")  # what a net is trained and chosen on
# Options that do not change a number.
_NOT_DECISIVE = ("verb", "run", "application", "work", "source", "jobs")


@dataclass(frozen=True, eq=False)
class _Listed:
    """The candidates of a data folder, all splits.

    columns : (n,) each, of ``candidates.csv``. positive : (n,) whether their class is a positive one.
    """

    columns: Columns
    positive: np.ndarray

    @property
    def keys(self) -> list[tuple[str, str, str]]:
        return _keys(self.columns)


def handcrafted(name: str, options: argparse.Namespace, work: Path) -> tuple[Path, bool]:
    """Compute the features, learn, and score the test candidates of an application's data set.

    Returns
    -------
    path, made : of ``scores.h5``, and False when it was there already, from the same data and options.

    Raises
    ------
    Error : the application has no handcrafted method, the data are not prepared, a feature is not finite.
    """
    app = application.load(name)
    method = app.handcrafted
    if method is None:
        raise Error(f"{name} has no handcrafted method")
    data = work / "data" / name
    if not (data / "dataset.json").is_file():
        raise Error("is not there", data / "dataset.json", remedy=f"prepare it: ftcaffe prepare {name} SOURCE")
    dataset = runs.read_json(data / "dataset.json")
    settings = {key: str(value) for key, value in sorted(vars(options).items()) if key not in _NOT_DECISIVE}
    record = {
        "application": name,
        "method": method.title,
        "dataset_digest": dataset["digest"],
        "settings": settings,
        "version": __version__,
    }
    identity = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    folder = work / "rivals" / name / f"{NAME}_s{options.seed}_{identity[:8]}"
    if (folder / "scores.h5").is_file():
        return folder / "scores.h5", False
    positives = np.atleast_1d(dataset["positive"]).tolist()
    listed = _listed(data, positives)
    source = options.source or Path(dataset["source"])
    with Lock(folder, "made"):
        features = _features(method, options, source, data, listed, folder / "features.csv")
    train = np.isin(listed.columns["split"], _LEARNED_FROM)
    learned = method.learn(
        options, _examples(data, listed, features, train), np.random.default_rng([options.seed, 20])
    )
    for title, (header, rows) in learned.tables().items():
        table.write(folder / f"{title}.csv", header, rows)
    test = listed.columns["split"] == testset.SPLIT
    score = learned.score(features.values[test])
    described = record | {"run": folder.name, "identity": identity, "features": len(features.names)}
    atomic.write_text(folder / "rival.json", json.dumps(described, indent=2) + "\n")
    parts = [
        [name for place, name in enumerate(dataset["classes"]) if (place in positives) == side] for side in (0, 1)
    ]
    classes = tuple(" or ".join(part) for part in parts)
    scores.write(folder / "scores.h5", _scores(app, classes, folder, data, listed, test, score))
    return folder / "scores.h5", True


def found(name: str, work: Path, digest: str | None) -> tuple[list[Path], tuple[tuple[str, str], ...]]:
    """Folders of an application's rivals on the data set of that digest; the names of the others, and why."""
    there, others = [], []
    for path in sorted((work / "rivals" / name).glob("*/rival.json")):
        if not (path.parent / "scores.h5").is_file():
            others.append((path.parent.name, "not finished"))
        elif runs.read_json(path).get("dataset_digest") != digest:
            others.append((path.parent.name, "learned from other data"))
        else:
            there.append(path.parent)
    return there, tuple(others)


def _listed(data: Path, positives: list[int]) -> _Listed:
    path = data / "candidates.csv"
    columns = tablefile.read(path, (*_KEY, "split", "label", "lesion"), whole=("label",))
    return _Listed(columns, np.isin(columns["label"], positives))


def _keys(columns: Columns) -> list[tuple[str, str, str]]:
    return list(zip(*(columns[name].tolist() for name in _KEY), strict=True))


def _features(
    method: Handcrafted, options: argparse.Namespace, source: Path, data: Path, listed: _Listed, path: Path
) -> Features:
    """Features in the order of the candidates; written to `path`, or read from it where a killed run left them."""
    if not path.is_file():
        made = method.features(options, source, data)
        wrong = np.argwhere(~np.isfinite(made.values))
        if len(wrong):
            row, column = wrong[0].tolist()
            raise Error(f"the {made.names[column]} of {'/'.join(made.keys[row])} is not finite", source)
        rows = ((*key, *values) for key, values in zip(made.keys, made.values.tolist(), strict=True))
        table.write(path, (*_KEY, *made.names), rows)
    features = _read(path)
    place = {key: row for row, key in enumerate(features.keys)}
    missing = [key for key in listed.keys if key not in place]
    if missing:
        what = f"lacks the features of {len(missing)} candidates, {'/'.join(missing[0])} first"
        raise Error(what, path, remedy="remove the file and run again")
    return Features(features.names, listed.keys, features.values[[place[key] for key in listed.keys]])


def _read(path: Path) -> Features:
    names = tuple(name for name in tablefile.names(path) if name not in _KEY)
    columns = tablefile.read(path, _KEY, names)
    return Features(names, _keys(columns), np.stack([columns[name] for name in names], axis=1))


def _examples(data: Path, listed: _Listed, features: Features, kept: np.ndarray) -> Examples:
    shown: Counter[str] = Counter()
    for split in _LEARNED_FROM:
        shown.update(testset.images(data, split).unit.tolist())
    columns = [listed.columns[name] for name in ("unit", "image", "lesion")]
    if not (columns[-1] != "").any():  # whole frames: each positive is a lesion of its own
        columns[-1] = listed.columns["candidate"]
    return Examples(
        names=features.names,
        values=features.values[kept],
        positive=listed.positive[kept],
        bag=np.where(listed.positive, Scores.names(*columns), "")[kept],
        unit=listed.columns["unit"][kept],
        images=dict(shown),
    )


def _scores(
    app: Application,
    classes: tuple[str, ...],
    folder: Path,
    data: Path,
    listed: _Listed,
    test: np.ndarray,
    score: np.ndarray,
) -> Scores:
    columns: dict[str, Any] = {name: listed.columns[name][test] for name in (*_KEY, "lesion")}
    return Scores(
        **columns,
        label=listed.positive[test].astype(int),
        score=score,
        images=testset.images(data, testset.SPLIT),
        curve=app.curve,
        application=app.name,
        run=NAME,
        split=testset.SPLIT,
        classes=classes,
        path=folder / "scores.h5",
    )
