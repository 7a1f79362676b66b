"""A trained run as its folder holds it: settings, log, choice, scores, weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.training.log import Log

_BY_SNAPSHOT = ("iteration", "epoch", "train_loss", "val_loss", "val_auc", "seconds")
_NEEDED = ("application", "run", "depth", "init", "fraction", "seed", "status")
ENGINES = {"caffe": "BVLC Caffe", "torch": "ftcaffe.engine"}
# What can tell runs of one depth apart, and how a label says it.
_TELLING: dict[str, Callable[[Any], str]] = {
    "init": str,
    "fraction": lambda value: f"{100 * value:g} % data",
    "seed": lambda value: f"seed {value}",
    "scale": str,
    "engine": lambda value: ENGINES.get(value, value),
    "device": lambda value: value.upper(),
}


@dataclass(frozen=True, eq=False)
class Trace:
    """How training went.

    iteration, epoch, train_loss, val_loss, val_auc, seconds : (k,) by snapshot, see ``log.csv`` in docs/design.md.
    losses : (iterations,) training loss of every mini-batch.
    """

    iteration: np.ndarray
    epoch: np.ndarray
    train_loss: np.ndarray
    val_loss: np.ndarray
    val_auc: np.ndarray
    seconds: np.ndarray
    losses: np.ndarray


@dataclass(frozen=True, eq=False)
class Run:
    """A run's folder, read.

    folder, work : its own, and the working folder that the paths in `record` are relative to.
    record : ``run.json``.
    best : ``best.json``.
    """

    folder: Path
    work: Path
    record: dict[str, Any]
    trace: Trace
    best: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def application(self) -> str:
        """Name of the application."""
        return self.record["application"]

    @property
    def depth(self) -> str:
        """How deep it was tuned, a row of Table II."""
        return self.record["depth"]

    @property
    def fraction(self) -> float:
        """Share of the training data, above 0 and up to 1."""
        return self.record["fraction"]

    @property
    def scores(self) -> Path:
        """Where its test scores are or will be."""
        return self.folder / "scores.h5"

    @property
    def weights(self) -> Path | None:
        """The weights that it started from; None when it was trained from scratch."""
        weights = self.record.get("weights")
        return None if weights is None else self.work / weights["path"]


def find(run: str | Path, work: Path) -> Path:
    """The folder of a run given as a path, or by its name in the working folder."""
    if (Path(run) / "run.json").is_file():
        return Path(run)
    named = [path for path in sorted(work.glob("runs/*/*/run.json")) if path.parent.name == str(run)]
    if len(named) == 1:
        return named[0].parent
    if named:
        places = ", ".join(str(path.parent) for path in named)
        raise Error(f"there are several runs of that name: {places}", run, remedy="give the path of one")
    raise Error("is no run (there is no run.json in it)", run, remedy="give a run's folder, or its name and --work")


def state(folder: Path) -> dict[str, Any]:
    """The run's ``run.json``, whatever its status."""
    record = read_json(folder / "run.json")
    missing = [name for name in _NEEDED if name not in record]
    if missing:
        raise Error(f"lacks {', '.join(missing)}", folder / "run.json", remedy="train the run anew")
    return record


def read(folder: str | Path) -> Run:
    """The finished run in `folder`; `Error` when it is not finished or a file is missing or damaged."""
    folder = Path(folder)
    record = state(folder)
    if record["status"] != "done":
        raise Error(f"is not finished: {record['status']}", folder, remedy="ftcaffe sweep continues it")
    best = read_json(folder / "best.json")
    if "snapshot" not in best:
        raise Error("names no snapshot", folder / "best.json", remedy="train the run anew")
    return Run(folder=folder, work=folder.absolute().parents[2], record=record, trace=_trace(folder), best=best)


def _trace(folder: Path) -> Trace:
    log = Log(folder)
    if not log.rows:
        raise Error("has no log of its snapshots", folder, remedy="train the run anew")
    columns = {name: np.array([getattr(row, name) for row in log.rows]) for name in _BY_SNAPSHOT}
    return Trace(**columns, losses=np.array([loss.loss for loss in log.losses]))


def labels(runs: Sequence[Run]) -> list[str]:
    """A short name for each run: its depth, and what else tells it from the others."""
    parts = [[depth_label(run.depth)] for run in runs]
    for name, form in _TELLING.items():
        # Tuned runs start from weights; the initialiser tells only the runs from scratch apart.
        told = [run.record.get(name) if name != "init" or run.weights is None else None for run in runs]
        if len({value for value in told if value is not None}) > 1:
            for part, value in zip(parts, told, strict=True):
                if value is not None:
                    part.append(form(value))
    joined = [", ".join(part) for part in parts]
    return [label if joined.count(label) == 1 else run.name for label, run in zip(joined, runs, strict=True)]


def depth_label(depth: str) -> str:
    """A depth as the paper names it in its figures."""
    return "only fc8" if depth == "fc8" else depth


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; `Error` when it holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Error("there is no such file", path, remedy="train the run first") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Error(f"is no JSON ({error})", path, remedy="train the run anew") from None
    if not isinstance(content, dict):
        raise Error("holds no object", path, remedy="train the run anew")
    return content
