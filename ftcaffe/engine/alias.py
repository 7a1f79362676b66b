"""``import caffe`` made to mean the engine."""

from __future__ import annotations

import importlib
import sys

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


def install() -> None:
    """Have ``import caffe``, and imports of what lies in it, mean the engine from now on in this process.

    Python layers whose module says ``import caffe`` need it, in a notebook as well. Nothing else is changed.
    """
    for name, ours in _MODULES.items():
        sys.modules[name] = importlib.import_module(ours)
    sys.modules["caffe.proto.caffe_pb2"] = sys.modules["caffe.proto"].caffe_pb2
