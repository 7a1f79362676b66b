"""Tables: rows of text for the page and the terminal, and of plain numbers for CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.interval import Interval
from evaluation.result import Result
from evaluation.runs import Run
from ftcaffe.store import table

_ENGINES = {"caffe": "BVLC Caffe", "torch": "ftcaffe.engine"}


@dataclass(frozen=True)
class Table:
    """A heading a column, and rows of as many values; the first column names the row."""

    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def csv(self, path: Path) -> Path:
        """Write it as CSV, whole; returns the path."""
        table.write(path, self.header, self.rows)
        return path

    def text(self) -> str:
        """Columns aligned for a terminal."""
        lines = [self.header, *self.rows]
        widths = [max(len(str(line[column])) for line in lines) for column in range(len(self.header))]
        return "\n".join(
            "  ".join(str(value).ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def operating_points(labels: Sequence[str], results: Sequence[Result], image: str) -> tuple[Table, Table]:
    """Sensitivity at each operating point and the AUC of the candidates: to read, and as numbers.

    The numbers have a row a run and operating point: estimate and both ends of the interval, empty where the
    curve does not reach the rate.
    """
    rates = [point.rate for point in results[0].points]
    header = ("", *(f"at {rate:g} FP per {image}" for rate in rates), "AUC of candidates")
    rows = tuple(
        (label, *(result.at(rate).percent() for rate in rates), result.auc.decimal())
        for label, result in zip(labels, results, strict=True)
    )
    numbers = [
        (label, measure, rate, *_ends(one))
        for label, result in zip(labels, results, strict=True)
        for measure, rate, one in (
            *(("sensitivity", point.rate, point.sensitivity) for point in result.points),
            ("auc", "", result.auc),
        )
    ]
    columns = ("run", "measure", f"false_positives_per_{image}", "value", "low", "high")
    return Table(header, rows), Table(columns, tuple(numbers))


def _ends(one: Interval) -> tuple[object, ...]:
    return tuple("" if value != value else round(value, 6) for value in (one.value, one.low, one.high))


def curve_points(labels: Sequence[str], results: Sequence[Result]) -> Table:
    """Every point of every FROC curve."""
    rows = tuple(
        (label, *(float(value) for value in point))
        for label, result in zip(labels, results, strict=True)
        for point in zip(result.froc.threshold, result.froc.false_positives, result.froc.sensitivity, strict=True)
    )
    return Table(("run", "threshold", "false_positives_per_image", "sensitivity"), rows)


def training(labels: Sequence[str], runs: Sequence[Run]) -> Table:
    """What was trained, how, and which snapshot was chosen."""
    header = ("", "start", "data", "seed", "batch", "chosen epoch", "validation AUC", "time", "engine")
    return Table(header, tuple(_trained(label, run) for label, run in zip(labels, runs, strict=True)))


def _trained(label: str, run: Run) -> tuple[object, ...]:
    record, settings = run.record, run.record.get("settings", {})
    return (
        label,
        run.weights.stem if run.weights else record["init"],
        f"{100 * run.fraction:g} %",
        record["seed"],
        settings.get("batch", ""),
        f"{run.best['epoch']:g} of {run.trace.epoch[-1]:g}",
        f"{run.best['val_auc']:.3f}",
        _duration(float(run.trace.seconds[-1])),
        _ENGINES.get(record.get("engine", ""), ""),
    )


def snapshots(labels: Sequence[str], runs: Sequence[Run]) -> Table:
    """The logs of all runs, one below the other."""
    columns = ("iteration", "epoch", "train_loss", "val_loss", "val_auc", "seconds")
    rows = tuple(
        (label, *(float(value) for value in row))
        for label, run in zip(labels, runs, strict=True)
        for row in zip(*(getattr(run.trace, column) for column in columns), strict=True)
    )
    return Table(("run", *columns), rows)


def movements(moved: dict[str, dict[str, float]]) -> Table:
    """How far each layer of each run moved from where it started."""
    layers = list(dict.fromkeys(layer for row in moved.values() for layer in row))
    return Table(
        ("run", *layers), tuple((label, *(row.get(layer, "") for layer in layers)) for label, row in moved.items())
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
