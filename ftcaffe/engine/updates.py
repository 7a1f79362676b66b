"""The six rules by which gradients change parameters: Caffe's solver types.

In the formulas g is the gradient of an iteration: summed over `iter_size` passes and divided by their number,
clipped, the penalty's share added (decay · W for L2, decay · sign W for L1). The rate is the parameter's own: the
solver's times `lr_mult`. A step leaves in a parameter's `diff` what was taken from it, as Caffe's does.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch

from ftcaffe.engine.blob import Blob, Gradient
from ftcaffe.engine.solver import Solver
from ftcaffe.errors import Error
from ftcaffe.proto import read_solver

_LEAST = 1e-30  # rate whose inverse float32 holds


@functools.lru_cache(maxsize=8)
def _inverse(share: float, device: torch.device) -> torch.Tensor:
    """1 / share; rates that stand still, as most do, have it made once."""
    return torch.full((), 1 / share, device=device)


class SGDSolver(Solver):
    """V ← momentum · V + rate · g;  W ← W − V. The rate is within V: a change of it acts on later gradients only."""

    def change(self, blob: Blob, histories: list[Gradient], rate: float, decay: float) -> None:
        """One pass over memory where the layouts allow it; none over a parameter that stands still."""
        (velocity,) = histories
        gradient, momentum, share = blob.gradient, self.param.momentum, rate / self.param.iter_size
        if rate == 0 and velocity.is_zero:
            gradient.clear()
            return
        weights, v = blob.values.tensor, velocity.tensor
        given = None if gradient.is_zero else gradient.tensor
        if given is not None and share > _LEAST and momentum and self._one_pass(weights, given, v):
            torch._fused_sgd_(
                [weights],
                [given],
                [v],
                weight_decay=rate * decay,
                momentum=momentum,
                lr=1.0,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=False,
                grad_scale=_inverse(share, v.device),  # by which it divides
            )
        else:
            v.mul_(momentum)
            if given is not None:
                v.add_(given, alpha=share)
            if decay:
                v.add_(self.penalty(weights), alpha=rate * decay)
            weights.sub_(v)
        gradient.show(velocity)

    def _one_pass(self, *tensors: torch.Tensor) -> bool:
        """Whether the fused update serves: for L2, and tensors that lie in memory in the same way."""
        first = tensors[0].stride()
        return self.param.regularization_type == "L2" and all(tensor.stride() == first for tensor in tensors)

    def penalty(self, weights: torch.Tensor) -> torch.Tensor:
        """What weight decay adds to the gradient: the derivative of W²/2 (L2) or of |W| (L1)."""
        return weights if self.param.regularization_type == "L2" else weights.sign()


class _Rule(SGDSolver):
    """A rule that turns g into what is taken from W, in the gradient's own memory."""

    def change(self, blob: Blob, histories: list[Gradient], rate: float, decay: float) -> None:
        """Nothing where there is neither gradient, decay nor history; else `update`, then W ← W − g."""
        if blob.gradient.is_zero and not decay and all(history.is_zero for history in histories):
            return
        weights, g = blob.values.tensor, blob.gradient.tensor
        if self.param.iter_size > 1:
            g.div_(self.param.iter_size)
        if decay:
            g.add_(self.penalty(weights), alpha=decay)
        self.update(g, rate, *(history.tensor for history in histories))
        weights.sub_(g)

    def update(self, g: torch.Tensor, rate: float, *histories: torch.Tensor) -> None:
        """Change the histories, and the gradient to what is taken from the parameter."""
        raise NotImplementedError


class NesterovSolver(_Rule):
    """V' ← momentum · V + rate · g;  W ← W − (1 + momentum) · V' + momentum · V."""

    def update(self, g: torch.Tensor, rate: float, *histories: torch.Tensor) -> None:
        """(1 + momentum) · V' − momentum · V is momentum · V' + rate · g."""
        (v,) = histories
        v.mul_(self.param.momentum).add_(g.mul_(rate))
        g.add_(v, alpha=self.param.momentum)


class AdaGradSolver(_Rule):
    """H ← H + g²;  W ← W − rate · g / (√H + delta)."""

    def check(self) -> None:
        """No momentum."""
        super().check()
        if self.param.momentum:
            raise Error("momentum cannot be used with AdaGrad", self.path)

    def update(self, g: torch.Tensor, rate: float, *histories: torch.Tensor) -> None:
        """As the class says."""
        (squares,) = histories
        squares.addcmul_(g, g)
        g.div_(squares.sqrt().add_(self.param.delta)).mul_(rate)


class RMSPropSolver(_Rule):
    """H ← rms_decay · H + (1 − rms_decay) · g²;  W ← W − rate · g / (√H + delta)."""

    def check(self) -> None:
        """No momentum; rms_decay in [0, 1)."""
        super().check()
        if self.param.momentum:
            raise Error("momentum cannot be used with RMSProp", self.path, remedy="use rms_decay")
        if not 0 <= self.param.rms_decay < 1:
            raise Error(f"rms_decay is at least 0 and below 1, not {self.param.rms_decay:g}", self.path)

    def update(self, g: torch.Tensor, rate: float, *histories: torch.Tensor) -> None:
        """As the class says."""
        (squares,) = histories
        squares.mul_(self.param.rms_decay).addcmul_(g, g, value=1 - self.param.rms_decay)
        g.div_(squares.sqrt().add_(self.param.delta)).mul_(rate)


class AdaDeltaSolver(_Rule):
    """H ← momentum · H + (1 − momentum) · g²;  u = g · √((U + delta) / (H + delta));  W ← W − rate · u.

    U ← momentum · U + (1 − momentum) · u²: the rate is not within it.
    """

    histories = 2

    def update(self, g: torch.Tensor, rate: float, *histories: torch.Tensor) -> None:
        """As the class says."""
        squares, updates = histories
        keep, delta = self.param.momentum, self.param.delta
        squares.mul_(keep).addcmul_(g, g, value=1 - keep)
        g.mul_((updates + delta).div_(squares + delta).sqrt_())
        updates.mul_(keep).addcmul_(g, g, value=1 - keep)
        g.mul_(rate)


class AdamSolver(_Rule):
    """M ← momentum · M + (1 − momentum) · g;  S ← momentum2 · S + (1 − momentum2) · g²;  t = iteration + 1;
    W ← W − rate · √(1 − momentum2ᵗ) / (1 − momentumᵗ) · M / (√S + delta). delta is not corrected for t.
    """

    histories = 2

    def update(self, g: torch.Tensor, rate: float, *histories: torch.Tensor) -> None:
        """As the class says."""
        mean, squares = histories
        first, second, t = self.param.momentum, self.param.momentum2, self.iter + 1
        mean.mul_(first).add_(g, alpha=1 - first)
        squares.mul_(second).addcmul_(g, g, value=1 - second)
        correction = (1 - second**t) ** 0.5 / (1 - first**t)
        torch.div(mean, squares.sqrt().add_(self.param.delta), out=g)
        g.mul_(rate * correction)


_TYPES: dict[str, type[SGDSolver]] = {
    "SGD": SGDSolver,
    "Nesterov": NesterovSolver,
    "AdaGrad": AdaGradSolver,
    "RMSProp": RMSPropSolver,
    "AdaDelta": AdaDeltaSolver,
    "Adam": AdamSolver,
}


def get_solver(solver_file: str | Path) -> SGDSolver:
    """The solver of the type that a prototxt names."""
    return solver_class(read_solver(solver_file), solver_file)(solver_file)


def solver_class(message: Any, path: str | Path) -> type[SGDSolver]:
    """The class for a SolverParameter's type; `Error` naming those there are for another type."""
    if message.type not in _TYPES:
        raise Error(f"no solver type '{message.type}'", path, remedy=f"there are: {', '.join(sorted(_TYPES))}")
    return _TYPES[message.type]
