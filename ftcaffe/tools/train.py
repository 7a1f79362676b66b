"""``ftcaffe train``: what ``caffe train`` does, with a loss that is not a number stopped, and SIGTERM heard."""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.engine import glog, parallel
from ftcaffe.engine.solver import Solver
from ftcaffe.engine.updates import solver_class
from ftcaffe.errors import Error
from ftcaffe.proto import blobs, hdf5, read_solver
from ftcaffe.tools import device_query as devices

EFFECTS = ("stop", "snapshot", "none")


@dataclass(frozen=True)
class Options:
    """The flags of the original's command, and their defaults."""

    solver: str
    weights: str = ""
    snapshot: str = ""
    gpu: str = ""
    sigint_effect: str = "stop"
    sighup_effect: str = "snapshot"
    level: int = 0
    stage: str = ""


def train(**flags: Any) -> None:
    """Train as the flags say, those of `Options`.

    Raises
    ------
    Error : flags or files that do not do; a loss that is not finite, before it reaches the weights.
    """
    options = Options(**flags)
    if not options.solver:
        raise Error("a solver is needed to train", remedy="--solver FILE")
    if options.snapshot and options.weights:
        raise Error("give a snapshot to resume training or weights to finetune, not both")
    param = read_solver(options.solver)
    param.train_state.level = options.level
    param.train_state.stage.extend(options.stage.split(","))
    if options.weights or options.snapshot:
        param.ClearField("weights")
    if options.weights:
        param.weights.append(options.weights)
    gpus = devices.chosen(options.gpu)
    if not options.gpu and param.solver_mode == param.GPU:
        gpus = [param.device_id]
    devices.use(gpus, ("caffe.cpp:197", "caffe.cpp:204"))
    if gpus:
        param.device_id = gpus[0]
    signals = Signals(options.sigint_effect, options.sighup_effect)

    def prepare(solver: Solver) -> None:
        solver.request = lambda: signals.request(solver)
        solver.add_callback(lambda: None, lambda: stop_at_nan(solver))
        if options.snapshot:
            glog.info("caffe.cpp:235", "Resuming from %s", options.snapshot)
            solver.restore(options.snapshot)
        glog.info("caffe.cpp:239", "Starting Optimization")

    with signals.heard():
        if len(gpus) > 1:
            parallel.train(param, options.solver, gpus, prepare)
        else:
            solver = solver_class(param, options.solver).from_message(param, options.solver)
            prepare(solver)
            solver.solve()
    glog.info("caffe.cpp:250", "Optimization Done.")


class Signals:
    """SIGINT and SIGHUP as Caffe's flags say; SIGTERM, by which clusters announce the end, as SIGINT and a snapshot.

    Parameters
    ----------
    interrupt, hangup : effects of SIGINT and SIGHUP: ``stop``, ``snapshot`` or ``none``. They come once the
        iteration, or the batch of a test, is done.
    """

    def __init__(self, interrupt: str, hangup: str) -> None:
        for effect in (interrupt, hangup):
            if effect not in EFFECTS:
                raise Error(f"no signal effect '{effect}'", remedy=f"there are: {', '.join(EFFECTS)}")
        self._effects = {signal.SIGINT: interrupt, signal.SIGHUP: hangup, signal.SIGTERM: interrupt}
        self._came: list[int] = []

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Hear the signals; afterwards they have their former effect."""
        former = {number: signal.signal(number, self._hear) for number in self._effects}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: Any) -> None:
        self._came.append(number)

    def request(self, solver: Solver) -> str:
        """What the signal that came first asks for; ``none`` where none came."""
        if not self._came:
            return "none"
        number = self._came.pop(0)
        effect = self._effects[signal.Signals(number)]
        if number == signal.SIGTERM:
            if effect != "stop":
                return "snapshot"
            solver.param.snapshot_after_train = True
        return effect


def stop_at_nan(solver: Solver) -> None:
    """`Error` naming the iteration and the last good snapshot, where the loss is not finite."""
    if not math.isfinite(solver.loss):
        good = last_good(solver)
        kept = f"the last good snapshot is {good}; " if good else ""
        raise Error(
            f"the loss is {solver.loss} at iteration {solver.iter}",
            solver.path,
            remedy=f"{kept}lower base_lr or look for faults in the data",
        )


def last_good(solver: Solver) -> Path | None:
    """The newest of the solver's snapshots whose weights are all finite."""
    prefix = Path(solver.param.snapshot_prefix)
    found = {}
    for path in prefix.parent.glob(f"{prefix.name}_iter_*.solverstate*"):
        number = path.name.removeprefix(f"{prefix.name}_iter_").split(".")[0]
        if number.isdigit() and int(number) <= solver.iter:
            found[int(number)] = path
    for _, path in sorted(found.items(), reverse=True):
        with contextlib.suppress(Error):
            if _finite(path.with_name(path.name.replace(".solverstate", ".caffemodel"))):
                return path
    return None


def _finite(path: Path) -> bool:
    layers = (hdf5 if hdf5.is_hdf5(path) else blobs).read_layers(path)
    return all(np.isfinite(array).all() for arrays in layers.values() for array in arrays if array is not None)
