"""What a page compares: results with their names and looks, and of runs also how they were trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.comparing import engines, pairs, terms
from evaluation.comparing.engines import Parting
from evaluation.comparing.pairs import Pair
from evaluation.comparing.result import Result, Settings, evaluate, rates
from evaluation.comparing.terms import Terms
from evaluation.drawing import style
from evaluation.drawing.figures import Training
from evaluation.scoring import runs as run_folders
from evaluation.scoring import scores as score_files
from evaluation.scoring import scoreset, weights
from evaluation.scoring.runs import Run
from evaluation.scoring.scores import Scores
from evaluation.scoring.scoreset import Reading
from ftcaffe.errors import Error


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

    pairs : every pair of subjects, compared. paired : whether all are of one test set.
    moved : how far each layer moved from the weights that the run started from, by label; of tuned runs.
    filters : first-layer filters (n, height, width, 3) by title.
    partings : where runs part that differ in the engine alone.
    dataset : ``dataset.json``, empty for score files.
    absent : runs that the page does not show, and why.
    """

    terms: Terms
    subjects: tuple[Subject, ...]
    settings: Settings
    pairs: tuple[Pair, ...]
    paired: bool = True
    moved: dict[str, dict[str, float]] = field(default_factory=dict)
    filters: dict[str, np.ndarray] = field(default_factory=dict)
    partings: tuple[Parting, ...] = ()
    dataset: dict[str, Any] = field(default_factory=dict)
    absent: tuple[tuple[str, str], ...] = ()

    @property
    def tested(self) -> bool:
        """Whether a paired test was made."""
        return any(pair.difference is not None for pair in self.pairs)

    @property
    def runs(self) -> list[Run]:
        """The runs among the subjects."""
        return [subject.run for subject in self.subjects if subject.run is not None]


def of_files(
    paths: Sequence[Path], reading: Reading, settings: Settings, *, allow_different: bool = False
) -> Comparison:
    """A comparison of score sets in files.

    Parameters
    ----------
    allow_different : whether sets of different images may meet; they are then compared without a paired test.
    """
    read = scoreset.read(paths, reading)
    names = [scores.run or str(path) for scores, path in zip(read, paths, strict=True)]
    labels = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    looks = [style.of_other(number) for number in range(len(read))]
    return _compared(
        reading.application or read[0].application,
        list(zip(labels, looks, read, [None] * len(read), strict=True)),
        settings,
        allow_different,
    )


def of_runs(
    folders: Sequence[Path],
    settings: Settings,
    *,
    allow_different: bool = False,
    absent: tuple[tuple[str, str], ...] = (),
    rivals: Sequence[Path] = (),
) -> Comparison:
    """A comparison of finished and scored runs of one application, from the deepest tuning to scratch.

    Parameters
    ----------
    rivals : folders of methods without a net (`evaluation.scoring.handcrafted`), which come last.
    """
    read = sorted((run_folders.read(folder) for folder in folders), key=_order)
    applications = sorted({run.application for run in read})
    if len(applications) > 1:
        raise Error(f"the runs are of several applications: {', '.join(applications)}", remedy="compare those of one")
    read_scores = [_scores(run) for run in read]
    labels = [
        _label(label, run, scores)
        for label, run, scores in zip(run_folders.labels(read), read, read_scores, strict=True)
    ]
    looks = [_style(run) for run in read]
    twins = engines.twins(read)
    for place, (_, twin) in enumerate(twins):
        looks[twin] = style.of_twin(looks[twin], place)
    named = [*zip(labels, looks, read_scores, read, strict=True), *_rivals(rivals)]
    found = _compared(applications[0], named, settings, allow_different)
    moved, filters = _weights(found.subjects)
    partings = tuple(
        engines.parting((labels[a], labels[b]), (read[a], read[b]), (read_scores[a], read_scores[b]))
        for a, b in twins
    )
    return replace(found, moved=moved, filters=filters, partings=partings, dataset=_dataset(read[0]), absent=absent)


def _rivals(folders: Sequence[Path]) -> list[tuple[str, style.Style, Scores, None]]:
    """Methods without a net: of several the folder's name tells which; in colours that no depth has."""
    read = [score_files.read(folder / "scores.h5") for folder in folders]
    labels = [scores.run if len(read) == 1 else folder.name for scores, folder in zip(read, folders, strict=True)]
    looks = [style.of_other(1 + number) for number in range(len(read))]  # the first, a blue, is close to a depth's
    return [(label, look, scores, None) for label, look, scores in zip(labels, looks, read, strict=True)]


def _compared(
    application: str,
    named: Sequence[tuple[str, style.Style, Scores, Run | None]],
    settings: Settings,
    allow_different: bool,
) -> Comparison:
    """Label, look, scores and run of each, evaluated and compared."""
    compared = [scores for _, _, scores, _ in named]
    paired = True
    try:
        pairs.same_test_set(compared)
    except Error:
        if not allow_different or len({scores.curve for scores in compared}) > 1:
            raise
        paired = False
    words, wanted = terms.of(application, compared[0].curve)
    points = settings.rates if settings.rates is not None else rates(compared, wanted)
    subjects = tuple(
        Subject(label, look, evaluate(scores, points, settings), run) for label, look, scores, run in named
    )
    found = pairs.pairs([subject.result for subject in subjects], paired=paired)
    if settings.correct is not None:
        found = pairs.corrected(found)
    return Comparison(words, subjects, settings, found, paired)


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


def _scores(run: Run) -> Scores:
    if not run.scores.is_file():
        raise Error("has no scores yet", run.folder, remedy=f"ftcaffe score {run.folder}")
    return score_files.read(run.scores)


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
        if run is None:
            continue
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
