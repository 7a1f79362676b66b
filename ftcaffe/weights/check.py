"""Do these weights fit that net? Asked before Caffe is, which ends the process when they do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ftcaffe.errors import Error
from ftcaffe.proto.blobs import legacy_equal, read_layers


def check(path: str | Path, shapes: Mapping[str, Sequence[tuple[int, ...]]], required: Iterable[str] = ()) -> None:
    """Raise `Error` unless a caffemodel can be copied into a net.

    Parameters
    ----------
    path : the caffemodel.
    shapes : shapes of the net's parameters by layer name.
    required : layers of the net that the caffemodel must hold.

    Raises
    ------
    Error : truncated; a layer of both with other shapes (names both); a required layer missing.
    """
    layers = read_layers(path)
    for name, expected in shapes.items():
        found = [array.shape for array in layers.get(name, [])]
        if name not in layers or _same(found, expected):
            continue
        raise Error(
            f"its layer '{name}' has weights of shape {_text(found)}, the net's are {_text(expected)}",
            path,
            remedy="these are weights of another net (or of another --scale)",
        )
    missing = [name for name in required if name not in layers]
    if missing:
        raise Error(
            f"has no weights for {', '.join(missing)}", path, remedy="give the weights of an AlexNet that has them"
        )


def _same(found: Sequence[tuple[int, ...]], expected: Sequence[tuple[int, ...]]) -> bool:
    return len(found) == len(expected) and all(legacy_equal(a, b) for a, b in zip(found, expected, strict=True))


def _text(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(" × ".join(map(str, shape)) for shape in shapes) or "none"
