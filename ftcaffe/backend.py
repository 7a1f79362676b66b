"""The engine of a run: BVLC Caffe where it can be imported, ``ftcaffe.engine`` elsewhere.

What trains or scores asks `load` for a backend and uses its `caffe` as pycaffe. The two differ in one thing
that has to be seen to: where their data go on after a snapshot is restored (`Backend.restore`).
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ftcaffe import __version__
from ftcaffe.errors import Error

ENGINES = ("auto", "caffe", "torch")
VARIABLE = "FTCAFFE_ENGINE"
GPU_VARIABLE = "FTCAFFE_GPU"


@dataclass(frozen=True)
class Backend:
    """An engine that is ready to run.

    caffe : the module, with pycaffe's face.
    name : ``caffe`` (BVLC's) or ``torch`` (``ftcaffe.engine``).
    version : of that engine and what it computes with.
    device : ``cpu`` or ``gpu N``.
    """

    caffe: Any
    name: str
    version: str
    device: str

    def restore(self, solver: Any, state: str, records: int) -> None:
        """Restore `solver` from a ``.solverstate``, its data too.

        ``ftcaffe.engine`` goes on with its data where the snapshot was taken. BVLC Caffe starts again at the
        first record (BVLC/caffe issue 1059), so here the batches that were seen pass through its data layer.

        Parameters
        ----------
        records : of the LMDB that the solver's data layer reads.
        """
        solver.restore(state)
        if self.name == "caffe":
            fast_forward(solver, records)


def fast_forward(solver: Any, records: int) -> None:
    """Read on from the first record to the one that iteration `solver.iter` begins with.

    The batches repeat after records / gcd(batch, records) of them, so at most that many less one are read.
    """
    net = solver.net
    name = next(name for name, layer in zip(net._layer_names, net.layers, strict=True) if layer.type == "Data")
    batch = net.blobs[net.top_names[name][0]].shape[0]
    for _ in range(solver.iter % (records // math.gcd(batch, records))):
        net.forward(end=name)


def select(name: str | None = None) -> str:
    """``caffe`` or ``torch``: what `name`, else the environment's ``FTCAFFE_ENGINE``, else ``auto`` stands for.

    Neither is imported; ``auto`` is BVLC Caffe where Python finds it.
    """
    asked = name or os.environ.get(VARIABLE) or "auto"
    if asked not in ENGINES:
        raise Error(f"no engine '{asked}'", remedy=f"there are: {', '.join(ENGINES)}")
    if asked != "auto":
        return asked
    return "caffe" if _caffe_is_there() else "torch"


def _caffe_is_there() -> bool:
    """Whether Python finds BVLC Caffe; a program run by ``python -m ftcaffe.engine`` finds the engine by that name."""
    spec = importlib.util.find_spec("caffe")
    return spec is not None and spec.name == "caffe" and spec.origin is not None


def default_gpu() -> str | None:
    """The environment's ``FTCAFFE_GPU``, the default of every ``--gpu``; None is the CPU."""
    return os.environ.get(GPU_VARIABLE) or None


def device(gpu: int | None) -> str:
    """Name of a device: ``cpu`` for None, else ``gpu N``."""
    return "cpu" if gpu is None else f"gpu {gpu}"


def load(name: str | None = None, gpu: int | None = None) -> Backend:
    """Import an engine and set its device.

    Parameters
    ----------
    name : one of `ENGINES`; None asks ``FTCAFFE_ENGINE``.
    gpu : number of the GPU; None is the CPU.

    Raises
    ------
    Error : the engine is not there, or does not load.
    """
    chosen = select(name)
    caffe, release = _caffe() if chosen == "caffe" else _torch()
    if gpu is None:
        caffe.set_mode_cpu()
    else:
        caffe.set_device(gpu)
        caffe.set_mode_gpu()
    return Backend(caffe, chosen, release, device(gpu))


def _caffe() -> tuple[Any, str]:
    os.environ.setdefault("GLOG_minloglevel", "2")  # glog reads it once, when Caffe is imported
    try:
        caffe = importlib.import_module("caffe")
        return caffe, f"BVLC Caffe {caffe.__version__}"
    except (ImportError, AttributeError) as error:
        raise Error(
            f"BVLC Caffe cannot be imported ({error})",
            remedy="install it (docker/caffe.Dockerfile), or choose --engine torch",
        ) from None


def _torch() -> tuple[Any, str]:
    caffe = importlib.import_module("ftcaffe.engine")
    return caffe, f"ftcaffe {__version__}, PyTorch {version('torch')}"
