"""Data-parallel training: a solver on each of several devices, gradients averaged, as Caffe does it by NCCL.

Each solver takes batches of the prototxt's size, of n solvers every n-th record, so that together they make one batch
of n times the size; gradients are summed and divided by n, the learning rate is left as it is. The first solver
tests, logs, takes snapshots and hears signals; the others, a process each, begin with its state and follow it.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing

from ftcaffe.engine import mode
from ftcaffe.engine.layers.source import Source
from ftcaffe.engine.solver import Solver
from ftcaffe.engine.updates import solver_class
from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2

Device = int | str  # number of a GPU, or "cpu"


def train(
    message: Any, path: str | Path, devices: Sequence[Device], prepare: Callable[[Solver], None] = lambda solver: None
) -> Solver:
    """Train on several devices to the end of the schedule; returns the first solver.

    Parameters
    ----------
    message, path : SolverParameter, and its file.
    prepare : called with the first solver once it is made, to restore it or give it callbacks.

    Raises
    ------
    Error : as `Solver`; a process of another solver that ended.
    """
    processes = torch.multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        others = [
            processes.Process(
                target=_follow, args=(_follower(message), str(path), devices, rank, meeting), daemon=True
            )
            for rank in range(1, len(devices))
        ]
        for process in others:
            process.start()
        try:
            return _lead(message, path, devices, meeting, prepare)
        except RuntimeError as error:
            ended = [devices[n] for n, process in enumerate(others, 1) if process.exitcode]
            if not ended:
                raise
            raise Error(f"the solver on device {ended[0]} ended early", path, remedy="see what it said") from error
        finally:
            for process in others:
                process.terminate()
            mode.set_solver_count(1)


def _lead(
    message: Any, path: str | Path, devices: Sequence[Device], meeting: str, prepare: Callable[[Solver], None]
) -> Solver:
    _join(devices, 0, meeting)
    try:
        solver = solver_class(message, path).from_message(message, path)
        prepare(solver)
        _agree(solver)
        go = torch.ones(1, device=mode.device())
        solver.add_callback(lambda: dist.broadcast(go, 0), lambda: _average(solver))
        solver.solve()
        dist.broadcast(go.zero_(), 0)
        return solver
    finally:
        dist.destroy_process_group()


def _follow(encoded: bytes, path: str, devices: Sequence[Device], rank: int, meeting: str) -> None:
    """A process's work: a solver that has no nets to test and ends when the first does."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a terminal sends them to all its processes: the first one decides
    try:
        _join(devices, rank, meeting)
        message = caffe_pb2.SolverParameter.FromString(encoded)
        solver = solver_class(message, path).from_message(message, path)
        _agree(solver)
        go = torch.ones(1, device=mode.device())

        def wait() -> None:
            dist.broadcast(go, 0)
            if not go:
                raise _Ended

        solver.add_callback(wait, lambda: _average(solver))
        solver.step(2**31)
    except _Ended:
        dist.destroy_process_group()
    except Error as error:
        sys.exit(f"device {devices[rank]}: {error}")
    except RuntimeError:  # the first solver is gone, and says why
        sys.exit(1)


class _Ended(Exception):
    pass


def _follower(message: Any) -> bytes:
    """The SolverParameter of the solvers that only train."""
    own = caffe_pb2.SolverParameter()
    own.CopyFrom(message)
    for field in ("test_net", "test_net_param", "test_state", "test_iter", "test_interval", "display", "snapshot"):
        own.ClearField(field)
    return own.SerializeToString()


def _join(devices: Sequence[Device], rank: int, meeting: str) -> None:
    device = devices[rank]
    if device == "cpu":
        mode.set_mode_cpu()
    else:
        mode.set_device(int(device))
        mode.set_mode_gpu()
        torch.cuda.set_device(int(device))
    mode.set_solver_count(len(devices))
    mode.set_solver_rank(rank)
    dist.init_process_group(
        "gloo" if device == "cpu" else "nccl", init_method=meeting, rank=rank, world_size=len(devices)
    )


def _agree(solver: Solver) -> None:
    """Give every solver the first one's parameters, history and iteration."""
    state: list[Any] = [solver.iter, solver._step, [history.is_zero for history in solver._history]]
    dist.broadcast_object_list(state, 0)
    iteration, solver._step, zero = state
    if iteration != solver.iter:
        solver.iter = iteration
        for node in solver.net._nodes:
            if isinstance(node.layer, Source):
                node.layer.seek(iteration * solver.param.iter_size)
    for blob in solver.net.learnable:
        _share(blob.values.tensor, lambda tensor: dist.broadcast(tensor, 0))
    for history, is_zero in zip(solver._history, zero, strict=True):
        if not is_zero:
            _share(history.tensor, lambda tensor: dist.broadcast(tensor, 0))


def _average(solver: Solver) -> None:
    """Make the gradients the mean over the solvers."""
    for blob, lr_mult in zip(solver.net.learnable, solver.net.lr_mult, strict=True):
        if lr_mult:
            _share(blob.gradient.tensor, dist.all_reduce)
            blob.gradient.tensor.div_(dist.get_world_size())


def _share(tensor: torch.Tensor, exchange: Callable[[torch.Tensor], Any]) -> None:
    """Exchange a tensor of any memory layout in place."""
    flat = tensor.contiguous()
    exchange(flat)
    if flat is not tensor:
        tensor.copy_(flat)
