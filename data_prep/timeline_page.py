"""The page of a procedure: its timeline with what was not seen, for a reader who wants one number and the reasons."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from data_prep.timeline import Timeline
from ftcaffe import __version__
from ftcaffe.store import atomic

_SHOWN = 6  # stretches with a thumbnail
_GOOD, _POOR, _INK = "#0072B2", "#D55E00", "#222222"


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def write(found: Timeline, title: str, run: str, out: Path) -> Path:
    """Write ``timeline.svg``, ``timeline.png`` and ``report.html``; the page needs nothing beside it."""
    import matplotlib as mpl

    # The ids are the same each time: a figure made again is the same file.
    with mpl.rc_context({"font.size": 8.5, "svg.fonttype": "none", "svg.hashsalt": "ftcaffe"}):
        figure = _figure(found)
        for suffix in ("svg", "png"):
            stream = io.BytesIO()
            metadata = {"Date": None} if suffix == "svg" else {}
            figure.savefig(stream, format=suffix, metadata=metadata, dpi=200)
            atomic.write_bytes(out / f"timeline.{suffix}", stream.getvalue())
    svg = (out / "timeline.svg").read_text(encoding="utf-8")
    template = Path(__file__).with_name("timeline.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string(template).render(
        found=found,
        title=title,
        run=run,
        clock=clock,
        figure=Markup(svg[svg.index("<svg") :]),
        version=__version__,
    )
    atomic.write_text(out / "report.html", text)
    return out / "report.html"


def _figure(found: Timeline) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2))
    grid = figure.add_gridspec(2, _SHOWN, height_ratios=(2.2, 1), hspace=0.5, left=0.06, right=0.99, top=0.95)
    _draw(figure.add_subplot(grid[0, :]), found)
    for place, stretch in enumerate(sorted(found.stretches[:_SHOWN], key=lambda one: one.start)):
        picture = figure.add_subplot(grid[1, place])
        picture.imshow(np.asarray(Image.open(io.BytesIO(found.thumbnails[stretch.worst]))))
        picture.set_title(f"{clock(stretch.start)}, {stretch.seconds:.0f} s", fontsize=8.5, color=_INK)
        picture.axis("off")
    return figure


def _draw(axes: Any, found: Timeline) -> None:
    """The probability by time; uninformative stretches shaded, damaged times left open."""
    minutes = found.time / 60
    gaps = np.flatnonzero(np.diff(found.time) > 1.5 * found.settings.every) + 1
    for part_time, part in zip(np.split(minutes, gaps), np.split(found.probability, gaps), strict=True):
        axes.plot(part_time, part, color=_GOOD, linewidth=1.0, drawstyle="steps-post")
    for stretch in found.stretches:
        axes.axvspan(stretch.start / 60, stretch.end / 60, color=_POOR, alpha=0.25, linewidth=0)
    axes.axhline(found.settings.threshold, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xlim(0, max(float(minutes[-1]) + found.settings.every / 60, 1e-3))
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("time, minutes")
    axes.set_ylabel("probability of an informative frame")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
