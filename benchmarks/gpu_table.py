"""What the sides of a GPU check computed, as tables, and whether they agree."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from parity import oracle

SIDES = {"original-cpu": "original, CPU", "original-gpu": "original, GPU"}
SIDES |= {"engine-cpu": "engine, CPU", "engine-gpu": "engine, GPU"}
BATCHES = (50, 128, 256)

# Relative to the greatest value of an array, in float32 without TF32. Sums of other order part in the last digits,
# which training magnifies; the losses' and the weights' are those of the tests on the CPU. Assumed: no GPU has been
# measured yet.
TOLERANCES = {"layers": 1e-5, "losses": 1e-4, "weights": 1e-3}

Values = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Side:
    """What one side left: its version, the values of two runs, speed and milliseconds by layer for each batch."""

    name: str
    version: str
    values: Values
    again: Values
    speed: dict[str, dict[str, float]]
    layers: dict[str, dict[str, dict[str, float]]]


def read(folder: Path) -> Side | None:
    """The side in a folder; None where it was not run to its end."""
    if not (folder / "side.json").is_file():
        return None
    told = json.loads((folder / "side.json").read_text())
    arrays = []
    for name in ("values", "again"):
        with np.load(folder / f"{name}.npz") as stored:
            arrays.append(dict(stored))
    return Side(folder.name, told["version"], *arrays, told["speed"], told["layers"])


def kind(key: str) -> str:
    """What a recorded array is of: ``layers``, ``losses`` or ``weights``."""
    what = key.partition(":")[2]
    return "losses" if what == "losses" else "weights" if what.startswith(("after/", "before/")) else "layers"


def differences(found: Values, expected: Values) -> dict[str, tuple[float, str]]:
    """The greatest difference of each kind, relative to the greatest value of its array, and the array it is in.

    An array that one of them lacks is as far off as can be.
    """
    worst: dict[str, tuple[float, str]] = {}
    for key in sorted(set(found) | set(expected)):
        both = key in found and key in expected and found[key].shape == expected[key].shape
        value = oracle.deviation(found[key], expected[key]) if both else float("inf")
        if kind(key) not in worst or value > worst[kind(key)][0]:
            worst[kind(key)] = (value, key)
    return worst


def same_bits(one: Values, other: Values) -> bool:
    """Whether two runs gave the same numbers to the last bit."""
    return set(one) == set(other) and all(np.array_equal(one[key], other[key], equal_nan=True) for key in one)


def agree(sides: list[Side], reference: Values) -> bool:
    """Whether every side is within the tolerances."""
    return all(
        value <= TOLERANCES[what]
        for side in sides
        for what, (value, _) in differences(side.values, reference).items()
    )


def tables(sides: list[Side], reference: Values, of: str) -> Iterator[str]:
    """Lines of Markdown. `of` names where the reference's values are from."""
    yield f"Differences from {of}, relative to the greatest value of an array; {len(reference)} arrays."
    yield ""
    yield (
        "| side | "
        + " | ".join(f"{what} (≤ {limit:g})" for what, limit in TOLERANCES.items())
        + " | in | run to run |"
    )
    yield "|---|---|---|---|---|---|"
    for side in sides:
        worst = differences(side.values, reference)
        cells = [f"{worst[what][0]:.1e}" if what in worst else "–" for what in TOLERANCES]
        beyond = [worst[what][1] for what in TOLERANCES if what in worst and worst[what][0] > TOLERANCES[what]]
        steady = "same bits" if same_bits(side.values, side.again) else _spread(side)
        yield f"| {SIDES[side.name]} ({side.version}) | {' | '.join(cells)} | {', '.join(beyond)} | {steady} |"
    yield ""
    yield "AlexNet, images/s; memory in MB: of the GPU, or of the process."
    yield ""
    yield "| batch | side | training step | forward | memory |"
    yield "|---|---|---|---|---|"
    for batch in map(str, BATCHES):
        for side in (side for side in sides if batch in side.speed):
            found = side.speed[batch]
            rates = f"{found['step']:.1f} | {found['forward']:.1f} | {found['memory']:.0f}"
            yield f"| {batch} | {SIDES[side.name]} | {rates} |"
    for batch in map(str, BATCHES):
        among = [side for side in sides if batch in side.layers]
        if among:
            yield ""
            yield f"Milliseconds by layer at batch {batch}, forward / backward."
            yield ""
            yield "| layer | " + " | ".join(SIDES[side.name] for side in among) + " |"
            yield "|---|" + "---|" * len(among)
            for layer in among[0].layers[batch]:
                cells = (side.layers[batch].get(layer, {}) for side in among)
                yield f"| {layer} | " + " | ".join(_pass(cell) for cell in cells) + " |"


def _spread(side: Side) -> str:
    worst = differences(side.again, side.values)
    return ", ".join(f"{what} {value:.1e}" for what, (value, _) in worst.items() if value)


def _pass(cell: dict[str, float]) -> str:
    return " / ".join(f"{cell[way]:.2f}" if way in cell else "–" for way in ("forward", "backward"))
