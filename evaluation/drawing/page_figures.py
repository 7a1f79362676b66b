"""The figures of a page, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from evaluation.comparing import headline
from evaluation.comparing.comparison import Comparison, Subject
from evaluation.comparing.examples import Examples, examples
from evaluation.drawing import curves, figures, style
from evaluation.drawing.curves import Curve
from evaluation.scoring import runs, testset

_EXAMPLES = 6  # of each kind, as many as a page's width shows well
_BANDS = 3  # with more curves than this in a panel, only the headline's have their bands: they hide one another
_FILTERS = {1: 4.9, 2: 2.6, 3: 1.85}  # inches, by the number of grids side by side


def drawn(comparison: Comparison) -> Iterator[tuple[str, Any]]:
    """Name and figure of each that the comparison has something for; closed when the next is asked for."""
    subjects = comparison.subjects
    rate = headline.rate(comparison)
    rows = [(one.label, one.style, headline.measure(comparison, one)) for one in subjects]
    with style.figure(0.75 + 0.27 * len(rows)) as (figure, ax):
        terms = comparison.terms
        figures.intervals(rows, ax, terms.area if rate is None else f"{terms.positives} found at {terms.at(rate)}")
        yield "answer", figure
    panels = _panels(comparison)
    if terms.curve == "roc":  # each whole, and beside it the part where the operating points are
        panels = [panel for panel in panels for _ in range(2)]
    columns, lines = min(2, len(panels)), -(-len(panels) // 2)
    with style.figure(3.9 if len(panels) == 1 else 3.4 * lines, columns, lines, squeeze=False) as (figure, axes):
        for number, (ax, (title, shown)) in enumerate(zip(axes.flat, panels, strict=False)):
            if terms.curve == "roc":
                curves.roc(shown, ax, (curves.WHOLE, curves.PART)[number % 2])
            else:
                curves.froc(shown, ax, terms.image)
            ax.set_title(title)
        figures.legend(axes[0, -1], axes.flat)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        yield "curve", figure
    reduced = _reduced(comparison)
    if reduced:
        beside = 2 if terms.curve == "roc" else 1
        with style.figure(3.9 if beside == 1 else 3.4, beside, squeeze=False) as (figure, axes):
            for ax, window in zip(axes.flat, (curves.WHOLE, curves.PART), strict=False):
                curves.roc(reduced, ax, window) if terms.curve == "roc" else curves.froc(reduced, ax, terms.image)
            figures.legend(axes.flat[-1])
            yield "reduction", figure
    trainings = [one.training for one in subjects if one.run]
    if trainings:
        height = max(3.3, 0.21 * len(trainings))  # of the legend
        with style.figure(height, 2) as (figure, (left, right)):
            figures.training_loss(trainings, left)
            figures.by_snapshot(trainings, right, "val_loss", "validation loss by snapshot")
            figures.legend(right)
            yield "convergence", figure
        with style.figure(height) as (figure, ax):
            figures.convergence(trainings, ax)
            figures.legend(ax)
            yield "auc", figure
    if comparison.moved:
        with style.figure(0.55 + 0.3 * len(comparison.moved)) as (figure, ax):
            figures.movement(comparison.moved, ax)
            yield "movement", figure
    if comparison.partings:
        looks = {one.label: one.style.color for one in subjects}
        with style.figure(2.9, 3) as (figure, axes):
            figures.partings(comparison.partings, [looks[one.other] for one in comparison.partings], axes)
            yield "engines", figure
    worst = _examples(headline.named(comparison)[0])
    if worst is not None:
        columns = max(len(worst.false_alarms), len(worst.weak_hits))
        with style.figure(3.0, columns, 2, squeeze=False) as (figure, axes):
            for line, row, kind in zip(
                axes, (worst.false_alarms, worst.weak_hits), ("false alarms", "weakest hits"), strict=True
            ):
                for ax, one in zip(line, row, strict=False):
                    figures.example(one, ax)
                line[0].set_ylabel(kind)
                for ax in line[len(row) :]:
                    ax.set_axis_off()
            yield "examples", figure
    if comparison.filters:
        columns = min(3, len(comparison.filters))
        lines = -(-len(comparison.filters) // columns)
        with style.figure(_FILTERS[columns] * lines, columns, lines, squeeze=False) as (figure, axes):
            for ax in axes.flat[len(comparison.filters) :]:
                ax.set_axis_off()
            for ax, (title, pictures) in zip(axes.flat, comparison.filters.items(), strict=False):
                figures.filters(pictures, ax, title)
            yield "filters", figure


def _examples(subject: Subject) -> Examples | None:
    """The worst cases of a run whose data are still in the working folder."""
    if subject.run is None:
        return None
    data = subject.run.work / "data" / subject.run.application
    if not (data / f"{testset.SPLIT}.lmdb").is_dir():
        return None
    return examples(subject.result.scores, testset.read(data), _EXAMPLES)


def _panels(comparison: Comparison) -> list[tuple[str, list[Curve]]]:
    """Title and curves of each panel: one for each share of the data that runs were trained on."""
    by_fraction: dict[float, list[Subject]] = {}
    for subject in comparison.subjects:
        by_fraction.setdefault(subject.run.fraction if subject.run else 1.0, []).append(subject)
    spoken = headline.named(comparison)
    panels = []
    for fraction, among in by_fraction.items():
        title, names = "", [subject.label for subject in among]
        if len(by_fraction) > 1:  # the title says the share for all of them
            title = f"{100 * fraction:g} % of the training data"
            of_runs = iter(runs.labels([subject.run for subject in among if subject.run]))
            names = [next(of_runs) if subject.run else subject.label for subject in among]
        few = len(among) <= _BANDS
        drawn = [
            _curve(comparison, subject, name, band=few or subject in spoken)
            for subject, name in zip(among, names, strict=True)
        ]
        panels.append((title, drawn))
    return panels


def _curve(comparison: Comparison, subject: Subject, label: str, *, band: bool) -> Curve:
    """A subject's curve, with the fitted one where that is what its intervals are of."""
    result = subject.result
    return Curve(
        label,
        subject.style,
        result.roc if comparison.terms.curve == "roc" else result.froc,
        result.points,
        result.band if band else None,
        result.model if comparison.settings.interval in ("idca", "binormal") else None,
    )


def _reduced(comparison: Comparison) -> list[Curve]:
    """Curves of the deepest tuning and of scratch on every share of the data; none where there is but one share.

    Of several seeds the lowest is drawn, of several starts from scratch the one with most shares.
    """
    methods: dict[tuple[str, str], dict[float, Subject]] = {}
    for subject in comparison.subjects:  # by seed, so that the lowest comes first
        if subject.run is not None:
            start = "" if subject.run.weights is not None else subject.run.record["init"]
            methods.setdefault((subject.run.depth, start), {}).setdefault(subject.run.fraction, subject)
    tuned = max(
        (method for method in methods if not method[1]),
        key=lambda method: (len(methods[method]) > 1, -style.order(method[0])),
        default=None,
    )
    scratch = max((method for method in methods if method[1]), key=lambda method: len(methods[method]), default=None)
    chosen = [method for method in (tuned, scratch) if method is not None]
    if not any(len(methods[method]) > 1 for method in chosen):
        return []
    return curves.reduced(
        [
            # Two methods are told apart by two far colours rather than by their places among the depths.
            (
                share,
                replace(
                    _curve(comparison, subject, runs.depth_label(method[0]), band=False), style=style.of_other(number)
                ),
            )
            for number, method in enumerate(chosen)
            for share, subject in methods[method].items()
        ]
    )
