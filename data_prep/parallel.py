"""Work in several processes: a function over tasks, its results in the tasks' order, with a progress bar."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def jobs_by_default() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """Processes that are started once and serve until the ``with`` block ends; with one job, this process.

    They are started afresh, not forked: video decoders, LMDB and threads do not survive a fork.
    """

    def __init__(self, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_parent) if jobs > 1 else None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def each(self, function: Callable[[Task], Result], tasks: Sequence[Task], title: str) -> Iterator[Result]:
        """Start ``function(task)`` for every task; the iterator gives the results in order, as they are there.

        Parameters
        ----------
        function : at a module's top level. With one job it is called as its results are asked for.
        title : of the progress bar, which is drawn only on a terminal.
        """
        results = map(function, tasks) if self._pool is None else self._pool.map(function, tasks)
        return _watched(results, len(tasks), title)


def _end_with_parent() -> None:
    """Have this process end when the one that started it does: killed, that one can tell it nothing."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _watched(results: Iterable[Result], count: int, title: str) -> Iterator[Result]:
    from tqdm import tqdm

    yield from tqdm(results, desc=title, total=count, unit="unit", disable=not sys.stderr.isatty())
