"""Two processes that would write one folder: the second says in one line who is at it; the dead hold nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

import pytest

from ftcaffe.command import main
from ftcaffe.errors import Error
from ftcaffe.store import lock
from ftcaffe.store.lock import Lock

HOLD = """
import sys
from ftcaffe.store.lock import Lock
with Lock(sys.argv[1], sys.argv[2]):
    print(flush=True)
    input()
"""


@contextlib.contextmanager
def holding(folder, doing):
    """Another process that holds a folder; killed at the end of the block."""
    command = [sys.executable, "-c", HOLD, str(folder), doing]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield other
        other.kill()


@pytest.mark.parametrize(
    ("folder", "verb"),
    [("data/polyp", ["prepare", "polyp", "SOURCE"]), ("data/photographs", ["pretrain", "--engine", "torch"])],
)
def test_a_verb_leaves_alone_what_another_process_makes(tmp_path, capsys, folder, verb):
    with holding(tmp_path / folder, "prepared") as other:
        assert main([*verb, "--work", str(tmp_path)]) == 2
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert said.startswith(f"ftcaffe: {tmp_path / folder}: is being prepared by ")
        assert said.endswith(f":{other.pid}; wait for it, or stop it")
        assert not (tmp_path / folder).exists()


def test_the_dead_hold_nothing(tmp_path):
    folder = tmp_path / "work" / "data" / "polyp"
    with holding(folder, "prepared") as other:
        assert lock.holder(folder).startswith("prepared by ")
        other.kill()
        other.wait()
        assert (folder.parent / ".polyp.lock").exists()
        with Lock(folder, "prepared"):
            pass
    assert lock.holder(folder) is None


@pytest.mark.parametrize("kept", [False, True])
def test_nothing_is_left_but_what_was_made(tmp_path, kept):
    folder = tmp_path / "work" / "data" / "polyp"
    with Lock(folder, "prepared"):
        if kept:
            folder.mkdir()
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == (
        ["work", "work/data", "work/data/polyp"] if kept else []
    )


@pytest.mark.parametrize(("age", "held"), [(10, True), (1000, False)])
def test_a_holder_on_another_machine_counts_while_it_is_heard_of(tmp_path, age, held):
    path = tmp_path / ".run.lock"
    path.write_text('{"host": "elsewhere", "pid": 7, "doing": "trained"}')
    os.utime(path, (time.time() - age,) * 2)
    assert lock.holder(tmp_path / "run") == ("trained by elsewhere:7" if held else None)
    if held:
        with pytest.raises(Error, match="run: is being trained by elsewhere:7"), Lock(tmp_path / "run", "trained"):
            pass
