"""The bare frame of the command line: finds the verbs, runs one, turns an error into one line and status 2."""

from __future__ import annotations

import argparse
import errno
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

from ftcaffe import __version__
from ftcaffe.errors import Error, Interrupted

# The verbs as ``ftcaffe --help`` lists them: in the order in which a study uses them.
_GROUPS = {
    "Data": ("phantom", "extract", "label", "prepare"),
    "Nets and weights": ("nets", "fetch-weights", "pretrain"),
    "Training": ("sweep", "status"),
    "Evaluation": ("score", "handcrafted", "report", "compare", "apply", "evaluate"),
    "Tools of Caffe": (
        "train",
        "test",
        "time",
        "device_query",
        "parse_log",
        "convert_imageset",
        "compute_image_mean",
        "extract_features",
        "upgrade_net_proto_text",
        "upgrade_net_proto_binary",
        "upgrade_solver_proto_text",
    ),
    "This machine": ("doctor",),
}
_OTHERS = "Of other packages"


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
    commands: dict[str, Command] = {entry.name: entry.load() for entry in entry_points(group="ftcaffe.commands")}
    top = argparse.ArgumentParser(
        prog="ftcaffe",
        description="How deep should a pre-trained network be tuned on medical images?",
        epilog=_listed(commands),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"ftcaffe {__version__}")
    verbs = top.add_subparsers(
        dest="verb", metavar="VERB", required=True, help="one of these; ftcaffe VERB --help has its arguments"
    )
    for name, command in commands.items():
        sub = verbs.add_parser(name, description=command.help)
        command.arguments(sub)
        sub.set_defaults(run=command.run)
    return top


def _listed(commands: Mapping[str, Command]) -> str:
    """The verbs by group, a line each."""
    known = {name for names in _GROUPS.values() for name in names}
    groups = _GROUPS | {_OTHERS: tuple(sorted(commands.keys() - known))}
    width = max(map(len, commands))
    parts = []
    for title, names in groups.items():
        lines = [f"  {name:<{width}}  {commands[name].help}" for name in names if name in commands]
        if lines:
            parts.append("\n".join([f"{title}:", *lines]))
    return "\n\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; exit status 0 done, 2 for a fault the user can mend, 128 + n when a signal n ended it."""
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
    except KeyboardInterrupt as interrupt:
        print("ftcaffe: interrupted; the same command continues where it stopped", file=sys.stderr)
        return 128 + (interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT)
