"""The training loop that all solvers share, as pycaffe's ``Solver``: steps, tests, snapshots, the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ftcaffe.engine import glog, mode, rates, snapshots, solver_nets
from ftcaffe.engine.blob import Blob, Gradient
from ftcaffe.engine.layers.source import Source
from ftcaffe.engine.net import Net
from ftcaffe.errors import Error
from ftcaffe.proto import read_solver


class Solver:
    """Trains a net as a SolverParameter says. A subclass gives the rule that changes the parameters: `change`.

    A loss that is not a number does not stop the loop, as it does not stop Caffe's; whoever wants that looks at
    `loss` in a callback.

    Parameters
    ----------
    solver_file : prototxt of a SolverParameter.

    Attributes
    ----------
    iter : how often the parameters have been updated.
    net, test_nets : the nets. A test net holds the trained parameters once it has been tested.
    loss : of the last iteration.
    request : asked after each iteration and each test batch for ``stop``, ``snapshot`` or ``none``.
    """

    histories = 1  # arrays that the rule keeps for each parameter

    def __init__(self, solver_file: str | Path) -> None:
        self._build(read_solver(solver_file), solver_file)

    @classmethod
    def from_message(cls, message: Any, path: str | Path) -> Solver:
        """A solver from a SolverParameter; `path` is named in errors, and snapshots are where it would have them."""
        solver = cls.__new__(cls)
        solver._build(message, path)
        return solver

    def _build(self, message: Any, path: str | Path) -> None:
        self.path, self.param = path, message
        glog.info("solver.cpp:45", "Initializing solver from parameters: \n%s", glog.Message(message))
        self.check()
        if message.random_seed >= 0:
            mode.set_random_seed(message.random_seed + mode.solver_rank())
        self.net = solver_nets.train(message, path)
        self.test_nets = solver_nets.test(message, path)
        if message.debug_info:
            for net in (self.net, *self.test_nets):
                net._debug()
        self.iter = self._step = 0
        self.loss = 0.0
        self.request: Callable[[], str] = lambda: "none"
        self._stopped = False
        self._callbacks: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self._history = [Gradient(blob.shape) for _ in range(self.histories) for blob in self.net.learnable]
        glog.info("solver.cpp:57", "Solver scaffolding done.")

    def check(self) -> None:
        """`Error` where the settings are not such as Caffe takes."""
        param = self.param
        rates.check(param, self.path)
        for name in ("iter_size", "average_loss"):
            if getattr(param, name) < 1:
                raise Error(f"{name} is at least 1, not {getattr(param, name)}", self.path)
        if param.regularization_type not in ("L1", "L2"):
            raise Error(f"no regularization_type '{param.regularization_type}'", self.path, remedy="use L1 or L2")
        if param.snapshot:
            snapshots.check(param, self.path)

    def change(self, blob: Blob, histories: list[Gradient], rate: float, decay: float) -> None:
        """Change a parameter by one step of the rule.

        Parameters
        ----------
        blob : the parameter with its gradient, not yet divided by `iter_size`.
        histories : what the rule has kept for it.
        rate, decay : with the parameter's multipliers.
        """
        raise NotImplementedError

    @property
    def lr(self) -> float:
        """The learning rate of the next update."""
        return rates.rate(self.param, self.iter, rates.step(self.param, self.iter, self._step))

    def add_callback(self, on_start: Callable[[], None], on_gradients_ready: Callable[[], None]) -> None:
        """Have functions called at the start of each iteration and before each update."""
        self._callbacks.append((on_start, on_gradients_ready))

    def share_weights(self, net: Net) -> None:
        """Have another net hold the parameters of `net`, the trained one."""
        net.share_with(self.net)

    def step(self, iterations: int) -> None:
        """Train for a number of iterations, testing and taking snapshots when they are due."""
        param, net = self.param, self.net
        self._smooth = _Smooth(param.average_loss)
        clock = _Clock(self.iter)
        end = self.iter + iterations
        while self.iter < end:
            net.clear_param_diffs()
            if (
                param.test_interval
                and self.iter % param.test_interval == 0
                and (self.iter or param.test_initialization)
            ):
                self._test_all()
                if self._stopped:
                    break
            for on_start, _ in self._callbacks:
                on_start()
            display = bool(param.display) and self.iter % param.display == 0
            if net.watch:
                net.watch.on = display and param.debug_info
            self.loss = self._gradients()
            smoothed = self._smooth.add(self.loss)
            if display and glog.wanted():
                pace = clock.lap(self.iter, param.display)
                glog.info("solver.cpp:239", "Iteration %d (%s), loss = %g", self.iter, pace, smoothed)
                _show("solver.cpp:258", "Train", net, [net.blobs[name].data for name in net.outputs])
            for _, on_gradients_ready in self._callbacks:
                on_gradients_ready()
            self.apply_update()
            request = self.request()
            if (param.snapshot and self.iter % param.snapshot == 0) or request == "snapshot":
                self.snapshot()
            if request == "stop":
                self._stopped = True
                break

    def solve(self, resume_file: str | Path | None = None) -> None:
        """Train up to max_iter, from a solverstate when one is given; then snapshot and test."""
        param = self.param
        if param.snapshot_after_train:
            snapshots.check(param, self.path)
        glog.info("solver.cpp:289", "Solving %s", self.net.message.name)
        glog.info("solver.cpp:290", "Learning Rate Policy: %s", param.lr_policy)
        self._stopped = False
        if resume_file:
            glog.info("solver.cpp:296", "Restoring previous solver status from %s", resume_file)
            self.restore(resume_file)
        self.step(param.max_iter - self.iter)
        if param.snapshot_after_train and not (param.snapshot and self.iter % param.snapshot == 0):
            self.snapshot()
        if self._stopped:
            glog.info("solver.cpp:311", "Optimization stopped early.")
            return
        if param.display and self.iter % param.display == 0:
            smoothed = self._smooth.add(self.net._forward(0, len(self.net.layers) - 1))
            glog.info("solver.cpp:327", "Iteration %d, loss = %g", self.iter, smoothed)
        if param.test_interval and self.iter % param.test_interval == 0:
            self._test_all()
        glog.info("solver.cpp:332", "Optimization Done.")

    @torch.no_grad()
    def apply_update(self) -> None:
        """Change the parameters by one step of the rule, from the gradients that stand in the net."""
        param, net, count = self.param, self.net, len(self.net.learnable)
        before, self._step = self._step, rates.step(param, self.iter, self._step)
        if param.lr_policy == "multistep" and self._step > before:
            glog.info("sgd_solver.cpp:50", "MultiStep Status: Iteration %d, step = %d", self.iter, self._step)
        rate = rates.rate(param, self.iter, self._step)
        if param.display and self.iter % param.display == 0:
            glog.info("sgd_solver.cpp:112", "Iteration %d, lr = %g", self.iter, rate)
        self._clip()
        for number, blob in enumerate(net.learnable):
            histories = self._history[number::count]
            self.change(blob, histories, rate * net.lr_mult[number], param.weight_decay * net.decay_mult[number])
        self.iter += 1

    def snapshot(self) -> None:
        """Write ``<snapshot_prefix>_iter_<n>.caffemodel`` and ``.solverstate``, with ``.h5`` when in HDF5."""
        snapshots.write(self.param, self.net, self.iter, self._step, self._history)

    def restore(self, state_file: str | Path) -> None:
        """Go on from a solverstate, with the weights it names; the data go on where they were.

        Caffe itself begins its data at record 0 again (BVLC/caffe #1059), which makes an interrupted run another
        run than an uninterrupted one.
        """
        self.iter, self._step = snapshots.read(state_file, self.net, self._history)
        for node in self.net._nodes:
            if isinstance(node.layer, Source):
                node.layer.seek(self.iter * self.param.iter_size)

    def _gradients(self) -> float:
        """Gradients of `iter_size` passes, summed; returns the mean of their losses."""
        net, last, loss = self.net, len(self.net.layers) - 1, 0.0
        for _ in range(self.param.iter_size):
            loss += net._forward(0, last)
            net._backward(last, 0)
            if net.watch:
                net.watch.all_parameters()
        return loss / self.param.iter_size

    def _clip(self) -> None:
        """Scale all gradients together to a norm of `clip_gradients` at the most."""
        limit = self.param.clip_gradients
        if limit < 0:
            return
        gradients = [blob.gradient for blob in self.net.learnable if not blob.gradient.is_zero]
        norm = float(torch.stack([g.tensor.square().sum() for g in gradients]).sum().sqrt()) if gradients else 0.0
        if norm > limit:
            glog.info(
                "sgd_solver.cpp:99",
                "Gradient clipping: scaling down gradients (L2 norm %g > %g) by scale factor %g",
                norm,
                limit,
                limit / norm,
            )
            for gradient in gradients:
                gradient.tensor.mul_(limit / norm)

    def _test_all(self) -> None:
        for number in range(len(self.test_nets)):
            if not self._stopped:
                self._test(number)

    def _test(self, number: int) -> None:
        """Run a test net over its `test_iter` batches with the trained parameters; show the means of its outputs."""
        net, iterations = self.test_nets[number], self.param.test_iter[number]
        glog.info("solver.cpp:347", "Iteration %d, Testing net (#%d)", self.iter, number)
        net.share_with(self.net)
        loss, sums = 0.0, None
        for _ in range(iterations):
            while (request := self.request()) != "none":
                if request == "snapshot":
                    self.snapshot()
                else:
                    self._stopped = True
            if self._stopped:
                glog.info("solver.cpp:396", "Test interrupted.")
                return
            loss += net._forward(0, len(net.layers) - 1)
            if glog.wanted():
                found = [net.blobs[name].data for name in net.outputs]
                sums = [a + b for a, b in zip(sums, found, strict=True)] if sums else [a.copy() for a in found]
        if self.param.test_compute_loss and iterations:
            glog.info("solver.cpp:401", "Test loss: %g", loss / iterations)
        if sums:
            _show("solver.cpp:414", "Test", net, [total / np.float32(iterations) for total in sums])


def _show(origin: str, which: str, net: Net, values: Sequence[np.ndarray]) -> None:
    """A line for every number of the outputs, with its share in the loss where it has one."""
    number = 0
    for name, array in zip(net.outputs, values, strict=True):
        weight = net.blob_loss_weights[name]
        for value in array.ravel().tolist():
            share = f" (* {weight:g} = {weight * value:g} loss)" if weight else ""
            glog.info(origin, "    %s net output #%d: %s = %g%s", which, number, name, value, share)
            number += 1


class _Smooth:
    """The mean of the last losses, at most `size` of them, kept as Caffe keeps it."""

    def __init__(self, size: int) -> None:
        self._size, self._count, self._losses, self._mean = size, 0, [0.0] * size, 0.0

    def add(self, loss: float) -> float:
        """Take up a loss; returns the mean."""
        place = self._count % self._size
        self._count += 1
        number = min(self._count, self._size)
        self._mean += (loss - (self._losses[place] if self._count > self._size else self._mean)) / number
        self._losses[place] = loss
        return self._mean


class _Clock:
    """Says the pace between displayed iterations."""

    def __init__(self, iteration: int) -> None:
        self._iteration, self._time = iteration, time.monotonic()

    def lap(self, iteration: int, display: int) -> str:
        """Iterations a second and seconds since the lap before, in whole milliseconds."""
        done, seconds = iteration - self._iteration, int(1000 * (time.monotonic() - self._time)) / 1000
        self._iteration, self._time = iteration, time.monotonic()
        return f"{done / (seconds or 1):g} iter/s, {seconds:g}s/{display} iters"
