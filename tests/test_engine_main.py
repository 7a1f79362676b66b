"""``python -m ftcaffe.engine`` runs a program as Python would, and its `import caffe` is the engine."""

from __future__ import annotations

import subprocess
import sys

import pytest
import running

pytest.importorskip("torch")

RUN = """
import sys, os
print(__name__, sys.argv, os.path.basename(sys.path[0] or "none"), sys.modules["__main__"].__dict__ is globals())
"""


IMPORTS = """
import caffe, caffe.io, caffe.draw, caffe.proto.caffe_pb2 as pb
from caffe import layers as L, params as P, _caffe
from caffe.proto import caffe_pb2
from caffe.net_spec import NetSpec
from caffe.pycaffe import Net, SGDSolver
from caffe.classifier import Classifier
from caffe.detector import Detector
from caffe.coord_map import crop
import ftcaffe.engine
assert caffe is ftcaffe.engine and pb is caffe_pb2 is caffe.proto.caffe_pb2 and Net is caffe.Net is _caffe.Net
assert caffe.io is ftcaffe.engine.io and NetSpec is caffe.NetSpec and Classifier is caffe.Classifier
print(str(L.ReLU(L.Input(shape=dict(dim=[1]))).to_proto()).split()[3], P.Pooling.AVE)
"""
# Arguments, exit status, what is printed, the last line of standard error.
RUNS = {
    "script": (("sub/run.py", "a", "-b"), 0, "__main__ ['sub/run.py', 'a', '-b'] sub True", ""),
    "module": (("-m", "sub.run", "a"), 0, "__main__ ['{place}/sub/run.py', 'a'] {place.name} True", ""),
    "code": (("-c", RUN, "a", "--help"), 0, "__main__ ['-c', 'a', '--help'] none True", ""),
    "imports": (("-c", IMPORTS), 0, '"Input1" 1', ""),
    "error": (("error.py",), 2, "", "error.py:3: no.prototxt: No such file or directory"),
    "caught": (("-c", "import caffe\ntry: caffe.Net('no', 1)\nexcept RuntimeError: print(1)"), 0, "1", ""),
    "exit": (("-c", "import sys; sys.exit(7)"), 7, "", ""),
    "exit-text": (("-c", "import sys; sys.exit('bye')"), 1, "", "bye"),
    "exception": (("divides.py",), 1, "", "ZeroDivisionError: division by zero"),
    "syntax": (("syntax.py",), 1, "", "SyntaxError: invalid syntax"),
    "no-module": (("-m", "nowhere"), 1, "", "ImportError: No module named nowhere"),
    "no-script": (("nowhere.py",), 2, "", "nowhere.py: No such file or directory"),
    "nothing": ((), 2, "", "usage: python -m ftcaffe.engine [-m MODULE | -c CODE | SCRIPT] ARGS…"),
    "option": (("--frob",), 2, "", "usage: python -m ftcaffe.engine [-m MODULE | -c CODE | SCRIPT] ARGS…"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    (place / "sub").mkdir()
    (place / "sub" / "run.py").write_text(RUN)
    (place / "error.py").write_text("import caffe\n\ncaffe.Net('no.prototxt', 1)")
    (place / "divides.py").write_text("def f():\n    1 / 0\nf()")
    (place / "syntax.py").write_text("1 +")
    found = running.engine(place, [arguments for arguments, *_ in RUNS.values()])
    return place, dict(zip(RUNS, found, strict=True))


class TestRunning:
    @pytest.mark.parametrize("name", RUNS)
    def test_a_program_runs_and_ends_as_under_python(self, name, run):
        (place, found), (_, status, printed, last) = run, RUNS[name]
        assert found[name].status == status
        assert found[name].stdout.strip() == printed.format(place=place)
        lines = found[name].stderr.splitlines() or [""]
        assert lines[-1] == last
        assert status != 2 or len(lines) == 1

    @pytest.mark.parametrize(
        ("name", "files"), [("exception", ["divides.py", "divides.py"]), ("syntax", ["syntax.py"])]
    )
    def test_a_traceback_is_the_programs(self, name, files, run):
        assert running.named_files(run[1][name].stderr) == files

    def test_an_import_of_caffe_elsewhere_is_left_alone(self):
        assert "caffe" not in sys.modules


def test_a_notebook_installs_the_engine_in_place_of_caffe():
    code = """
import sys, types
import ftcaffe.engine
sys.modules["caffe"] = types.ModuleType("caffe")
try:
    ftcaffe.engine.install()
except RuntimeError as error:
    print(error)
del sys.modules["caffe"]
ftcaffe.engine.install()
ftcaffe.engine.install()
import caffe.io
print(caffe is ftcaffe.engine, caffe.__spec__.name, caffe.io.__spec__.name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "caffe has been imported already; call ftcaffe.engine.install() before",
        "True ftcaffe.engine ftcaffe.engine.io",
    ]
