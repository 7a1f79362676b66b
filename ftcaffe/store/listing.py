"""Lists of pictures as Caffe's tools and ImageData read them: a file and a label a line."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ftcaffe.errors import Error

_NUMBER = re.compile(rb"\s*([+-]?\d+)")


def read(path: str | Path) -> list[tuple[str, int]]:
    """File and label of each line, split at the last blank, so that file names may hold blanks.

    A label that is no number is 0, and what follows its digits is passed over, as C's ``atoi`` has it. Raises `Error`
    when the list cannot be read or is empty.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise Error(error.strerror or "cannot be read", path) from None
    entries = []
    for line in content.removesuffix(b"\n").split(b"\n") if content else []:
        name, blank, last = line.rpartition(b" ")
        label = _NUMBER.match(last)
        entries.append((os.fsdecode(name if blank else line), int(label[1]) if label else 0))
    if not entries:
        raise Error("lists no pictures", path, remedy="write 'FILE LABEL' a line")
    return entries
