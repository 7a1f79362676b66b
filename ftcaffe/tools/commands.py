"""The original's tools as verbs, under its names and with its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ftcaffe.command import Command
from ftcaffe.proto.upgrade import Upgraded
from ftcaffe.tools import upgrade


def _upgrade(what: str, rewrite: Callable[[Path, Path], Upgraded]) -> Command:
    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("source", metavar="IN", type=Path, help=f"{what} of an older form")
        parser.add_argument("target", metavar="OUT", type=Path, help="where it goes in current form")

    def run(options: argparse.Namespace) -> int:
        done = rewrite(options.source, options.target)
        for step in done.steps:
            print(f"upgraded: {step}")
        for what in done.lost:
            print(f"lost: {what}")
        if not done.steps:
            print(f"File already in latest proto format: {options.source}")
        print(f"Wrote {options.target}")
        return 1 if done.lost else 0

    return Command(f"rewrite {what} of an older form in current form", arguments, run)


UPGRADE_NET_PROTO_TEXT = _upgrade("a net's prototxt", upgrade.net_text)
UPGRADE_NET_PROTO_BINARY = _upgrade("a caffemodel", upgrade.net_binary)
UPGRADE_SOLVER_PROTO_TEXT = _upgrade("a solver's prototxt", upgrade.solver_text)
