"""A drop-in for BVLC Caffe 1.0's Python module, on PyTorch: ``import ftcaffe.engine as caffe``."""

import os as _os
import sys as _sys

# Read when PyTorch loads its OpenMP. By default a thread that has nothing to do spins for about a millisecond;
# on a machine that others use too it takes the core from the one it waits for: training is 3 to 20 times as slow.
_os.environ.setdefault("GOMP_SPINCOUNT", "1000")

try:
    import torch as _torch  # noqa: F401
except ImportError as _error:
    from ftcaffe.errors import Error as _Error

    raise _Error("the embedded engine needs PyTorch", remedy="pip install 'ftcaffe[engine]'") from _error

from ftcaffe import proto
from ftcaffe.engine import io, net_spec
from ftcaffe.engine.alias import install
from ftcaffe.engine.classifier import Classifier
from ftcaffe.engine.detector import Detector
from ftcaffe.engine.glog import init_log, log
from ftcaffe.engine.layers import layer_type_list
from ftcaffe.engine.layers.python import Layer
from ftcaffe.engine.mode import (
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_multiprocess,
    set_random_seed,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from ftcaffe.engine.nccl import NCCL, has_nccl
from ftcaffe.engine.net import Net
from ftcaffe.engine.net_spec import NetSpec, params, to_proto
from ftcaffe.engine.timer import Timer
from ftcaffe.engine.updates import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    get_solver,
)

__version__ = "1.0.0"
TRAIN, TEST = proto.caffe_pb2.TRAIN, proto.caffe_pb2.TEST

_caffe = pycaffe = _sys.modules[__name__]  # pycaffe's own parts
# In a program `caffe.layers` writes nets; the package of that name is reached by importing from its full name.
layers = net_spec.layers

__all__ = [
    "NCCL",
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Classifier",
    "Detector",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "Timer",
    "get_solver",
    "has_nccl",
    "init_log",
    "install",
    "io",
    "layer_type_list",
    "layers",
    "log",
    "net_spec",
    "params",
    "proto",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
    "to_proto",
]
