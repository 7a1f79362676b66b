"""The page: one HTML file that needs nothing beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evaluation.comparison import Comparison
from evaluation.headline import choice, named, rate
from evaluation.tables import Table
from ftcaffe import __version__
from ftcaffe.store import atomic


@dataclass(frozen=True)
class Content:
    """What the page shows.

    sentence : the headline. points, training : tables; `training` is None for score files.
    figures : SVG documents by name.
    """

    comparison: Comparison
    sentence: str
    points: Table
    training: Table | None
    figures: dict[str, str]


@dataclass(frozen=True)
class Counts:
    """What was counted: the denominators of every figure.

    reached, false_candidates : None where the curves are of different candidates, and so each has its own.
    """

    units: int
    images: int
    with_lesions: int
    lesions: int
    reached: int | None
    false_candidates: int | None


def counts(comparison: Comparison) -> Counts:
    """Counts of the test set, which is the same for every curve."""
    results = [subject.result for subject in comparison.subjects]
    candidates = {(result.froc.reached, result.froc.false_candidates) for result in results}
    reached, false_candidates = candidates.pop() if len(candidates) == 1 else (None, None)
    return Counts(
        units=len(results[0].scores.detections.images),
        images=results[0].froc.images,
        with_lesions=int(np.sum(results[0].scores.images.lesions > 0)),
        lesions=results[0].froc.lesions,
        reached=reached,
        false_candidates=false_candidates,
    )


def write(path: Path, content: Content) -> Path:
    """Write the page, whole; returns its path."""
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    comparison = content.comparison
    html = environment.get_template("page.html").render(
        css=Markup((here / "page.css").read_text(encoding="utf-8")),
        comparison=comparison,
        terms=comparison.terms,
        counts=counts(comparison),
        sentence=content.sentence,
        choice=choice(comparison),
        spoken=named(comparison)[0].label,
        rate=rate(comparison),
        points=content.points,
        training=content.training,
        figures={name: _inline(svg, name) for name, svg in content.figures.items()},
        provenance=_provenance(comparison),
        version=__version__,
    )
    atomic.write_text(path, html)
    return path


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
