"""Cases that every reference is asked about: python cases.py writes cases.json.

Scores of two systems on the same cases, with ties and without; errors of two methods on the same regions; counts;
p-values. Their digits are few, so that every program reads the same numbers.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def scores(negatives: int, positives: int, shift: float, decimals: int, seed: int) -> dict[str, list[float]]:
    """Two systems' scores, correlated, the second a little worse."""
    generator = np.random.default_rng(seed)
    truth = np.arange(negatives + positives) >= negatives
    latent = generator.normal(size=len(truth)) + shift * truth
    one = np.round(latent, decimals)
    other = np.round(0.7 * latent + 0.7 * generator.normal(size=len(truth)), decimals)
    return {"truth": truth.astype(int).tolist(), "one": one.tolist(), "other": other.tolist()}


def errors(regions: int, decimals: int, seed: int) -> dict[str, list[float]]:
    """Boundary errors of two methods, skewed, the second worse by a third of a standard deviation."""
    generator = np.random.default_rng(seed)
    hard = generator.gamma(2, 1, size=regions)
    one, other = (hard + generator.gamma(2, scale, size=regions) for scale in (0.8, 1.1))
    return {"one": np.round(one, decimals).tolist(), "other": np.round(other, decimals).tolist()}


def cases() -> dict[str, object]:
    """All of them."""
    return {
        "roc": {
            "continuous": scores(60, 40, 1.2, 6, 1),
            "five categories": scores(60, 40, 1.2, 0, 2),
            "few positives": scores(200, 25, 2.5, 6, 3),
            "small": scores(8, 5, 1.0, 6, 4),
            "large with ties": scores(900, 300, 1.0, 1, 5),
        },
        "errors": {
            "twelve": errors(12, 6, 6),
            "forty with ties and zeros": errors(40, 0, 7),
            "ninety": errors(90, 6, 8),
        },
        "counts": [[0, 25], [1, 25], [13, 25], [24, 25], [25, 25], [301, 1000]],
        "p_values": [[0.01, 0.04, 0.03, 0.005], [0.2], [0.5, 0.5, 0.9], [0.001, 0.001, 0.02, 0.02, 0.04, 0.9]],
    }


def main() -> None:
    """Write the cases."""
    (FOLDER / "cases.json").write_text(json.dumps(cases()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
