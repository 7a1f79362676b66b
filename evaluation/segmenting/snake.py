"""Open snakes: curves with free ends that a potential pulls and their own tension and rigidity hold.

The energy of the rows y of a curve over n columns, the discrete form of equation (1) of J. Liang, T. McInerney and
D. Terzopoulos, "United snakes" (Medical Image Analysis 10, 2006; reference [72] of the paper), is

    E(y) = Σ ½ a (y[x+1] − y[x])² + ½ b (y[x+1] − 2 y[x] + y[x−1])² + P(x, y[x]),

its sums over the columns that have such neighbours: nothing holds the ends but those, so that they are free. Only
rows move, since an interface of the wall has one row in each column. The paper gives no weights and no potential;
those here are assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.ndimage import gaussian_filter

from ftcaffe.errors import Error

Force = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Settings:
    """How a snake moves; all assumed.

    The force is taken where the curve is, not where it goes, so that a step may be too long: the force of a map from
    0 to 1 changes by up to 0.484 w / σ² a pixel (2 φ(1) / σ², φ the normal density), 1.08 as set here, and the curve
    comes to rest where τ times that is below 2; else it can go to and fro.

    tension, rigidity : a and b.
    weight : of the potential.
    sigma : of the Gaussian that smooths its map, in pixels.
    time_step : τ.
    tolerance : it has come to rest when no row moves by more than this in a step, in pixels.
    steps : most of them.
    """

    tension: float = 0.5
    rigidity: float = 5.0
    weight: float = 5.0
    sigma: float = 1.5
    time_step: float = 1.0
    tolerance: float = 1e-3
    steps: int = 200

    def __post_init__(self) -> None:
        if min(self.tension, self.rigidity, self.weight, self.sigma) < 0:
            raise Error("a snake's tension, rigidity, weight and sigma are 0 or more")
        if min(self.time_step, self.tolerance) <= 0 or self.steps < 1:
            raise Error("a snake's time step and tolerance are above 0, its steps 1 or more")


@dataclass(frozen=True, eq=False)
class Snake:
    """A deformed curve.

    rows : (n,) of its columns.
    steps : how many it took. converged : whether it came to rest within them.
    """

    rows: np.ndarray
    steps: int
    converged: bool


def stiffness(columns: int, tension: float, rigidity: float) -> np.ndarray:
    """K = a D₁ᵀD₁ + b D₂ᵀD₂ with D₁ and D₂ the (n − 1) × n and (n − 2) × n matrices of differences.

    Returns its upper bands (3 × n) in the form of `scipy.linalg.solveh_banded`: the last row is the diagonal.
    """
    bands = np.zeros((3, columns))
    for weight, difference in ((tension, (-1.0, 1.0)), (rigidity, (1.0, -2.0, 1.0))):
        length = len(difference)
        for first in range(length):
            for second in range(first, length):
                places = slice(second, second + columns - length + 1)
                bands[2 - (second - first), places] += weight * difference[first] * difference[second]
    return bands


def deform(start: np.ndarray, force: Force, settings: Settings, lowest: float = np.inf) -> Snake:
    """Let a curve move until it rests: (I/τ + K) y ← y/τ + f(y), f = −∂P/∂y, implicit in K and explicit in f.

    Parameters
    ----------
    start : (n,) rows, finite, n ≥ 3.
    force : f, from the rows (n,) to what acts on each of them. The settings' weight and sigma are its own business.
    lowest : row that the curve may not pass; neither may it pass row 0.

    Raises
    ------
    ValueError : fewer than three columns, or a row that is not finite.
    """
    rows = np.array(start, dtype=float)
    if rows.ndim != 1 or len(rows) < 3 or not np.isfinite(rows).all():
        raise ValueError(f"a snake starts from three or more finite rows, not {rows.shape}")
    matrix = stiffness(len(rows), settings.tension, settings.rigidity)
    matrix[2] += 1 / settings.time_step
    factor = (cholesky_banded(matrix), False)
    for step in range(1, settings.steps + 1):
        moved = cho_solve_banded(factor, rows / settings.time_step + force(rows))
        np.clip(moved, 0, lowest, out=moved)
        farthest = float(np.abs(moved - rows).max())
        rows = moved
        if farthest < settings.tolerance:
            return Snake(rows, step, True)
    return Snake(rows, settings.steps, False)


def attraction(image: np.ndarray, settings: Settings) -> Force:
    """The force of the potential P = −w · (G_σ ∗ image): uphill along each column of a map, as one of confidence.

    Parameters
    ----------
    image : (rows, columns), large where the curve is to lie.

    Returns
    -------
    f(y)[x] = w · ∂(G_σ ∗ image)/∂y at (y[x], x), linear between rows, that of the outermost rows beyond them. The
    image continues with the values of its rim.
    """
    smooth = gaussian_filter(np.asarray(image, dtype=float), settings.sigma, mode="nearest")
    slope = settings.weight * np.gradient(smooth, axis=0)
    columns = np.arange(slope.shape[1])

    def force(rows: np.ndarray) -> np.ndarray:
        upper = np.clip(np.floor(rows).astype(int), 0, len(slope) - 2)
        share = np.clip(rows - upper, 0, 1)
        return (1 - share) * slope[upper, columns] + share * slope[upper + 1, columns]

    return force


def settle(image: np.ndarray, start: np.ndarray, settings: Settings) -> Snake:
    """Deform a curve (one row for each column of `image`) by the attraction of a map, inside it.

    Raises
    ------
    ValueError : other columns than the map's, or fewer than two rows.
    """
    if image.ndim != 2 or len(image) < 2 or np.shape(start) != image.shape[1:]:
        raise ValueError(f"a snake has a row for each column of its map: {np.shape(start)} and {image.shape}")
    return deform(start, attraction(image, settings), settings, lowest=len(image) - 1)
