"""From a comparison to its folder: figures, tables and the page that gathers them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation import comparison as comparisons
from evaluation import curve_tables, figures, headline, page, run_tables, runs, style, tables, testset
from evaluation.comparison import Comparison, Subject
from evaluation.examples import Examples, examples
from evaluation.figures import Curve
from evaluation.result import Settings
from evaluation.scoreset import Reading
from evaluation.tables import saved
from ftcaffe.store import atomic

_EXAMPLES = 6  # of each kind, as many as a page's width shows well
_BANDS = 3  # with more curves than this in a panel, only the headline's have their bands: they hide one another
_FILTERS = {1: 4.9, 2: 2.6, 3: 1.85}  # inches, by the number of grids side by side


@dataclass(frozen=True)
class Written:
    """What a comparison left behind.

    page : the page. sentence : its headline. table : the operating points, for the terminal.
    """

    page: Path
    sentence: str
    table: str


def evaluate_files(
    paths: Sequence[Path], reading: Reading, out: Path, settings: Settings, *, allow_different: bool = False
) -> Written:
    """The page of score sets."""
    return write(comparisons.of_files(paths, reading, settings, allow_different=allow_different), out)


def compare_runs(
    names: Sequence[str], work: Path, out: Path | None, settings: Settings, *, allow_different: bool = False
) -> Written:
    """The page of the runs of those names or folders."""
    folders = [runs.find(name, work) for name in dict.fromkeys(names)]
    found = comparisons.of_runs(folders, settings, allow_different=allow_different)
    run = found.runs[0]
    return write(found, out or run.work / "reports" / run.application / "compare")


def report(application: str, work: Path, settings: Settings) -> Written:
    """The page of every finished run of an application."""
    done, absent = comparisons.finished(application, work)
    return write(comparisons.of_runs(done, settings, absent=absent), work / "reports" / application)


def write(comparison: Comparison, out: Path) -> Written:
    """Write figures (PNG, SVG), tables (CSV, LaTeX, Markdown) and ``report.html`` into `out`."""
    written = _tables(comparison, out)
    drawn = {name: figures.save(figure, out / name)[1].read_text("utf-8") for name, figure in _figures(comparison)}
    sentence = headline.headline(comparison)
    path = page.write(out / "report.html", page.Content(comparison, sentence, written, drawn))
    return Written(path, sentence, written["points"].text())


def _tables(comparison: Comparison, out: Path) -> dict[str, tables.Table]:
    """Write every table; returns those that the page shows, by name."""
    labels = [subject.label for subject in comparison.subjects]
    results = [subject.result for subject in comparison.subjects]
    corrected = comparison.settings.correct is not None
    shown = {"points": curve_tables.spoken(labels, results, comparison.terms)}
    curve_tables.curve(labels, results).csv(out / "curve.csv")
    saved(curve_tables.operating_points(labels, results), out, "operating_points")
    shown["summary"] = saved(curve_tables.summary(labels, results), out, "summary")
    shown["parameters"] = saved(curve_tables.parameters(labels, results), out, "parameters")
    if len(labels) > 1:
        saved(curve_tables.pairwise(labels, comparison.pairs, corrected=corrected), out, "pairwise")
        shown["areas"] = curve_tables.pairwise_areas(labels, comparison.pairs, corrected=corrected)
        saved(shown["areas"], out, "pairwise_areas")
        shown["overlap"] = saved(curve_tables.parting(labels, comparison.pairs), out, "significance")
        shown["paired"] = saved(curve_tables.tested(labels, comparison.pairs), out, "significance_paired")
        atomic.write_text(out / "significance.md", page.significance_markdown(comparison, shown))
    if comparison.runs:
        names = [subject.label for subject in comparison.subjects if subject.run]
        shown["training"] = saved(run_tables.training(names, comparison.runs), out, "training")
        run_tables.snapshots(names, comparison.runs).csv(out / "snapshots.csv")
        if (seeds := run_tables.seeds(comparison.subjects)).rows:
            shown["seeds"] = saved(seeds, out, "seeds")
    if comparison.moved:
        run_tables.movements(comparison.moved).csv(out / "movement.csv")
    return shown


def _figures(comparison: Comparison) -> Iterator[tuple[str, Any]]:
    """Name and figure of each that the comparison has something for; closed when the next is asked for."""
    subjects = comparison.subjects
    rate = headline.rate(comparison)
    rows = [(one.label, one.style, headline.measure(comparison, one)) for one in subjects]
    with style.figure(0.75 + 0.27 * len(rows)) as (drawn, ax):
        terms = comparison.terms
        figures.intervals(rows, ax, terms.area if rate is None else f"{terms.positives} found at {terms.at(rate)}")
        yield "answer", drawn
    panels = _panels(comparison)
    columns, lines = min(2, len(panels)), -(-len(panels) // 2)
    with style.figure(3.9 if len(panels) == 1 else 3.4 * lines, columns, lines, squeeze=False) as (drawn, axes):
        for ax, (title, curves) in zip(axes.flat, panels, strict=False):
            figures.froc(curves, ax, comparison.terms.image)
            ax.set_title(title)
        figures.legend(axes[0, -1], axes.flat)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        yield "curve", drawn
    trainings = [one.training for one in subjects if one.run]
    if trainings:
        height = max(3.3, 0.21 * len(trainings))  # of the legend
        with style.figure(height, 2) as (drawn, (left, right)):
            figures.training_loss(trainings, left)
            figures.by_snapshot(trainings, right, "val_loss", "validation loss by snapshot")
            figures.legend(right)
            yield "convergence", drawn
        with style.figure(height) as (drawn, ax):
            figures.by_snapshot(trainings, ax, "val_auc", "validation AUC by snapshot")
            figures.legend(ax)
            yield "auc", drawn
    if comparison.moved:
        with style.figure(0.55 + 0.3 * len(comparison.moved)) as (drawn, ax):
            figures.movement(comparison.moved, ax)
            yield "movement", drawn
    worst = _examples(headline.named(comparison)[0])
    if worst is not None:
        columns = max(len(worst.false_alarms), len(worst.weak_hits))
        with style.figure(3.0, columns, 2, squeeze=False) as (drawn, axes):
            for line, row, kind in zip(
                axes, (worst.false_alarms, worst.weak_hits), ("false alarms", "weakest hits"), strict=True
            ):
                for ax, one in zip(line, row, strict=False):
                    figures.example(one, ax)
                line[0].set_ylabel(kind)
                for ax in line[len(row) :]:
                    ax.set_axis_off()
            yield "examples", drawn
    if comparison.filters:
        columns = min(3, len(comparison.filters))
        lines = -(-len(comparison.filters) // columns)
        with style.figure(_FILTERS[columns] * lines, columns, lines, squeeze=False) as (drawn, axes):
            for ax in axes.flat[len(comparison.filters) :]:
                ax.set_axis_off()
            for ax, (title, pictures) in zip(axes.flat, comparison.filters.items(), strict=False):
                figures.filters(pictures, ax, title)
            yield "filters", drawn


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
            names = runs.labels([subject.run for subject in among if subject.run])
        few = len(among) <= _BANDS
        curves = [
            Curve(name, subject.style, subject.result, band=few or subject in spoken)
            for subject, name in zip(among, names, strict=True)
        ]
        panels.append((title, curves))
    return panels
