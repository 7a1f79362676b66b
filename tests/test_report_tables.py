"""Tables as CSV, LaTeX, Markdown and lower triangles."""

from __future__ import annotations

import csv
import math

import pytest

from evaluation.comparing import tables
from evaluation.comparing.tables import Table

MADE = Table(
    ("run", "share"), (("50 % & fc8_f", 0.1 + 0.2), ("p < 0.05 | ν", math.nan), ("none", None), ("count", 3))
)


def test_csv_keeps_every_digit_and_leaves_the_undefined_empty(tmp_path):
    with MADE.csv(tmp_path / "t.csv").open(encoding="utf-8", newline="") as stream:
        found = list(csv.reader(stream))
    assert found == [
        ["run", "share"],
        ["50 % & fc8_f", "0.30000000000000004"],
        ["p < 0.05 | ν", ""],
        ["none", ""],
        ["count", "3"],
    ]
    assert float(found[1][1]) == 0.1 + 0.2


def test_latex_needs_no_package_and_escapes_what_it_must(tmp_path):
    text = MADE.latex(tmp_path / "t.tex").read_text(encoding="utf-8")
    assert text == (
        "\\begin{tabular}{lr}\n\\hline\nrun & share \\\\\n\\hline\n50 \\% \\& fc8\\_f & 0.3 \\\\\n"
        "p $<$ 0.05 | $\\nu$ &  \\\\\nnone &  \\\\\ncount & 3 \\\\\n\\hline\n\\end{tabular}\n"
    )


def test_markdown_escapes_its_own_bars():
    assert MADE.markdown().splitlines()[3] == "| p < 0.05 \\| ν |  |"


@pytest.mark.parametrize(
    ("value", "text"), [(0.05, "0.050"), (0.001, "0.001"), (0.00099, "< 0.001"), (1.0, "1.000"), (math.nan, "–")]
)
def test_p_values_are_never_nought(value, text):
    assert tables.p_value(value) == text


def test_a_lower_triangle_has_each_pair_once():
    found = tables.triangle(["a", "b", "c"], [(0, 1, "x"), (2, 0, "y"), (0, 2, "z")])
    assert found == Table(("", "a", "b"), (("b", "x", ""), ("c", "y, z", "")))
