"""A layer wired to the blobs of a net."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer
from ftcaffe.errors import Error


@dataclass
class Node:
    """A layer at its place in a net.

    bottoms, tops : the blobs that it takes and gives.
    losses : index and weight of the tops that are summed in the net's loss.
    """

    layer: Layer
    bottoms: list[Blob]
    tops: list[Blob]
    losses: list[tuple[int, float]] = field(default_factory=list)
    _seen: list[tuple[int, ...]] | None = None

    def reshape(self) -> None:
        """Give the tops their shapes, when the bottoms' have changed since."""
        shapes = [blob.shape for blob in self.bottoms]
        if shapes != self._seen or self.layer.reshapes_always:
            self._seen = shapes
            with naming(self.layer):
                self.layer.reshape(self.bottoms, self.tops)


@contextmanager
def naming(layer: Layer) -> Iterator[None]:
    """Give an `Error` about a blob, which knows no layer, the one that makes it."""
    try:
        yield
    except Error as error:
        if error.what.startswith("a blob of "):
            raise layer.fault(error.what) from None
        raise
