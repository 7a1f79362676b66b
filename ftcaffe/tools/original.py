"""The original's own binaries, where they are to do the work."""

from __future__ import annotations

import os
import sys

from ftcaffe.backend import VARIABLE
from ftcaffe.errors import Error


def hand_over(program: str, *arguments: str) -> None:
    """Become the original's program; `Error` where it is not installed."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(program, [program, *arguments])
    except FileNotFoundError:
        raise Error(
            f"the program '{program}' is not installed", remedy=f"install it, or set {VARIABLE}=torch"
        ) from None
