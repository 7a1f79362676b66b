"""The page, the figures and the tables that the verbs leave behind."""

from __future__ import annotations

import csv
import dataclasses
import html.parser
import re

import numpy as np
import pytest
from made_runs import made_run, made_scores, made_study, made_weights

from evaluation.comparing.result import Settings
from evaluation.pages import report
from evaluation.scoring import scores
from evaluation.scoring.scoreset import Reading
from ftcaffe.command import main

COLUMNS = ("unit", "image", "candidate", "lesion", "label", "score")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report of a study of three runs, at two fractions, beside a failed one."""
    work = tmp_path_factory.mktemp("work")
    made_study(work, scratch=0.3, conv1_fc8=2.5)
    start = made_weights(work / "weights" / "standin.caffemodel", np.random.default_rng(0))
    made_run(work, "conv1-fc8", start, fraction=0.5)
    made_run(work, "fc8", start, status="failed")
    return report.report("polyp", work, Settings(draws=100))


class References(html.parser.HTMLParser):
    """Everything that the page would load, the ids, and the references to them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.inner: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "xlink:href", "src", "srcset", "data", "action", "poster"):
                (self.inner if value.startswith("#") else self.loaded).append(value)
            self.inner += re.findall(r"url\((#[^)]*)\)", value or "")


def test_the_page_needs_nothing_beside_it(written):
    text = written.page.read_text(encoding="utf-8")
    references = References(text)
    assert references.inner  # the figures do refer to their own parts
    assert [value for value in references.loaded if not value.startswith("data:image/png;base64,")] == []
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)|<script|<link", text)


def test_every_inner_reference_leads_to_one_part(written):
    references = References(written.page.read_text(encoding="utf-8"))
    assert len(references.ids) == len(set(references.ids))
    assert {value[1:] for value in references.inner} <= set(references.ids)


def test_the_page_says_what_was_counted(written):
    text = written.page.read_text(encoding="utf-8")
    made = made_scores(np.random.default_rng(0))
    facts = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd></div>", text))
    shown = int((made.images.lesions > 0).sum())
    assert facts == {
        "test videos": "8",
        "frames with lesions": str(shown),
        "frames without": str(160 - shown),
        "lesions": str(int(made.images.lesions.sum())),
        "hit by candidates": str(len(set(made.detections.lesion[made.detections.lesion >= 0]))),
        "false candidates": str(int((made.lesion == "").sum())),
    }
    assert "fc8_f100_s0_0123abcd (failed: the loss is nan at iteration 12)" in text
    assert "SHA-256 " + "ab" * 32 in text


def test_figures_and_tables_lie_beside_the_page(written):
    names = {path.name for path in written.page.parent.iterdir() if path.is_file()}
    figures = {"answer", "curve", "reduction", "convergence", "auc", "movement", "filters"}
    printed = {"operating_points", "summary", "parameters", "pairwise", "pairwise_areas", "significance"}
    printed |= {"significance_paired", "training"}
    tables = {f"{name}.csv" for name in ("curve", "snapshots", "movement")} | {"significance.md"}
    tables |= {f"{name}.{kind}" for name in printed for kind in ("csv", "tex")}
    assert names == {f"{name}.{kind}" for name in figures for kind in ("png", "svg")} | tables | {"report.html"}


def rows(folder, name):
    """The rows of a table."""
    with (folder / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_table_is_the_numbers(written):
    found = rows(written.page.parent, "operating_points")
    for row in found:
        assert float(row["low"]) <= float(row["sensitivity"]) <= float(row["high"])
    at = {row["run"]: row for row in found if row["fp_rate"] == "0.1"}
    for label, row in at.items():
        share, low, high = (100 * float(row[name]) for name in ("sensitivity", "low", "high"))
        line = next(line for line in written.table.splitlines() if line.startswith(label))
        assert f"{share:.0f} % [{low:.0f}, {high:.0f}]" in line


def test_the_same_runs_give_the_same_page(written):
    before = written.page.read_bytes()
    report.report("polyp", written.page.parents[2], Settings(draws=100))
    assert written.page.read_bytes() == before


def test_evaluate_takes_scores_of_other_software(tmp_path, capsys):
    scores.write_csv(tmp_path / "theirs.csv", made_scores(np.random.default_rng(3), 2.0))
    scores.write(tmp_path / "ours.h5", made_scores(np.random.default_rng(4), 1.0, run="ours"))
    files = [str(tmp_path / "theirs.csv"), str(tmp_path / "ours.h5")]
    assert main(["evaluate", *files, "--out", str(tmp_path / "out"), "--draws", "50"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^theirs +\d+ %", said, re.MULTILINE)
    assert "theirs finds" in said
    assert f"next: open {tmp_path / 'out' / 'report.html'}" in said
    assert "Training" not in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_curves_of_different_candidates_share_a_table(tmp_path):
    """Other software has candidates of its own: the rates are those that any curve reaches."""
    made = made_scores(np.random.default_rng(3), 2.0)
    few = dataclasses.replace(made, **{name: getattr(made, name)[:9] for name in COLUMNS}, run="few")
    scores.write(tmp_path / "all.h5", dataclasses.replace(made, run="all"))
    scores.write(tmp_path / "few.h5", few)
    both = report.evaluate_files(
        [tmp_path / "all.h5", tmp_path / "few.h5"], Reading(), tmp_path / "out", Settings(draws=50)
    )
    header, _, row = both.table.splitlines()
    assert header.split("at ")[-1].startswith("1 FP")
    assert row.startswith("few")
    assert row.count("not reached") == 3
    text = both.page.read_text(encoding="utf-8")
    assert "<dt>false candidates</dt>" not in text  # a number of all of them there is none: the caption has each
    assert "few: of 9 candidates" in text
    assert text.count("lesions, each counted once") == 1  # the test set is the same


def test_compare_writes_its_page_beside_the_report(written, capsys):
    work = written.page.parents[2]
    names = [path.name for path in sorted(work.glob("runs/polyp/*_f100_*")) if (path / "scores.h5").exists()]
    assert main(["compare", *names, "--work", str(work), "--draws", "50"]) == 0
    assert f"next: open {work / 'reports' / 'polyp' / 'compare' / 'report.html'}" in capsys.readouterr().out


def test_an_error_is_one_line_and_leaves_the_old_page(written, capsys):
    work = written.page.parents[2]
    before = written.page.read_bytes()
    path = next(work.glob("runs/polyp/scratch*/scores.h5"))
    kept = path.read_bytes()
    path.write_bytes(kept[:500])
    try:
        assert main(["report", "polyp", "--work", str(work)]) == 2
    finally:
        path.write_bytes(kept)
    error = capsys.readouterr().err
    assert error.startswith(f"ftcaffe: {path}: is no file of scores")
    assert error.count("\n") == 1
    assert written.page.read_bytes() == before
