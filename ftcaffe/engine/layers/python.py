"""Python layers: layers that a user writes, as pycaffe's ``caffe.Layer``."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers import base


class Layer:
    """What a user's layer derives from; a net makes it from a layer of ``type: "Python"``.

    A subclass gives ``setup(bottom, top)``, ``reshape(bottom, top)``, ``forward(bottom, top)`` and
    ``backward(top, propagate_down, bottom)``; `bottom` and `top` are lists of blobs. ``reshape`` runs before every
    ``forward``, as in Caffe.

    Parameters
    ----------
    layer_param : LayerParameter.
    """

    type = "Python"

    def __init__(self, layer_param: Any) -> None:
        self.param_str: str = layer_param.python_param.param_str
        self.phase: int = layer_param.phase
        self.blobs = base.BlobVec()

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Nothing, unless a subclass has something to do once."""

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Give the tops their shapes."""
        raise NotImplementedError("a Python layer has to define reshape(self, bottom, top)")

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Fill the tops."""
        raise NotImplementedError("a Python layer has to define forward(self, bottom, top)")

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Fill the gradients of the bottoms to be reached, and add to those of the parameters."""
        raise NotImplementedError("a Python layer has to define backward(self, top, propagate_down, bottom)")


@base.register("Python")
class Python(base.Layer):
    """Runs a user's layer: class `layer` of module `module`, found as Python finds modules.

    What the user's code raises is left as it is, with a note that names the layer.
    """

    bottoms, tops = (0, None), (0, None)
    reshapes_always = True

    def __init__(self, message: Any) -> None:
        super().__init__(message)
        param = message.python_param
        with self._noted("being made"):
            try:
                module = importlib.import_module(param.module)
            except ModuleNotFoundError as error:
                if error.name != param.module.split(".")[0]:
                    raise
                raise self.fault(f"no module '{param.module}'; put its folder on PYTHONPATH") from None
            if not hasattr(module, param.layer):
                raise self.fault(f"module '{param.module}' has no class '{param.layer}'")
            self.user = getattr(module, param.layer)(message)
        if not isinstance(self.user, Layer):
            raise self.fault(f"'{param.layer}' does not derive from caffe.Layer")
        self.user.param_str, self.user.phase = param.param_str, message.phase
        self.blobs = self.user.blobs
        self._is_set_up = False

    @property
    def shown(self) -> Any:
        """The user's object."""
        return self.user

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The user's `setup` the first time, which may look at the tops, then the user's `reshape`."""
        if not self._is_set_up:
            with self._noted("setup"):
                self.user.setup(bottoms, tops)
            self.propagate = [True] * len(self.blobs)
            self._is_set_up = True
        with self._noted("reshape"):
            self.user.reshape(bottoms, tops)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The user's."""
        with self._noted("forward"):
            self.user.forward(bottoms, tops)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The user's."""
        with self._noted("backward"):
            self.user.backward(tops, propagate, bottoms)

    @contextmanager
    def _noted(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            error.add_note(f"in layer '{self.name}' (Python, {what})")
            raise
