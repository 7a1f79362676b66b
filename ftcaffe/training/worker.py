"""A run in a process of its own: ``python -m ftcaffe.training.worker WORK FOLDER ENGINE [GPU]``.

BVLC Caffe ends the process on an error, so no run may share one with the sweep. Standard output carries a JSON
object a line: the fields of `Progress`, at most ten times a second, or ``{"text": …}`` to show; what the engine
itself prints goes to standard error. SIGINT and SIGTERM end the run where it is; begun again it goes on from the last
snapshot that counts. When the sweep is gone, writing fails and the run ends as if interrupted.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

from ftcaffe import backend
from ftcaffe.errors import Error
from ftcaffe.training.run import Progress, train

INTERVAL = 0.1


class _Text(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _send({"text": record.getMessage()})


def main(work: str, folder: str, engine: str, gpu: str | None = None) -> int:
    """Train; exit status 0 done, 2 an error that ``run.json`` holds, 130 interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    logging.basicConfig(level=logging.INFO, handlers=[_Text()])
    sent = 0.0

    def watch(progress: Progress) -> None:
        nonlocal sent
        if progress.snapshot or time.monotonic() - sent >= INTERVAL:
            sent = time.monotonic()
            _send(asdict(progress))

    try:
        train(Path(folder), Path(work), backend.load(engine, int(gpu) if gpu is not None else None), watch)
    except Error as error:
        print(error, file=sys.stderr)  # noqa: T201 the sweep keeps this as the run's output
        return 2
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    except OSError as error:
        print(f"{error.filename or folder}: {error.strerror}", file=sys.stderr)  # noqa: T201 as above
        return 2
    return 0


def _send(message: dict) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    os._exit(status)  # a closed pipe would make Python's own end fail as well
