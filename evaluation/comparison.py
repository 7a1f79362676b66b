"""What a page compares: results with their names and looks, and of runs also how they were trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluation import runs as run_folders
from evaluation import scores as score_files
from evaluation import style, weights
from evaluation.figures import Training
from evaluation.result import Result, evaluate, rates
from evaluation.runs import Run
from evaluation.scores import Scores
from ftcaffe import application
from ftcaffe.errors import Error

_PAPER_RATES = (0.001, 0.01)  # Table S1; an application names its own


@dataclass(frozen=True)
class Terms:
    """Words of the application: its title, what is resampled, what false positives are counted per."""

    title: str = "Detection"
    unit: str = "unit"
    image: str = "image"


@dataclass(frozen=True, eq=False)
class Subject:
    """One curve of the comparison; `run` is None for scores that are of no run of ours."""

    label: str
    style: style.Style
    result: Result
    run: Run | None = None

    @property
    def training(self) -> Training:
        """What the convergence figures draw; of a run only."""
        assert self.run is not None
        return Training(self.label, self.style, self.run.trace, int(self.run.best["iteration"]))


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that a page shows.

    moved : how far each layer moved from the weights that the run started from, by label; of tuned runs.
    filters : first-layer filters (n, height, width, 3) by title.
    dataset : ``dataset.json``, empty for score files.
    absent : runs that the page does not show, and why.
    """

    terms: Terms
    subjects: tuple[Subject, ...]
    draws: int
    seed: int
    moved: dict[str, dict[str, float]] = field(default_factory=dict)
    filters: dict[str, np.ndarray] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    absent: tuple[tuple[str, str], ...] = ()

    @property
    def runs(self) -> list[Run]:
        """The runs among the subjects."""
        return [subject.run for subject in self.subjects if subject.run is not None]


def of_files(paths: Sequence[Path], images: Path | None, draws: int, seed: int) -> Comparison:
    """A comparison of files of scores, in HDF5 or in CSV."""
    read = [
        score_files.read_csv(path, images) if path.suffix.lower() == ".csv" else score_files.read(path)
        for path in paths
    ]
    _same_images(read)
    names = [scores.run or str(path) for scores, path in zip(read, paths, strict=True)]
    labels = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    terms, wanted = _terms(read[0].application)
    points = rates(read, wanted)
    subjects = tuple(
        Subject(label, style.of_other(number), evaluate(scores, points, draws, seed))
        for number, (label, scores) in enumerate(zip(labels, read, strict=True))
    )
    return Comparison(terms, subjects, draws, seed)


def of_runs(folders: Sequence[Path], draws: int, seed: int, absent: tuple[tuple[str, str], ...] = ()) -> Comparison:
    """A comparison of finished and scored runs of one application, from the deepest tuning to scratch."""
    read = sorted((run_folders.read(folder) for folder in folders), key=_order)
    applications = sorted({run.application for run in read})
    if len(applications) > 1:
        raise Error(f"the runs are of several applications: {', '.join(applications)}", remedy="compare those of one")
    read_scores = [_scores(run) for run in read]
    _same_images(read_scores)
    terms, wanted = _terms(applications[0])
    points = rates(read_scores, wanted)
    subjects = tuple(
        Subject(_label(label, run, scores), _style(run), evaluate(scores, points, draws, seed), run)
        for label, run, scores in zip(run_folders.labels(read), read, read_scores, strict=True)
    )
    moved, filters = _weights(subjects)
    return Comparison(terms, subjects, draws, seed, moved, filters, _dataset(read[0]), absent)


def finished(application_name: str, work: Path) -> tuple[list[Path], tuple[tuple[str, str], ...]]:
    """Folders of the finished runs of an application, and the names and states of the others."""
    folder = work / "runs" / application_name
    states = {path.parent: run_folders.state(path.parent) for path in sorted(folder.glob("*/run.json"))}
    done = [path for path, record in states.items() if record["status"] == "done"]
    if not done:
        raise Error("holds no finished run", folder, remedy=f"train some: ftcaffe sweep {application_name}")
    others = (
        (path.name, f"{record['status']}{': ' + record['error'] if record.get('error') else ''}")
        for path, record in states.items()
        if record["status"] != "done"
    )
    return done, tuple(others)


def _order(run: Run) -> tuple[object, ...]:
    return (-run.fraction, style.order(run.depth), run.record["init"], run.record["seed"])


def _label(label: str, run: Run, scores: Scores) -> str:
    """The run's label, with the snapshot where it is not the chosen one that was scored."""
    if scores.snapshot == run.best["snapshot"]:
        return label
    return f"{label}, iteration {Path(scores.snapshot).stem.rpartition('_')[2]}"


def _style(run: Run) -> style.Style:
    return style.of_run(run.depth, run.record["init"], run.fraction)


def _terms(name: str) -> tuple[Terms, tuple[float, ...]]:
    if not name:
        return Terms(), _PAPER_RATES
    known = application.load(name)
    return Terms(known.title, known.unit, known.image), known.operating_points


def _scores(run: Run) -> Scores:
    if not run.scores.is_file():
        raise Error("has no scores yet", run.folder, remedy=f"ftcaffe score {run.folder}")
    return score_files.read(run.scores)


def _same_images(all_scores: Sequence[Scores]) -> None:
    """Curves over different images must not meet in one figure."""
    first = all_scores[0]
    for scores in all_scores[1:]:
        ours, theirs = first.images, scores.images
        same = [
            dict(zip(Scores.names(images.unit, images.image).tolist(), images.lesions.tolist(), strict=True))
            for images in (ours, theirs)
        ]
        if same[0] != same[1]:
            raise Error(
                f"lists other images or lesions than {first.path} ({len(same[1])} images, {len(same[0])} there)",
                scores.path,
                remedy="compare scores of one test set",
            )


def _dataset(run: Run) -> dict[str, Any]:
    path = run.work / "data" / run.application / "dataset.json"
    return run_folders.read_json(path) if path.is_file() else {}


def _weights(subjects: Sequence[Subject]) -> tuple[dict[str, dict[str, float]], dict[str, np.ndarray]]:
    """Movement by label and first-layer filters by title; one snapshot is in memory at a time."""
    moved: dict[str, dict[str, float]] = {}
    filters: dict[str, np.ndarray] = {}
    starts: dict[Path, dict[str, np.ndarray]] = {}
    for subject in subjects:
        run = subject.run
        assert run is not None
        end = weights.weights(run.folder / subject.result.scores.snapshot)
        first = next(iter(end))
        if run.weights is None:
            filters[subject.label] = weights.filters(end, first)
            continue
        if run.weights not in starts:
            starts = {run.weights: weights.weights(run.weights)}
            filters.setdefault(f"before tuning ({run.weights.stem})", weights.filters(starts[run.weights], first))
        moved[subject.label] = weights.movement(starts[run.weights], end)
        if moved[subject.label].get(first):  # a frozen first layer is the one before tuning
            filters[subject.label] = weights.filters(end, first)
    return moved, filters
