"""The nets that a SolverParameter names: one to train, and those to test it with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftcaffe.engine import glog
from ftcaffe.engine.net import Net
from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2, read_net

TRAIN, TEST = 0, 1


def train(param: Any, path: str | Path) -> Net:
    """The training net, with the weights that `weights` names; `Error` unless exactly one field gives the net."""
    given = [name for name in ("train_net_param", "train_net", "net_param", "net") if param.HasField(name)]
    if not given:
        raise Error("names no net", path, remedy='add net: "FILE"')
    if len(given) > 1:
        raise Error(f"names its net more than once: {', '.join(given)}", path)
    (name,) = given
    value = getattr(param, name)
    origin = {"train_net_param": 87, "train_net": 92, "net_param": 97, "net": 102}[name]
    source = f"from {name} file: {value}" if isinstance(value, str) else f"specified in {name}."
    glog.info(f"solver.cpp:{origin}", "Creating training net %s", source)
    return _net(param, value, path, TRAIN, param.train_state)


def test(param: Any, path: str | Path) -> list[Net]:
    """The test nets: those of `test_net_param`, those of `test_net`, then the net itself while `test_iter` has more.

    Raises `Error` where `test_iter`, `test_state` or `test_interval` do not fit their number.
    """
    sources = [("test_net_param", message) for message in param.test_net_param]
    sources += [(f"test_net file: {file}", file) for file in param.test_net]
    generic = [(n, getattr(param, n)) for n in ("net_param", "net") if param.HasField(n)]
    generic = [(f"net file: {value}" if name == "net" else name, value) for name, value in generic]
    rest = len(param.test_iter) - len(sources)
    if rest < 0 or (rest and not generic):
        raise Error(f"test_iter is given {len(param.test_iter)} times for {len(sources)} test nets", path)
    sources += generic * rest
    states = list(param.test_state) or [caffe_pb2.NetState()] * len(sources)
    if len(states) != len(sources):
        raise Error(f"test_state is given {len(states)} times for {len(sources)} test nets", path)
    if sources and param.test_interval < 1:
        raise Error("has test nets and no test_interval", path, remedy="add test_interval: N")
    nets = []
    for number, ((source, value), state) in enumerate(zip(sources, states, strict=True)):
        glog.info("solver.cpp:190", "Creating test net (#%d) specified by %s", number, source)
        nets.append(_net(param, value, path, TEST, state))
    return nets


def _net(param: Any, value: Any, path: str | Path, phase: int, state: Any) -> Net:
    """A net whose state is the phase's, the net's own, and what the solver says, the later before the earlier."""
    message = caffe_pb2.NetParameter()
    message.CopyFrom(read_net(value) if isinstance(value, str) else value)
    merged = caffe_pb2.NetState(phase=phase)
    merged.MergeFrom(message.state)
    merged.MergeFrom(state)
    message.state.CopyFrom(merged)
    net = Net.from_message(message, value if isinstance(value, str) else path)
    for entry in param.weights:
        for file in entry.split(","):
            glog.info("solver.cpp:72", "Finetuning from %s", file.strip())
            net.copy_from(file.strip())
    return net
