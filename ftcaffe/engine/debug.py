"""What `debug_info` has Caffe say of every layer it runs: mean absolute values of blobs and gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ftcaffe.engine import glog
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.node import Node


class Watch:
    """Says a line for every blob that a layer gives, and every gradient, while it is `on`.

    Parameters
    ----------
    nodes : a net's layers. propagate : for each, which bottoms get a gradient. learnable : the net's parameters.
    """

    def __init__(self, nodes: Sequence[Node], propagate: Sequence[Sequence[bool]], learnable: Sequence[Blob]) -> None:
        self._nodes, self._propagate, self._learnable, self.on = nodes, propagate, learnable, True

    def all_parameters(self) -> None:
        """Say the norms of the parameters and their gradients together."""
        if self._listening():
            data = [blob.values.tensor for blob in self._learnable]
            diff = [blob.gradient.tensor for blob in self._learnable]
            sums = [sum(float(x.abs().sum()) for x in group) for group in (data, diff)]
            norms = [sum(float(x.square().sum()) for x in group) ** 0.5 for group in (data, diff)]
            glog.error(
                "net.cpp:721",
                "    [Backward] All net params (data, diff): L1 norm = (%g, %g); L2 norm = (%g, %g)",
                *sums,
                *norms,
            )

    def _listening(self) -> bool:
        return self.on and glog.wanted()

    def forward(self, number: int) -> None:
        """Say what the layer of a number has given."""
        if not self._listening():
            return
        node = self._nodes[number]
        message = node.layer.message
        for name, blob in zip(message.top, node.tops, strict=True):
            value = _mean(blob.values.tensor)
            glog.info("net.cpp:593", "    [Forward] Layer %s, top blob %s data: %g", message.name, name, value)
        for index, blob in enumerate(node.layer.blobs):
            name = _parameter(message, index)
            value = _mean(blob.values.tensor)
            glog.info("net.cpp:605", "    [Forward] Layer %s, param blob %s data: %g", message.name, name, value)

    def backward(self, number: int) -> None:
        """Say the gradients that the layer of a number has computed."""
        if not self._listening():
            return
        node = self._nodes[number]
        message = node.layer.message
        for name, blob, wanted in zip(message.bottom, node.bottoms, self._propagate[number], strict=True):
            if wanted:
                value = _mean(blob.gradient.tensor)
                glog.info(
                    "net.cpp:621", "    [Backward] Layer %s, bottom blob %s diff: %g", message.name, name, value
                )
        for index, (blob, wanted) in enumerate(zip(node.layer.blobs, node.layer.propagate, strict=True)):
            if wanted:
                name, value = _parameter(message, index), _mean(blob.gradient.tensor)
                glog.info("net.cpp:632", "    [Backward] Layer %s, param blob %s diff: %g", message.name, name, value)


def _parameter(message: object, index: int) -> str:
    """A parameter's name in the prototxt, else its number."""
    param = message.param  # type: ignore[attr-defined]
    return param[index].name if index < len(param) and param[index].name else str(index)


def _mean(tensor: torch.Tensor) -> float:
    return float(tensor.abs().mean()) if tensor.numel() else 0.0
