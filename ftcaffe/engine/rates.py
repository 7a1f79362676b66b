"""The learning rate at an iteration: every `lr_policy` of Caffe."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ftcaffe.errors import Error

POLICIES = ("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")


def rate(message: Any, iteration: int) -> float:
    """The rate that a SolverParameter gives for an iteration from 0, rounded to float32 as Caffe keeps it."""
    base, gamma, power = message.base_lr, message.gamma, message.power
    policy = message.lr_policy
    if policy == "fixed":
        value = base
    elif policy == "step":
        value = base * gamma ** step(message, iteration)
    elif policy == "exp":
        value = base * gamma**iteration
    elif policy == "inv":
        value = base * (1 + gamma * iteration) ** -power
    elif policy == "multistep":
        value = base * gamma ** step(message, iteration)
    elif policy == "poly":
        value = base * (1 - iteration / message.max_iter) ** power
    elif policy == "sigmoid":
        value = base / (1 + math.exp(-gamma * (iteration - message.stepsize)))
    else:
        raise Error(f"no lr_policy '{policy}'", remedy=f"there are: {', '.join(POLICIES)}")
    return float(np.float32(value))


def step(message: Any, iteration: int) -> int:
    """How often the rate has fallen by gamma: Caffe's `current_step`."""
    if message.lr_policy == "step":
        if message.stepsize < 1:
            raise Error("lr_policy 'step' needs a stepsize of at least 1")
        return iteration // message.stepsize
    if message.lr_policy == "multistep":
        return sum(iteration >= value for value in message.stepvalue)
    return 0
