"""pycaffe's ``NCCL``, by which its programs train on several GPUs."""

from __future__ import annotations

from typing import Any

from ftcaffe.errors import Error


class NCCL:
    """The engine has none: it trains on several GPUs by itself."""

    def __init__(self, solver: Any, uid: str) -> None:
        raise Error(
            "caffe.NCCL is not there", remedy="train on several GPUs by: ftcaffe train --solver FILE --gpu all"
        )


def has_nccl() -> bool:
    """False, as where Caffe is built without it; programs ask before they use it."""
    return False
