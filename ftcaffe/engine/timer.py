"""A stopwatch, as pycaffe's ``Timer``."""

from __future__ import annotations

import time

import torch

from ftcaffe.engine import mode


class Timer:
    """Measures what lies between `start` and `stop`, work on a GPU that was begun there included."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._took = 0.0

    def start(self) -> None:
        """Begin anew."""
        self._started = _now()

    def stop(self) -> None:
        """End."""
        if self._started is not None:
            self._took = 1e3 * (_now() - self._started)
            self._started = None

    @property
    def ms(self) -> float:
        """Milliseconds; a running watch is stopped, one that never ran shows 0."""
        self.stop()
        return self._took


def _now() -> float:
    if mode.device().type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
