"""The GPUs that ``--gpu`` names, and what there is to say of them."""

from __future__ import annotations

import torch

import ftcaffe.engine as caffe
from ftcaffe import gpus as facts
from ftcaffe.backend import torch_build
from ftcaffe.engine import glog
from ftcaffe.errors import Error


def chosen(flag: str) -> list[int]:
    """Numbers of the GPUs of a flag: ``0``, ``0,1`` or ``all``; none for an empty one."""
    if flag == "all":
        count = torch.cuda.device_count()
        if not count:
            raise _none()
        return list(range(count))
    try:
        return [int(part) for part in flag.split(",")] if flag else []
    except ValueError:
        raise Error(f"--gpu {flag} names no GPU", remedy="--gpu 0, --gpu 0,1 or --gpu all") from None


def use(gpus: list[int], origins: tuple[str, str]) -> None:
    """Compute on the first of them from now on, on the CPU where there is none; `Error` for one that is not there.

    Parameters
    ----------
    origins : of the line of the log that says CPU, and of the one that says which GPUs.
    """
    if not gpus:
        glog.info(origins[0], "Use CPU.")
        caffe.set_mode_cpu()
        return
    _check(gpus)
    for gpu in gpus if not facts.amd() else ():
        facts.check(gpu, facts.driver(), torch_build(), f"PyTorch {torch.__version__}")
    glog.info(origins[1], "Using GPUs %s", ", ".join(map(str, gpus)))
    for gpu in gpus:
        glog.info("caffe.cpp:209", "GPU %d: %s", gpu, torch.cuda.get_device_name(gpu))
    caffe.set_device(gpus[0])
    caffe.set_mode_gpu()


def device_query(gpu: str) -> None:
    """Say what is known of the GPUs that the flag names."""
    glog.info("caffe.cpp:138", "Querying GPUs %s", gpu)
    numbers = chosen(gpu)
    _check(numbers)
    for number in numbers:
        found = torch.cuda.get_device_properties(number)
        for name, value in (
            ("Device id", number),
            ("Major revision number", found.major),
            ("Minor revision number", found.minor),
            ("Name", found.name),
            ("Total global memory", found.total_memory),
            ("Warp size", found.warp_size),
            ("Number of multiprocessors", found.multi_processor_count),
        ):
            glog.info("common.cpp:182", "%-31s%s", f"{name}:", value)


def _check(gpus: list[int]) -> None:
    count = torch.cuda.device_count()
    for gpu in gpus:
        if not 0 <= gpu < count:
            raise _none() if not count else Error(f"no GPU {gpu}", remedy=f"there are: 0 to {count - 1}")


def _none() -> Error:
    return Error("no GPU is seen by PyTorch", remedy="use the CPU (solver_mode: CPU, no --gpu) or install a driver")
