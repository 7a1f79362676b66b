"""From measurements and their reference to tables, Bland and Altman's figure and, of a table, its page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.comparing import agreement
from evaluation.comparing.agreement import MEASURED_IN, Agreement
from evaluation.comparing.tables import Table, saved, short
from evaluation.drawing import error_figures, figures, style
from evaluation.drawing.style import Style
from evaluation.pages import page
from evaluation.pages.written import Written
from ftcaffe.store import atomic

_COLUMNS = ("run", "regions", "units", "bias", "lower", "upper", "icc", "icc_low", "icc_high", MEASURED_IN)


def evaluate_files(paths: Sequence[Path], out: Path) -> Written:
    """Write figures (PNG, SVG), tables (CSV, LaTeX) and ``report.html`` of tables of measurements into `out`."""
    found, unit = agreement.read(paths)
    drawn = {}
    for place, one in enumerate(found):
        name = f"bland_altman_{one.label.replace('/', '_')}"
        said = (f"{one.label} less the reference", "measured", unit)
        drawn[name] = drawing(one, style.of_other(place), out, said, name)
    shown, sentence = table(found, unit, out), headline(found, unit)
    note = f"From {', '.join(path.name for path in paths)}" + (f", in {unit}." if unit else ".")
    html = page.render("agreement.html", sentence=sentence, note=note, table=shown, figures=page.inlined(drawn))
    atomic.write_text(out / "report.html", html)
    return Written(out / "report.html", sentence, shown.text())


def table(found: Sequence[Agreement], unit: str, out: Path) -> Table:
    """Write ``agreement.csv`` and ``agreement.tex``; returns the table as people read it."""
    saved(Table(_COLUMNS, tuple((*_row(one), unit) for one in found)), out, "agreement")
    of = f", {unit}" if unit else ""
    rows = []
    for one in found:
        bias, lower, upper = _limits(one)
        icc = one.correlation
        agree = "" if icc is None else f"{icc.value:.2f} [{icc.low:.2f}, {icc.high:.2f}]".replace("-", "−")
        rows.append((one.label, one.regions, one.units, bias, f"{lower} to {upper}", agree))
    return Table(("", "regions", "units", f"bias{of}", f"limits of agreement{of}", "ICC"), tuple(rows))


def drawing(one: Agreement, look: Style, out: Path, said: tuple[str, str, str], name: str) -> str:
    """Write Bland and Altman's figure as PNG and SVG; returns the SVG. `said`: title, quantity, unit."""
    title, quantity, unit = said
    with style.figure(3.4) as (figure, ax):
        error_figures.bland_altman(one.limits, ax, quantity, unit, look)
        ax.set_title(title)
        return figures.save(figure, out / name)[1].read_text("utf-8")


def headline(found: Sequence[Agreement], unit: str) -> str:
    """The run of the narrowest limits of agreement, with its bias."""
    best = min(found, key=lambda one: one.limits.deviation)
    bias, lower, upper = _limits(best)
    most = "" if len(found) == 1 else " most"
    of = f" {unit}" if unit else ""
    share = f"{100 * best.limits.share:g} % of its differences are expected from {lower} to {upper}{of}"
    return f"{best.label} agrees{most} with the reference: bias {bias}{of}, and {share}."


def _limits(one: Agreement) -> tuple[str, ...]:
    """Bias and limits with their sign."""
    values = (of.value for of in (one.limits.bias, one.limits.lower, one.limits.upper))
    return tuple(f"{'−' if value < 0 else '+'}{short(abs(value))}" for value in values)


def _row(one: Agreement) -> tuple[object, ...]:
    limits, icc = one.limits, one.correlation
    return (
        one.label,
        one.regions,
        one.units,
        limits.bias.value,
        limits.lower.value,
        limits.upper.value,
        *((None,) * 3 if icc is None else (icc.value, icc.low, icc.high)),
    )
