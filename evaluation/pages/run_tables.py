"""How runs were trained, and how much they vary by seed, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.comparing.comparison import Subject
from evaluation.comparing.tables import Table
from evaluation.scoring.runs import ENGINES, Run
from evaluation.statistics.convergence import TOLERANCE, convergence

_BUT_SEED = ("application", "depth", "init", "fraction", "scale", "engine", "dataset_digest")


def training(labels: Sequence[str], runs: Sequence[Run]) -> Table:
    """What was trained, how, and which snapshot was chosen."""
    near = f"within {TOLERANCE:g} of it at"
    header = ("", "start", "data", "seed", "batch", "chosen epoch", "validation AUC", near, "time", "engine")
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
        f"mini-batch {convergence(run.trace.iteration, run.trace.val_auc).within_iteration}",
        _duration(float(run.trace.seconds[-1])),
        ENGINES.get(record.get("engine", ""), ""),
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


def seeds(subjects: Sequence[Subject]) -> Table:
    """Mean, standard deviation and number of the runs that differ by their seed alone; no rows where none do.

    It is the variance over trainings on one test set, and says nothing of other test sets: the intervals do that.
    """
    groups: dict[tuple[object, ...], list[Subject]] = {}
    for subject in subjects:
        if subject.run is not None:
            groups.setdefault(_but_seed(subject.run), []).append(subject)
    rows: list[tuple[object, ...]] = []
    for group in groups.values():
        if len(group) > 1:
            label = ", ".join(part for part in group[0].label.split(", ") if not part.startswith("seed "))
            for point in group[0].result.points:
                values = [one.result.at(point.rate).value for one in group]
                rows.append((label, "sensitivity", point.rate, *_spread(values)))
            rows.append((label, "auc", None, *_spread([one.result.auc.value for one in group])))
    return Table(("run", "measure", "fp_rate", "mean", "sd", "seeds"), tuple(rows))


def _but_seed(run: Run) -> tuple[object, ...]:
    settings = {name: value for name, value in run.record.get("settings", {}).items() if name != "seed"}
    weights = (run.record.get("weights") or {}).get("sha256")
    return (*(run.record.get(name) for name in _BUT_SEED), weights, repr(sorted(settings.items())))


def _spread(values: Sequence[float]) -> tuple[float, float, int]:
    """nan where a run does not reach the operating point: a mean of the others would flatter."""
    return float(np.mean(values)), float(np.std(values, ddof=1)), len(values)
