"""The GPUs that NVIDIA's driver shows, and whether a program that was built for some of them runs on one."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ftcaffe.errors import Error

_REMEDY = "install NVIDIA's driver (in a container: docker run --gpus all), or leave --gpu out"


@dataclass(frozen=True)
class Gpu:
    """A GPU: its name, its compute capability times ten (70 is 7.0), bytes of its memory."""

    name: str
    capability: int
    memory: int


@dataclass(frozen=True)
class Driver:
    """NVIDIA's driver.

    cuda : the newest CUDA that it runs, (major, minor).
    gpus : by number, as ``CUDA_VISIBLE_DEVICES`` has them.
    """

    cuda: tuple[int, int]
    gpus: tuple[Gpu, ...]


@dataclass(frozen=True)
class Build:
    """What a program was compiled for.

    cuda : version of CUDA, (major, minor); None for the CPU alone.
    real : compute capabilities, times ten, that there is machine code for. ptx : those of its PTX.
    """

    cuda: tuple[int, int] | None
    real: tuple[int, ...] = ()
    ptx: tuple[int, ...] = ()

    def runs_on(self, gpu: Gpu, driver: Driver) -> bool:
        """Whether there is code for a GPU.

        Machine code runs on its own and later minor versions of one major; PTX on any later GPU, compiled by a driver
        that knows this CUDA (CUDA C++ Programming Guide, "Application Compatibility").
        """
        if self.cuda is None:
            return False
        exact = any(code // 10 == gpu.capability // 10 and code <= gpu.capability for code in self.real)
        return exact or (driver.cuda >= self.cuda and any(code <= gpu.capability for code in self.ptx))


def driver() -> Driver | None:
    """What the driver shows now; None where there is none.

    It is asked in a process of its own: a process that has spoken to it cannot be forked any more.
    """
    done = subprocess.run([sys.executable, "-m", "ftcaffe.gpus"], capture_output=True, text=True)
    told = json.loads(done.stdout) if done.returncode == 0 else None
    if told is None:
        return None
    return Driver((told["cuda"][0], told["cuda"][1]), tuple(Gpu(*one) for one in told["gpus"]))


def amd() -> bool:
    """Whether the kernel has AMD's driver, whose GPUs a PyTorch built for them takes by the same names."""
    return Path("/dev/kfd").exists()


def check(number: int, seen: Driver | None, build: Build | None, program: str) -> None:
    """`Error` where `program` cannot compute on GPU `number` of the driver that was seen.

    Parameters
    ----------
    build : what it was compiled for; None where that is not known, and then only that there is such a GPU is checked.
    """
    if build is not None and build.cuda is None:
        raise Error(f"{program} was built for the CPU alone", remedy="install a build with CUDA, or leave --gpu out")
    if seen is None:
        raise Error("no driver of an NVIDIA GPU is seen", remedy=_REMEDY)
    if not 0 <= number < len(seen.gpus):
        there = f"there are: 0 to {len(seen.gpus) - 1}" if seen.gpus else _REMEDY
        raise Error(f"there is no GPU {number}", remedy=there)
    if build is None or build.cuda is None:
        return
    if seen.cuda[0] < build.cuda[0]:
        text = (
            f"the driver is too old for {program}: it runs CUDA {version(seen.cuda)}, {version(build.cuda)} is needed"
        )
        raise Error(text, remedy="install a newer driver, or leave --gpu out")
    gpu = seen.gpus[number]
    if not build.runs_on(gpu, seen):
        raise Error(
            f"{program} holds no code for GPU {number} ({gpu.name}, compute capability {gpu.capability / 10:.1f}): "
            f"it was built for {_codes(build)}",
            remedy="build it for that capability too, or leave --gpu out",
        )


def describe(build: Build | None) -> str:
    """A build in words: ``CUDA 11.8 for 7.0, 8.0, PTX 9.0``."""
    if build is None:
        return "CUDA, for GPUs that are not known"
    if build.cuda is None:
        return "for the CPU alone"
    return f"CUDA {version(build.cuda)} for {_codes(build)}"


def _codes(build: Build) -> str:
    codes = [*(f"{code / 10:.1f}" for code in build.real), *(f"PTX {code / 10:.1f}" for code in build.ptx)]
    return ", ".join(codes) or "no GPU"


def version(pair: tuple[int, int]) -> str:
    """``11.8`` of (11, 8)."""
    return ".".join(map(str, pair))


def pair(text: str | None) -> tuple[int, int] | None:
    """(11, 8) of ``11.8``; None of None."""
    if text is None:
        return None
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def architectures(listed: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Real and PTX capabilities of names as nvcc has them: ``sm_90``, ``compute_90``, ``sm_90a``."""
    codes: dict[str, list[int]] = {"sm": [], "compute": []}
    for name in listed:
        kind, _, code = name.partition("_")
        if kind in codes:
            codes[kind].append(int("".join(letter for letter in code if letter.isdigit())))
    return tuple(codes["sm"]), tuple(codes["compute"])


def _ask() -> dict[str, object] | None:
    """The driver's answers by its own library, as `Driver`'s fields."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    number = ctypes.c_int()
    if cuda.cuDriverGetVersion(ctypes.byref(number)):
        return None
    found: dict[str, object] = {"cuda": (number.value // 1000, number.value % 1000 // 10), "gpus": []}
    count = ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return found
    found["gpus"] = [_describe(cuda, place) for place in range(count.value)]
    return found


def _describe(cuda: ctypes.CDLL, place: int) -> tuple[str, int, int]:
    """Name, capability and memory of a GPU."""
    device, name, memory = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_size_t()
    major, minor = ctypes.c_int(), ctypes.c_int()
    cuda.cuDeviceGet(ctypes.byref(device), place)
    cuda.cuDeviceGetName(name, len(name), device)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    for value, attribute in ((major, 75), (minor, 76)):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR
        cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    return name.value.decode(errors="replace"), 10 * major.value + minor.value, memory.value


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_ask()))
