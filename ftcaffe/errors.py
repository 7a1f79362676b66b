"""The toolkit's exceptions: what a user can mend, said in one line, and a signal that ends the work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


class Error(RuntimeError):
    """A fault in the input or the surroundings, with the file it lies in and the remedy.

    Raised where the cause is known; the command line prints it as one line and exits with status 2. It is a
    RuntimeError because pycaffe raises one for a file that is not there, which programs catch.

    Parameters
    ----------
    what : what is wrong, without a final stop.
    path : the file or folder at fault.
    line : line number in `path`, from 1.
    remedy : what the user can do about it.
    """

    def __init__(
        self,
        what: str,
        path: str | os.PathLike[str] | None = None,
        *,
        line: int | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what, self.path, self.line, self.remedy = what, path, line, remedy
        place = f"{os.fspath(path)}{f':{line}' if line else ''}: " if path is not None else ""
        text = f"{place}{what}" + (f"; {remedy}" if remedy else "")
        super().__init__(" ".join(text.split()))


class Interrupted(KeyboardInterrupt):
    """A signal, of number `number`, ends the work; the command line exits with status 128 + `number`."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"signal {number}")


@contextmanager
def located(path: str | os.PathLike[str] | None) -> Iterator[None]:
    """Give an `Error` that names no file the one at hand."""
    try:
        yield
    except Error as error:
        if error.path is not None or path is None:
            raise
        raise Error(error.what, path, remedy=error.remedy) from None
