"""Data-parallel training: a solver on each of several devices, gradients averaged, as Caffe does it by NCCL.

Each solver takes batches of the prototxt's size, of n solvers every n-th record, so that together they make one batch
of n times the size; gradients are summed and divided by n, the learning rate is left as it is. The first solver
tests, logs, takes snapshots and hears signals; the others, a process each, begin with its state and follow it.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
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
_TIMEOUT = timedelta(minutes=10)  # of an exchange, for which every solver is there already


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
    Error : as `Solver`, of any of them.
    """
    processes = torch.multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        others: list[tuple[Any, Connection]] = []
        for rank in range(1, len(devices)):
            ours, theirs = processes.Pipe()
            arguments = (_follower(message), str(path), devices, rank, meeting, theirs)
            process = processes.Process(target=_follow, args=arguments, daemon=True)
            process.start()
            theirs.close()
            others.append((process, ours))
        try:
            return _lead(message, path, devices, meeting, [pipe for _, pipe in others], prepare)
        finally:
            for process, pipe in others:
                pipe.close()  # which ends it, unless it waits in an exchange
                process.join(1)
                process.kill()
            mode.set_solver_count(1)


def _lead(
    message: Any,
    path: str | Path,
    devices: Sequence[Device],
    meeting: str,
    pipes: Sequence[Connection],
    prepare: Callable[[Solver], None],
) -> Solver:
    solver = _solver(message, path, devices, 0)
    prepare(solver)
    for device, pipe in zip(devices[1:], pipes, strict=True):
        _hear(device, pipe)
    _join(devices, 0, meeting)

    def go() -> None:
        with _losing():
            for pipe in pipes:
                pipe.send(True)

    try:
        _agree(solver)
        solver.add_callback(go, lambda: _average(solver))
        solver.solve()
    except _Lost as error:
        for device, pipe in zip(devices[1:], pipes, strict=True):
            if pipe.poll(1):
                _hear(device, pipe)
        raise Error(f"the solvers lost each other ({error})", path, remedy="resume from the last snapshot") from error
    finally:
        dist.destroy_process_group()
    return solver


def _hear(device: Device, pipe: Connection) -> None:
    """Wait for a solver to be ready; `Error` with its own words where it is not."""
    try:
        fault = pipe.recv()
    except EOFError:
        fault = "its process ended"
    if fault:
        raise Error(f"the solver on device {device}: {fault}")


def _follow(encoded: bytes, path: str, devices: Sequence[Device], rank: int, meeting: str, pipe: Connection) -> None:
    """A process's work: a solver that does an iteration for each word of the first one's, and ends when it does."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # terminals and clusters send them to all: the first solver decides
    try:
        solver = _solver(caffe_pb2.SolverParameter.FromString(encoded), path, devices, rank)
        pipe.send(None)
        _join(devices, rank, meeting)
        _agree(solver)
        solver.add_callback(pipe.recv, lambda: _average(solver))
        while True:
            solver.step(1)
    except Error as error:
        pipe.send(str(error))
    except (_Lost, EOFError):  # the first solver has ended
        return


class _Lost(Exception):
    """Another solver is gone."""


@contextmanager
def _losing() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, BrokenPipeError) as error:
        raise _Lost(error) from error


def _follower(message: Any) -> bytes:
    """The SolverParameter of the solvers that only train."""
    own = caffe_pb2.SolverParameter()
    own.CopyFrom(message)
    for field in ("test_net", "test_net_param", "test_state", "test_iter", "test_interval", "display", "snapshot"):
        own.ClearField(field)
    return own.SerializeToString()


def _solver(message: Any, path: str | Path, devices: Sequence[Device], rank: int) -> Solver:
    """A solver of a rank, on its device."""
    device = devices[rank]
    if device == "cpu":
        mode.set_mode_cpu()
    else:
        mode.set_device(int(device))
        mode.set_mode_gpu()
        torch.cuda.set_device(int(device))
    mode.set_solver_count(len(devices))
    mode.set_solver_rank(rank)
    return solver_class(message, path).from_message(message, path)


def _join(devices: Sequence[Device], rank: int, meeting: str) -> None:
    backend = "gloo" if devices[rank] == "cpu" else "nccl"
    dist.init_process_group(backend, init_method=meeting, rank=rank, world_size=len(devices), timeout=_TIMEOUT)


def _agree(solver: Solver) -> None:
    """Give every solver the first one's parameters, history and iteration."""
    state: list[Any] = [solver.iter, solver._step, [history.is_zero for history in solver._history]]
    with _losing():
        dist.broadcast_object_list(state, 0)
    iteration, solver._step, zero = state
    if iteration != solver.iter:
        solver.iter = iteration
        for node in solver.net._nodes:
            if isinstance(node.layer, Source):
                node.layer.seek(iteration * solver.param.iter_size)
    for blob in solver.net.learnable:
        _exchange(blob.values.tensor, lambda tensor: dist.broadcast(tensor, 0))
    for history, is_zero in zip(solver._history, zero, strict=True):
        if not is_zero:
            _exchange(history.tensor, lambda tensor: dist.broadcast(tensor, 0))


def _average(solver: Solver) -> None:
    """Make the gradients the mean over the solvers."""
    for blob, lr_mult in zip(solver.net.learnable, solver.net.lr_mult, strict=True):
        if lr_mult:
            tensor = blob.gradient.tensor
            _exchange(tensor, dist.all_reduce)
            tensor.div_(dist.get_world_size())


def _exchange(tensor: torch.Tensor, how: Callable[[torch.Tensor], Any]) -> None:
    """Exchange a tensor of any memory layout in place."""
    flat = tensor.contiguous()
    with _losing():
        how(flat)
    if flat is not tensor:
        tensor.copy_(flat)
