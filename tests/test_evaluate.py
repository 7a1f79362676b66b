"""`ftcaffe evaluate`: score sets in, tables out, the same whatever software they are from."""

from __future__ import annotations

import csv
import dataclasses
import re

import numpy as np
import pytest
from made_runs import made_scores
from sklearn.metrics import roc_auc_score

from evaluation.scoring import scores
from evaluation.statistics import delong
from evaluation.statistics.froc import froc, sensitivity_at
from ftcaffe.command import main


def rows(folder, name):
    """The rows of a table."""
    with (folder / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def header(folder, name):
    """The columns of a table, as they are written."""
    return (folder / f"{name}.csv").read_text().splitlines()[0]


@pytest.fixture(scope="module")
def froc_sets(tmp_path_factory):
    """Two detectors on one test set, and what evaluating them leaves behind."""
    folder = tmp_path_factory.mktemp("froc")
    for name, seed, ability in (("good", 3, 2.5), ("poor", 4, 0.5)):
        scores.write_csv(folder / f"{name}.csv", made_scores(np.random.default_rng(seed), ability))
    files = [str(folder / f"{name}.csv") for name in ("good", "poor")]
    arguments = ["--app", "polyp", "--operating-points", "0.05,0.5,9", "--draws", "200", "--correct", "holm"]
    assert main(["evaluate", *files, *arguments, "--out", str(folder / "out")]) == 0
    return folder


@pytest.fixture(scope="module")
def roc_sets(tmp_path_factory):
    """Two classifiers on the same independent cases."""
    folder = tmp_path_factory.mktemp("roc")
    generator = np.random.default_rng(0)
    label = np.repeat([1, 0], [60, 90])
    for name, ability in (("good", 1.8), ("poor", 0.6)):
        score = generator.normal(label * ability).round(2)
        text = "\n".join(f"{one},{value}" for one, value in zip(label, score, strict=True))
        (folder / f"{name}.csv").write_text(f"label,score\n{text}\n")
    files = [str(folder / f"{name}.csv") for name in ("good", "poor")]
    assert main(["evaluate", *files, "--draws", "200", "--interval", "delong", "--out", str(folder / "out")]) == 0
    return folder


@pytest.mark.parametrize("kind", ["froc_sets", "roc_sets"])
def test_the_tables_have_their_columns(kind, request):
    out = request.getfixturevalue(kind) / "out"
    holm = ",p_holm" if kind == "froc_sets" else ""
    assert header(out, "curve") == "run,threshold,fp_rate,sensitivity"
    assert header(out, "operating_points") == "run,fp_rate,sensitivity,low,high,interval"
    assert header(out, "parameters") == "run,model,parameter,estimate,se"
    assert header(out, "pairwise") == (
        f"run_a,run_b,fp_rate,intervals_overlap,difference,low,high,p_value,test{holm}"
    )
    assert header(out, "summary") == "run,auc,low,high,cpm,images,lesions,candidates,units"
    assert "nan" not in "".join(path.read_text() for path in out.glob("*.csv"))


def test_every_threshold_of_a_froc_curve_is_kept(froc_sets):
    found = [row for row in rows(froc_sets / "out", "curve") if row["run"] == "good"]
    made = made_scores(np.random.default_rng(3), 2.5)
    assert [float(row["threshold"]) for row in found] == [np.inf, *np.unique(made.score)[::-1]]
    last = found[-1]
    assert float(last["fp_rate"]) == (made.lesion == "").sum() / 160
    assert float(last["sensitivity"]) == len(set(made.detections.lesion.tolist()) - {-1}) / made.images.lesions.sum()


def test_operating_points_are_those_asked_for(froc_sets):
    found = [row for row in rows(froc_sets / "out", "operating_points") if row["run"] == "good"]
    assert [row["fp_rate"] for row in found] == ["0.05", "0.5", "9.0"]
    made = made_scores(np.random.default_rng(3), 2.5).detections
    curve = froc(made.score, made.lesion, int(made.lesions.sum()), 160)
    assert [float(row["sensitivity"]) for row in found[:2]] == sensitivity_at(curve, np.array([0.05, 0.5])).tolist()
    assert found[2] == {**dict.fromkeys(("sensitivity", "low", "high"), ""), "run": "good", "fp_rate": "9.0"} | {
        "interval": "not reached"
    }


def test_the_better_detector_is_found_by_both_rules(froc_sets):
    out = froc_sets / "out"
    pair = rows(out, "pairwise")[1]
    assert (pair["run_a"], pair["run_b"], pair["fp_rate"]) == ("good", "poor", "0.5")
    assert pair["intervals_overlap"] == "no"
    assert float(pair["low"]) > 0
    assert float(pair["p_value"]) <= float(pair["p_holm"])
    assert rows(out, "significance") == [{"": "poor", "good": "0.05, 0.5"}]
    assert "| poor | 0.05, 0.5 |" in (out / "significance.md").read_text()


def test_a_corrected_p_value_says_so(froc_sets, capsys):
    files = [str(froc_sets / f"{name}.csv") for name in ("good", "poor")]
    for correct, said in (([], r"\(paired test p .{7,9}\)"), (["--correct", "holm"], "after Holm’s correction")):
        assert main(["evaluate", *files, *correct, "--draws", "50", "--out", str(froc_sets / "again")]) == 0
        assert re.search(said, capsys.readouterr().out)


def test_words_are_the_applications(froc_sets):
    text = (froc_sets / "out" / "report.html").read_text(encoding="utf-8")
    assert "Polyp detection" in text
    assert "false positives per frame" in text
    assert re.search(r"0\.05\s↓, 0\.5\s↓", text)  # the column's run is the higher, in the column's colour
    assert 'class="column of1"' in text


def test_summary_has_the_denominators(froc_sets):
    made = made_scores(np.random.default_rng(3), 2.5)
    found = rows(froc_sets / "out", "summary")[0]
    assert (found["images"], found["units"]) == ("160", "8")
    assert int(found["lesions"]) == made.images.lesions.sum()
    assert int(found["candidates"]) == len(made.score)
    assert found["cpm"] == ""  # the curve ends before 8 false positives per image
    assert float(found["auc"]) == pytest.approx(roc_auc_score(made.lesion != "", made.score))


def test_a_roc_set_has_areas_by_delong(roc_sets):
    found = {row["run"]: row for row in rows(roc_sets / "out", "summary")}
    table = {name: np.loadtxt(roc_sets / f"{name}.csv", delimiter=",", skiprows=1) for name in found}
    for name, values in table.items():
        one = delong.area(values[:, 1], values[:, 0] == 1)
        assert float(found[name]["auc"]) == pytest.approx(roc_auc_score(values[:, 0], values[:, 1]))
        assert float(found[name]["low"]) == pytest.approx(one.interval().low)
        assert found[name]["cpm"] == ""
    (pair,) = rows(roc_sets / "out", "pairwise_areas")
    expected = delong.difference(table["good"][:, 1], table["poor"][:, 1], table["good"][:, 0] == 1)
    assert pair["test"] == "delong"
    assert float(pair["p_value"]) == pytest.approx(expected.p_value)
    text = (roc_sets / "out" / "report.html").read_text(encoding="utf-8")
    assert "false positives per" not in text
    assert "<dt>positives</dt><dd>60</dd>" in text


@pytest.mark.parametrize("lower", [False, True])
def test_thresholds_are_scores_of_the_file(tmp_path, lower):
    (tmp_path / "s.csv").write_text("label,score\n1,1\n1,3\n0,2\n0,5\n0,6\n")
    arguments = ["--lower-is-positive"] if lower else []
    assert main(["evaluate", str(tmp_path / "s.csv"), *arguments, "--draws", "20", "--out", str(tmp_path / "o")]) == 0
    found = [float(row["threshold"]) for row in rows(tmp_path / "o", "curve")]
    assert found == ([-np.inf, 1, 2, 3, 5, 6] if lower else [np.inf, 6, 5, 3, 2, 1])
    assert float(rows(tmp_path / "o", "summary")[0]["auc"]) == pytest.approx(5 / 6 if lower else 1 / 6)


def test_idca_needs_numbers_alone(tmp_path):
    made = made_scores(np.random.default_rng(3), 1.5)
    scores.write_csv(tmp_path / "s.csv", made)
    (tmp_path / "s.images.csv").unlink()
    counts = ["--images", "160", "--lesions", str(int(made.images.lesions.sum()))]
    command = ["evaluate", str(tmp_path / "s.csv"), *counts, "--out", str(tmp_path / "out")]
    assert main([*command, "--interval", "idca"]) == 0
    found = rows(tmp_path / "out", "operating_points")
    assert {row["interval"] for row in found} == {"idca"}
    assert {row["parameter"] for row in rows(tmp_path / "out", "parameters")} == {"nu", "lambda", "a", "b", "az"}


def test_the_same_command_gives_the_same_bytes(froc_sets, tmp_path):
    files = [str(froc_sets / f"{name}.csv") for name in ("good", "poor")]
    for out in ("one", "two"):
        assert main(["evaluate", *files, "--draws", "50", "--out", str(tmp_path / out)]) == 0
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_different_test_sets_are_refused_unless_allowed(tmp_path, capsys):
    made = made_scores(np.random.default_rng(3), 1.5)
    scores.write_csv(tmp_path / "all.csv", made)
    images = dataclasses.replace(made.images, lesions=made.images.lesions + (made.images.image == "0003"))
    scores.write_csv(tmp_path / "more.csv", dataclasses.replace(made, images=images))
    command = ["evaluate", str(tmp_path / "all.csv"), str(tmp_path / "more.csv"), "--draws", "50"]
    command += ["--out", str(tmp_path / "out")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "the image v00/0003 has another number of lesions; --allow-different-test-sets" in error
    assert error.count("\n") == 1
    assert main([*command, "--allow-different-test-sets"]) == 0
    for row in rows(tmp_path / "out", "pairwise"):
        assert (row["intervals_overlap"], row["p_value"], row["test"]) == ("yes", "", "")
    assert "no paired test is made" in (tmp_path / "out" / "report.html").read_text("utf-8")


ROC = "unit,image,label,score\na,1,1,0.9\na,2,0,0.5\nb,3,0,0.1\nb,4,1,0.3\n"


@pytest.mark.parametrize(
    ("other", "arguments", "message"),
    [
        (ROC.replace("b,3", "b,5"), [], "it lacks the row b/3"),
        (ROC.replace("b,3,0", "b,3,1"), [], "the row b/3 has another class"),
        ("image,lesion,score\n1,L,1\n1,,0\n", [], "two.csv: is an FROC set and "),
        (ROC, ["--interval", "idca"], "--interval idca is for an FROC set"),
        (ROC, ["--interval", "wald"], "--interval wald is none of idca, binormal, delong, bootstrap"),
        (ROC, ["--operating-points", "a"], "--operating-points 'a' are not numbers"),
        (ROC, ["--operating-points", "-1"], "--operating-points: -1 is no rate"),
        (ROC, ["--operating-points", "0.1,2"], "a false-positive rate of 2 is more than all"),
        (ROC, ["--draws", "1"], "--draws 1 are too few"),
        (ROC, ["--app", "nothing"], "no application 'nothing'; there are: "),
        (ROC.replace(",1,0", ",0,0"), [], "two.csv: "),
    ],
)
def test_what_cannot_be_compared_is_one_line(tmp_path, capsys, other, arguments, message):
    (tmp_path / "one.csv").write_text(ROC)
    (tmp_path / "two.csv").write_text(other)
    (tmp_path / "two.images.csv").write_text("image,lesions\n1,1\n")
    command = ["evaluate", str(tmp_path / "one.csv"), str(tmp_path / "two.csv"), *arguments]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label,score\n1,0.5\n1,0.4\n", "holds no negative"),
        ("label,score\n0,0.5\n0,0.4\n", "no row has the label 1 (there are: 0)"),
    ],
)
def test_one_class_has_no_curve(tmp_path, capsys, text, message):
    (tmp_path / "s.csv").write_text(text)
    assert main(["evaluate", str(tmp_path / "s.csv"), "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_of_many_curves_the_headline_names_the_least_and_the_most(tmp_path, capsys):
    for place in range(4):
        scores.write_csv(tmp_path / f"s{place}.csv", made_scores(np.random.default_rng(place), 0.5 + place))
    files = [str(tmp_path / f"s{place}.csv") for place in (1, 3, 0, 2)]
    assert main(["evaluate", *files, "--draws", "50", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert re.search(r"the 4 curves find from \d+ % of the lesions \[.*\] \(s0\) to \d+ % \[.*\] \(s3\)\.", said)
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<dt>lesions</dt>" in text
    assert "<dt>false candidates</dt>" in text  # all four are of the same candidates


def test_help_documents_the_score_set(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    said = capsys.readouterr().out
    for name in ("unit", "image", "candidate", "lesion", "label", "score"):
        assert re.search(rf"^  {name} ", said, re.MULTILINE)
