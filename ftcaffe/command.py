"""The bare frame of the command line: finds the verbs, runs one, turns an error into one line and status 2."""

from __future__ import annotations

import argparse
import errno
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points

from ftcaffe import __version__
from ftcaffe.errors import Error


@dataclass(frozen=True)
class Command:
    """A verb of the command line, found through the entry point group ``ftcaffe.commands``.

    help : one line for ``ftcaffe --help``.
    arguments : adds the verb's arguments to its parser.
    run : does the work; what it returns is the exit status (None is 0).
    """

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]


def parser() -> argparse.ArgumentParser:
    """The parser with every verb that an installed package declares."""
    top = argparse.ArgumentParser(
        prog="ftcaffe", description="How deep should a pre-trained network be tuned on medical images?"
    )
    top.add_argument("--version", action="version", version=f"ftcaffe {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for entry in entry_points(group="ftcaffe.commands"):
        command: Command = entry.load()
        sub = verbs.add_parser(entry.name, help=command.help, description=command.help)
        command.arguments(sub)
        sub.set_defaults(run=command.run)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; exit status 0 done, 2 for a fault the user can mend, 130 when interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    options = parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except Error as error:
        print(f"ftcaffe: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno == errno.ENOSPC:
            print(f"ftcaffe: {error.filename or 'output'}: no space left on the disk", file=sys.stderr)
            return 2
        if error.filename is not None and isinstance(error, FileNotFoundError | PermissionError):
            print(f"ftcaffe: {error.filename}: {error.strerror}", file=sys.stderr)
            return 2
        raise
    except KeyboardInterrupt:
        print("ftcaffe: interrupted; the same command continues where it stopped", file=sys.stderr)
        return 130
