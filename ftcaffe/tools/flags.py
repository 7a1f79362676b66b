"""Options as the original's tools take them: ``-name value``, ``--name=value``, ``--name`` and ``--noname``."""

from __future__ import annotations

import argparse
from typing import Any


def flag(parser: argparse.ArgumentParser, name: str, default: Any, text: str) -> None:
    """Declare an option of the type of its default; its value is ``options.<name>``.

    A switch (default True or False) is set by ``--name`` or ``--name=true``, and cleared by ``--noname`` or
    ``--name=false``.
    """
    spellings = (f"--{name}", f"-{name}")
    if isinstance(default, bool):
        parser.add_argument(*spellings, action="store_true", default=default, help=text)
        for spelling in spellings:
            dashes = spelling[: -len(name)]
            _hidden(parser, name, "store_true", f"{spelling}=true")
            _hidden(parser, name, "store_false", f"{dashes}no{name}", f"{spelling}=false")
    else:
        shown = "" if default in ("", None) else f" (default {default})"
        kind = str if default is None else type(default)
        parser.add_argument(*spellings, default=default, type=kind, metavar=name.upper(), help=text + shown)


def _hidden(parser: argparse.ArgumentParser, name: str, action: str, *spellings: str) -> None:
    parser.add_argument(*spellings, action=action, dest=name, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
