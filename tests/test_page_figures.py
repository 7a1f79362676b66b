"""Which figures a page has, and which curves stand in them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_runs import made_run, made_study, made_weights

from evaluation.comparing import comparison as comparisons
from evaluation.comparing.result import Settings
from evaluation.drawing import page_figures
from evaluation.scoring import scores
from evaluation.scoring.scores import Images, Scores
from evaluation.scoring.scoreset import Reading


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Three depths and scratch, the deepest and scratch on less data as well."""
    work = tmp_path_factory.mktemp("work")
    made_study(work, scratch=0.3, fc8=0.8, conv3_fc8=1.6, conv1_fc8=2.5)
    start = made_weights(work / "weights" / "standin.caffemodel", np.random.default_rng(0))
    made_run(work, "conv1-fc8", start, fraction=0.5)
    made_run(work, "scratch", start, fraction=0.25)
    return work


def drawn(comparison, name):
    """The axes of a figure and what its legend says."""
    for one, figure in page_figures.drawn(comparison):
        if one == name:
            legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
            return figure.axes, [text.get_text() for legend in legends for text in legend.get_texts()]
    return None, []


def of_runs(work, *patterns):
    found = [folder for pattern in patterns for folder in sorted(work.glob(f"runs/polyp/{pattern}"))]
    return comparisons.of_runs(found, Settings(draws=50))


def test_less_data_is_shown_of_the_deepest_tuning_and_of_scratch(work):
    _, said = drawn(of_runs(work, "*_f*"), "reduction")
    assert said == ["conv1-fc8, 100 %", "conv1-fc8, 50 %", "scratch, 100 %", "scratch, 25 %", "curve ends"]


def test_less_data_of_a_roc_set_is_shown_whole_and_in_the_papers_part(tmp_path):
    """Fig. 6(b)."""
    generator = np.random.default_rng(0)
    start = made_weights(tmp_path / "weights" / "standin.caffemodel", generator)
    label, image = np.arange(80) % 2, np.arange(80).astype(str)
    unit, empty = np.array([f"u{k % 8}" for k in range(80)]), np.full(80, "")
    for fraction in (1.0, 0.1):
        folder = made_run(tmp_path, "conv1-fc8", start, fraction=fraction, scored=False)
        score = label + generator.normal(0, 1, 80)
        snapshot = json.loads((folder / "best.json").read_text())["snapshot"]
        said = {"application": "polyp", "run": folder.name, "snapshot": snapshot}
        found = Scores(unit, image, image, empty, label, score, Images(unit, image, label), "roc", **said)
        scores.write(folder / "scores.h5", found)
    (whole, part), said = drawn(of_runs(tmp_path, "*"), "reduction")
    assert (whole.get_xlim(), whole.get_ylim()) == ((0, 1), (0, 1))
    assert (part.get_xlim(), part.get_ylim()) == ((0.05, 0.5), (0.5, 1))
    assert said == ["conv1-fc8, 100 %", "conv1-fc8, 10 %"]


def test_one_share_of_the_data_is_no_reduction(work):
    assert drawn(of_runs(work, "*_f100_*"), "reduction") == (None, [])


def test_shares_of_the_data_are_panels_of_the_curves(work):
    axes, said = drawn(of_runs(work, "*_f*"), "curve")
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles[:3] == ["100 % of the training data", "50 % of the training data", "25 % of the training data"]
    assert said == ["conv1-fc8", "conv3-fc8", "only fc8", "scratch", "curve ends"]


@pytest.mark.parametrize(
    ("interval", "fitted"), [("bootstrap", False), ("binormal", True)], ids=["empirical", "fitted"]
)
def test_a_roc_set_is_shown_whole_and_in_the_papers_part(tmp_path, interval, fitted):
    generator = np.random.default_rng(0)
    label = np.arange(200) < 60
    rows = zip(label.astype(int), generator.normal(label * 1.5), strict=True)
    text = "label,score\n" + "".join(f"{truth},{score}\n" for truth, score in rows)
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8")
    settings = Settings(interval=interval, draws=50)
    (left, right), said = drawn(comparisons.of_files([tmp_path / "mine.csv"], Reading(), settings), "curve")
    assert (left.get_xlim(), left.get_ylim()) == ((0, 1), (0, 1))
    assert (right.get_xlim(), right.get_ylim()) == ((0.05, 0.5), (0.5, 1))
    assert len(said) == 1
    widths = [line.get_linewidth() for line in left.get_lines() if len(line.get_xdata()) > 100]
    assert len(widths) == 1 + fitted
