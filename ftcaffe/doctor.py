"""What there is to work with: engines, GPUs, optional readers, and whether the default path works."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ftcaffe import __version__, backend, gpus
from ftcaffe.command import Command

_REQUIREMENT = re.compile(r"^([\w.-]+).*; *extra *== *['\"](\w+)['\"]")
_OF_DEVELOPERS = {"test", "lint"}
_PURPOSE = {
    "engine": "the embedded engine",
    "video": "videos",
    "volumes": "CT volumes",
    "dicom": "ultrasound in DICOM",
    "handcrafted": "the handcrafted methods",
}

# Run in a process of its own, since BVLC Caffe ends the one that it fails in: a forward pass of a net of one layer.
_FORWARD = """
import sys, tempfile
from ftcaffe import backend, errors, gpus
name, gpu = sys.argv[1], int(sys.argv[2]) if sys.argv[2] else None
try:
    made = backend.load(name, gpu)
except errors.Error as error:
    sys.exit(str(error))
with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
    file.write('layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }\\n'
               'layer { name: "y" type: "ReLU" bottom: "x" top: "y" }\\n')
    file.flush()
    net = made.caffe.Net(file.name, made.caffe.TEST)
net.blobs["x"].data[...] = -1
if net.forward()["y"].any():
    sys.exit("a forward pass gave wrong numbers")
build = backend.caffe_build() if name == "caffe" else backend.torch_build()
print(made.version + ", " + gpus.describe(build))
"""


@dataclass(frozen=True)
class Engine:
    """An engine as it was found: whether a forward pass went well, and its version or what is wrong."""

    works: bool
    told: str


@dataclass(frozen=True)
class Extra:
    """A package that the toolkit can do without; `version` is None where it is missing."""

    package: str
    extra: str
    version: str | None


def engine(name: str, gpu: int | None = None) -> Engine:
    """Try a small forward pass of an engine, on the CPU unless a GPU is given."""
    command = [sys.executable, "-c", _FORWARD, name, "" if gpu is None else str(gpu)]
    done = subprocess.run(command, capture_output=True, text=True)
    told = [line for line in (done.stdout if done.returncode == 0 else done.stderr).splitlines() if line.strip()]
    fatal = [line.partition("] ")[2] for line in told if line.startswith("F") and "] " in line]  # glog's
    return Engine(done.returncode == 0, (fatal or told or [f"its process ended with status {done.returncode}"])[-1])


def extras() -> list[Extra]:
    """The optional packages that the toolkit's own metadata name, with what is installed of them."""
    found = []
    for requirement in importlib.metadata.requires("ftcaffe") or ():
        matched = _REQUIREMENT.match(requirement)
        if matched and matched[2] not in _OF_DEVELOPERS:
            try:
                version = importlib.metadata.version(matched[1])
            except importlib.metadata.PackageNotFoundError:
                version = None
            found.append(Extra(matched[1], matched[2], version))
    return found


def report() -> tuple[list[str], bool]:
    """The lines to show, and whether the default path works: the default engine on the default device."""
    chosen, asked = backend.select(), backend.default_gpu()
    gpu = int(asked) if asked else None
    found = {name: engine(name) for name in ("caffe", "torch")}
    default = found[chosen] if gpu is None else engine(chosen, gpu)
    lines = [f"ftcaffe {__version__}, Python {platform.python_version()}, {platform.platform()}", "", "engines"]
    for name, title in (("caffe", "BVLC Caffe"), ("torch", "ftcaffe.engine")):
        lines.append(f"  {title:<16}{found[name].told if found[name].works else f'no: {found[name].told}'}")
    lines += ["", "GPUs", *(f"  {line}" for line in _gpus(found)), "", "optional packages"]
    for one in extras():
        state = one.version or f"missing: pip install 'ftcaffe[{one.extra}]'"
        lines.append(f"  {one.package:<16}{_PURPOSE.get(one.extra, one.extra):<26}{state}")
    place = f"{chosen} on {'the CPU' if gpu is None else f'GPU {gpu}'}"
    verdict = "works" if default.works else f"does not work: {default.told}"
    return [*lines, "", f"The default path, engine {place}, {verdict}"], default.works


def _gpus(found: dict[str, Engine]) -> Iterator[str]:
    """A line for the driver, then one for each GPU with the engines that compute on it."""
    seen = gpus.driver()
    if seen is None:
        yield "no driver of an NVIDIA GPU is seen: everything computes on the CPU"
        return
    yield f"driver {_release()}, runs CUDA up to {gpus.version(seen.cuda)}"
    for number, gpu in enumerate(seen.gpus):
        facts = f"{gpu.name}, compute capability {gpu.capability / 10:.1f}, {gpu.memory / 2**30:.0f} GB"
        yield f"{number}: {facts}"
        for name in (name for name, state in found.items() if state.works):
            tried = engine(name, number)
            yield f"   --engine {name}: {'computes' if tried.works else tried.told}"


def _release() -> str:
    """The driver's own version, as the kernel module tells it."""
    try:
        told = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return "of unknown version"
    matched = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", told)
    return matched[0] if matched else "of unknown version"


def _doctor(_: argparse.Namespace) -> int:
    lines, works = report()
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if works else 2


DOCTOR = Command("which engines, GPUs and readers are here, and whether they work", lambda _: None, _doctor)
