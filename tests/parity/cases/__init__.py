"""The cases in which the engine is held against BVLC Caffe: a module a family, each giving `cases()` by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

FAMILIES = sorted(module.name for module in pkgutil.iter_modules(__path__))


def of(family: str) -> dict[str, dict[str, Any]]:
    """The cases of a family."""
    return importlib.import_module(f"{__name__}.{family}").cases()
