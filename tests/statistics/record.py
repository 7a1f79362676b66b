"""What Python's libraries say of cases.json: python record.py writes python.json.

Needs scikit-learn and statsmodels (pip install scikit-learn statsmodels).
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from sklearn import metrics
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

FOLDER = Path(__file__).parent


def recorded() -> dict[str, Any]:
    """What they say."""
    cases: dict[str, Any] = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))
    found = {
        "versions": {name: version(name) for name in ("scikit-learn", "statsmodels", "scipy", "numpy")},
        "roc": {
            name: {system: metrics.roc_auc_score(case["truth"], case[system]) for system in ("one", "other")}
            for name, case in cases["roc"].items()
        },
        "errors": {
            name: {
                "t_test": stats.ttest_rel(case["one"], case["other"]).pvalue,
                "wilcoxon": stats.wilcoxon(case["one"], case["other"]).pvalue,
            }
            for name, case in cases["errors"].items()
        },
        "counts": [
            {
                "exact": proportion_confint(found, of, method="beta"),
            }
            for found, of in cases["counts"]
        ],
        "holm": [multipletests(p_values, method="holm")[1].tolist() for p_values in cases["p_values"]],
    }
    return json.loads(json.dumps(found, default=np.ndarray.tolist))


def main() -> None:
    """Write it."""
    (FOLDER / "python.json").write_text(json.dumps(recorded(), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
