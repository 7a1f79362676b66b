"""CSV files that are read: what spreadsheets write, and each fault with its file, line and column."""

from __future__ import annotations

import csv
import io

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scoring import tablefile
from ftcaffe.errors import Error
from ftcaffe.store import table

TEXT = "unit,image,score\nν 1,0001,0.5\n\n,,\n v2 ,0002, -1e-3\n"
ROWS = [
    (2, {"unit": "ν 1", "image": "0001", "score": "0.5"}),
    (5, {"unit": "v2", "image": "0002", "score": "-1e-3"}),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_spreadsheets_write_is_read_alike(tmp_path, encoding, separator, end):
    path = tmp_path / "t.csv"
    path.write_bytes(TEXT.replace(",", separator).replace("\n", end).encode(encoding))
    assert list(table.rows(path, ("unit", "score"))) == ROWS
    assert table.header(path) == ["unit", "image", "score"]


@given(st.lists(st.lists(st.text("aν ,;\t\"'\n", max_size=6), min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    table.write(path, ("a", "b"), cells)
    stripped = [[cell.strip() for cell in row] for row in cells]
    assert [list(row.values()) for _, row in table.rows(path, ("a", "b"))] == [row for row in stripped if any(row)]


FAULTS = {
    "another column": (b"unit,label\n", r"t\.csv:1: lacks the column image; its columns are unit,image,label"),
    "two others": (b"unit\n", r"t\.csv:1: lacks the columns image, label"),
    "nothing": (b"", r"t\.csv:1: lacks the columns unit, image, label"),
    "a column twice": (b"unit,image,label,unit\n", r"t\.csv:1: has two columns unit; name each once"),
    "a short row": (b'unit,image,label\n"a\nb",1,x\na,1\n', r"t\.csv:4: has 2 cells, and the header 3; mend the row"),
    "a long row": (b"unit,image,label\na,1,2,3\n", r"t\.csv:2: has 4 cells, and the header 3"),
    "other bytes": (b"unit,image,label\n\xe9,1,2\n", r"t\.csv: cannot be read as a CSV file .*give a CSV file"),
    "half of UTF-16": (b"\xff\xfe\x00", r"t\.csv: cannot be read as a CSV file .*truncated data"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(tmp_path, fault):
    content, message = FAULTS[fault]
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(Error, match=message) as caught:
        list(table.rows(tmp_path / "t.csv", ("unit", "image", "label")))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "message"), [("none.csv", "none.csv: No such file"), ("", "Is a directory")])
def test_what_is_no_file_is_said(tmp_path, name, message):
    with pytest.raises(Error, match=message):
        list(table.rows(tmp_path / name, ("unit",)))


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (table.number, "high", r"^t\.csv:7: the score 'high' is no finite number; mend the row$"),
        (table.number, "inf", "the score 'inf' is no finite number"),
        (table.number, "0,5", "the score '0,5' is no finite number"),
        (table.whole, "1.5", "the score '1.5' is no whole number from 0"),
        (table.whole, "-1", "the score '-1' is no whole number from 0"),
        (table.whole, "one", "the score 'one' is no finite number"),
    ],
)
def test_what_is_no_number_is_said(tmp_path, kind, text, message):
    with pytest.raises(Error, match=message):
        kind(text, "t.csv", 7, "score")


def test_numbers_read_back_to_the_last_digit(tmp_path):
    values = np.random.default_rng(0).normal(size=100)
    stream = io.StringIO()
    csv.writer(stream).writerows((value,) for value in values)
    found = [table.number(text, tmp_path, 1, "value") for text in stream.getvalue().split()]
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("suffix", ["csv", "h5"])
def test_columns_are_the_same_of_csv_and_hdf5(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        path.write_text("unit,lesions,score\na,2,0.25\nb,0,1\n")
    else:
        with h5py.File(path, "w") as file:
            file["unit"], file["lesions"], file["score"] = ["a", "b"], [2.0, 0.0], [0.25, 1.0]
    found = tablefile.read(path, ("unit",), ("score",), ("lesions", "not there"))
    assert tablefile.names(path) == sorted(found, key=tablefile.names(path).index)
    assert found["lesions"].dtype.kind == "i"
    assert {name: values.tolist() for name, values in found.items()} == {
        "unit": ["a", "b"], "lesions": [2, 0], "score": [0.25, 1.0],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"score": ["high", "1"]}, r"t\.h5: the column score cannot be read \(could not convert"),
        ({"score": [1, np.nan]}, r"t\.h5: the column score cannot be read \(row 2 holds no finite number\)"),
        ({"lesions": [0.5, 1]}, r"t\.h5: the column lesions cannot be read \(row 1 holds no whole number from 0\)"),
        ({"score": [1.0]}, r"t\.h5: has columns of several lengths"),
        ({"unit": None}, r"t\.h5: lacks the column unit"),
    ],
)
def test_a_fault_of_hdf5_is_one_line(tmp_path, column, message):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        for name, values in ({"unit": ["a", "b"], "lesions": [1, 2], "score": [0.5, 1]} | column).items():
            if values is not None:
                file[name] = values
    with pytest.raises(Error, match=message):
        tablefile.read(tmp_path / "t.h5", ("unit",), ("score",), ("lesions",))
