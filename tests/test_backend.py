"""Which engine runs, and where its data go on after a restore."""

from __future__ import annotations

import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ftcaffe import backend
from ftcaffe.errors import Error


@pytest.mark.parametrize(
    ("asked", "environment", "there", "chosen"),
    [
        (None, None, False, "torch"),
        (None, None, True, "caffe"),
        (None, "auto", True, "caffe"),
        (None, "torch", True, "torch"),
        ("torch", "caffe", True, "torch"),
        ("caffe", None, False, "caffe"),
    ],
)
def test_option_goes_before_environment_and_both_before_what_is_there(monkeypatch, asked, environment, there, chosen):
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    if environment:
        monkeypatch.setenv(backend.VARIABLE, environment)
    spec = SimpleNamespace(name="caffe", origin="caffe/__init__.py") if there else None
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: spec)
    assert backend.select(asked) == chosen


def test_an_unknown_engine_is_an_error_that_lists_the_known(monkeypatch):
    monkeypatch.setenv(backend.VARIABLE, "theano")
    with pytest.raises(Error, match="no engine 'theano'; there are: auto, caffe, torch"):
        backend.select()


@pytest.mark.parametrize(("name", "module"), [("caffe", "caffe"), ("torch", "torch")])
def test_an_absent_engine_that_was_asked_for_is_one_error(name, module):
    """In a fresh process, where Python is told that the module is not there."""
    script = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from ftcaffe import backend, errors\n"
        f"try: backend.load({name!r})\n"
        "except errors.Error as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.count("\n") == 1
    assert {"caffe": "--engine torch", "torch": "ftcaffe[engine]"}[name] in told


class _Solver:
    """As much of BVLC Caffe's solver as reading on needs: a data layer that starts at record 0."""

    def __init__(self, iteration: int, batch: int, records: int) -> None:
        self.iter, self.read, self.records = iteration, 0, records
        self.net = SimpleNamespace(
            _layer_names=["images", "fc8"],
            layers=[SimpleNamespace(type="Data"), SimpleNamespace(type="InnerProduct")],
            top_names={"images": ["data", "label"]},
            blobs={"data": SimpleNamespace(shape=(batch, 3, 8, 8))},
            forward=self._forward,
        )
        self.batch = batch

    def _forward(self, end: str) -> None:
        assert end == "images"
        self.read += self.batch


@pytest.mark.parametrize(("batch", "records"), [(16, 40), (8, 40), (7, 40), (40, 40), (3, 7)])
@pytest.mark.parametrize("iteration", [0, 1, 5, 39, 1000])
def test_reading_on_comes_to_the_record_of_an_uninterrupted_run(batch, records, iteration):
    solver = _Solver(iteration, batch, records)
    backend.fast_forward(solver, records)
    assert solver.read % records == iteration * batch % records
    assert solver.read < batch * records // math.gcd(batch, records)


@pytest.mark.skipif(not backend.importlib.util.find_spec("caffe"), reason="BVLC Caffe is not installed")
def test_bvlc_caffe_reads_on_from_the_right_record(tmp_path, monkeypatch):
    from study import planned, prepare

    prepare(tmp_path)
    folder = planned(tmp_path, engine="caffe")
    monkeypatch.chdir(tmp_path)
    engine = backend.load("caffe")
    path = str(folder / "solver.prototxt")
    straight = engine.caffe.get_solver(path)
    straight.step(3)
    straight.snapshot()
    straight.step(1)
    resumed = engine.caffe.get_solver(path)
    engine.restore(resumed, f"{folder}/snapshots/run_iter_3.solverstate", 40)
    resumed.step(1)
    np.testing.assert_array_equal(resumed.net.blobs["data"].data, straight.net.blobs["data"].data)


def test_the_engine_by_caffes_name_is_not_taken_for_the_original(tmp_path):
    pytest.importorskip("torch")
    if backend.importlib.util.find_spec("caffe"):
        pytest.skip("BVLC Caffe is installed")
    (tmp_path / "program.py").write_text("import caffe\nfrom ftcaffe import backend\nprint(backend.select('auto'))\n")
    for command in (["program.py"], ["-c", "from ftcaffe import backend; print(backend.select('auto'))"]):
        done = subprocess.run(
            [sys.executable, "-m", "ftcaffe.engine", *command], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.stdout.split()[-1:] == ["torch"], done.stderr
