"""A drop-in for BVLC Caffe 1.0's Python module, on PyTorch: ``import ftcaffe.engine as caffe``."""

try:
    import torch as _torch  # noqa: F401
except ImportError as _error:
    from ftcaffe.errors import Error as _Error

    raise _Error("the embedded engine needs PyTorch", remedy="pip install 'ftcaffe[engine]'") from _error

from ftcaffe import proto
from ftcaffe.engine import io
from ftcaffe.engine.layers import layer_type_list
from ftcaffe.engine.mode import set_device, set_mode_cpu, set_mode_gpu, set_random_seed
from ftcaffe.engine.net import Net
from ftcaffe.engine.solver import SGDSolver, get_solver

__version__ = "1.0.0"
TRAIN, TEST = proto.caffe_pb2.TRAIN, proto.caffe_pb2.TEST

__all__ = [
    "TEST",
    "TRAIN",
    "Net",
    "SGDSolver",
    "get_solver",
    "io",
    "layer_type_list",
    "proto",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
]
