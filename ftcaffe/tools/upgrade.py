"""Files of older forms rewritten in current form, as the original's ``upgrade_*_proto_*`` tools do."""

from __future__ import annotations

from pathlib import Path

from ftcaffe.errors import located
from ftcaffe.proto import caffe_pb2, read_binary, read_text, to_text, upgrade
from ftcaffe.store import atomic


def net_text(source: str | Path, target: str | Path) -> upgrade.Upgraded:
    """Rewrite a net's prototxt; `Error` when it is none."""
    with located(source):
        done = upgrade.net(read_text(source, caffe_pb2.NetParameter))
    atomic.write_text(target, to_text(done.message))
    return done


def net_binary(source: str | Path, target: str | Path) -> upgrade.Upgraded:
    """Rewrite a caffemodel; `Error` when it is none."""
    with located(source):
        done = upgrade.net(read_binary(source, caffe_pb2.NetParameter))
    atomic.write_bytes(target, done.message.SerializeToString())
    return done


def solver_text(source: str | Path, target: str | Path) -> upgrade.Upgraded:
    """Rewrite a solver's prototxt; `Error` when it is none. Nets within it stay as they are."""
    with located(source):
        done = upgrade.solver(read_text(source, caffe_pb2.SolverParameter))
    atomic.write_text(target, to_text(done.message))
    return done
