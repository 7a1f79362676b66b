"""A net's parameters in and out: caffemodels in both forms, and other nets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ftcaffe.engine import net_log
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.node import Node
from ftcaffe.errors import Error
from ftcaffe.proto import blobs as binary
from ftcaffe.proto import hdf5

Shape = tuple[int, ...]
T = TypeVar("T")


def copy(nodes: Sequence[Node], path: str | Path) -> None:
    """Copy the parameters of a caffemodel to the layers of the same names; other layers are left as they are.

    Raises `Error` naming the layer and both shapes where they do not fit; nothing is copied then.
    """
    if hdf5.is_hdf5(path):
        copy_hdf5(nodes, path)
    else:
        stored = binary.read_layers(path)
        net_log.ignored(746, stored, nodes)
        _copy(nodes, stored, binary.legacy_equal, path)


def copy_hdf5(nodes: Sequence[Node], path: str | Path) -> None:
    """As `copy`, of a caffemodel in HDF5, in which a shared parameter stands with the layer that owns it alone."""
    stored = hdf5.read_layers(path)
    net_log.ignored(801, stored, nodes)
    for node, owned in zip(nodes, _owned(nodes), strict=True):
        if arrays := stored.get(node.layer.name):
            arrays.extend([None] * (len(owned) - len(arrays)))
            for number, (array, own) in enumerate(zip(arrays, owned, strict=False)):
                if own and array is None:
                    raise Error(f"layer '{node.layer.name}': parameter {number} is missing", path)
    _copy(nodes, stored, tuple.__eq__, path)


def save(message: Any, nodes: Sequence[Node], path: str | Path, write_diff: bool = False) -> None:
    """Write a caffemodel of a NetParameter and its layers' parameters, with the gradients when asked."""
    diffs = [[blob.diff for blob in node.layer.blobs] for node in nodes] if write_diff else ()
    binary.write_layers(path, message, [[blob.data for blob in node.layer.blobs] for node in nodes], diffs)


def save_hdf5(nodes: Sequence[Node], path: str | Path, write_diff: bool) -> None:
    """Write a caffemodel in HDF5, with the gradients when asked."""
    data = [
        [blob.data if own else None for blob, own in zip(node.layer.blobs, owned, strict=True)]
        for node, owned in zip(nodes, _owned(nodes), strict=True)
    ]
    diff = [[blob.diff for blob in node.layer.blobs] for node in nodes] if write_diff else []
    hdf5.write_layers(path, [node.layer.name for node in nodes], data, diff)


def share(nodes: Sequence[Node], others: Sequence[Node]) -> None:
    """Hold the very parameters of the layers of the same names of another net."""
    sources = {node.layer.name: node.layer.blobs for node in others}
    net_log.ignored(678, sources, nodes)
    for node in nodes:
        for blob, source in _pairs(node, sources.get(node.layer.name)):
            if blob.shape != source.shape:
                raise node.layer.fault(f"parameters of shapes {blob.shape} and {source.shape} cannot be shared")
            blob.share(source)


def _copy(
    nodes: Sequence[Node],
    stored: Mapping[str, Sequence[np.ndarray | None]],
    fits: Callable[[Shape, Shape], bool],
    path: str | Path,
) -> None:
    found = []
    for node in nodes:
        for blob, array in _pairs(node, stored.get(node.layer.name), path):
            if array is None:
                continue
            if not fits(array.shape, blob.shape):
                raise Error(
                    f"layer '{node.layer.name}': weights of shape {array.shape}, the net's are {blob.shape}",
                    path,
                    remedy="rename the layer to start it fresh, or use the net that the weights belong to",
                )
            found.append((blob, array))
    for blob, array in found:
        blob.data[...] = array.reshape(blob.shape)


def _pairs(node: Node, others: Sequence[T] | None, path: str | Path | None = None) -> Iterable[tuple[Blob, T]]:
    """Each parameter of a layer with its counterpart; nothing where there are none for the layer."""
    blobs = node.layer.blobs
    if others is None:
        return ()
    if len(others) != len(blobs):
        raise Error(f"layer '{node.layer.name}': {len(others)} parameters, the net has {len(blobs)}", path)
    return zip(blobs, others, strict=True)


def _owned(nodes: Sequence[Node]) -> list[list[bool]]:
    """Of each layer's parameters, whether it is the layer's own or an earlier one's that it shares."""
    seen: set[int] = set()
    owned = []
    for node in nodes:
        owned.append([id(blob.values) not in seen for blob in node.layer.blobs])
        seen.update(id(blob.values) for blob in node.layer.blobs)
    return owned
