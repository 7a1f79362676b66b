"""From the traces of runs to their folder: errors, box plots, Table S4, thickness and panels of regions."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evaluation.comparing import walls
from evaluation.comparing.agreement import agreement
from evaluation.comparing.comparison import Subject
from evaluation.comparing.tables import Table
from evaluation.comparing.walls import Method
from evaluation.drawing import figures, panel, style
from evaluation.drawing.style import Style
from evaluation.pages import agreement_report, segmentation_report
from evaluation.pages.segmentation_report import Section
from evaluation.pages.written import Written
from evaluation.scoring import runs
from evaluation.segmenting import rival, tracing
from evaluation.segmenting.tracing import Traces
from ftcaffe.errors import Error
from ftcaffe.store import atomic, regions
from ftcaffe.store.regions import Region


def traced(subjects: Sequence[Subject]) -> list[Subject]:
    """Those that are runs with traces of regions."""
    return [one for one in subjects if one.run and tracing.path_of(one.run).is_file()]


def write(subjects: Sequence[Subject], out: Path, *, holm: bool) -> Written:
    """Write figures, tables, panels and ``report.html`` of runs with traces into `out`.

    Raises
    ------
    Error : traces of another data set than the working folder holds.
    """
    run = subjects[0].run
    assert run is not None
    data = run.work / "data" / run.application
    tested = regions.read(data / "regions.h5", "test")
    found = [_read(one, tested) for one in subjects]
    methods = [_method(one.label, one.style, traces) for one, traces in zip(subjects, found, strict=True)]
    handcrafted = tracing.read(rival.trace(run.application, run.work)[0])
    compared = [*methods, _method(rival.NAME, style.of_other(1), handcrafted)]
    errors = walls.errors(compared, tested)
    best = int(errors.error[: len(methods)].mean(axis=(1, 2)).argmin())
    sections = [
        *_thickness(compared, best, tested, out),
        _panels(tested, found[best], methods[best].label, errors.error[best].mean(axis=0), out),
    ]
    return segmentation_report.write(
        errors,
        out,
        holm=holm,
        looks=[method.look for method in compared],
        note=_note(found, walls.human(tested)) + _trained_on(subjects, runs.read_json(data / "dataset.json")),
        sections=sections,
        curves="../report.html",
    )


def _method(label: str, look: Style, traces: Traces) -> Method:
    return Method(label, look, tuple(region.rows for region in traces.traced))


def _read(subject: Subject, tested: Sequence[Region]) -> Traces:
    assert subject.run is not None
    path = tracing.path_of(subject.run)
    traces = tracing.read(path)
    if traces.names != tuple(region.name for region in tested):
        raise Error("is of other regions than the data folder holds", path, remedy="score the run anew")
    return traces


def _note(found: Sequence[Traces], human: np.ndarray | None) -> str:
    ways = " and ".join(sorted({traces.maps for traces in found}))
    text = f"Errors are the mean vertical distance to the experts’ consensus, in µm. Confidence maps: {ways}."
    if human is not None:
        parts = [
            f"{of.mean():.1f} ± {of.std(ddof=1):.1f} µm on {interface}"
            for interface, of in zip(walls.INTERFACES, human, strict=True)
        ]
        text += f" The experts differ among themselves by {' and '.join(parts)}."
    return text


def _trained_on(subjects: Sequence[Subject], dataset: dict[str, Any]) -> str:
    """How many subjects the training sets have, where some are reduced; the smallest is one subject."""
    used = sorted({one.run.fraction for one in subjects if one.run}, reverse=True)
    if used == [1]:
        return ""
    units = {float(fraction): entry["units"] for fraction, entry in dataset["fractions"].items()}
    sizes = [(100 * fraction, units[fraction]) for fraction in used]
    parts = [f"{percent:g} % of the data are {count} subject{'s'[: count != 1]}" for percent, count in sizes]
    return f" In training {', '.join(parts)}."


def _thickness(methods: Sequence[Method], best: int, tested: Sequence[Region], out: Path) -> list[Section]:
    """Thickness by region, and its agreement with the experts'; nothing with fewer than two subjects."""
    truth = walls.thicknesses([region.truth for region in tested if region.truth is not None], tested)
    ours = [walls.thicknesses(method.rows, tested) for method in methods]
    columns = [[region.unit, region.image, region.region, region.spacing] for region in tested]
    Table(
        ("unit", "image", "region", "mm_per_pixel", "experts", *(method.label for method in methods)),
        tuple((*names, *values) for names, *values in zip(columns, truth.tolist(), *_lists(ours), strict=True)),
    ).csv(out / "thickness.csv")
    units = [region.unit for region in tested]
    found = [agreement(method.label, mm, truth, units) for method, mm in zip(methods, ours, strict=True)]
    pairs = _experts(tested)
    if pairs is not None:
        found.append(agreement("between experts", *pairs, units))
    rows = [one for one in found if one is not None]
    if not rows:
        return []
    said = (f"{methods[best].label} less the experts", "intima-media thickness", "mm")
    svg = agreement_report.drawing(rows[best], methods[best].look, out, said, "bland_altman")
    text = (
        "Bias and limits of agreement (Bland and Altman) of the thickness, method less experts, in mm, for several "
        "regions a subject; the intraclass correlation ICC(2,1) is of the subjects’ means. By region: thickness.csv."
    )
    return [Section("Thickness", text, (svg,), (agreement_report.table(rows, "mm", out),))]


def _lists(columns: Sequence[np.ndarray]) -> list[list[float]]:
    return [column.tolist() for column in columns]


def _experts(tested: Sequence[Region]) -> tuple[np.ndarray, np.ndarray] | None:
    """The thickness in mm by the first and by the second expert of every region, where all have two."""
    if any(len(region.experts) < 2 for region in tested):
        return None
    first, second = zip(*(list(region.experts.values())[:2] for region in tested), strict=True)
    return walls.thicknesses(first, tested), walls.thicknesses(second, tested)


def _panels(tested: Sequence[Region], found: Traces, label: str, error: np.ndarray, out: Path) -> Section:
    """A panel of every region as PNG, and on the page those of the median and of the largest error."""
    for region, one in zip(tested, found.traced, strict=True):
        name = "_".join((region.unit, region.image, region.region)).replace("/", "_")
        content = io.BytesIO()
        Image.fromarray(panel.panel(region, one)).save(content, "PNG")
        atomic.write_bytes(out / "panels" / f"{name}.png", content.getvalue())
    order = np.argsort(error, kind="stable")
    shown = {"median error": int(order[len(order) // 2]), "largest error": int(order[-1])}
    with style.figure(1.35 * len(shown), 1, len(shown), squeeze=False) as (figure, axes):
        for ax, (which, place) in zip(axes[:, 0], shown.items(), strict=True):
            _show(ax, tested[place], found.traced[place])
            ax.set_title(f"{which}: {tested[place].name}, {error[place]:.0f} µm")
        svg = figures.save(figure, out / "panels_of_best")[1].read_text("utf-8")
    text = (
        f"Regions as {label} traces them: {', '.join(panel.TITLES)}. Green is the lumen-intima interface, red the "
        "media-adventitia interface. Every test region’s is in the folder panels."
    )
    return Section("Regions", text, (svg,), ())


def _show(ax: Any, region: Region, one: tracing.Traced) -> None:
    picture = panel.panel(region, one)
    ax.imshow(picture)
    ax.set_xticks([]), ax.set_yticks([])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
