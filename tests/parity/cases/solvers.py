"""Solvers on a small net: every rule, policy, penalty and option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SMALL = Path(__file__).parents[1] / "small.prototxt"


RULES = ("sgd", "nesterov", "adagrad", "rmsprop", "adadelta", "adam")


def cases() -> dict[str, dict[str, Any]]:
    """Solvers by name."""
    found: dict[str, dict[str, Any]] = {}
    for name, rule in {
        "fixed": 'lr_policy: "fixed"',
        "step": 'lr_policy: "step" gamma: 0.5 stepsize: 3 momentum: 0.9',
        "exp": 'lr_policy: "exp" gamma: 0.9 momentum: 0.5',
        "inv": 'lr_policy: "inv" gamma: 0.1 power: 0.75 momentum: 0.9',
        "multistep": 'lr_policy: "multistep" gamma: 0.5 stepvalue: 3 stepvalue: 7 momentum: 0.9',
        "poly": 'lr_policy: "poly" power: 2 max_iter: 20 momentum: 0.9',
        "sigmoid": 'lr_policy: "sigmoid" gamma: 0.5 stepsize: 5 momentum: 0.9',
        "decay-l1": 'lr_policy: "fixed" weight_decay: 0.05 regularization_type: "L1" momentum: 0.9',
        "decay-l2": 'lr_policy: "fixed" weight_decay: 0.05 momentum: 0.9',
        "iter-size": 'lr_policy: "fixed" momentum: 0.9 iter_size: 3 weight_decay: 0.01',
        "clip": 'lr_policy: "fixed" momentum: 0.9 clip_gradients: 0.5',
        "multistep-repeated-values-lag": 'lr_policy: "multistep" gamma: 0.5 stepvalue: 3 stepvalue: 3 stepvalue: 2',
        "poly-beyond-max-iter-grows": 'lr_policy: "poly" power: 2 max_iter: 8',
        "rate-within-momentum": 'lr_policy: "step" gamma: 0.01 stepsize: 4 momentum: 0.9',
    }.items():
        found[f"solver-{name}"] = {"net": SMALL.read_text(), "rule": f"base_lr: 0.01 {rule}", "iterations": 12}
    for name, rule in {
        "sgd": 'base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005 type: "SGD"',
        "nesterov": 'base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005 type: "Nesterov"',
        "adagrad": 'base_lr: 0.005 weight_decay: 0.0005 type: "AdaGrad"',
        "rmsprop": 'base_lr: 0.001 rms_decay: 0.98 weight_decay: 0.0005 type: "RMSProp"',
        "adadelta": 'base_lr: 1 momentum: 0.95 delta: 1e-6 weight_decay: 0.0005 type: "AdaDelta"',
        "adam": 'base_lr: 0.001 momentum: 0.9 momentum2: 0.999 weight_decay: 0.0005 type: "Adam"',
        "legacy-nesterov": "base_lr: 0.01 momentum: 0.9 solver_type: NESTEROV",
        "nesterov-no-momentum": 'base_lr: 0.01 type: "Nesterov"',
        "adam-l1-iter-size-clip": 'base_lr: 0.001 momentum: 0.9 weight_decay: 0.01 regularization_type: "L1" '
        'iter_size: 2 clip_gradients: 0.5 type: "Adam"',
        "adagrad-delta": 'base_lr: 0.01 delta: 0.1 iter_size: 2 type: "AdaGrad"',
    }.items():
        iterations = 50 if name in RULES else 12
        found[f"rule-{name}"] = {
            "net": SMALL.read_text(),
            "rule": f'{rule} lr_policy: "fixed"',
            "iterations": iterations,
        }
    return found
