"""Whether a net fits in memory, and which batch would."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from ftcaffe.engine import mode
from ftcaffe.engine.node import Node
from ftcaffe.errors import Error

_FLOAT = 4
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def check(nodes: Sequence[Node], backward: bool) -> None:
    """`Error` where the blobs of a net cannot fit in the memory of the device.

    A system that hands out more than it has would let the net begin, and then end the whole process.

    Parameters
    ----------
    backward : whether gradients will be held beside the values.
    """
    if _needed(nodes, backward) > capacity():
        raise _too_large(nodes, backward)


@contextmanager
def guard(nodes: Sequence[Node], backward: bool) -> Iterator[None]:
    """Turns PyTorch's running out of memory into an `Error`."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise _too_large(nodes, backward) from None
        raise


def capacity() -> int:
    """Bytes of memory of the current device: all of it, used or not, within the limit set for this process."""
    device = mode.device()
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    try:
        total = int(re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())[1]) * 1024  # type: ignore[index]
    except (OSError, TypeError):
        return 2**63
    try:
        return min(total, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no limit is "max"
        return total


def _needed(nodes: Sequence[Node], backward: bool) -> int:
    return (_activations(nodes) + _parameters(nodes)) * (2 if backward else 1)


def _activations(nodes: Sequence[Node]) -> int:
    """Bytes of the values of the tops that are memory of their own."""
    return _FLOAT * sum(
        top.count
        for node in nodes
        if node.layer.type != "Split"
        for top in node.tops
        if all(top is not bottom for bottom in node.bottoms)
    )


def _parameters(nodes: Sequence[Node]) -> int:
    return _FLOAT * sum(blob.count for node in nodes for blob in node.layer.blobs)


def _too_large(nodes: Sequence[Node], backward: bool) -> Error:
    needed, there = _needed(nodes, backward), capacity()
    remedy = "make the net smaller"
    shape = next((top.shape for node in nodes for top in node.tops if top.shape), (1,))
    for_batch = max(0, there - _parameters(nodes) * (2 if backward else 1)) * 3 // 4  # the rest is for work space
    fitting = min(shape[0] - 1, shape[0] * for_batch // max(1, needed))
    if fitting >= 1:
        remedy = f"a batch of {fitting} instead of {shape[0]} would fit"
    return Error(f"out of memory: the net needs {_gigabytes(needed)}, there are {_gigabytes(there)}", remedy=remedy)


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GB"
