"""What R and Python's libraries said of the cases in tests/statistics, beside the scripts that recorded it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "statistics"


def read(name: str) -> dict[str, Any]:
    """A recording, or the cases themselves."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


CASES, R, PYTHON = read("cases"), read("r"), read("python")
ROC = list(CASES["roc"])
