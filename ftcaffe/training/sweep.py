"""Does the planned runs one after another, each in a process of its own, and says where each stands."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ftcaffe.errors import Error, Interrupted
from ftcaffe.store import lock
from ftcaffe.training import run
from ftcaffe.training.log import Log

logger = logging.getLogger(__name__)

OUTPUT = "output.log"
"""What the engine printed, in the run's folder."""

INTERRUPTED = 130
"""Exit status of a run's process that a signal of its own ended."""


@dataclass(frozen=True)
class State:
    """A run as its folder shows it.

    status : ``planned``, ``running``, ``interrupted``, ``failed`` or ``done``.
    iteration, iterations : recorded, and planned in all.
    best_auc, best_epoch : of the best snapshot so far; None before the first.
    remaining : seconds to the last iteration at the pace so far; None before the first snapshot.
    """

    name: str
    status: str
    iteration: int
    iterations: int
    best_auc: float | None
    best_epoch: int | None
    remaining: float | None
    error: str | None


def state(folder: Path) -> State:
    """Where a run stands."""
    record, log = run.read(folder), Log(folder)
    status, holder = record["status"], lock.holder(folder)
    if status == "running" and holder is None:
        status = "interrupted"
    iterations = run.schedule(record).iterations
    last, best = (log.rows[-1] if log.rows else None), log.best
    left = None
    if last and status != "done":
        left = last.seconds / last.iteration * (iterations - last.iteration)
    return State(
        name=folder.name,
        status=status,
        iteration=last.iteration if last else 0,
        iterations=iterations,
        best_auc=best.val_auc if best else None,
        best_epoch=best.epoch if best else None,
        remaining=left,
        error=record["error"],
    )


def states(work: Path, application: str) -> list[State]:
    """Every run of an application; `Error` when none is planned."""
    above = work / "runs" / application
    folders = sorted(path.parent for path in above.glob("*/run.json"))
    if not folders:
        raise Error("holds no runs", above, remedy=f"plan them: ftcaffe sweep {application}")
    return [state(folder) for folder in folders]


def sweep(work: Path, folders: Sequence[Path], gpu: int | None = None) -> list[str]:
    """Do the runs that are not done, with a progress bar over all their iterations.

    A run that fails is reported at once and the next begins; one that another process trains is left to it.

    Returns
    -------
    Names of the runs that failed.

    Raises
    ------
    Interrupted : SIGINT, SIGTERM or SIGHUP came; the run's process has ended by then.
    """
    before = [state(folder) for folder in folders]
    failed = []
    with logging_redirect_tqdm(), _Bar(before) as bar, _Signals() as signals:
        for number, (folder, was) in enumerate(zip(folders, before, strict=True)):
            if was.status == "done":
                continue
            bar.begin(number)
            if holder := lock.holder(folder):
                logger.info("%s: is being %s; left to it", folder.name, holder)
            elif error := _train(work, folder, gpu, bar, signals):
                failed.append(folder.name)
                logger.error("%s: failed: %s", folder.name, error)
            else:
                now = state(folder)
                logger.info("%s: best AUC %.4f after epoch %d", folder.name, now.best_auc, now.best_epoch)
            bar.end()
    return failed


class _Bar:
    """One bar over the iterations of every run; where there is no terminal, a line a snapshot."""

    def __init__(self, runs: Sequence[State]) -> None:
        self._runs = runs
        self._done = [run.iterations if run.status == "done" else run.iteration for run in runs]
        self._tqdm = tqdm(
            total=sum(run.iterations for run in runs),
            initial=sum(self._done),
            unit="it",
            dynamic_ncols=True,
            disable=None,
        )

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._tqdm.close()

    def begin(self, number: int) -> None:
        """Run `number` is next."""
        self._current = number
        self._tqdm.set_description(f"{number + 1}/{len(self._runs)} {self._runs[number].name}")

    def show(self, progress: run.Progress) -> None:
        """The current run has come so far."""
        auc = "–" if progress.auc is None else f"{progress.auc:.4f}"
        text = f"loss {progress.loss:.4f}, AUC {auc}, rate {progress.rate:.2e}"
        self._tqdm.set_postfix_str(text, refresh=False)
        self._advance(progress.iteration)
        if progress.snapshot and self._tqdm.disable:
            logger.info("%s: iteration %d: %s", self._runs[self._current].name, progress.iteration, text)

    def end(self) -> None:
        """The current run is over, at its last iteration or before."""
        self._advance(self._runs[self._current].iterations)

    def _advance(self, iteration: int) -> None:
        self._tqdm.update(iteration - self._done[self._current])
        self._done[self._current] = iteration


class _Signals:
    """Hears the signals that end a sweep, ends the run's process, and says so once that is gone.

    The process has a session of its own, so that what a terminal sends reaches it once, through here. A signal that
    is ignored, as ``nohup`` has SIGHUP, stays so.
    """

    def __enter__(self) -> _Signals:
        self._child: subprocess.Popen[str] | None = None
        self._came: int | None = None
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        self._former = {number: signal.signal(number, self._hear) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._came = number
        if self._child:
            self._child.terminate()

    def end(self, child: subprocess.Popen[str]) -> None:
        """A process has begun that a signal is to end, one that came before it too."""
        self._child = child
        if self._came:
            child.terminate()

    def check(self) -> None:
        """`Interrupted` where a signal came."""
        if self._came:
            raise Interrupted(self._came)


def _train(work: Path, folder: Path, gpu: int | None, bar: _Bar, signals: _Signals) -> str | None:
    """Do one run in a child; returns the error that ended it, None when it is done."""
    arguments = [str(work), str(folder), run.read(folder)["engine"], *([] if gpu is None else [str(gpu)])]
    with (folder / OUTPUT).open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "ftcaffe.training.worker", *arguments],
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        signals.end(child)
        try:
            assert child.stdout is not None
            for line in child.stdout:
                _show(line, bar)
            status = child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
    signals.check()
    if status == INTERRUPTED:
        raise Interrupted(signal.SIGINT)
    if status == 0:
        return None
    error = run.read(folder)["error"] or _last_line(folder / OUTPUT) or f"its process ended with status {status}"
    run.update(folder, status="failed", error=error)
    return error


def _show(line: str, bar: _Bar) -> None:
    message = json.loads(line)
    if "text" in message:
        logger.info("%s", message["text"])
    else:
        bar.show(run.Progress(**message))


def _last_line(path: Path) -> str | None:
    """What an engine said last, without the header that glog sets before it and the trace it sets after."""
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    fatal = [line.partition("] ")[2] for line in lines if line.startswith("F") and "] " in line]
    told = fatal or lines
    return told[-1] if told else None
