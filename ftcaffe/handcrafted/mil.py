r"""A linear classifier that learns from bags: of the candidates on one lesion, one has to be found, not all.

A lesion counts once, whichever of its candidates is called positive, so only the best need look like a lesion. With
bags :math:`i` of candidates :math:`x_{ik}`, and candidates :math:`x_j` that hit nothing,

.. math::
    \min_{w, b, \lambda, \xi, \zeta} \|w\|_1 + \frac{c}{B} \sum_i \xi_i + \frac{c}{N} \sum_j \zeta_j \quad
    \text{s.t.} \quad w \cdot \sum_k \lambda_{ik} x_{ik} + b \ge 1 - \xi_i, \quad
    -(w \cdot x_j + b) \ge 1 - \zeta_j, \quad \xi, \zeta \ge 0, \quad
    \lambda_{ik} \ge 0, \ \sum_k \lambda_{ik} = 1

for B bags and N negatives: each bag may be represented by any point in the convex hull of its candidates (Fung,
Dundar, Krishnapuram and Rao, NIPS 2006; Bi and Liang, CVPR 2007, for pulmonary emboli; their equations not
at hand, assumed). The 1-norm leaves most features out.

Solved by turns: for fixed λ it is a linear programme; for fixed w the best λ is the bag's top-scoring candidate. λ
starts uniform and goes half of the way each time (assumed: keeps it from swinging), and all of it once the choice
stays. Neither raises the objective.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDS = 20  # most turns
CHANGE = 1e-4  # of the objective, relative, below which they end


@dataclass(frozen=True, eq=False)
class Hyperplane:
    """w·x + b, above 0 for the positive side.

    weights : (d,). offset : b. objective : its value after each turn, never rising.
    """

    weights: np.ndarray
    offset: float
    objective: tuple[float, ...]

    def margin(self, values: np.ndarray) -> np.ndarray:
        """(n,) of (n, d) features."""
        return values @ self.weights + self.offset


def fit(values: np.ndarray, bag: np.ndarray, penalty: float) -> Hyperplane:
    """The classifier of bags.

    Parameters
    ----------
    values : (n, d) features, standardised.
    bag : (n,) integers: the lesion that a candidate hits, -1 for none; there are both.
    penalty : c, what bags and negatives on the wrong side cost. Below the least over the features of 1 / |difference
        of the class means|, all weights are 0.
    """
    positives, negatives = values[bag >= 0], values[bag < 0]
    place = np.unique(bag[bag >= 0], return_inverse=True)[1]
    bags = int(place.max()) + 1
    share = 1 / np.bincount(place)[place]
    ends = np.cumsum(np.bincount(place)) - 1
    before = np.full(bags, -1)
    objective: list[float] = []
    for _ in range(ROUNDS):
        means = np.zeros((bags, values.shape[1]))
        np.add.at(means, place, share[:, None] * positives)
        weights, offset, value = separate(means, negatives, penalty)
        objective.append(value)
        if len(objective) > 1 and objective[-2] - value <= CHANGE * abs(value):
            break
        top = np.lexsort((positives @ weights, place))[ends]
        step = 1.0 if (top == before).all() else 0.5
        share = (1 - step) * share
        share[top] += step
        before = top
    return Hyperplane(weights, offset, tuple(objective))


def separate(positives: np.ndarray, negatives: np.ndarray, penalty: float) -> tuple[np.ndarray, float, float]:
    r"""Weights, offset and objective of the 1-norm classifier of (B, d) positives against (N, d) negatives.

    Solved in its dual, which has a row a feature in place of a row a candidate, and takes HiGHS a third of the time:
    max Σα + Σβ with 0 ≤ α ≤ c/B, 0 ≤ β ≤ c/N, Σα = Σβ and |Σ α_i x_i − Σ β_j x_j| ≤ 1 in every feature; w and b are
    the multipliers of the last two.
    """
    from scipy.optimize import linprog

    bags, count, features = len(positives), len(negatives), positives.shape[1]
    signed = np.concatenate([positives, -negatives]).T
    sides = np.concatenate([np.ones(bags), -np.ones(count)])
    most = np.concatenate([np.full(bags, penalty / bags), np.full(count, penalty / count)])
    solved = linprog(
        -np.ones(bags + count),
        A_ub=np.concatenate([signed, -signed]),
        b_ub=np.ones(2 * features),
        A_eq=sides[None],
        b_eq=[0.0],
        bounds=np.stack([np.zeros(bags + count), most], axis=1),
        method="highs",
    )
    if solved.status != 0:  # 0 is feasible and the variables are bounded, so there always is an optimum
        raise ArithmeticError(f"HiGHS did not solve a linear programme: {solved.message}")
    above, below = np.split(solved.ineqlin.marginals, 2)
    return below - above, -float(solved.eqlin.marginals[0]), -float(solved.fun)
