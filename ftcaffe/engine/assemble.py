"""From a prepared prototxt to layers wired to blobs: what a net is made of before it runs."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from ftcaffe.engine import memory, net_log
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers import Layer, layer_class
from ftcaffe.engine.node import Node, naming
from ftcaffe.proto import caffe_pb2


@dataclass
class Assembly:
    """Everything that a net's prototxt stands for.

    learnable : parameters, each once however many layers share it, with their multipliers beside them.
    loss_of : weight in the loss of the blobs that have one.
    """

    nodes: list[Node] = field(default_factory=list)
    blobs: OrderedDict[str, Blob] = field(default_factory=OrderedDict)
    loss_of: dict[str, float] = field(default_factory=dict)
    learnable: list[Blob] = field(default_factory=list)
    lr_mult: list[float] = field(default_factory=list)
    decay_mult: list[float] = field(default_factory=list)
    _owners: dict[str, int] = field(default_factory=dict)
    _bytes: int = 0  # of the tops
    _room: float = field(default_factory=lambda: memory.capacity() / 4)  # values beyond the parameters

    def add(self, message: Any) -> None:
        """Make a layer, shape its tops, take up its losses and parameters."""
        kind = layer_class(message)
        if kind.automatic_tops and not message.top:
            # Caffe calls all of them this, and so shows the last alone.
            message.top.append("(automatic)" if "(automatic)" not in self.blobs else f"(automatic) {len(self.nodes)}")
        net_log.creating(message)
        layer = kind(message)
        _check_count(layer, "bottom", len(message.bottom), kind.bottoms)
        _check_count(layer, "top", len(message.top), kind.tops)
        if kind.same_number and len(message.bottom) != len(message.top):
            raise layer.fault(
                f"has {len(message.bottom)} bottoms and {len(message.top)} tops, a top for each is needed"
            )
        bottoms = [self.blobs[name] for name in message.bottom]
        layer.room = self._room
        with naming(layer):
            layer.setup(bottoms)
        node = Node(layer, bottoms, [self.blobs.setdefault(name, Blob()) for name in message.top])
        node.reshape()
        self._weigh_losses(node, message)
        self.nodes.append(node)
        self._bytes = net_log.set_up(message, node, self._bytes)
        self._own_parameters(layer, message)

    def _weigh_losses(self, node: Node, message: Any) -> None:
        if len(message.loss_weight) not in (0, len(message.top)):
            raise node.layer.fault(
                f"loss_weight is given {len(message.loss_weight)} times for {len(message.top)} tops"
            )
        weights = message.loss_weight or node.layer.loss_weights
        for index, (name, weight) in enumerate(zip(message.top, weights, strict=False)):
            if weight:
                self.loss_of[name] = weight
                node.losses.append((index, weight))

    def _own_parameters(self, layer: Layer, message: Any) -> None:
        """Take up each parameter with its multipliers; one of a name that was seen shares the first one's memory."""
        if len(message.param) > len(layer.blobs):
            raise layer.fault(f"{len(message.param)} param entries for {len(layer.blobs)} parameters")
        for index, blob in enumerate(layer.blobs):
            spec = message.param[index] if index < len(message.param) else caffe_pb2.ParamSpec()
            layer.propagate[index] = spec.lr_mult != 0
            if spec.name not in self._owners:
                if spec.name:
                    self._owners[spec.name] = len(self.learnable)
                self.learnable.append(blob)
                self._room -= blob.count
                self.lr_mult.append(spec.lr_mult)
                self.decay_mult.append(spec.decay_mult)
                continue
            number = self._owners[spec.name]
            owner = self.learnable[number]
            if math.prod(owner.shape) != blob.count or (spec.share_mode == 0 and owner.shape != blob.shape):
                raise layer.fault(f"shares '{spec.name}' of shape {owner.shape}, its own is {blob.shape}")
            blob.share(owner, gradient=True)
            net_log.sharing(spec.name, owner, self.nodes)
            self._multiply(layer, spec, number)

    def _multiply(self, layer: Layer, spec: Any, number: int) -> None:
        """A multiplier that a later sharer gives is the parameter's, unless an earlier one gave another."""
        for name in ("lr_mult", "decay_mult"):
            if spec.HasField(name):
                known, given = getattr(self, name), getattr(spec, name)
                if known[number] not in (1.0, given):
                    raise layer.fault(f"shares '{spec.name}' of {name} {known[number]:g}, and says {given:g}")
                known[number] = given


def assemble(message: Any) -> Assembly:
    """The layers and blobs of a NetParameter that `graph.prepare` has made ready.

    Raises `Error` naming the layer that is unknown, has bottoms or tops too many or too few, or does not fit.
    """
    assembly = Assembly()
    for layer in message.layer:
        assembly.add(layer)
    return assembly


def _check_count(layer: Layer, what: str, count: int, allowed: tuple[int, int | None]) -> None:
    least, most = allowed
    if count < least or (most is not None and count > most):
        wanted = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
        raise layer.fault(f"has {count} {what}s, and takes {wanted}")
