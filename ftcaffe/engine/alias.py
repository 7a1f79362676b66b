"""``import caffe`` made to mean the engine."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ftcaffe import proto
from ftcaffe.errors import Error

_MODULES = {
    "caffe": "ftcaffe.engine",
    "caffe._caffe": "ftcaffe.engine",
    "caffe.pycaffe": "ftcaffe.engine",
    "caffe.proto": "ftcaffe.proto",
    **{
        f"caffe.{name}": f"ftcaffe.engine.{name}"
        for name in ("classifier", "coord_map", "detector", "draw", "io", "net_spec")
    },
}
_MESSAGES = "caffe.proto.caffe_pb2"


class _Alias(MetaPathFinder, Loader):
    """Gives the engine's own modules for pycaffe's names.

    Parameters
    ----------
    begin : called when a program first imports caffe.
    """

    def __init__(self, begin: Callable[[], None]) -> None:
        self._begin = begin

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """A spec for the names that pycaffe has."""
        return ModuleSpec(fullname, self) if fullname in _MODULES or fullname == _MESSAGES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The engine's module; it keeps its own spec, in the place of which Python would put the alias's."""
        if spec.name == "caffe":
            self._begin()
        module = proto.caffe_pb2 if spec.name == _MESSAGES else importlib.import_module(_MODULES[spec.name])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it has run."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def install(begin: Callable[[], None] = lambda: None) -> None:
    """Have ``import caffe``, and imports of what lies in it, mean the engine from now on in this process.

    Python layers whose module says ``import caffe`` need it, in a notebook as well. Nothing else is changed.
    Raises `Error` where BVLC Caffe has been imported already.
    """
    if any(isinstance(finder, _Alias) for finder in sys.meta_path):
        return
    if "caffe" in sys.modules:
        raise Error("caffe has been imported already", remedy="call ftcaffe.engine.install() before")
    sys.meta_path.insert(0, _Alias(begin))
