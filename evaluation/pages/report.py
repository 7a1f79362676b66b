"""From a comparison to its folder: figures, tables and the page that gathers them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.comparing import agreement, classes, engines, headline, segmentation, tables
from evaluation.comparing import comparison as comparisons
from evaluation.comparing.comparison import Comparison
from evaluation.comparing.result import Settings
from evaluation.comparing.tables import saved
from evaluation.drawing import figures, page_figures
from evaluation.pages import agreement_report, curve_tables, page, run_tables, segmentation_report, wall_report
from evaluation.pages.written import Written
from evaluation.scoring import handcrafted, runs
from evaluation.scoring.scoreset import Reading
from ftcaffe.errors import Error
from ftcaffe.store import atomic


def evaluate_files(
    paths: Sequence[Path], reading: Reading, out: Path, settings: Settings, *, allow_different: bool = False
) -> Written:
    """The page of score sets, of tables of errors of segmentation, or of measurements with a reference."""
    kinds = [_kind(path) for path in paths]
    if other := [path for path, kind in zip(paths, kinds, strict=True) if kind != kinds[0]]:
        what = f"is a table of {kinds[paths.index(other[0])]}, and {paths[0]} one of {kinds[0]}"
        raise Error(what, other[0], remedy="evaluate each kind apart")
    if kinds[0] == "errors":
        return segmentation_report.evaluate_files(paths, out, holm=settings.correct is not None)
    if kinds[0] == "measurements":
        return agreement_report.evaluate_files(paths, out)
    return write(comparisons.of_files(paths, reading, settings, allow_different=allow_different), out)


def _kind(path: Path) -> str:
    if segmentation.is_one(path):
        return "errors"
    return "measurements" if agreement.is_one(path) else "scores"


def compare_runs(
    names: Sequence[str], work: Path, out: Path | None, settings: Settings, *, allow_different: bool = False
) -> Written:
    """The page of the runs of those names or folders."""
    folders = [runs.find(name, work) for name in dict.fromkeys(names)]
    found = comparisons.of_runs(folders, settings, allow_different=allow_different)
    run = found.runs[0]
    return write(found, out or run.work / "reports" / run.application / "compare")


def report(application: str, work: Path, settings: Settings) -> Written:
    """The page of every finished run of an application, and of the methods without a net on the same data."""
    done, absent = comparisons.finished(application, work)
    rivals, others = handcrafted.found(application, work, runs.state(done[0]).get("dataset_digest"))
    found = comparisons.of_runs(done, settings, absent=(*absent, *others), rivals=rivals)
    out = work / "reports" / application
    written = write(found, out)
    if not (subjects := wall_report.traced(found.subjects)):
        return written
    # Where interfaces are traced, their error is what matters; the curves of the patches are a page beside it.
    traced = wall_report.write(subjects, out / "segmentation", holm=settings.correct is not None)
    return Written(traced.page, f"{written.sentence} {traced.sentence}", f"{written.table}\n\n{traced.table}")


def write(comparison: Comparison, out: Path) -> Written:
    """Write figures (PNG, SVG), tables (CSV, LaTeX, Markdown) and ``report.html`` into `out`."""
    written = _tables(comparison, out)
    drawn = {
        name: figures.save(figure, out / name)[1].read_text("utf-8")
        for name, figure in page_figures.drawn(comparison)
    }
    sentence = headline.headline(comparison)
    parted = engines.sentence(comparison.partings)
    path = page.write(out / "report.html", page.Content(comparison, sentence, written, drawn))
    return Written(path, " ".join(filter(None, (sentence, parted))), written["points"].text())


def _tables(comparison: Comparison, out: Path) -> dict[str, tables.Table]:
    """Write every table; returns those that the page shows, by name."""
    labels = [subject.label for subject in comparison.subjects]
    results = [subject.result for subject in comparison.subjects]
    settings = comparison.settings
    corrected = settings.correct is not None
    shown = {"points": curve_tables.spoken(labels, results, comparison.terms)}
    curve_tables.curve(labels, results).csv(out / "curve.csv")
    saved(curve_tables.operating_points(labels, results), out, "operating_points")
    shown["summary"] = saved(curve_tables.summary(labels, results), out, "summary")
    saved(curve_tables.parameters(labels, results), out, "parameters")
    shown["parameters"] = curve_tables.parameters_spoken(labels, results)
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
    told = [
        (one.label, classes.classes(one.result.scores, settings.draws, settings.seed)) for one in comparison.subjects
    ]
    several = {label: one for label, one in told if one is not None}
    if several:
        names, found = list(several), list(several.values())
        saved(classes.areas(names, found), out, "classes")
        shown["classes"] = classes.spoken(names, found)
        shown["confusion"] = saved(classes.confusions(names, found), out, "confusion")
    if comparison.moved:
        run_tables.movements(comparison.moved).csv(out / "movement.csv")
    if comparison.partings:
        saved(engines.summary(comparison.partings), out, "engines")
        shown["engines"] = engines.spoken(comparison.partings)
        shown["engine_layers"] = saved(engines.by_layer(comparison.partings), out, "engine_weights")
        engines.by_iteration(comparison.partings).csv(out / "engine_losses.csv")
        engines.by_candidate(comparison.partings).csv(out / "engine_scores.csv")
    return shown
