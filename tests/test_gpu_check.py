"""The check that wants a GPU, as far as it goes without one: what is compared, what is told, how it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import gpu_check
import gpu_table

from ftcaffe.errors import Error
from ftcaffe.gpus import Driver, Gpu

VALUES = {
    "pooling/max:top/y/0": np.array([1.0, 2.0, -4.0], np.float32),
    "solvers/sgd:losses": np.array([0.5, 0.25], np.float32),
    "solvers/sgd:after/conv1/0": np.array([10.0, -1.0], np.float32),
}


def changed(key, by):
    return {name: array + np.float32(by if name == key else 0) for name, array in VALUES.items()}


def side(out, name, values=VALUES, again=None):
    """A side's folder as a run of it leaves it."""
    folder = out / name
    folder.mkdir(parents=True)
    np.savez(folder / "values.npz", **values)
    np.savez(folder / "again.npz", **(values if again is None else again))
    speed = {"50": {"step": 812.34, "forward": 2400.0, "memory": 1234.0}}
    layers = {"50": {"conv1": {"forward": 1.25, "backward": 2.5}, "data": {"forward": 0.5}}}
    (folder / "side.json").write_text(json.dumps({"version": "1.0.0", "speed": speed, "layers": layers}))


def test_differences_are_relative_to_the_greatest_value_of_an_array():
    found = gpu_table.differences(changed("pooling/max:top/y/0", 0.5), VALUES)
    assert found["layers"] == (pytest.approx(0.125), "pooling/max:top/y/0")
    assert found["losses"][0] == found["weights"][0] == 0


@pytest.mark.parametrize("key", VALUES)
def test_an_array_that_one_side_lacks_is_no_agreement(key):
    fewer = {name: array for name, array in VALUES.items() if name != key}
    assert gpu_table.differences(fewer, VALUES)[gpu_table.kind(key)] == (float("inf"), key)
    assert gpu_table.differences(VALUES, fewer)[gpu_table.kind(key)] == (float("inf"), key)


def test_numbers_that_are_none_are_the_same_bits_where_both_have_them():
    one = {"a:top": np.array([np.nan, 1.0], np.float32)}
    assert gpu_table.same_bits(one, one)
    assert not gpu_table.same_bits(one, {"a:top": np.array([1.0, 1.0], np.float32)})
    assert not gpu_table.same_bits(one, {})


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (VALUES, 0),
        (changed("solvers/sgd:losses", 2e-5), 0),
        (changed("solvers/sgd:losses", 2e-4), 1),
        (changed("solvers/sgd:after/conv1/0", 5e-3), 0),
        (changed("solvers/sgd:after/conv1/0", 5e-2), 1),
        (changed("pooling/max:top/y/0", 1e-4), 1),
        (None, 3),
    ],
    ids=["equal", "losses within", "losses beyond", "weights within", "weights beyond", "layers beyond", "no GPU"],
)
def test_the_exit_status_says_whether_a_gpu_agrees(tmp_path, capsys, gpu, expected):
    side(tmp_path, "original-cpu")
    side(tmp_path, "engine-cpu")
    if gpu is not None:
        side(tmp_path, "original-gpu", gpu)
    assert gpu_check.conclude(tmp_path, list(gpu_table.SIDES)) == expected
    told = capsys.readouterr()
    assert ("nothing of a GPU was checked" in told.err) is (expected == 3)
    assert "Not run: engine, GPU." in (tmp_path / "table.md").read_text()


def test_the_tables_hold_speed_layers_and_determinism(tmp_path):
    side(tmp_path, "original-cpu")
    side(tmp_path, "engine-gpu", again=changed("solvers/sgd:losses", 0.125))
    gpu_check.conclude(tmp_path, list(gpu_table.SIDES))
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert "| original, CPU (1.0.0) | 0.0e+00 | 0.0e+00 | 0.0e+00 |  | same bits |" in lines
    assert "| engine, GPU (1.0.0) | 0.0e+00 | 0.0e+00 | 0.0e+00 |  | losses 2.5e-01 |" in lines
    assert "| 50 | engine, GPU | 812.3 | 2400.0 | 1234 |" in lines
    assert "| conv1 | 1.25 / 2.50 | 1.25 / 2.50 |" in lines
    assert "| data | 0.50 / – | 0.50 / – |" in lines


def test_a_side_that_was_not_finished_is_none(tmp_path):
    (tmp_path / "engine-gpu").mkdir()
    assert gpu_table.read(tmp_path / "engine-gpu") is None


def test_without_an_original_the_recorded_one_is_the_reference():
    found = gpu_check.reference()
    kinds = {gpu_table.kind(key) for key in found}
    assert kinds == set(gpu_table.TOLERANCES)
    wanted = {f"{family}/{case}" for family in gpu_check.FAMILIES for case in gpu_check.chosen(family)}
    assert {key.partition(":")[0] for key in found} == wanted


def test_what_a_gpu_draws_by_itself_is_left_out():
    texts = [
        case.get("text", case.get("net", ""))
        for family in gpu_check.FAMILIES
        for case in gpu_check.chosen(family).values()
    ]
    assert texts
    # AlexNet has its dropout layers, with a ratio of 0.
    ratios = [line for text in texts for line in text.splitlines() if "dropout_ratio" in line]
    assert all(line.split("dropout_ratio:")[1].split()[0] in ("0", "0.0") for line in ratios)


def run(monkeypatch, *arguments, driver=None):
    monkeypatch.setattr(gpu_check.gpus, "driver", lambda: driver)
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", *arguments])
    return gpu_check.main()


def test_without_a_gpu_nothing_was_checked_and_nothing_is_written(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch, "--out", str(tmp_path / "out")) == 3
    assert capsys.readouterr().err == "gpu-check: no GPU is seen, so nothing was checked\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--sides", "engine"], "no side 'engine'; there are: original-cpu"), (["--gpu", "3"], "there is no GPU 3")],
)
def test_bad_input_is_one_line(monkeypatch, tmp_path, arguments, message):
    with pytest.raises(Error, match=message):
        run(monkeypatch, "--out", str(tmp_path), *arguments, driver=Driver((12, 4), (Gpu("H100", 90, 80 << 30),)))


def test_a_failure_of_a_side_is_told_by_its_last_words(tmp_path):
    (tmp_path / "fails.py").write_text("raise SystemExit('out of memory')\n")
    with pytest.raises(Error, match=r"python3 fails\.py ended with 1: out of memory"):
        gpu_check.Runner("ftcaffe.engine", None)(tmp_path, "python3", "fails.py")


def test_lines_of_caffe_time_are_read():
    text = (
        "I1125 10:00:00.1 7 caffe.cpp:413]       data\tforward: 0.0312 ms.\n"
        "I1125 10:00:00.1 7 caffe.cpp:416]       data\tbackward: 2e-05 ms.\n"
        "I1125 10:00:00.1 7 caffe.cpp:421] Average Forward pass: 98.7 ms.\n"
    )
    assert gpu_check._LAYER.findall(text) == [("data", "forward", "0.0312"), ("data", "backward", "2e-05")]
