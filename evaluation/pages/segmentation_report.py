"""From errors of segmentation to their folder: box plots, Table S4 and its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.comparing import segmentation, tables
from evaluation.comparing.agreement import MEASURED_IN
from evaluation.comparing.pairs import LEVEL
from evaluation.comparing.segmentation import ErrorPair, Errors
from evaluation.comparing.tables import Table, saved
from evaluation.drawing import error_figures, figures, style
from evaluation.pages import page
from evaluation.pages.page import Cell
from evaluation.pages.written import Written
from evaluation.statistics.boxplot import box
from ftcaffe.store import atomic

_COLUMNS = (
    *("run_a", "run_b", "interface", "over", "n", "difference", "low", "high", "p_t", "p_wilcoxon"),
    MEASURED_IN,
)
_SUMMARY = ("run", "interface", "regions", "mean", "sd", "median", "first_quartile", "third_quartile", MEASURED_IN)


@dataclass(frozen=True)
class Section:
    """What a page has beside the errors: a heading, a sentence, figures as SVG, tables."""

    title: str
    text: str
    figures: tuple[str, ...]
    tables: tuple[Table, ...]


def evaluate_files(paths: Sequence[Path], out: Path, *, holm: bool) -> Written:
    """Write figures (PNG, SVG), tables (CSV, LaTeX, Markdown) and ``report.html`` of tables of errors into `out`."""
    errors = segmentation.read(paths)
    unit = errors.measured_in or f"a unit of length that the table{'s do' if len(paths) > 1 else ' does'} not say"
    note = f"Errors of {', '.join(path.name for path in paths)}, in {unit}."
    return write(errors, out, holm=holm, note=note)


def write(
    errors: Errors,
    out: Path,
    *,
    holm: bool,
    note: str,
    looks: Sequence[style.Style] = (),
    sections: Sequence[Section] = (),
    curves: str = "",
) -> Written:
    """The same of errors that are at hand.

    Parameters
    ----------
    note : what the errors are, in a sentence.
    looks : of each run; empty for such as tell them apart.
    sections : what else the page is to have. curves : address of the page of the runs' curves, where there is one.
    """
    pairs = segmentation.pairs(errors, holm=holm)
    saved(by_run(errors), out, "errors")
    shown = {"errors": spoken(errors)}
    if len(errors.runs) > 1:
        saved(pairwise(errors, pairs), out, "pairwise_errors")
        for over in dict.fromkeys(pair.over for pair in pairs):
            name = "significance_errors" if over == "regions" else f"significance_errors_{over}"
            shown[over] = saved(table_s4(errors, pairs, over), out, name)
            atomic.write_text(out / f"{name}.md", f"{shown[over].markdown()}\n")
    height = 0.9 + 2.3 * len(errors.interfaces)
    with style.figure(height, rows=len(errors.interfaces), squeeze=False) as (drawn, axes):
        for ax, interface, by in zip(axes[:, 0], errors.interfaces, np.moveaxis(errors.error, 1, 0), strict=True):
            rows = [
                (run, looks[place] if looks else style.of_other(place), box(by[place]))
                for place, run in enumerate(errors.runs)
            ]
            label = f"error, {interface}" if interface else "error"
            error_figures.boxes(rows, ax, f"{label} ({errors.measured_in})" if errors.measured_in else label)
        svg = figures.save(drawn, out / "errors_by_run")[1].read_text("utf-8")
    sentence = headline(errors, pairs)
    html = page.render(
        "segmentation.html",
        errors=errors,
        units=len(np.unique(errors.unit)),
        note=note,
        sections=[(one, page.inlined(dict(enumerated(one)))) for one in sections],
        sentence=sentence,
        tables=shown,
        curves=curves,
        triangles={over: triangle(errors, pairs, over) for over in ("regions", "units")},
        holm=holm,
        figures=page.inlined({"errors": svg}),
    )
    atomic.write_text(out / "report.html", html)
    return Written(out / "report.html", sentence, shown["errors"].text())


def enumerated(section: Section) -> Iterator[tuple[str, str]]:
    """Name and SVG of each of its figures, the names unique on the page."""
    for number, svg in enumerate(section.figures, 1):
        yield f"{section.title.lower()}{number}", svg


def by_run(errors: Errors) -> Table:
    """Mean, deviation and quartiles of each run on each interface."""
    boxes = [
        (run, interface, box(errors.error[place, of]))
        for place, run in enumerate(errors.runs)
        for of, interface in enumerate(errors.interfaces)
    ]
    rows = tuple(
        (run, interface, one.count, one.mean, one.deviation, one.median, one.first, one.third, errors.measured_in)
        for run, interface, one in boxes
    )
    return Table(_SUMMARY, rows)


def spoken(errors: Errors) -> Table:
    """The same as people read it, a row a run."""
    header, columns = [""], [list(errors.runs)]
    of_length = f", {errors.measured_in}" if errors.measured_in else ""
    for of, interface in enumerate(errors.interfaces):
        boxes = [box(row) for row in errors.error[:, of]]
        named = f"{interface}, " if interface else ""
        header += [f"{named}mean ± SD{of_length}", f"{named}median [quartiles]{of_length}"]
        columns.append([f"{tables.short(one.mean)} ± {tables.short(one.deviation)}" for one in boxes])
        quartiles = [map(tables.short, (one.median, one.first, one.third)) for one in boxes]
        columns.append([f"{median} [{first}, {third}]" for median, first, third in quartiles])
    return Table(tuple(header), tuple(zip(*columns, strict=True)))


def pairwise(errors: Errors, pairs: Sequence[ErrorPair]) -> Table:
    """A row a pair of runs, interface, and what the test is over."""
    rows = tuple(
        (
            errors.runs[pair.one],
            errors.runs[pair.other],
            pair.interface,
            pair.over,
            pair.found.regions,
            pair.found.mean,
            pair.found.low,
            pair.found.high,
            pair.p_t,
            pair.p_wilcoxon,
            errors.measured_in,
        )
        for pair in pairs
    )
    return Table(_COLUMNS, rows)


def table_s4(errors: Errors, pairs: Sequence[ErrorPair], over: str) -> Table:
    """The paper's Table S4: p-values of the paired t-test on every interface, in a lower triangle."""
    return tables.triangle(errors.runs, ((pair.one, pair.other, _said(pair)) for pair in pairs if pair.over == over))


def triangle(errors: Errors, pairs: Sequence[ErrorPair], over: str) -> list[tuple[str, list[Cell]]]:
    """The same with its colours; empty where there is no such test."""
    among = [pair for pair in pairs if pair.over == over]
    if not among:
        return []
    rows: list[tuple[str, list[Cell]]] = [(run, [Cell()] * place) for place, run in enumerate(errors.runs)]
    for column, row in dict.fromkeys((pair.one, pair.other) for pair in among):
        of_cell = [pair for pair in among if (pair.one, pair.other) == (column, row)]
        # The difference is of the column's run less the row's, and a small error is the better.
        better = [pair.found.mean > 0 for pair in of_cell if pair.p_t < LEVEL]
        tone = "" if not better else "row" if all(better) else "both" if any(better) else "column"
        depth = 0 if not better else 2 if len(better) == len(of_cell) else 1
        text = ", ".join(_said(pair).replace(" ", "\u00a0") for pair in of_cell)
        rows[row][1][column] = Cell(text, tone, depth)
    return rows[1:]


def headline(errors: Errors, pairs: Sequence[ErrorPair]) -> str:
    """The mean errors of the run that errs least, and which runs the paired test does not tell from it.

    The test is over units where there are several regions a unit.
    """
    mean, deviation = errors.error.mean(axis=2), errors.error.std(axis=2, ddof=1)
    best = int(mean.mean(axis=1).argmin())
    parts = [
        f"{tables.short(float(mean[best, of]))} ± {tables.short(float(deviation[best, of]))}"
        + (f" {errors.measured_in}" if errors.measured_in else "")
        + (f" on {interface}" if interface else "")
        for of, interface in enumerate(errors.interfaces)
    ]
    least = "errs" if len(errors.runs) == 1 else "errs least"
    sentence = f"{errors.runs[best]} {least}: {', '.join(parts)}."
    over = "units" if any(pair.over == "units" for pair in pairs) else "regions"
    told = {
        errors.runs[place]
        for pair in pairs
        if pair.over == over and pair.p_t < LEVEL and best in (pair.one, pair.other)
        for place in (pair.one, pair.other)
    }
    alike = [run for place, run in enumerate(errors.runs) if run not in told and place != best]
    if alike:
        sentence = f"{sentence} The paired test over {over} does not tell {' or '.join(alike)} from it."
    return sentence


def _said(pair: ErrorPair) -> str:
    return f"{pair.interface} {tables.p_value(pair.p_t)}".strip()
