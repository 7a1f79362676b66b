"""Weights of snapshots: how far each layer moved, and what the first layer looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.proto.blobs import read_layers


def weights(path: str | Path) -> dict[str, np.ndarray]:
    """The weights (not the biases) of each layer that has any, by name, in the order of the net.

    Each in its shape, float32; `Error` when the file is no caffemodel.
    """
    return {name: blobs[0] for name, blobs in read_layers(path).items()}


def movement(start: dict[str, np.ndarray], end: dict[str, np.ndarray]) -> dict[str, float]:
    """How far each layer moved: ||end - start|| / ||start||, Euclidean norms, exactly 0 for a frozen one.

    Layers that only one of the nets has, or that differ in size (a new last layer), did not start there and
    are left out.
    """
    return {
        name: _relative(start[name].ravel(), end[name].ravel())
        for name in start
        if name in end and start[name].size == end[name].size
    }


def _relative(start: np.ndarray, end: np.ndarray) -> float:
    norm = float(np.linalg.norm(start))
    return float(np.linalg.norm(end - start)) / norm if norm else float("nan")


def filters(weights_by_layer: dict[str, np.ndarray], layer: str = "conv1") -> np.ndarray:
    """Filters of the first layer as pictures: (filters, height, width, 3) RGB from 0 to 1.

    Each is stretched by itself, with zero at mid-grey, so that its colours and its sign can be compared.
    """
    bank = weights_by_layer[layer].astype(float)
    if bank.ndim != 4 or bank.shape[1] not in (1, 3):
        raise Error(f"layer '{layer}' of shape {bank.shape} has no filters that could be shown as pictures")
    pictures = bank[:, ::-1].transpose(0, 2, 3, 1)  # the nets see BGR
    largest = np.abs(pictures).max(axis=(1, 2, 3), keepdims=True)
    pictures = 0.5 + pictures / np.where(largest > 0, 2 * largest, 1)
    return np.repeat(pictures, 3, axis=-1) if pictures.shape[-1] == 1 else pictures
