"""The page: one HTML file that needs nothing beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evaluation.comparing.comparison import Comparison
from evaluation.comparing.headline import choice, named, rate
from evaluation.comparing.pairs import Pair
from evaluation.comparing.tables import Table, short
from evaluation.comparing.terms import Terms
from evaluation.scoring.scores import Counts
from ftcaffe import __version__
from ftcaffe.store import atomic

_METHODS = {
    "bootstrap": "from draws of whole {unit}s with replacement",
    "delong": "DeLong’s of the AUC, and at the operating points from draws of whole {unit}s with replacement",
    "idca": "of the fitted initial-detection-and-candidate-analysis model (the paper’s), which takes candidates for "
    "independent",
    "binormal": "of the fitted binormal curve, which takes cases for independent",
}


@dataclass(frozen=True)
class Content:
    """What the page shows.

    sentence : the headline. tables : by name, see `report`. figures : SVG documents by name.
    """

    comparison: Comparison
    sentence: str
    tables: dict[str, Table]
    figures: dict[str, str]


@dataclass(frozen=True)
class Cell:
    """Where two runs meet in a lower triangle.

    text : the operating points that differ, each with an arrow: up where the row's run is the higher.
    tone : ``row``, ``column`` or ``both``: whose run is the higher; empty where nothing differs.
    depth : 1 where some of the operating points differ, 2 where all do.
    """

    text: str = ""
    tone: str = ""
    depth: int = 0


def triangle(comparison: Comparison, told: Callable[[Pair], bool]) -> list[tuple[str, list[Cell]]]:
    """A row a run from the second on: its name, and a cell for each run before it."""
    points = [subject.result.points for subject in comparison.subjects]
    labels = [subject.label for subject in comparison.subjects]
    rows: list[tuple[str, list[Cell]]] = [(label, [Cell()] * place) for place, label in enumerate(labels)]
    for (column, row), among in groupby(
        (pair for pair in comparison.pairs if pair.rate is not None), lambda pair: (pair.one, pair.other)
    ):
        of_cell = list(among)
        up = [
            comparison.subjects[row].result.at(pair.rate).value
            > comparison.subjects[column].result.at(pair.rate).value
            for pair in of_cell
            if pair.rate is not None and told(pair)
        ]
        differing = [pair for pair in of_cell if told(pair)]
        if differing:
            text = ", ".join(
                f"{pair.rate:g}\u00a0{'↑' if higher else '↓'}" for pair, higher in zip(differing, up, strict=True)
            )
            tone = "row" if all(up) else "both" if any(up) else "column"
            rows[row][1][column] = Cell(text, tone, 2 if len(differing) == len(points[row]) else 1)
    return rows[1:]


def significance_markdown(comparison: Comparison, shown: Mapping[str, Table]) -> str:
    """The lower triangles with their captions, for a manuscript's supplement."""
    terms = comparison.terms
    parts = [
        f"**Operating points ({terms.axis}) at which the 95 % intervals of two runs do not overlap** (the paper's "
        f"rule; intervals: {comparison.settings.interval}).",
        shown["overlap"].markdown(),
    ]
    if comparison.paired:
        correction = ", Holm's correction over all pairs and operating points" if comparison.settings.correct else ""
        parts += [
            f"**Operating points at which a paired bootstrap of the {terms.unit}s gives p < 0.05**{correction}.",
            shown["paired"].markdown(),
        ]
    return "\n\n".join([*parts, denominators(comparison), ""])


def denominators(comparison: Comparison) -> str:
    """What was counted, in sentences for captions: of the test set, and of the candidates."""
    terms = comparison.terms
    named = [(subject.label, subject.result.scores.counts) for subject in comparison.subjects]
    tests = {_test_set(counts, terms) for _, counts in named}
    candidates = {_candidates(counts) for _, counts in named}
    parts = [tests.pop()] if len(tests) == 1 else [f"{label}: {_test_set(counts, terms)}" for label, counts in named]
    if terms.curve == "froc":
        parts += (
            [f"Of {candidates.pop()}"]
            if len(candidates) == 1
            else ["; ".join(f"{label}: of {_candidates(counts)}" for label, counts in named)]
        )
    return " ".join(f"{part}." for part in parts)


def _test_set(counts: Counts, terms: Terms) -> str:
    units = f"{counts.units} {terms.unit}{'s' if counts.units > 1 else ''}"
    if terms.curve == "roc":
        return f"{counts.lesions} positives and {counts.false_candidates} negatives in {units}"
    shown = ""
    if counts.with_lesions is not None:
        shown = f" ({counts.with_lesions} with lesions, {counts.images - counts.with_lesions} without)"
    return f"{counts.lesions} lesions, each counted once, in {counts.images} {terms.image}s{shown} of {units}"


def _candidates(counts: Counts) -> str:
    false = f"{counts.false_candidates} are false"
    return f"{counts.candidates} candidates {false}, and the others hit {counts.reached} lesions"


def write(path: Path, content: Content) -> Path:
    """Write the page, whole; returns its path."""
    comparison = content.comparison
    counts, same_candidates = _common(comparison)
    html = render(
        "page.html",
        comparison=comparison,
        terms=comparison.terms,
        counts=counts,
        same_candidates=same_candidates,
        sentence=content.sentence,
        choice=choice(comparison),
        spoken=named(comparison)[0].label,
        rate=rate(comparison),
        tables=content.tables,
        overlap=triangle(comparison, lambda pair: pair.differs),
        paired=triangle(comparison, lambda pair: pair.significant),
        labels=[one.label for one in comparison.subjects],
        denominators=denominators(comparison),
        method=_METHODS[comparison.settings.interval].format(unit=comparison.terms.unit),
        faults=[(one.label, one.result.fault) for one in comparison.subjects if one.result.fault],
        figures=inlined(content.figures),
        provenance=_provenance(comparison),
    )
    atomic.write_text(path, html)
    return path


def render(template: str, **values: Any) -> str:
    """A template of this folder, with the house's style sheet in it."""
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = short
    css = Markup((here / "page.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(css=css, version=__version__, **values)


def inlined(svgs: Mapping[str, str]) -> dict[str, Markup]:
    """SVG documents by name, as parts of one page."""
    return {name: _inline(svg, name) for name, svg in svgs.items()}


def _common(comparison: Comparison) -> tuple[Counts | None, bool]:
    """What was counted, where every curve is of the same test set; and whether all are of the same candidates too."""
    counts = [subject.result.scores.counts for subject in comparison.subjects]
    tests = {_test_set(one, comparison.terms) for one in counts}
    return (counts[0] if len(tests) == 1 else None), len(set(counts)) == 1


def _inline(svg: str, name: str) -> Markup:
    """An SVG document as a part of a page: without its prologue and its size, and with ids of its own."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 role="img"', body, count=1)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'((?:xlink:)?href="|url\()#', rf"\1#{name}-", body)
    return Markup(body)


def _provenance(comparison: Comparison) -> list[tuple[str, dict[str, Any]]]:
    """What made each curve, by its label."""
    listed = []
    for subject in comparison.subjects:
        scores, run = subject.result.scores, subject.run
        record = run.record if run else {}
        facts: dict[str, Any] = {
            "scores": scores.path,
            "snapshot": scores.snapshot,
            "identity": record.get("identity"),
            "engine": " ".join(
                str(record[name]) for name in ("engine", "engine_version", "device") if record.get(name)
            ),
            "weights": f"{record['weights']['path']}, SHA-256 {record['weights']['sha256']}"
            if run and run.weights
            else None,
            "data": record.get("dataset_digest"),
            "resumed": f"{record['resumes']} times" if record.get("resumes") else None,
            "settings": _pairs(record.get("settings")),
            "versions": _pairs(record.get("versions")),
        }
        listed.append((subject.label, {name: value for name, value in facts.items() if value}))
    return listed


def _pairs(values: dict[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (values or {}).items())
