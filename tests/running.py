"""Programs run as by ``python -m ftcaffe.engine``, one after the other in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_RUN = """
import contextlib, io, json, os, sys
from ftcaffe.engine.__main__ import main

done = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    sys.path[0] = os.getcwd()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as end:  # as Python takes it
            status = end.code if isinstance(end.code, int) else 0 if end.code is None else print(end, file=err) or 1
    done.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(done))
"""


class Done(NamedTuple):
    """How a program ended and what it wrote."""

    status: int
    stdout: str
    stderr: str


def engine(place: Path, programs: Sequence[Sequence[str]]) -> list[Done]:
    """Run programs in a folder, each given as arguments of ``python -m ftcaffe.engine``; Caffe's log is silent."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps(programs)],
        cwd=place,
        env={**os.environ, "GLOG_minloglevel": "2", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [Done(*one) for one in json.loads(done.stdout)]


def named_files(stderr: str) -> list[str]:
    """Names of the files of a traceback."""
    return [Path(line.split('"')[1]).name for line in stderr.splitlines() if line.startswith("  File")]
