"""`ftcaffe evaluate` of measurements with a reference: agreement by run, and every fault in one line."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from evaluation.statistics.agreement import bland_altman, intraclass_correlation
from ftcaffe.command import main

REFERENCE = np.random.default_rng(0).normal(0.7, 0.1, (8, 3))  # of subjects and their regions, mm
MEASURED = {
    "near": REFERENCE + np.random.default_rng(1).normal(0.01, 0.02, (8, 3)),
    "far": REFERENCE + np.random.default_rng(2).normal(-0.05, 0.1, (8, 3)),
}


def write(path):
    """The measurements as a table."""
    lines = ["run,unit,region,measured,reference,measured_in"]
    lines += [
        f"{run},s{unit},{region},{value},{REFERENCE[unit, region]},mm"
        for run, measured in MEASURED.items()
        for (unit, region), value in np.ndenumerate(measured)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_agreement_is_that_of_the_arrays(tmp_path, capsys):
    assert main(["evaluate", str(write(tmp_path / "t.csv")), "--out", str(tmp_path / "out")]) == 0
    found = rows(tmp_path / "out" / "agreement.csv")
    assert [(row["run"], row["regions"], row["units"], row["measured_in"]) for row in found] == [
        ("near", "24", "8", "mm"),
        ("far", "24", "8", "mm"),
    ]
    units = np.repeat(np.arange(8), 3)
    for row, measured in zip(found, MEASURED.values(), strict=True):
        limits = bland_altman(measured.ravel(), REFERENCE.ravel(), units)
        expected = limits.bias.value, limits.lower.value, limits.upper.value
        np.testing.assert_allclose([float(row[name]) for name in ("bias", "lower", "upper")], expected)
        icc = intraclass_correlation(np.column_stack([measured.mean(axis=1), REFERENCE.mean(axis=1)]))
        np.testing.assert_allclose([float(row[name]) for name in ("icc", "icc_low")], [icc.value, icc.low])
    said = capsys.readouterr().out
    assert "near agrees most with the reference: bias +0.0" in said
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "limits of agreement, mm" in page
    for name in ("near", "far"):
        assert (tmp_path / "out" / f"bland_altman_{name}.png").is_file()


def test_two_columns_are_enough_and_each_file_is_a_run(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("measured,reference\n1,1.5\n2,2\n3,3.25\n")
    files = [str(tmp_path / f"{name}.csv") for name in ("one", "two")]
    assert main(["evaluate", *files, "--out", str(tmp_path / "out")]) == 0
    found = rows(tmp_path / "out" / "agreement.csv")
    assert [(row["run"], row["units"], row["bias"], row["measured_in"]) for row in found] == [
        ("one", "3", "-0.25", ""),
        ("two", "3", "-0.25", ""),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("measured,reference\n", "t.csv: holds no measurements; write a row a region"),
        ("measured,reference\n1,x\n", "t.csv:2: the reference 'x' is no finite number"),
        ("unit,region,measured,reference\na,1,1,1\na,1,2,2\n", "t.csv: the run t has the region a/1 twice"),
        ("unit,region,measured,reference\na,1,1,1\na,2,2,2\n", "t.csv: the run t is of one unit; limits"),
        ("measured,reference,measured_in\n1,1,mm\n2,2,px\n", "t.csv: measured_in says 'mm' and 'px'; measure"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_and_nothing_is_written(tmp_path, capsys, text, message):
    (tmp_path / "t.csv").write_text(text)
    assert main(["evaluate", str(tmp_path / "t.csv"), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


def test_other_kinds_of_tables_are_evaluated_apart(tmp_path, capsys):
    (tmp_path / "scores.csv").write_text("label,score\n1,1\n0,0\n")
    assert main(["evaluate", str(write(tmp_path / "t.csv")), str(tmp_path / "scores.csv")]) == 2
    assert "scores.csv: is a table of scores, and " in capsys.readouterr().err
