"""Solvers on a small net: every policy, penalty and option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SMALL = Path(__file__).parents[1] / "small.prototxt"


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
    }.items():
        found[f"solver-{name}"] = {"net": SMALL.read_text(), "rule": f"base_lr: 0.01 {rule}", "iterations": 12}
    return found
