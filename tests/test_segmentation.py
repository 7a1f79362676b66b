"""Errors of segmentation: the same regions in every run, paired tests, and Table S4."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from scipy import stats

from evaluation.comparing import segmentation
from evaluation.statistics import significance
from ftcaffe.command import main
from ftcaffe.errors import Error

RUNS, INTERFACES = ("deep", "shallow", "scratch"), ("LI", "MA")


def made(seed: int = 0) -> dict[tuple[str, str, str, str], float]:
    """Errors by (run, unit, region, interface): `shallow` is far worse, the others nearly the same."""
    generator = np.random.default_rng(seed)
    found = {}
    for unit in range(6):
        for region in range(4):
            for interface in INTERFACES:
                shared = 25 + generator.normal(0, 4)
                for run, more in zip(RUNS, (0.0, 40.0, 0.3), strict=True):
                    found[run, f"p{unit}", f"{region}", interface] = shared + more + generator.normal(0, 2)
    return found


def write(path, errors, header="run,unit,region,interface,error"):
    """Write errors as a table, in any order of its columns."""
    lines = [header, *(",".join((*key, repr(value))) for key, value in errors.items())]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What evaluating errors leaves behind."""
    folder = tmp_path_factory.mktemp("errors")
    path = write(folder / "errors.csv", made())
    assert main(["evaluate", str(path), "--out", str(folder / "out")]) == 0
    return folder / "out"


def rows(folder, name):
    """The rows of a table."""
    with (folder / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def by(errors, run, interface):
    """(units, regions) errors of a run on an interface."""
    return np.array([value for key, value in errors.items() if (key[0], key[3]) == (run, interface)]).reshape(6, 4)


def test_the_unit_of_length_stands_in_every_table(tmp_path):
    path = write(tmp_path / "errors.csv", made())
    lines = path.read_text("utf-8").split()
    path.write_text("".join(f"{line},{'µm' if n else 'measured_in'}\n" for n, line in enumerate(lines)), "utf-8")
    assert main(["evaluate", str(path), "--out", str(tmp_path / "out")]) == 0
    for name in ("errors", "pairwise_errors"):
        assert {row["measured_in"] for row in rows(tmp_path / "out", name)} == {"µm"}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Errors of errors.csv, in µm." in page
    assert "LI, mean ± SD, µm" in page


@pytest.mark.parametrize("over", ["regions", "units"])
def test_pairs_are_scipys_tests(written, over):
    errors = made()
    found = [row for row in rows(written, "pairwise_errors") if row["over"] == over]
    assert len(found) == 6
    for row in found:
        ours, theirs = (by(errors, row[name], row["interface"]) for name in ("run_a", "run_b"))
        ours, theirs = (one.ravel() if over == "regions" else one.mean(axis=1) for one in (ours, theirs))
        assert int(row["n"]) == (24 if over == "regions" else 6)
        assert float(row["difference"]) == pytest.approx((ours - theirs).mean())
        assert float(row["p_t"]) == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
        assert float(row["p_wilcoxon"]) == pytest.approx(stats.wilcoxon(ours, theirs).pvalue)


def test_holm_is_over_all_pairs_and_interfaces(tmp_path):
    read = segmentation.read([write(tmp_path / "errors.csv", made())])
    plain, corrected = (segmentation.pairs(read, holm=holm) for holm in (False, True))
    for over in ("regions", "units"):
        given = [pair.p_t for pair in plain if pair.over == over]
        assert [pair.p_t for pair in corrected if pair.over == over] == list(significance.holm(given))


def test_table_s4_has_both_interfaces_in_each_cell(written):
    found = rows(written, "significance_errors")
    assert [row[""] for row in found] == ["shallow", "scratch"]
    assert found[0]["deep"] == "LI < 0.001, MA < 0.001"
    assert found[0]["shallow"] == ""
    assert re.fullmatch(r"LI 0\.\d{3}, MA 0\.\d{3}", found[1]["deep"])


def test_the_page_says_which_is_the_better_in_its_colours(written):
    text = (written / "report.html").read_text(encoding="utf-8")
    assert 'class="column of2">LI\xa0&lt;\xa00.001' in text  # deep, the column, errs less than shallow
    assert 'class="row of2">LI\xa0&lt;\xa00.001' in text  # scratch, the row, less than shallow
    assert "24 regions of 6 units" in text
    assert "does not tell scratch from it" in text or "does not tell deep from it" in text


def test_means_are_of_the_regions(written):
    for row in rows(written, "errors"):
        error = by(made(), row["run"], row["interface"])
        assert float(row["mean"]) == pytest.approx(error.mean())
        assert float(row["sd"]) == pytest.approx(error.std(ddof=1))


def test_rows_and_files_in_any_order_are_the_same(tmp_path):
    errors = made()
    whole = segmentation.read([write(tmp_path / "all.csv", errors)])
    apart = [
        write(tmp_path / f"{run}.csv", {key: value for key, value in errors.items() if key[0] == run}) for run in RUNS
    ]
    again = segmentation.read(apart)
    np.testing.assert_array_equal(again.error, whole.error)
    assert again.runs == whole.runs


def test_without_units_and_interfaces(tmp_path):
    (tmp_path / "e.csv").write_text("run,region,error\na,1,2\na,2,3\nb,1,4\nb,2,4\n")
    found = segmentation.read([tmp_path / "e.csv"])
    assert (found.interfaces, found.unit.tolist()) == (("",), ["1", "2"])
    assert {pair.over for pair in segmentation.pairs(found, holm=False)} == {"regions"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda errors: errors.pop(("scratch", "p3", "2", "MA")), "the run scratch lacks p3/2/MA, which another has"),
        (
            lambda errors: errors.update({("deep", "p0", "0", "LI"): float("nan")}),
            r"errors\.csv:2: the error 'nan' is no finite number",
        ),
    ],
)
def test_a_fault_is_one_line(tmp_path, change, message):
    errors = made()
    change(errors)
    with pytest.raises(Error, match=message):
        segmentation.read([write(tmp_path / "errors.csv", errors)])


def test_an_error_twice_and_a_missing_column(tmp_path):
    (tmp_path / "e.csv").write_text("run,region,error\na,1,2\na,1,3\n")
    with pytest.raises(Error, match=r"e\.csv: an error stands twice: a/1/1"):
        segmentation.read([tmp_path / "e.csv"])
    (tmp_path / "e.csv").write_text("run,error\na,2\n")
    with pytest.raises(Error, match=r"e\.csv:1: lacks the column region"):
        segmentation.read([tmp_path / "e.csv"])


def test_errors_and_scores_are_not_mixed(tmp_path, capsys):
    write(tmp_path / "errors.csv", made())
    (tmp_path / "s.csv").write_text("label,score\n1,1\n0,0\n")
    files = [str(tmp_path / name) for name in ("s.csv", "errors.csv")]
    assert main(["evaluate", *files, "--out", str(tmp_path / "out")]) == 2
    assert "errors.csv: is a table of errors, and " in capsys.readouterr().err
