"""One run: train, validate at each snapshot, choose the best, and go on after an interruption.

Training is cut into segments that end in a snapshot. Each begins with random numbers seeded from the run's seed
and the iteration, and with its data where the iteration has them; so a run that was interrupted, and begins again
from the last recorded snapshot, ends in the same weights as one that was not.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftcaffe.backend import Backend
from ftcaffe.errors import Error
from ftcaffe.nets import preprocessing, wiring
from ftcaffe.nets.solver import Schedule
from ftcaffe.proto import read_net, read_solver, to_text
from ftcaffe.store import atomic
from ftcaffe.store.lock import Lock
from ftcaffe.training.log import Log, Loss, Row
from ftcaffe.training.rates import table
from ftcaffe.training.validate import validate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """Where a run stands: iterations done, loss and rate of the last one, AUC of the last snapshot.

    snapshot : whether one was just recorded.
    """

    iteration: int
    loss: float
    rate: float
    auc: float | None
    snapshot: bool = False


def read(folder: Path) -> dict[str, Any]:
    """A run's ``run.json``; `Error` when there is none or it is damaged."""
    path = folder / "run.json"
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise Error("is no run: it has no run.json", folder) from None
    except ValueError as error:
        raise Error(f"is damaged ({error})", path, remedy="remove the run's folder and sweep again") from None


def update(folder: Path, **values: Any) -> None:
    """Change entries of a run's ``run.json``."""
    atomic.write_text(folder / "run.json", json.dumps(read(folder) | values, indent=2) + "\n")


def schedule(record: dict[str, Any]) -> Schedule:
    """The schedule in a run's ``run.json``."""
    settings = record["settings"]
    return Schedule(settings["records"], settings["batch"], settings["epochs"], settings["base_rate"])


def train(folder: Path, work: Path, backend: Backend, watch: Callable[[Progress], None]) -> None:
    """Do a run, or what is left of it; a run that is done is left alone.

    Parameters
    ----------
    folder : the run's.
    work : the working folder; it is the current one while the run trains, since prototxt paths are relative to it.
    watch : called after each iteration and each validation.

    Raises
    ------
    Error : another process trains it; a loss that is not finite; anything wrong with its files.
    """
    folder, work = folder.resolve(), work.resolve()
    with Lock(folder, "trained"), contextlib.chdir(work):
        record = read(folder)
        if record["status"] == "done":
            return
        update(
            folder,
            status="running",
            error=None,
            engine_version=backend.version,
            device=backend.device,
            resumes=record["resumes"] + (record["status"] != "planned"),
        )
        try:
            _train(folder.relative_to(work), work, record, backend, watch)
        except Error as error:
            update(folder, status="failed", error=str(error))
            raise
        update(folder, status="done")


def _train(
    folder: Path, work: Path, record: dict[str, Any], backend: Backend, watch: Callable[[Progress], None]
) -> None:
    caffe, log, plan, settings = backend.caffe, Log(folder), schedule(record), record["settings"]
    wiring.check(folder / "train_val.prototxt")
    _forget_unrecorded(folder, log)
    solver = _solver(caffe, folder)
    backend.check_memory(solver.net)
    _guard(solver.net)
    net = caffe.Net(str(folder / "deploy.prototxt"), caffe.TEST)
    net.share_with(solver.net)
    transform = preprocessing.read(folder / "train_val.prototxt", work)
    described = read_net(folder / "train_val.prototxt")
    val = described.layer[1].data_param.source
    if log.rows:
        backend.restore(solver, str(_snapshot(folder, log.rows[-1].iteration, "solverstate")), plan.records)
    logger.info("%s", table(read_solver(folder / "solver.prototxt"), described, solver.net))
    for end in _ends(plan, settings["snapshot"]):
        if end <= solver.iter:
            continue
        if log.stale() >= settings["patience"]:
            break
        started, first = time.monotonic(), len(log.losses)
        caffe.set_random_seed(_segment_seed(record["seed"], solver.iter))
        while solver.iter < end:
            _step(solver, plan, log, folder)
            last = log.losses[-1]
            watch(Progress(solver.iter, last.loss, last.rate, log.rows[-1].val_auc if log.rows else None))
        solver.snapshot()
        _sync(folder, end)
        score = validate(net, val, transform, settings["positive"])
        segment = [entry.loss for entry in log.losses[first:]]
        before = log.rows[-1].seconds if log.rows else 0.0
        log.add(
            Row(
                iteration=end,
                epoch=plan.epoch(end),
                train_loss=sum(segment) / len(segment),
                val_loss=score.loss,
                val_auc=score.auc,
                rate=log.losses[-1].rate,
                seconds=round(before + time.monotonic() - started, 3),
            )
        )
        _forget_old_states(folder, end)
        watch(Progress(end, log.losses[-1].loss, log.losses[-1].rate, score.auc, snapshot=True))


def _step(solver: Any, plan: Schedule, log: Log, folder: Path) -> None:
    iteration = solver.iter
    try:
        solver.step(1)
    except ArithmeticError as error:
        kept = f"its last good snapshot is iteration {log.rows[-1].iteration}; " if log.rows else ""
        raise Error(f"{error} at iteration {iteration}", folder, remedy=f"{kept}lower the learning rate") from None
    log.losses.append(Loss(iteration, float(solver.net.blobs["loss"].data), plan.rate(iteration)))


def _guard(net: Any) -> None:
    """Have a forward pass raise `ArithmeticError` at a loss that is not finite.

    It must not reach the backward pass: of a NaN, BVLC Caffe's max pooling remembers no place and writes outside
    its memory.
    """
    number = list(net._layer_names).index("loss")

    def check(layer: int) -> None:
        if layer == number and not math.isfinite(loss := float(net.blobs["loss"].data)):
            raise ArithmeticError(f"the loss is {loss}")

    net.after_forward(check)


def _solver(caffe: Any, folder: Path) -> Any:
    """The run's solver, without snapshots of its own.

    Snapshots are due at the ends of epochs, which a fixed interval misses where the batch does not divide the set.
    """
    message = read_solver(folder / "solver.prototxt")
    if not message.net:
        raise Error("names no net", folder / "solver.prototxt", remedy='add net: "FILE"')
    message.snapshot = 0
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".prototxt") as stream:
        stream.write(to_text(message))
        stream.flush()
        return caffe.get_solver(stream.name)


def _ends(plan: Schedule, snapshot: int | None) -> list[int]:
    """Iterations done at each snapshot, the last at the end of training."""
    if snapshot is None:
        return [plan.epoch_end(epoch) for epoch in range(1, plan.epochs + 1)]
    return [*range(snapshot, plan.iterations, snapshot), plan.iterations]


def _segment_seed(seed: int, iteration: int) -> int:
    return (seed * 1_000_003 + iteration) % 2**31


def _snapshot(folder: Path, iteration: int, suffix: str) -> Path:
    return folder / "snapshots" / f"run_iter_{iteration}.{suffix}"


def _iteration(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def _forget_unrecorded(folder: Path, log: Log) -> None:
    """Remove snapshots whose row was never written: the process died before they counted."""
    recorded = {row.iteration for row in log.rows}
    for path in (folder / "snapshots").glob("run_iter_*"):
        if _iteration(path) not in recorded:
            path.unlink()
    log.choose()


def _forget_old_states(folder: Path, latest: int) -> None:
    """Keep every caffemodel, to compare, but only the latest solverstate, to go on from."""
    for path in (folder / "snapshots").glob("run_iter_*.solverstate"):
        if _iteration(path) != latest:
            path.unlink()


def _sync(folder: Path, iteration: int) -> None:
    """Have a snapshot on the disk before the row that makes it count."""
    for suffix in ("caffemodel", "solverstate"):
        with _snapshot(folder, iteration, suffix).open("rb") as stream:
            os.fsync(stream.fileno())
