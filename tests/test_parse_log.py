"""Training logs as tables: those of every Caffe there was."""

from __future__ import annotations

import csv
import math
import re

import pytest

from ftcaffe.command import main
from ftcaffe.errors import Error
from ftcaffe.tools import parse_log

CAFFE = """\
I1231 23:59:58.000000 77 solver.cpp:289] Solving little
I1231 23:59:58.500000 77 solver.cpp:347] Iteration 0, Testing net (#0)
I1231 23:59:59.000000 77 solver.cpp:414]     Test net output #0: acc = 0.25
I1231 23:59:59.000000 77 solver.cpp:414]     Test net output #1: loss = 1.4 (* 1 = 1.4 loss)
I1231 23:59:59.500000 77 solver.cpp:239] Iteration 0 (0 iter/s, 0.5s/10 iters), loss = 1.7
I1231 23:59:59.500000 77 solver.cpp:258]     Train net output #0: loss = 1.6 (* 1 = 1.6 loss)
I1231 23:59:59.500000 77 sgd_solver.cpp:112] Iteration 0, lr = 0.01
I0101 00:00:01.500000 77 solver.cpp:239] Iteration 10 (5 iter/s, 2s/10 iters), loss = 0.9
I0101 00:00:01.500000 77 solver.cpp:258]     Train net output #0: loss = 8e-05 (* 1 = 8e-05 loss)
I0101 00:00:01.500000 77 sgd_solver.cpp:112] Iteration 10, lr = 1e-05
I0101 00:00:02.000000 77 solver.cpp:347] Iteration 10, Testing net (#0)
I0101 00:00:02.500000 77 solver.cpp:414]     Test net output #0: acc = 0.5
I0101 00:00:02.500000 77 solver.cpp:414]     Test net output #1: loss = 1.2 (* 1 = 1.2 loss)
"""


def parse(text, year=2015):
    return parse_log.parse(text.splitlines(), year)


def rows(table, *columns):
    return [tuple(row.get(column) for column in columns) for row in table]


def test_rows_of_training_and_testing():
    found = parse(CAFFE)
    assert rows(found.train, "NumIters", "loss") == [(0, 1.6), (10, 8e-5)]
    assert rows(found.test, "NumIters", "acc", "loss") == [(0, 0.25, 1.4), (10, 0.5, 1.2)]


def test_seconds_count_from_solving_and_over_the_new_year():
    found = parse(CAFFE)
    assert rows(found.train, "Seconds") == [(1.5,), (3.5,)]
    assert rows(found.test, "Seconds") == [(1.0,), (4.5,)]


def test_a_row_has_the_rate_said_last_before_it_as_in_the_original():
    found = parse(CAFFE)
    assert rows(found.train, "LearningRate") == [(0.01,), (0.01,)]
    assert rows(found.test, "LearningRate") == [(1e-5,), (1e-5,)]


@pytest.mark.parametrize(
    "junk",
    [
        "Iteration",
        "[libprotobuf WARNING google/protobuf/io] Reading dangerously large protocol message.",
        "    @     0x7fe3eb35e50d  google::LogMessage::Fail()",
        "I1231 bad line of a log that was cut",
        "lr = 5",
        "\0\x01\ufffd",
        "I1399 99:99:99.000000 77 solver.cpp:258]     Train net output #0: loss = 9",
    ],
)
def test_junk_between_the_lines_changes_nothing(junk):
    lines = [line for own in CAFFE.splitlines() for line in (own, junk)]
    assert parse("\n".join(lines)) == parse(CAFFE)


def test_newer_glog_says_the_year():
    with_year = re.sub(r"^I(\d{4}) ", r"I2015\1 ", CAFFE, flags=re.MULTILINE)
    assert with_year != CAFFE
    assert parse(with_year).train[0] == parse(CAFFE).train[0]


def test_the_first_caffe():
    """Scores had numbers for names, and the training net's outputs were not shown."""
    found = parse("""\
I0214 12:00:00.000000 9 solver.cpp:41] Solving CIFAR10_full
I0214 12:00:01.000000 9 solver.cpp:106] Iteration 0, Testing net
I0214 12:00:02.000000 9 solver.cpp:142] Test score #0: 0.1
I0214 12:00:02.000000 9 solver.cpp:142] Test score #1: 2.3
I0214 12:00:04.000000 9 solver.cpp:204] Iteration 200, lr = 0.001
I0214 12:00:04.000000 9 solver.cpp:66] Iteration 200, loss = 1.9
""")
    assert rows(found.train, "NumIters", "LearningRate", "loss") == [(200, 0.001, 1.9)]
    assert rows(found.test, "NumIters", "score0", "score1") == [(0, 0.1, 2.3)]


def test_nvcaffe():
    """Iterations have epochs, rates have company, several GPUs have numbers in brackets."""
    found = parse("""\
I0310 10:00:00.000000 5 solver.cpp:371] Solving AlexNet
I0310 10:00:02.000000 5 solver.cpp:312] [0.0] Iteration 20 (9.5 iter/s, 2.1s/20 iter), 0.1/90ep, loss = 6.9
I0310 10:00:02.000000 5 solver.cpp:334] [0.0]     Train net output #0: loss = 6.8 (* 1 = 6.8 loss)
I0310 10:00:02.000000 5 sgd_solver.cpp:180] [0.0] Iteration 20, lr = 0.02, m = 0.9, lrm = 0.2, wd = 0.0005, gs = 1
I0310 10:00:03.000000 5 solver.cpp:532] Iteration 20, Testing net (#0)
I0310 10:00:04.000000 5 solver.cpp:624]     Test net output #0: top-1 = 0.01
I0310 10:00:04.000000 5 solver.cpp:624]     Test net output #1: top-5 = 0.05
""")
    assert rows(found.train, "NumIters", "loss") == [(20, 6.8)]
    assert rows(found.test, "LearningRate", "top-1", "top-5") == [(0.02, 0.01, 0.05)]


def test_a_resumed_run_goes_on_in_the_same_tables():
    again = CAFFE.replace("Iteration 10", "Iteration 20").replace("Iteration 0", "Iteration 10")
    found = parse(CAFFE + "I0102 00:00:00.000000 78 caffe.cpp:235] Resuming from s.solverstate\n" + again)
    assert rows(found.train, "NumIters") == [(0,), (10,), (10,), (20,)]
    assert rows(found.test, "NumIters") == [(0,), (10,), (10,), (20,)]


def test_two_test_nets_have_a_row_each():
    second = CAFFE.splitlines()[1].replace("#0", "#1")
    outputs = "\n".join(CAFFE.splitlines()[2:4]).replace("0.25", "0.75")
    found = parse("\n".join([*CAFFE.splitlines()[:4], second, outputs]))
    assert rows(found.test, "NumIters", "acc") == [(0, 0.25), (0, 0.75)]


def test_a_loss_that_is_not_a_number():
    found = parse(CAFFE.replace("loss = 8e-05 ", "loss = nan ").replace("loss = 1.6 ", "loss = -inf "))
    assert found.train[0]["loss"] == -math.inf
    assert math.isnan(found.train[1]["loss"])


def test_the_verb_writes_what_there_is(tmp_path, capsys):
    log = tmp_path / "run.log"
    log.write_text("".join(line for line in CAFFE.splitlines(True) if "Test" not in line))
    assert main(["parse_log", str(log), str(tmp_path / "out"), "--verbose", "--delimiter", ";"]) == 0
    (written,) = (tmp_path / "out").iterdir()
    assert capsys.readouterr().out == f"Wrote {written}\n"
    with written.open(encoding="utf-8", newline="") as stream:
        table = list(csv.reader(stream, delimiter=";"))
    assert written.name == "run.log.train"
    assert table == [
        ["NumIters", "Seconds", "LearningRate", "loss"],
        ["0.0", "1.5", "0.01", "1.6"],
        ["10.0", "3.5", "0.01", "8e-05"],
    ]


@pytest.mark.parametrize(
    ("content", "message"), [("nothing\n", "has no line of a training log"), (None, "No such file or directory")]
)
def test_no_log_is_one_line(tmp_path, content, message):
    log = tmp_path / "run.log"
    if content is not None:
        log.write_text(content)
    with pytest.raises(Error, match=f"run.log: {message}"):
        parse_log.write(log, tmp_path)
