"""Nets with recurrent layers, trained on sequences: a stream's running sum, and whether it is positive."""

from __future__ import annotations

from typing import Any

from ftcaffe.engine.net_spec import NetSpec
from ftcaffe.engine.net_spec import layers as L

LEARN = {
    "weight_filler": {"type": "uniform", "min": -0.3, "max": 0.3},
    "bias_filler": {"type": "constant", "value": 0},
}


def cases() -> dict[str, dict[str, Any]]:
    """Solvers by name."""
    rule = "lr_policy: 'fixed' momentum: 0.9 weight_decay: 0.0005 clip_gradients: 5"
    return {
        f"sequences-{name}": {
            "net": str(net.to_proto()),
            "rule": f"base_lr: {rate} {rule}",
            "iterations": 50,
            "keep_fillers": True,
        }
        for name, net, rate in (
            ("lstm", classifier(L.LSTM), 0.05),
            ("lstm-of-two-layers-with-static-input", two_layers(), 0.05),
            ("rnn", classifier(L.RNN), 0.02),
            ("lstm-regression", regression(), 0.02),
        )
    }


def read() -> NetSpec:
    """Six steps of four streams at a time, of `sequences.h5`, which begins anew after 30."""
    n = NetSpec()
    n.x, n.cont, n.positive, n.total = L.HDF5Data(source="sequences.txt", batch_size=6, ntop=4)
    return n


def score(n: NetSpec, bottom: Any) -> NetSpec:
    """Two classes at each step."""
    n.score = L.InnerProduct(bottom, num_output=2, axis=2, **LEARN)
    n.loss = L.SoftmaxWithLoss(n.score, n.positive, softmax_param={"axis": 2})
    n.silence = L.Silence(n.total, ntop=0)
    return n


def classifier(kind: Any) -> NetSpec:
    """One recurrent layer."""
    n = read()
    n.recurrent = kind(n.x, n.cont, recurrent_param={"num_output": 16, **LEARN})
    return score(n, n.recurrent)


def two_layers() -> NetSpec:
    """As captions are made: the second layer has a static input too, here what the first step is."""
    n = read()
    n.first, n.others = L.Slice(n.x, axis=0, ntop=2, slice_point=1)
    n.unused = L.Silence(n.others, ntop=0)
    n.static = L.Reshape(n.first, shape={"dim": [4, 5]})
    n.lstm1 = L.LSTM(n.x, n.cont, recurrent_param={"num_output": 12, **LEARN})
    n.drop1 = L.Dropout(n.lstm1, dropout_ratio=0.2)
    n.lstm2 = L.LSTM(n.drop1, n.cont, n.static, recurrent_param={"num_output": 12, **LEARN})
    return score(n, n.lstm2)


def regression() -> NetSpec:
    """The running sum by an LSTM, at each step."""
    n = read()
    n.lstm = L.LSTM(n.x, n.cont, recurrent_param={"num_output": 16, **LEARN})
    n.sum = L.InnerProduct(n.lstm, num_output=1, axis=2, **LEARN)
    n.loss = L.EuclideanLoss(n.sum, n.total)
    n.silence = L.Silence(n.positive, ntop=0)
    return n
