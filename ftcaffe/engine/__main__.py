"""Runs a pycaffe program on the engine: ``python -m ftcaffe.engine SCRIPT ARGS…``.

As with ``python`` itself, ``-m MODULE`` and ``-c CODE`` run a module or a line of code. In that run ``import caffe``
means the engine, and from then on its log goes to standard error as Caffe's does (GLOG_minloglevel=2 keeps it
silent). An `Error` that nobody catches is one line, behind the line of the program that led to it, and exit status 2;
any other exception has its traceback, without the engine's part where the fault is the program's.
"""

from __future__ import annotations

import runpy
import sys
import traceback
import types
from itertools import dropwhile
from pathlib import Path

from ftcaffe.engine import alias, glog
from ftcaffe.errors import Error

USAGE = "usage: python -m ftcaffe.engine [-m MODULE | -c CODE | SCRIPT] ARGS…"
_OURS = str(Path(__file__).parents[1])


def main(argv: list[str]) -> int:
    """Run what the arguments name; returns the exit status."""
    alias.install(begin=glog.to_stderr)
    try:
        match argv:
            case ["-m", module, *rest]:
                sys.argv = [module, *rest]
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            case ["-c", code, *rest]:
                _run(code, "<string>", ["-c", *rest], "")
            case [script, *rest] if not script.startswith("-"):
                _run(_source(script), script, [script, *rest], str(Path(script).resolve().parent))
            case ["-h" | "--help"]:
                sys.stdout.write(f"{USAGE}\n\n{__doc__}")
            case _:
                sys.stderr.write(f"{USAGE}\n")
                return 2
    except Error as error:
        sys.stderr.write(f"{_place(error)}{error}\n")
        return 2
    except Exception as error:  # noqa: BLE001 as Python's own main does
        sys.stderr.write(_traceback(error))
        return 1
    return 0


def _source(script: str) -> bytes:
    try:
        return Path(script).read_bytes()
    except OSError as error:
        raise Error(error.strerror or "cannot be read", script) from None


def _run(code: str | bytes, path: str, argv: list[str], folder: str) -> None:
    """Run code as the program: it is ``__main__``, and its folder comes first where Python looks for modules."""
    sys.argv = argv
    if not sys.flags.safe_path:
        sys.path[0] = folder
    program = types.ModuleType("__main__")
    if path != "<string>":
        program.__file__ = path
    sys.modules["__main__"] = program
    exec(compile(code, path, "exec", dont_inherit=True), program.__dict__)


def _is_ours(file: str) -> bool:
    return file.startswith(_OURS) or "runpy" in file


def _place(error: Error) -> str:
    """File and line of the program that an error goes back to."""
    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    return f"{theirs[-1].filename}:{theirs[-1].lineno}: " if theirs else ""


def _traceback(error: Exception) -> str:
    """As Python writes it, without what led to the program, nor what of ours lies between parts of the program."""
    shown = traceback.TracebackException.from_exception(error)
    frames = list(dropwhile(lambda frame: _is_ours(frame.filename), shown.stack))
    if frames and not _is_ours(frames[-1].filename):
        frames = [frame for frame in frames if not _is_ours(frame.filename)]
    shown.stack = traceback.StackSummary.from_list(frames)
    return "".join(shown.format())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
