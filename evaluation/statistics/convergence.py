"""How fast a run converges (the paper's Fig. 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOLERANCE = 0.01  # of AUC


@dataclass(frozen=True)
class Convergence:
    """When a run comes close to its best.

    best, best_iteration : the highest value, and the first iteration that has it.
    within, within_iteration : the value at the first iteration that comes within `tolerance` of it.
    tolerance : on the scale of the values.
    """

    best: float
    best_iteration: int
    within: float
    within_iteration: int
    tolerance: float


def convergence(iteration: np.ndarray, value: np.ndarray, tolerance: float = TOLERANCE) -> Convergence:
    """The first iteration i with value(i) ≥ max(value) - tolerance.

    The values are seen at the snapshots only, so the iteration is right to the distance of the snapshot before it,
    and the best is that of the training as far as it went.

    Parameters
    ----------
    iteration : (k,) of the snapshots, rising.
    value : (k,) the higher the better, as validation AUC; nan where a snapshot has none.
    tolerance : 0 or more; 0 asks for the best itself.

    Raises
    ------
    ValueError : no snapshot with a value, iterations that do not rise, or a tolerance below 0.
    """
    iteration, value = np.asarray(iteration), np.asarray(value, dtype=float)
    if iteration.shape != value.shape or (np.diff(iteration) <= 0).any():
        raise ValueError("convergence needs a value for each of rising iterations")
    if not tolerance >= 0:
        raise ValueError(f"the tolerance is 0 or more, not {tolerance}")
    if not (~np.isnan(value)).any():
        raise ValueError("no snapshot has a value")
    best = int(np.nanargmax(value))
    within = int(np.flatnonzero(value >= value[best] - tolerance)[0])
    return Convergence(
        float(value[best]), int(iteration[best]), float(value[within]), int(iteration[within]), float(tolerance)
    )
