"""The numbers that the paper leaves open of embolism data, each changed by its name (``--set NAME=VALUE``).

Each is a field of the settings of the piece that uses it, which says what it means: of the candidates
(`candidates.emboli`, no prefix), ``lungs.`` (`candidates.lungs`), ``vessel.`` (`vessel`), ``patches.``
(`representations`). ``data_prep/README.md`` has them in one table, and ``dataset.json`` those that were used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from data_prep import representations, vessel
from data_prep.candidates import emboli, lungs
from ftcaffe.errors import Error

_PARTS = {
    "": emboli.Settings,
    "lungs": lungs.Settings,
    "vessel": vessel.Settings,
    "patches": representations.Settings,
}


@dataclass(frozen=True)
class Assumed:
    """What is assumed of candidates, of lungs and vessels for them, and of patches."""

    candidates: emboli.Settings = field(default_factory=emboli.Settings)
    patches: representations.Settings = field(default_factory=representations.Settings)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Assumed:
        """The defaults with some values changed: by name, a number or several."""
        parts: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
        for name, value in values.items():
            part, _, own = name.rpartition(".")
            parts[part][own] = tuple(value) if isinstance(value, list) else value
        parts[""] |= {"lungs": lungs.Settings(**parts["lungs"]), "vessel": vessel.Settings(**parts["vessel"])}
        return cls(emboli.Settings(**parts[""]), representations.Settings(**parts["patches"]))

    def values(self) -> dict[str, Any]:
        """Every value by name, as JSON has them."""
        parts = {"": self.candidates, "lungs": self.candidates.lungs, "vessel": self.candidates.vessel}
        found = {
            name: getattr((parts | {"patches": self.patches})[part], own) for name, (part, own) in _names().items()
        }
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def read(changes: Sequence[str]) -> dict[str, Any]:
    """Values by name, each said as ``contrast=0`` or ``patches.window=-250,450``.

    Raises
    ------
    Error : no such name, or what is no number, or several where one is wanted.
    """
    known, values = _names(), Assumed().values()
    found: dict[str, Any] = {}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in known:
            raise Error(f"--set {change}: no setting '{name}'", remedy=f"there are: {', '.join(known)}")
        try:
            numbers = [float(part) for part in text.split(",")]
        except ValueError:
            numbers = []
        if not numbers or not all(map(math.isfinite, numbers)):
            raise Error(f"--set {change}: '{text}' is no number", remedy=f"such as --set {name}=1")
        numbers = [int(n) if n.is_integer() else n for n in numbers]
        several = isinstance(values[name], list)
        if not several and len(numbers) > 1:
            raise Error(f"--set {change}: '{name}' is one number", remedy=f"such as --set {name}={numbers[0]:g}")
        found[name] = numbers if several else numbers[0]
    return found


def _names() -> dict[str, tuple[str, str]]:
    """The part and the field of each name."""
    return {
        f"{part}.{own.name}" if part else own.name: (part, own.name)
        for part, kind in _PARTS.items()
        for own in fields(kind)
        if own.name not in _PARTS
    }
