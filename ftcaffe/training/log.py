"""A run's log: a row a snapshot, and the loss of every iteration."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from ftcaffe.errors import Error
from ftcaffe.store import atomic, table


@dataclass(frozen=True)
class Row:
    """A snapshot that counts.

    iteration, epoch : done when it was taken.
    train_loss : mean over the iterations since the row before.
    val_loss, val_auc : on the validation set.
    rate : of the last iteration, before a layer's multiplier.
    seconds : of training and validating since iteration 0, interruptions left out.
    """

    iteration: int
    epoch: int
    train_loss: float
    val_loss: float
    val_auc: float
    rate: float
    seconds: float


@dataclass(frozen=True)
class Loss:
    """Loss and rate of an iteration, counted from 0 as Caffe's log does."""

    iteration: int
    loss: float
    rate: float


class Log:
    """``log.csv``, ``losses.csv`` and ``best.json`` of a run's folder.

    A snapshot counts once its row stands in ``log.csv``; what else is there follows from it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.rows: list[Row] = _read(self.folder / "log.csv", Row)
        done = self.rows[-1].iteration if self.rows else 0
        self.losses: list[Loss] = [loss for loss in _read(self.folder / "losses.csv", Loss) if loss.iteration < done]

    @property
    def best(self) -> Row | None:
        """The row of highest AUC, the earliest among equals."""
        return max(self.rows, key=lambda row: row.val_auc, default=None)

    def stale(self) -> int:
        """Snapshots since the best."""
        return 0 if self.best is None else len(self.rows) - 1 - self.rows.index(self.best)

    def add(self, row: Row) -> None:
        """Record a snapshot and the losses up to it. The row comes after the losses: it is what makes both count."""
        _write(self.folder / "losses.csv", self.losses, Loss)
        self.rows.append(row)
        _write(self.folder / "log.csv", self.rows, Row)
        self.choose()

    def choose(self) -> None:
        """Write ``best.json`` from the rows."""
        best = self.best
        if best is None:
            return
        record = {
            "iteration": best.iteration,
            "epoch": best.epoch,
            "val_auc": best.val_auc,
            "snapshot": f"snapshots/run_iter_{best.iteration}.caffemodel",
        }
        atomic.write_text(self.folder / "best.json", json.dumps(record, indent=2) + "\n")


def _read(path: Path, kind: type) -> list:
    if not path.exists():
        return []
    columns = {field.name: {"int": int, "float": float}[str(field.type)] for field in fields(kind)}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [
                kind(**{name: convert(row[name]) for name, convert in columns.items()})
                for row in csv.DictReader(stream)
            ]
    except (KeyError, ValueError, TypeError):
        raise Error(
            f"is damaged: its columns should be {', '.join(columns)}", path, remedy="remove the run's folder"
        ) from None


def _write(path: Path, rows: Iterable[Row] | Iterable[Loss], kind: type) -> None:
    table.write(path, [field.name for field in fields(kind)], map(astuple, rows))
