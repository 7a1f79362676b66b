"""A function over tasks in several processes, its results in the tasks' order, with a progress bar."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def jobs_by_default() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int, title: str) -> Iterator[Result]:
    """Yield ``function(task)`` for each task, in order.

    Parameters
    ----------
    function : at a module's top level, since the processes are started afresh: video decoders, LMDB and threads do
        not survive a fork.
    jobs : how many processes; with 1 the work is done in this one.
    title : of the progress bar, which is drawn only on a terminal.
    """
    from tqdm import tqdm

    with tqdm(total=len(tasks), desc=title, unit="unit", disable=not sys.stderr.isatty()) as bar:
        if jobs == 1 or len(tasks) < 2:
            for task in tasks:
                yield function(task)
                bar.update()
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context) as pool:
            try:
                for result in pool.map(function, tasks):
                    yield result
                    bar.update()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
