"""Caffe's log: its lines, in the format of glog, through Python's logging.

The engine is silent as a library. `to_stderr` shows what Caffe shows, as the verbs of the command line and
``python -m ftcaffe.engine`` do. A program can as well set the level of the logger ``ftcaffe.engine`` to INFO and have
a handler of its own.

Each record has an `origin`, the place that Caffe's own line names (``solver.cpp:239``): parsers of Caffe's logs go by
these.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from typing import Any

from ftcaffe.proto import to_text

LOGGER = logging.getLogger("ftcaffe.engine")
LOGGER.setLevel(logging.WARNING)
LOGGER.addHandler(logging.NullHandler())

_LEVELS = (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)  # glog's 0 to 3
_LETTERS = {logging.INFO: "I", logging.WARNING: "W", logging.ERROR: "E", logging.CRITICAL: "F"}


def wanted() -> bool:
    """Whether anyone listens: what costs work to say is made only then."""
    return LOGGER.isEnabledFor(logging.INFO)


def info(origin: str, text: str, *values: Any) -> None:
    """A line that Caffe writes at `origin`; `values` are put in as in logging."""
    LOGGER.info(text, *values, extra={"origin": origin})


def warning(origin: str, text: str, *values: Any) -> None:
    """As `info`, for what Caffe warns of."""
    LOGGER.warning(text, *values, extra={"origin": origin})


def error(origin: str, text: str, *values: Any) -> None:
    """As `info`, for what Caffe calls an error although it goes on."""
    LOGGER.error(text, *values, extra={"origin": origin})


class Message:
    """A protobuf message in a line: its text is made only when someone listens, its numbers written as C++ does."""

    def __init__(self, message: Any) -> None:
        self._message = message

    def __str__(self) -> str:
        return re.sub(r"(: -?\d+)\.0$", r"\1", to_text(self._message), flags=re.MULTILINE).rstrip("\n")


class Formatter(logging.Formatter):
    """``I1125 08:46:32.123456  1234 solver.cpp:239] text``: severity, month and day, time, thread, place."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of glog's."""
        whole, fraction = divmod(record.created, 1)
        moment = time.strftime("%m%d %H:%M:%S", time.localtime(whole))
        origin = getattr(record, "origin", f"{record.filename}:{record.lineno}")
        letter = _LETTERS.get(record.levelno, "I")
        thread = threading.get_native_id()
        return f"{letter}{moment}.{int(fraction * 1e6):06d} {thread:5d} {origin}] {record.getMessage()}"


def to_stderr(level: int | None = None) -> None:
    """Write the log to standard error from now on, from one of glog's levels on (0 to 3).

    None is what the environment's GLOG_minloglevel says, else 0.
    """
    if level is None:
        given = os.environ.get("GLOG_minloglevel", "")  # noqa: SIM112 glog's own name
        level = int(given) if given.isdigit() else 0
    LOGGER.setLevel(_LEVELS[min(level, 3)])
    if LOGGER.propagate:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Formatter())
        LOGGER.addHandler(handler)
        LOGGER.propagate = False


def log(text: str) -> None:
    """pycaffe's ``caffe.log``: a line of a program's own."""
    info("_caffe.cpp:68", "%s", text)


def init_log(level: int = 0, stderr: bool = False) -> None:
    """pycaffe's ``caffe.init_log``: from now on write the log to standard error, from a level on.

    Without `stderr` the original writes to files in the folder for temporary files, all but errors; here nothing but
    errors is written then.
    """
    to_stderr(level if stderr else max(level, 2))
