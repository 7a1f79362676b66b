"""What Caffe's log says while a net is built: its layers, their shapes, what needs a backward."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ftcaffe.engine import glog
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.node import Node
from ftcaffe.proto import rules

_FLOAT = 4
_RULES = {"phase": 296, "min_level": 306, "max_level": 316, "stage": 332, "not_stage": 347}


def rules_unmet(layer: Any, state: Any) -> None:
    """What of a layer's rules the net's state does not meet, up to the first rule that it meets."""
    if not glog.wanted():
        return
    for rule in layer.include or layer.exclude:
        fault = rules.unmet(rule, state)
        if fault is None:
            return
        field, how = fault
        glog.info(f"net.cpp:{_RULES[field]}", "The NetState %s specified by a rule in layer %s", how, layer.name)


def begin(net: Any) -> None:
    """The prototxt as it is after the rules."""
    glog.info("net.cpp:53", "Initializing net from parameters: \n%s", glog.Message(net))


def creating(layer: Any) -> None:
    """A layer's name and wires, before anything can go wrong with it."""
    if not glog.wanted():
        return
    glog.info("layer_factory.hpp:77", "Creating layer %s", layer.name)
    glog.info("net.cpp:86", "Creating Layer %s", layer.name)
    for name in layer.bottom:
        glog.info("net.cpp:408", "%s <- %s", layer.name, name)
    for name in layer.top:
        if name in layer.bottom:
            glog.info("net.cpp:369", "%s -> %s (in-place)", layer.name, name)
        else:
            glog.info("net.cpp:382", "%s -> %s", layer.name, name)


def set_up(layer: Any, node: Node, before: int) -> int:
    """A layer's shapes and loss weights; returns the bytes of the tops so far, of `before` those before it."""
    count = before + _FLOAT * sum(top.count for top in node.tops)
    if glog.wanted():
        weights = dict(node.losses)
        glog.info("net.cpp:124", "Setting up %s", layer.name)
        for index, top in enumerate(node.tops):
            shape = "".join(f"{n} " for n in top.shape)
            glog.info("net.cpp:131", "Top shape: %s(%d)", shape, math.prod(top.shape))
            if index in weights:
                glog.info("net.cpp:134", "    with loss weight %g", weights[index])
        glog.info("net.cpp:139", "Memory required for data: %d", count)
    return count


def sharing(name: str, owner: Blob, nodes: Iterable[Node]) -> None:
    """A parameter that is an earlier layer's."""
    if glog.wanted():
        layer, index = next((n.layer, n.layer.blobs.index(owner)) for n in nodes if owner in n.layer.blobs)
        what = "Sharing parameters '%s' owned by layer '%s', param index %d"
        glog.info("net.cpp:467", what, name, layer.name, index)


def ignored(line: int, names: Iterable[str], nodes: Iterable[Node]) -> None:
    """The layers of a caffemodel (those with parameters) or of another net that a net does not have."""
    if glog.wanted():
        own = {node.layer.name for node in nodes}
        for name in names:
            if name not in own:
                glog.info(f"net.cpp:{line}", "Ignoring source layer %s", name)


def end(net: Any, needs_backward: Sequence[bool], outputs: Iterable[str]) -> None:
    """Which layers need a backward, the last first; the outputs."""
    for layer, needed in reversed(list(zip(net.layer, needs_backward, strict=True))):
        if needed:
            glog.info("net.cpp:200", "%s needs backward computation.", layer.name)
        else:
            glog.info("net.cpp:202", "%s does not need backward computation.", layer.name)
    for name in outputs:
        glog.info("net.cpp:244", "This network produces output %s", name)
    glog.info("net.cpp:257", "Network initialization done.")
