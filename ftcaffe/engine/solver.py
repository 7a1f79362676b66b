"""Solvers: training by stochastic gradient descent, as pycaffe's ``SGDSolver``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ftcaffe.engine import mode, rates
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.data import Data
from ftcaffe.engine.net import Net
from ftcaffe.errors import Error
from ftcaffe.proto import blobs as blob_files
from ftcaffe.proto import caffe_pb2, read_net, read_solver


class SGDSolver:
    """V ← momentum · V + rate · lr_mult · (gradient + decay · decay_mult · W);  W ← W − V.

    Parameters
    ----------
    solver_file : prototxt of a SolverParameter.
    """

    def __init__(self, solver_file: str | Path) -> None:
        self.path = solver_file
        self.param = read_solver(solver_file)
        if self.param.type not in ("SGD", ""):
            raise Error(f"no solver type '{self.param.type}'", solver_file, remedy="there is: SGD")
        if self.param.regularization_type not in ("L1", "L2"):
            raise Error(f"no regularization_type '{self.param.regularization_type}'", solver_file)
        rates.rate(self.param, 0)
        if self.param.random_seed >= 0:
            mode.set_random_seed(self.param.random_seed)
        self.net = self._make_train_net()
        self.test_nets = self._make_test_nets()
        for entry in self.param.weights:
            for path in entry.split(","):
                self.net.copy_from(path.strip())
        self.iter = 0
        self._history = [Blob(blob.shape) for blob in self.net.learnable]
        self._callbacks: list[tuple[Callable[[], None], Callable[[], None]]] = []

    def add_callback(self, on_start: Callable[[], None], on_gradients_ready: Callable[[], None]) -> None:
        """Have functions called at the start of each iteration and before each update."""
        self._callbacks.append((on_start, on_gradients_ready))

    def step(self, iterations: int) -> None:
        """Train for a number of iterations, testing and taking snapshots when they are due."""
        for _ in range(iterations):
            self._test_when_due()
            self.net.clear_param_diffs()
            for on_start, _ in self._callbacks:
                on_start()
            last = len(self.net.layers) - 1
            for _ in range(self.param.iter_size):
                self.net._forward(0, last)
                self.net._backward(last, 0)
            for _, on_gradients_ready in self._callbacks:
                on_gradients_ready()
            self.apply_update()
            self.iter += 1
            if self.param.snapshot and self.iter % self.param.snapshot == 0:
                self.snapshot()

    def solve(self, resume_file: str | Path | None = None) -> None:
        """Train up to max_iter, from a solverstate when one is given, and take a last snapshot."""
        if resume_file:
            self.restore(resume_file)
        self.step(max(0, self.param.max_iter - self.iter))
        if self.param.snapshot_after_train and not (self.param.snapshot and self.iter % self.param.snapshot == 0):
            self.snapshot()
        if self.param.test_interval and self.iter % self.param.test_interval == 0:
            self._test()

    @torch.no_grad()
    def apply_update(self) -> None:
        """Change the parameters by one step of the rule, from the gradients that stand in the net."""
        rate = rates.rate(self.param, self.iter)
        self._clip()
        net, momentum = self.net, self.param.momentum
        for blob, history, lr_mult, decay_mult in zip(
            net.learnable, self._history, net.lr_mult, net.decay_mult, strict=True
        ):
            local_rate = rate * lr_mult
            velocity = history.gradient
            if local_rate == 0 and velocity.is_zero:
                continue
            weights = blob.values.tensor
            v = velocity.tensor
            v.mul_(momentum)
            if not blob.gradient.is_zero:
                v.add_(blob.gradient.tensor, alpha=local_rate / self.param.iter_size)
            decay = self.param.weight_decay * decay_mult
            if decay:
                penalty = weights if self.param.regularization_type == "L2" else weights.sign()
                v.add_(penalty, alpha=local_rate * decay)
            weights.sub_(v)

    def snapshot(self) -> None:
        """Write ``<snapshot_prefix>_iter_<n>.caffemodel`` and ``.solverstate``."""
        if self.param.snapshot_format != caffe_pb2.SolverParameter.BINARYPROTO:
            raise Error("snapshot_format HDF5 is not supported", self.path, remedy="use BINARYPROTO")
        stem = f"{self.param.snapshot_prefix}_iter_{self.iter}"
        self.net.save(f"{stem}.caffemodel")
        state = caffe_pb2.SolverState(
            iter=self.iter,
            learned_net=f"{stem}.caffemodel",
            current_step=rates.step(self.param, max(0, self.iter - 1)),
        )
        blob_files.write_state(f"{stem}.solverstate", state, [h.gradient.array for h in self._history])

    def restore(self, state_file: str | Path) -> None:
        """Go on from a solverstate, with the weights it names; the data go on where they were.

        Caffe itself begins its data at record 0 again (BVLC/caffe #1059), which makes an interrupted run another
        run than an uninterrupted one.
        """
        state, history = blob_files.read_state(state_file)
        if len(history) != len(self._history):
            raise Error(f"holds {len(history)} histories, the net has {len(self._history)} parameters", state_file)
        for array, own in zip(history, self._history, strict=True):
            if array.size != own.count:
                raise Error(f"a history of shape {array.shape} for a parameter of shape {own.shape}", state_file)
        if state.learned_net:
            self.net.copy_from(state.learned_net)
        for array, own in zip(history, self._history, strict=True):
            own.gradient.clear()
            if array.any():
                own.gradient.array[...] = array.reshape(own.shape)
        self.iter = state.iter
        for layer in self.net.layers:
            if isinstance(layer, Data):
                layer.seek(self.iter * self.param.iter_size)

    def _clip(self) -> None:
        """Scale all gradients together to a norm of `clip_gradients` at the most."""
        limit = self.param.clip_gradients
        if limit < 0:
            return
        gradients = [blob.gradient for blob in self.net.learnable if not blob.gradient.is_zero]
        norm = float(torch.stack([g.tensor.square().sum() for g in gradients]).sum().sqrt()) if gradients else 0.0
        if norm > limit:
            for gradient in gradients:
                gradient.tensor.mul_(limit / norm)

    def _make_train_net(self) -> Net:
        param = self.param
        given = [name for name in ("train_net_param", "train_net", "net_param", "net") if param.HasField(name)]
        if not given:
            raise Error("names no net", self.path, remedy='add net: "FILE"')
        if len(given) > 1:
            raise Error(f"names its net more than once: {', '.join(given)}", self.path)
        return self._net(given[0], 0, param.train_state)

    def _make_test_nets(self) -> list[Net]:
        param = self.param
        messages = [("test_net_param", i) for i in range(len(param.test_net_param))]
        messages += [("test_net", i) for i in range(len(param.test_net))]
        generic = [name for name in ("net_param", "net") if param.HasField(name)]
        rest = len(param.test_iter) - len(messages)
        if generic:
            messages += [(generic[0], -1)] * rest
        elif rest:
            raise Error(f"test_iter is given {len(param.test_iter)} times for {len(messages)} test nets", self.path)
        states = param.test_state
        nets = []
        for number, (name, index) in enumerate(messages):
            net = self._net(name, 1, states[number] if number < len(states) else None, index)
            net.share_with(self.net)
            nets.append(net)
        return nets

    def _net(self, field: str, phase: int, state: Any, index: int = -1) -> Net:
        value = getattr(self.param, field) if index < 0 else getattr(self.param, field)[index]
        path = value if isinstance(value, str) else self.path
        message = caffe_pb2.NetParameter()
        message.CopyFrom(read_net(value) if isinstance(value, str) else value)
        merged = caffe_pb2.NetState(phase=phase)
        merged.MergeFrom(message.state)
        if state is not None:
            merged.MergeFrom(state)
        merged.phase = phase
        message.state.CopyFrom(merged)
        return Net.from_message(message, path)

    def _test_when_due(self) -> None:
        interval = self.param.test_interval
        if interval and self.iter % interval == 0 and (self.iter or self.param.test_initialization):
            self._test()

    def _test(self) -> None:
        for net, iterations in zip(self.test_nets, self.param.test_iter, strict=True):
            for _ in range(iterations):
                net._forward(0, len(net.layers) - 1)


def get_solver(solver_file: str | Path) -> SGDSolver:
    """The solver of the type that a prototxt names."""
    return SGDSolver(solver_file)
