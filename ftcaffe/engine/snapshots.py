"""A solver's snapshots: the weights and the state that training goes on from, in either of Caffe's formats."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ftcaffe.engine import glog, mode
from ftcaffe.engine.blob import Gradient
from ftcaffe.engine.net import Net
from ftcaffe.errors import Error
from ftcaffe.proto import blobs as binary
from ftcaffe.proto import caffe_pb2, hdf5


def check(param: Any, path: str | Path) -> None:
    """`Error` where snapshots could not be written, said before hours of training."""
    folder = Path(param.snapshot_prefix).parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise Error(
            f"cannot write snapshots to '{param.snapshot_prefix}'",
            path,
            remedy=f"make the folder {folder} writable" if folder.is_dir() else f"make the folder {folder}",
        )


def write(param: Any, net: Net, iteration: int, step: int, history: Sequence[Gradient]) -> None:
    """Write ``<snapshot_prefix>_iter_<n>.caffemodel`` and ``.solverstate``, with ``.h5`` when in HDF5."""
    in_hdf5 = param.snapshot_format == caffe_pb2.SolverParameter.HDF5
    stem, end = f"{param.snapshot_prefix}_iter_{iteration}", ".h5" if in_hdf5 else ""
    weights, state_file = f"{stem}.caffemodel{end}", f"{stem}.solverstate{end}"
    arrays = [_values(gradient) for gradient in history]
    state = caffe_pb2.SolverState(iter=iteration, learned_net=weights, current_step=step)
    if in_hdf5:
        glog.info("solver.cpp:474", "Snapshotting to HDF5 file %s", weights)
        net.save_hdf5(weights, param.snapshot_diff)
        glog.info("sgd_solver.cpp:296", "Snapshotting solver state to HDF5 file %s", state_file)
        hdf5.write_state(state_file, state, arrays)
    else:
        glog.info("solver.cpp:464", "Snapshotting to binary proto file %s", weights)
        net.save(weights, param.snapshot_diff)
        glog.info("sgd_solver.cpp:284", "Snapshotting solver state to binary proto file %s", state_file)
        binary.write_state(state_file, state, arrays)


def read(path: str | Path, net: Net, history: Sequence[Gradient]) -> tuple[int, int]:
    """Restore a net's weights and a solver's history; returns the iteration and the `current_step`.

    Raises `Error` where the state is of another net or another type of solver; nothing is changed then.
    """
    state, arrays = (hdf5 if hdf5.is_hdf5(path) else binary).read_state(path)
    if len(arrays) != len(history):
        raise Error(
            f"holds {len(arrays)} histories, this solver's net has {len(history)}",
            path,
            remedy="resume with the type of solver and the net that wrote it",
        )
    for array, own in zip(arrays, history, strict=True):
        if not binary.legacy_equal(array.shape, own.shape):
            raise Error(f"a history of shape {array.shape} for a parameter of shape {own.shape}", path)
    if state.learned_net:
        net.copy_from(state.learned_net)
    glog.info("sgd_solver.cpp:336", "SGDSolver: restoring history")
    for array, own in zip(arrays, history, strict=True):
        own.clear()
        if array.any():
            own.replace(torch.tensor(array.reshape(own.shape), device=mode.device()))
    return state.iter, state.current_step


def _values(gradient: Gradient) -> np.ndarray:
    """To be read only: a history of zeros stays known as such, so that a frozen layer goes on costing nothing."""
    if gradient.is_zero:
        return np.broadcast_to(np.float32(0), gradient.shape)
    return gradient.tensor.cpu().numpy()
