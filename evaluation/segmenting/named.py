"""Settings of a tracing as one option's text, ``name=value,…``."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from evaluation.segmenting import interfaces, snake, wall_edges
from ftcaffe.errors import Error

S = TypeVar("S", interfaces.Settings, wall_edges.Settings)


def settings(text: str, kind: type[S]) -> S:
    """Settings of `kind`; what the text does not name is default.

    The snake's own settings are named like the rest; ``ordered=0`` is no.

    Raises
    ------
    Error : no such name, or no number.
    """
    own: dict[str, Any] = {one.name: one.default for one in fields(kind) if one.name != "snake"}
    of_snake: dict[str, Any] = {one.name: one.default for one in fields(snake.Settings)}
    given: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        default = (own | of_snake).get(name)
        if default is None:
            names = ", ".join(own | of_snake)
            raise Error(f"'{part}' sets nothing of the tracing", remedy=f"write NAME=VALUE, of: {names}")
        try:
            given[name] = bool(int(value)) if isinstance(default, bool) else type(default)(value)
        except ValueError:
            raise Error(f"'{part}' sets no number", remedy=f"{name} is a number") from None
    for_snake = {name: given.pop(name) for name in of_snake if name in given}
    return kind(**given, snake=snake.Settings(**for_snake))
