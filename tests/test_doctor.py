"""What there is to compute with: drivers, GPUs, builds, engines; what cannot be is one line."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from study import ENGINE

from ftcaffe import backend, doctor, gpus
from ftcaffe.errors import Error
from ftcaffe.gpus import Build, Driver, Gpu

V100, A100, H100 = (Gpu(name, code, 80 << 30) for name, code in (("V100", 70), ("A100", 80), ("H100", 90)))
CAFFE = Build((11, 8), (50, 60, 70, 75, 80, 86, 90), (90,))
NEW = Driver((12, 4), (V100, H100))

# As much of NVIDIA's driver library as is asked, with two GPUs.
FAKE = """
#include <string.h>
typedef unsigned long size;
int cuDriverGetVersion(int *v) { *v = 12040; return 0; }
int cuInit(unsigned flags) { return NONE ? 100 : 0; }
int cuDeviceGetCount(int *n) { *n = 2; return 0; }
int cuDeviceGet(int *d, int n) { *d = 7 + n; return 0; }
int cuDeviceGetName(char *s, int n, int d) { strncpy(s, d == 7 ? "Tesla V100" : "NVIDIA H100", n); return 0; }
int cuDeviceTotalMem_v2(size *b, int d) { *b = d == 7 ? 16ul << 30 : 80ul << 30; return 0; }
int cuDeviceGetAttribute(int *v, int a, int d) {
  *v = a == 75 ? (d == 7 ? 7 : 8) : a == 76 ? (d == 7 ? 0 : 9) : -1;
  return 0;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for a driver that is none")
@pytest.mark.parametrize(
    ("none", "found"), [(0, (Gpu("Tesla V100", 70, 16 << 30), Gpu("NVIDIA H100", 89, 80 << 30))), (1, ())]
)
def test_the_driver_is_asked_by_its_own_library(tmp_path, monkeypatch, none, found):
    (tmp_path / "fake.c").write_text(FAKE)
    library = tmp_path / "libcuda.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", f"-DNONE={none}", "-o", library, tmp_path / "fake.c"], check=True)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    assert gpus.driver() == Driver((12, 4), found)


@pytest.mark.parametrize(
    ("gpu", "driver", "build", "runs"),
    [
        (70, (11, 8), CAFFE, True),
        (72, (11, 8), CAFFE, True),  # a later minor version
        (100, (12, 8), CAFFE, True),  # by PTX
        (100, (11, 4), CAFFE, False),  # a driver that does not know this PTX
        (80, (11, 0), CAFFE, True),  # an older driver of the same major version
        (70, (12, 4), Build((11, 8), (75,), ()), False),
        (80, (12, 4), Build((11, 8), (86,), ()), False),  # machine code runs on no earlier GPU
        (90, (12, 4), Build((11, 8), (80,), ()), False),
        (70, (12, 4), Build(None), False),
    ],
)
def test_which_gpus_a_build_runs_on(gpu, driver, build, runs):
    assert build.runs_on(Gpu("", gpu, 0), Driver(driver, ())) is runs


@pytest.mark.parametrize(
    ("number", "seen", "build", "message"),
    [
        (
            0,
            None,
            CAFFE,
            r"no driver of an NVIDIA GPU is seen; install NVIDIA's driver .*--gpus all.*leave --gpu out",
        ),
        (2, NEW, CAFFE, r"there is no GPU 2; there are: 0 to 1"),
        (-1, NEW, None, r"there is no GPU -1; there are: 0 to 1"),
        (0, Driver((12, 4), ()), CAFFE, r"there is no GPU 0; install NVIDIA's driver"),
        (0, NEW, Build(None), r"Caffe was built for the CPU alone; install a build with CUDA"),
        (
            0,
            Driver((10, 2), (V100,)),
            CAFFE,
            r"the driver is too old for Caffe: it runs CUDA 10\.2, 11\.8 is needed; install a newer driver",
        ),
        (
            0,
            NEW,
            Build((12, 6), (75, 90), (90,)),
            r"Caffe holds no code for GPU 0 \(V100, compute capability 7\.0\): it was built for 7\.5, 9\.0, PTX 9\.0",
        ),
    ],
)
def test_what_cannot_compute_is_one_line(number, seen, build, message):
    with pytest.raises(Error, match=message) as caught:
        gpus.check(number, seen, build, "Caffe")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("build", [CAFFE, None])
def test_what_can_compute_passes(build):
    gpus.check(1, NEW, build, "Caffe")


def test_architectures_as_pytorch_lists_them():
    assert gpus.architectures(["sm_70", "sm_90a", "compute_90", "gfx906"]) == ((70, 90), (90,))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (CAFFE, "CUDA 11.8 for 5.0, 6.0, 7.0, 7.5, 8.0, 8.6, 9.0, PTX 9.0"),
        (Build(None), "for the CPU alone"),
        (None, "CUDA, for GPUs that are not known"),
    ],
)
def test_a_build_in_words(build, words):
    assert gpus.describe(build) == words


def test_the_build_of_caffe_stands_beside_its_module(tmp_path, monkeypatch):
    (tmp_path / "build.json").write_text('{"cuda": "11.8", "real": [70, 80], "ptx": [80]}\n')
    module = SimpleNamespace(__file__=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(backend.importlib, "import_module", lambda name: module)
    assert backend.caffe_build() == Build((11, 8), (70, 80), (80,))
    (tmp_path / "build.json").write_text('{"cuda": null, "real": [], "ptx": []}\n')
    assert backend.caffe_build() == Build(None)
    (tmp_path / "build.json").unlink()
    assert backend.caffe_build() == Build(None)  # this process has loaded none of CUDA's libraries


def _net(batch):
    """As much of a net as its memory needs: 1 MB of parameters, 1 MB of blobs an image."""
    blobs = {"data": SimpleNamespace(shape=(batch, 3, 8, 8), count=batch << 18)}
    blobs["data_split_0"] = blobs["data"]  # shares its memory
    return SimpleNamespace(blobs=blobs, params={"conv1": [SimpleNamespace(count=1 << 18)]})


def test_a_batch_that_would_fit_the_gpu_is_named(monkeypatch):
    monkeypatch.setattr(backend.gpus, "driver", lambda: Driver((12, 4), (Gpu("", 70, 103 << 20),)))
    original = backend.Backend(None, "caffe", "", "gpu 0")
    original.check_memory(_net(50))
    with pytest.raises(Error, match=r"out of memory of gpu 0: .*; a batch of 50 instead of 128 would fit"):
        original.check_memory(_net(128))
    original.check_memory(_net(1), batch=102)  # a forward pass holds no gradients and no history
    with pytest.raises(Error, match=r"out of memory of gpu 0: .*; a batch of 102 instead of 103 would fit"):
        original.check_memory(_net(1), batch=103)
    backend.Backend(None, "caffe", "", "cpu").check_memory(_net(128))


@pytest.mark.skipif(find_spec("caffe") is not None, reason="BVLC Caffe is here")
def test_the_original_where_it_is_not_is_found_out_at_once():
    with pytest.raises(Error, match=r"BVLC Caffe cannot be imported .*make image-caffe.*--engine torch"):
        backend.expect("caffe", None)


def test_a_gpu_where_there_is_none_is_found_out_at_once(monkeypatch):
    monkeypatch.setattr(backend.gpus, "driver", lambda: None)
    monkeypatch.setattr(backend.gpus, "amd", lambda: False)
    with pytest.raises(Error, match="no driver of an NVIDIA GPU is seen"):
        backend.expect("torch", 0)
    monkeypatch.setattr(backend.gpus, "amd", lambda: True)
    assert backend.expect("torch", 0) == "torch"  # left to a PyTorch that is built for AMD's


# The verb


def _missing(name):
    raise doctor.importlib.metadata.PackageNotFoundError(name)


def test_the_default_path_works_here(monkeypatch, capsys):
    monkeypatch.setenv(backend.VARIABLE, ENGINE)
    monkeypatch.delenv(backend.GPU_VARIABLE, raising=False)
    monkeypatch.setattr(doctor.gpus, "driver", lambda: None)
    monkeypatch.setattr(doctor.importlib.metadata, "version", _missing)
    assert doctor.DOCTOR.run(argparse.Namespace()) == 0
    told = capsys.readouterr().out
    assert f"The default path, engine {ENGINE} on the CPU, works" in told
    assert "no driver of an NVIDIA GPU is seen: everything computes on the CPU" in told
    assert "av              videos                    missing: pip install 'ftcaffe[video]'" in told
    assert "pytest" not in told


def test_a_default_path_that_does_not_work_is_status_2(monkeypatch, capsys):
    engines = {"caffe": doctor.Engine(False, "no"), "torch": doctor.Engine(True, "PyTorch 2")}
    monkeypatch.setattr(doctor, "engine", lambda name, gpu=None: engines[name])
    monkeypatch.setenv(backend.VARIABLE, "caffe")
    monkeypatch.setattr(doctor.gpus, "driver", lambda: None)
    assert doctor.DOCTOR.run(argparse.Namespace()) == 2
    assert "engine caffe on the CPU, does not work: no" in capsys.readouterr().out


def test_each_gpu_is_tried_by_each_engine(monkeypatch):
    monkeypatch.setattr(doctor.gpus, "driver", lambda: NEW)

    def engine(name, gpu=None):
        return doctor.Engine(gpu != 0, "no code for it" if gpu == 0 else "version")

    monkeypatch.setattr(doctor, "engine", engine)
    lines = list(doctor._gpus({"caffe": doctor.Engine(False, "absent"), "torch": doctor.Engine(True, "version")}))
    assert lines[0].endswith("runs CUDA up to 12.4")
    assert lines[1:] == [
        "0: V100, compute capability 7.0, 80 GB",
        "   --engine torch: no code for it",
        "1: H100, compute capability 9.0, 80 GB",
        "   --engine torch: computes",
    ]


def test_an_engine_that_fails_is_told_by_its_last_words(monkeypatch):
    def run(*_, **__):
        text = (
            "WARNING: Logging\nF1125 10:00:00 123 common.cpp:66] Cannot use GPU\n*** Check failure stack trace: ***\n"
        )
        return SimpleNamespace(returncode=-6, stdout="", stderr=text)

    monkeypatch.setattr(doctor.subprocess, "run", run)
    assert doctor.engine("caffe", 0) == doctor.Engine(False, "Cannot use GPU")
