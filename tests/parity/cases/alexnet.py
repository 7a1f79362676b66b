"""Training AlexNet and its tiny sibling, at three depths.

Dropout is off in the plain cases; a case with it shows that the masks are Caffe's own.
"""

from __future__ import annotations

from typing import Any

from ftcaffe.nets import alexnet, depths
from ftcaffe.proto import to_text


def cases() -> dict[str, dict[str, Any]]:
    """Solvers by name."""
    found: dict[str, dict[str, Any]] = {}
    usual = "momentum: 0.9 weight_decay: 0.0005"
    for scale, rate in (("tiny", 1e-4), ("full", 5e-6)):  # gentle: chaos would magnify the last digit
        for depth in ("scratch", "conv3-fc8", "fc8"):
            found[f"alexnet-{scale}-{depth}"] = {
                "net": _alexnet(scale, depth, 0.0),
                "rule": f"base_lr: {rate} lr_policy: 'step' gamma: 0.95 stepsize: 5 {usual}",
                "iterations": 50,
                "start": f"alexnet-{scale}",
            }
    found["alexnet-tiny-dropout"] = {
        "net": _alexnet("tiny", "conv1-fc8", 0.5),
        "rule": f"base_lr: 1e-4 lr_policy: 'fixed' {usual}",
        "iterations": 20,
    }
    return found


def _alexnet(scale: str, depth: str, dropout: float) -> str:
    batch = 8 if scale == "tiny" else 2
    lmdb_name = "records.lmdb" if scale == "tiny" else "records227.lmdb"
    net = alexnet.train_val("polyp", 2, alexnet.Source(lmdb_name, lmdb_name, batch), depths.rates(depth), scale=scale)
    for layer in net.layer:
        if layer.type == "Data":
            layer.transform_param.scale = 0.02  # a well-conditioned start
        elif layer.type == "Dropout":
            layer.dropout_param.dropout_ratio = dropout
    return to_text(net)
