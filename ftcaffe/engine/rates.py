"""The learning rate at an iteration: every `lr_policy` of Caffe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.errors import Error

POLICIES = ("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")
_FALLING = ("step", "exp", "inv", "multistep", "sigmoid")  # those that Caffe wants a gamma of at least 0 for


def check(message: Any, path: str | Path) -> None:
    """`Error` where a SolverParameter has no `lr_policy` of Caffe's, or one that lacks what it needs."""
    policy = message.lr_policy
    if policy not in POLICIES:
        what = f"no lr_policy '{policy}'" if policy else "has no lr_policy"
        raise Error(what, path, remedy=f"there are: {', '.join(POLICIES)}")
    if policy in ("step", "sigmoid") and message.stepsize < 1:
        raise Error(f"lr_policy '{policy}' needs a stepsize of at least 1", path)
    if policy in _FALLING and message.gamma < 0:
        raise Error(f"lr_policy '{policy}' needs a gamma of at least 0, not {message.gamma:g}", path)


def step(message: Any, iteration: int, before: int) -> int:
    """How often the rate has fallen by gamma: Caffe's `current_step`.

    Parameters
    ----------
    before : the step of the iteration before. Policy `multistep` passes one `stepvalue` an iteration at the most,
        in the order given: values that repeat or that do not rise lag.
    """
    if message.lr_policy == "step":
        return iteration // message.stepsize
    if message.lr_policy == "multistep" and before < len(message.stepvalue):
        return before + (iteration >= message.stepvalue[before])
    return before


def rate(message: Any, iteration: int, step: int) -> float:
    """The rate that a SolverParameter gives for an iteration from 0, rounded to float32 as Caffe keeps it."""
    base, gamma, power = (np.float64(getattr(message, name)) for name in ("base_lr", "gamma", "power"))
    policy = message.lr_policy
    with np.errstate(all="ignore"):  # as C: infinity, zero or NaN where Python would raise
        if policy == "fixed":
            value = base
        elif policy in ("step", "multistep"):
            value = base * gamma**step
        elif policy == "exp":
            value = base * gamma**iteration
        elif policy == "inv":
            value = base * (1 + gamma * iteration) ** -power
        elif policy == "poly":
            value = base * (1 - np.float64(iteration) / message.max_iter) ** power
        else:
            value = base / (1 + np.exp(-gamma * (iteration - message.stepsize)))
        return float(np.float32(value))
