"""The engine of a run: BVLC Caffe where it can be imported, ``ftcaffe.engine`` elsewhere.

What trains or scores asks `load` for a backend and uses its `caffe` as pycaffe. The two differ in one thing
that has to be seen to: where their data go on after a snapshot is restored (`Backend.restore`).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ftcaffe import __version__, gpus
from ftcaffe.errors import Error

ENGINES = ("auto", "caffe", "torch")
VARIABLE = "FTCAFFE_ENGINE"
GPU_VARIABLE = "FTCAFFE_GPU"
_FLOAT = 4  # bytes


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

    def deployed(self, prototxt: Path, weights: Path, batch: int) -> Any:
        """The net of a deploy prototxt with trained weights, to compute forward only, `batch` items a pass."""
        net = self.caffe.Net(str(prototxt), self.caffe.TEST, weights=str(weights))
        self.check_memory(net, batch)
        return net

    def check_memory(self, net: Any, batch: int | None = None) -> None:
        """`Error` where a net cannot run in the GPU's memory, with the batch that could.

        ``ftcaffe.engine`` says so itself; BVLC Caffe ends the process, and takes memory only as a net runs, so that
        one that has been built can be asked. What it needs at least: values of blobs and parameters and, in training,
        their gradients and the history of momentum. A GPU's work space is not known beforehand.

        Parameters
        ----------
        batch : items of a forward pass; None is training with the net's own batch.
        """
        if self.name != "caffe" or self.device == "cpu":
            return
        seen = gpus.driver()
        assert seen is not None  # `load` has seen to it
        there = seen.gpus[int(self.device.split()[1])].memory
        own = next(iter(net.blobs.values())).shape[0]
        asked, of_parameters, of_blobs = (own, 3, 2) if batch is None else (batch, 1, 1)
        parameters = of_parameters * _FLOAT * sum(blob.count for blobs in net.params.values() for blob in blobs)
        values = sum(blob.count for name, blob in net.blobs.items() if "_split_" not in name)
        item = of_blobs * _FLOAT * values / own
        if parameters + asked * item <= there:
            return
        fitting = int(max(0, there - parameters) / item)
        remedy = f"a batch of {fitting} instead of {asked} would fit" if fitting else "make the net smaller"
        needed, held = (f"{size / 2**30:.1f} GB" for size in (parameters + asked * item, there))
        raise Error(f"out of memory of {self.device}: the net needs {needed}, there are {held}", remedy=remedy)


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


def expect(name: str | None, gpu: int | None) -> str:
    """`select`, with an `Error` where that engine or GPU cannot be here; it is found out without loading either.

    For what has others do the work, and would hear of it from each of them.
    """
    chosen = select(name)
    if chosen == "caffe" and not _caffe_is_there():
        raise _no_caffe("there is no module of that name")
    if gpu is not None and not (chosen == "torch" and gpus.amd()):
        gpus.check(gpu, gpus.driver(), None, chosen)
    return chosen


def _caffe_is_there() -> bool:
    """Whether Python finds BVLC Caffe; ``python -m ftcaffe.engine`` has the engine found by that name."""
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
    Error : the engine is not there, or does not load; the GPU is not there, or the engine cannot compute on it.
    """
    chosen = select(name)
    caffe, release = _caffe() if chosen == "caffe" else _torch()
    if gpu is None:
        caffe.set_mode_cpu()
    else:
        # Found out beforehand, since BVLC Caffe ends the process where it cannot.
        build = caffe_build() if chosen == "caffe" else torch_build()
        if not (chosen == "torch" and gpus.amd()):
            gpus.check(gpu, gpus.driver(), build, release)
        caffe.set_device(gpu)
        caffe.set_mode_gpu()
    return Backend(caffe, chosen, release, device(gpu))


def _caffe() -> tuple[Any, str]:
    os.environ.setdefault("GLOG_minloglevel", "2")  # glog reads it once, when Caffe is imported
    try:
        caffe = importlib.import_module("caffe")
        return caffe, f"BVLC Caffe {caffe.__version__}"
    except (ImportError, AttributeError) as error:
        raise _no_caffe(str(error)) from None


def _no_caffe(why: str) -> Error:
    return Error(
        f"BVLC Caffe cannot be imported ({why})",
        remedy="use its image (make image-caffe or image-caffe-cuda), or choose --engine torch",
    )


def caffe_build() -> gpus.Build | None:
    """What BVLC Caffe was compiled for, once it is imported.

    That stands in ``build.json`` beside its module, which docker/compile.sh writes. Of another build it is known
    whether it has CUDA, by whether CUDA's libraries were loaded with it; None where it has, for unknown GPUs.
    """
    path = Path(importlib.import_module("caffe").__file__ or "").with_name("build.json")
    if path.is_file():
        told = json.loads(path.read_text())
        return gpus.Build(gpus.pair(told["cuda"]), tuple(told["real"]), tuple(told["ptx"]))
    return None if "libcublas" in Path("/proc/self/maps").read_text(encoding="utf-8") else gpus.Build(None)


def torch_build() -> gpus.Build:
    """What PyTorch was compiled for."""
    torch = importlib.import_module("torch")
    flags = getattr(torch._C, "_cuda_getArchFlags", str)()  # torch.cuda's own list is empty where no driver is seen
    return gpus.Build(gpus.pair(torch.version.cuda), *gpus.architectures(flags.split()))


def _torch() -> tuple[Any, str]:
    caffe = importlib.import_module("ftcaffe.engine")
    return caffe, f"ftcaffe {__version__}, PyTorch {version('torch')}"
