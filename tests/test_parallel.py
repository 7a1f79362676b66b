"""Work in several processes: results in order, and no process left behind by a parent that was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_prep.parallel import Workers


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_tasks_order(jobs):
    with Workers(jobs) as workers:
        assert list(workers.each(abs, [-3, 2, -1], "numbers")) == [3, 2, 1]


def test_workers_end_with_a_killed_parent():
    code = (
        "import os, time\nfrom data_prep.parallel import Workers\n"
        "if __name__ == '__main__':\n"
        "    with Workers(2) as workers:\n"
        "        print(os.getpid(), flush=True)\n"
        "        list(workers.each(time.sleep, [0, 0], 'naps'))\n"
        "        print(*workers._pool._processes, flush=True)\n"
        "        time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    parent.stdout.readline()
    children = [int(word) for word in parent.stdout.readline().split()]
    assert children
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while any(alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(child) for child in children)


def alive(process: int) -> bool:
    """Whether a process runs: one that has ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").split(")")[1].split()[0]
    except OSError:
        return False
    return state != "Z"
