"""Traces of interfaces: both orientations, decimal commas, what lies beyond them, and files that are none."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from data_prep.readers import profiles
from ftcaffe.errors import Error

X, Y = np.array([5.0, 9.5, 14.0, 30.0]), np.array([40.0, 42.5, 41.0, 44.0])


@pytest.mark.parametrize(
    "form",
    [
        lambda p: "\n".join(f"{x} {y}" for x, y in p.T),
        lambda p: "\n".join(" ".join(map(str, row)) for row in p) + "\n",
        lambda p: "\n".join(f"{x},{y}" for x, y in p.T),
        lambda p: "\n".join(f"{x};{y}" for x, y in p.T),
        lambda p: "\n".join(f"{x}, {y}" for x, y in p.T),
        lambda p: "\n".join(f"{x} {y}" for x, y in p.T).replace(".", ","),
        lambda p: "\n".join(f"{x} {y}" for x, y in p.T[::-1]),
        lambda p: "\r\n\r\n".join(f" {x}\t{y} " for x, y in p.T),
    ],
    ids=[
        "a point a line",
        "two lines",
        "comma",
        "semicolon",
        "comma and blank",
        "decimal comma",
        "backwards",
        "blank lines",
    ],
)
def test_every_form_is_the_same_trace(tmp_path, form):
    path = tmp_path / "a-LI.txt"
    path.write_text(form(np.stack([X, Y])))
    for base in (0, 1):
        column, row = profiles.read(path, base)
        assert np.array_equal(column, X - base)
        assert np.array_equal(row, Y - base)


def test_points_of_one_column_become_their_mean(tmp_path):
    path = tmp_path / "a-LI.txt"
    path.write_text("1 10\n2 11\n2 13\n3 10\n")
    column, row = profiles.read(path, 0)
    assert column.tolist() == [1, 2, 3]
    assert row.tolist() == [10, 12, 10]


def test_columns_between_points_follow_pchip_and_others_stay_unlabelled(tmp_path):
    rows = profiles.rows((X, Y), (60, 50), tmp_path / "a")
    inside = np.arange(5, 31)
    assert np.array_equal(np.flatnonzero(~np.isnan(rows)), inside)
    assert np.allclose(rows[inside], PchipInterpolator(X, Y)(inside))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("1 2\n3 4\n", "has 2 points; a trace needs 3"),
        ("1 2\n3 4\n1 5\n", "has 2 points"),
        ("1 2 3\n4 5 6\n7 8 9\n", "is no trace: 3 lines of 3 numbers"),
        ("1 2\n3\n4 5\n", "lines of different lengths"),
        ("", "lines of different lengths, or none"),
        ("1 2\n3 nan\n4 5\n", "has a point that is not finite"),
        ("1 2\n3 x\n4 5\n", "is no table of numbers"),
    ],
)
def test_what_is_no_trace_says_so(tmp_path, text, what):
    path = tmp_path / "a-LI.txt"
    path.write_text(text)
    with pytest.raises(Error, match=what) as caught:
        profiles.read(path)
    assert caught.value.path == path


def test_a_point_outside_the_image(tmp_path):
    path = tmp_path / "a-LI.txt"
    for shape in ((43, 50), (60, 30)):
        with pytest.raises(Error, match=r"outside its image of"):
            profiles.rows((X, Y), shape, path)
    with pytest.raises(Error, match=r"a point \(-1, 3\) outside"):
        profiles.rows((np.array([-1.0, 2, 4]), np.array([3.0, 3, 3])), (60, 50), path)


@pytest.mark.parametrize(("text", "value"), [("0.06", 0.06), ("0.0591  \n", 0.0591), ("0,06 mm\n", 0.06)])
def test_a_calibration_is_the_first_number(tmp_path, text, value):
    path = tmp_path / "a_CF.txt"
    path.write_text(text)
    assert profiles.number(path) == value


@pytest.mark.parametrize("text", ["", "mm 0.06"])
def test_a_calibration_without_a_number(tmp_path, text):
    path = tmp_path / "a_CF.txt"
    path.write_text(text)
    with pytest.raises(Error, match="does not begin with a number"):
        profiles.number(path)
