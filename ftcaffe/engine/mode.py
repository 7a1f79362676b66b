"""What Caffe keeps for the whole process: the mode, the device, the random numbers, the memory that is kept."""

from __future__ import annotations

import ctypes
import os
import time

import torch

from ftcaffe.engine.random import Random
from ftcaffe.errors import Error

# Convolutions and products in float32 proper: TF32 would part from Caffe's numbers in the fourth digit.
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False

_CPU = torch.device("cpu")
_device = _CPU
_gpu = 0
_solver_count, _solver_rank = 1, 0
random = Random(os.getpid() ^ time.time_ns() & 0xFFFFFFFF)


def device() -> torch.device:
    """Where tensors live now."""
    return _device


def set_mode_cpu() -> None:
    """Compute on the CPU from now on."""
    global _device
    _device = _CPU


def set_mode_gpu() -> None:
    """Compute on the GPU chosen by `set_device` from now on; `Error` where there is none."""
    global _device
    if not torch.cuda.is_available():
        raise Error("no GPU is seen by PyTorch", remedy="use the CPU mode or install a driver")
    _device = torch.device("cuda", _gpu)


def set_device(number: int) -> None:
    """Choose the GPU that `set_mode_gpu` uses; it need not exist before the mode is set."""
    global _gpu
    _gpu = number
    if _device.type == "cuda":
        set_mode_gpu()


def set_random_seed(seed: int) -> None:
    """Start the random numbers of fillers, dropout and data transformation anew."""
    random.seed(seed)


def solver_count() -> int:
    """How many solvers train together, of which this process has one."""
    return _solver_count


def set_solver_count(count: int) -> None:
    """Say how many solvers train together."""
    global _solver_count
    _solver_count = count


def solver_rank() -> int:
    """Which of the solvers is this process's; the first, 0, is the one that tests, logs and takes snapshots."""
    return _solver_rank


def set_solver_rank(rank: int) -> None:
    """Say which of the solvers is this process's."""
    global _solver_rank
    _solver_rank = rank


def set_multiprocess(multiprocess: bool) -> None:
    """Nothing: whether the solvers are processes, as here, or threads makes no difference to them."""


def _keep_memory() -> None:
    """Have the C library keep freed blocks instead of returning them to the system.

    A training step frees and takes hundreds of megabytes of activations; page faults on fresh memory cost a
    fifth to a half of its time. Caffe allocates its blobs once; this gives the same effect. Elsewhere than on glibc
    it does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    trim_threshold, mmap_threshold = -1, -3  # glibc's M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(mmap_threshold, 2**31 - 1)


_keep_memory()
