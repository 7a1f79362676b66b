"""Published nets under each rule that is not plain SGD, which `nets` and `sequences` have.

AdaGrad, RMSProp, AdaDelta and Adam divide by a gradient's own size, which makes of rounding in a gradient near zero a
step as large as any other: `delta` is great enough here that such gradients count for little.
"""

from __future__ import annotations

from typing import Any

from ftcaffe.engine import layers as L
from parity.cases import nets, sequences

RULES = {
    "nesterov": (0.0005, "momentum: 0.9 type: 'Nesterov'"),
    "adagrad": (0.0005, "delta: 0.01 type: 'AdaGrad'"),
    "rmsprop": (0.0001, "rms_decay: 0.98 delta: 0.01 type: 'RMSProp'"),
    "adadelta": (0.1, "momentum: 0.95 delta: 0.0001 type: 'AdaDelta'"),
    "adam": (0.0001, "momentum: 0.9 momentum2: 0.999 delta: 0.01 type: 'Adam'"),
}


def cases() -> dict[str, dict[str, Any]]:
    """Solvers by name."""
    return {
        f"rules-{rule}-{name}": {
            "net": str(net.to_proto()),
            "rule": f"base_lr: {rate * pace} {rest} lr_policy: 'fixed' weight_decay: 0.0005",
            "iterations": 20 if name == "resnet" else 50,  # chaos: its ReLUs and pools have near ties
            "keep_fillers": True,
        }
        for name, net, pace in (
            ("lenet", nets.lenet(), 1),
            ("caffenet", nets.caffenet(), 1),
            ("resnet", nets.resnet(), 0.02),
            ("lstm", sequences.classifier(L.LSTM), 10),
        )
        for rule, (rate, rest) in RULES.items()
    }
