"""Where runs part that differ in the engine alone: losses, weights and scores, from the same data and settings.

Two engines that compute in float32 add in different orders, so their numbers differ in the last digits from the first
iteration on, and training magnifies that: from when, in which layers, and whether it reaches the scores.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.comparing.tables import Table
from evaluation.scoring import weights
from evaluation.scoring.runs import Run
from evaluation.scoring.scores import Scores

ALIKE = 1e-4  # the tolerance of losses in the tests that hold the engine against the original
_SAME = ("application", "depth", "init", "fraction", "seed", "scale", "dataset_digest")
_REFERENCES = ("caffe", "torch")  # the original is what the others are held against, and the CPU before a GPU


@dataclass(frozen=True, eq=False)
class Parting:
    """Two runs of one plan by different engines or devices, the first of them the reference.

    one, other : their labels.
    losses : (n, 2) training loss of the iterations that both did, from iteration 0.
    moved : by snapshot (iterations done) and layer, ||w' - w|| / ||w|| of the weights, Euclidean norms.
    snapshots : iteration of the snapshot that was scored, of each.
    unit, image, candidate : (m,) of the candidates that both scored. scores : (m, 2).
    """

    one: str
    other: str
    losses: np.ndarray
    moved: dict[int, dict[str, float]]
    snapshots: tuple[int, int]
    unit: np.ndarray
    image: np.ndarray
    candidate: np.ndarray
    scores: np.ndarray

    @property
    def loss_difference(self) -> np.ndarray:
        """(n,) |l' - l| / |l| by iteration."""
        return np.abs(self.losses[:, 1] - self.losses[:, 0]) / np.maximum(np.abs(self.losses[:, 0]), 1e-12)

    @property
    def alike(self) -> int:
        """How many losses, from the first on, differ by no more than `ALIKE` of themselves."""
        beyond = np.flatnonzero(self.loss_difference > ALIKE)
        return int(beyond[0]) if len(beyond) else len(self.losses)

    @property
    def score_difference(self) -> np.ndarray:
        """(m,) s' - s by candidate."""
        return self.scores[:, 1] - self.scores[:, 0]

    @property
    def farthest(self) -> dict[int, tuple[str, float]]:
        """The layer that differs most, by snapshot."""
        return {
            iteration: max(layers.items(), key=lambda layer: layer[1])
            for iteration, layers in self.moved.items()
            if layers
        }


def twins(runs: Sequence[Run | None]) -> list[tuple[int, int]]:
    """Places of runs that differ in engine or device alone: each with the reference of its plan, which comes first.

    The reference is BVLC Caffe before ``ftcaffe.engine``, and of each the CPU before a GPU.
    """
    groups: dict[str, list[tuple[tuple[object, ...], int]]] = {}
    for place, run in enumerate(runs):
        if run is not None:
            rank = (_REFERENCES.index(run.record.get("engine", "torch")), str(run.record.get("device")), place)
            groups.setdefault(_plan(run), []).append((rank, place))
    found = []
    for group in groups.values():
        (_, first), *others = sorted(group)
        found += [(first, place) for _, place in others]
    return found


def _plan(run: Run) -> str:
    """What both runs of a pair have in common."""
    start = (run.record.get("weights") or {}).get("sha256")
    return json.dumps([*(run.record.get(name) for name in _SAME), start, run.record.get("settings")], sort_keys=True)


def parting(labels: tuple[str, str], runs: tuple[Run, Run], scores: tuple[Scores, Scores]) -> Parting:
    """Compare two runs of one plan.

    Snapshots are compared where both have one, scores of the candidates that both scored, whichever snapshots those
    are of.
    """
    shared = min(len(run.trace.losses) for run in runs)
    places = [_places(one) for one in scores]
    names = [name for name in places[0] if name in places[1]]
    found = [one.score[[at[name] for name in names]] for one, at in zip(scores, places, strict=True)]
    unit, image, candidate = np.array(names, dtype=str).reshape(-1, 3).T
    return Parting(
        *labels,
        losses=np.stack([run.trace.losses[:shared] for run in runs], axis=1),
        moved=_moved(*runs),
        snapshots=(_iteration(scores[0].snapshot), _iteration(scores[1].snapshot)),
        unit=unit,
        image=image,
        candidate=candidate,
        scores=np.stack(found, axis=1),
    )


def _places(scores: Scores) -> dict[tuple[str, str, str], int]:
    return {name: place for place, name in enumerate(zip(scores.unit, scores.image, scores.candidate, strict=True))}


def _iteration(snapshot: str) -> int:
    return int(Path(snapshot).stem.rpartition("_")[2])


def _moved(one: Run, other: Run) -> dict[int, dict[str, float]]:
    """By snapshot and layer; one pair of snapshots is in memory at a time."""
    found = {}
    for iteration in sorted({int(i) for i in one.trace.iteration} & {int(i) for i in other.trace.iteration}):
        paths = [run.folder / "snapshots" / f"run_iter_{iteration}.caffemodel" for run in (one, other)]
        if all(path.is_file() for path in paths):  # snapshots may have been cleared away
            found[iteration] = weights.movement(weights.weights(paths[0]), weights.weights(paths[1]))
    return found


def summary(partings: Sequence[Parting]) -> Table:
    """A row a pair: the greatest differences, and where they are."""
    training = ("run", "reference", "iterations", "alike_iterations", "loss", "weights", "layer")
    scored = ("snapshot", "reference_snapshot", "score_mean", "score", "unit", "image", "candidate")
    return Table((*training, *scored), tuple(_row(one) for one in partings))


def _row(one: Parting) -> tuple[object, ...]:
    layer, weight = one.farthest[max(one.farthest)] if one.farthest else ("", float("nan"))
    score = np.abs(one.score_difference)
    most = int(np.argmax(score)) if len(score) else None
    return (
        one.other,
        one.one,
        len(one.losses),
        one.alike,
        float(one.loss_difference.max()) if len(one.losses) else float("nan"),
        weight,
        layer,
        *reversed(one.snapshots),
        float(score.mean()) if len(score) else float("nan"),
        float(score[most]) if most is not None else float("nan"),
        *("" if most is None else str(names[most]) for names in (one.unit, one.image, one.candidate)),
    )


def spoken(partings: Sequence[Parting]) -> Table:
    """`summary` as people read it, as wide as a page."""
    header = ("", "losses alike", "loss, most", "weights, most", "scored at", "score, most")
    rows = []
    for one in partings:
        _, _, iterations, alike, loss, weight, layer, own, other, _, most, *_ = _row(one)
        place = f"{other}" if own == other else f"{own}, {other}"
        values = (f"{loss:.1e}", f"{weight:.1e} {layer}", place, f"{most:.1e}")
        rows.append((against(one), f"{alike} of {iterations}", *values))
    return Table(header, tuple(rows))


def against(one: Parting) -> str:
    """The pair by its names, what they have in common said once: ``fc8: ftcaffe.engine against BVLC Caffe``."""
    mine, theirs = one.other.split(", "), one.one.split(", ")
    common = [part for part in mine if part in theirs]
    mine, theirs = ([part for part in parts if part not in common] for parts in (mine, theirs))
    if not (common and mine and theirs):
        return f"{one.other} against {one.one}"
    return f"{', '.join(common)}: {', '.join(mine)} against {', '.join(theirs)}"


def by_layer(partings: Sequence[Parting]) -> Table:
    """A row a pair and snapshot, a column a layer."""
    layers = list(dict.fromkeys(layer for one in partings for row in one.moved.values() for layer in row))
    return Table(
        ("run", "reference", "iteration", *layers),
        tuple(
            (one.other, one.one, iteration, *(row.get(layer) for layer in layers))
            for one in partings
            for iteration, row in one.moved.items()
        ),
    )


def by_iteration(partings: Sequence[Parting]) -> Table:
    """Both losses of every iteration."""
    header = ("run", "reference", "iteration", "loss", "reference_loss", "relative_difference")
    return Table(
        header,
        tuple(
            (one.other, one.one, number, float(pair[1]), float(pair[0]), float(difference))
            for one in partings
            for number, (pair, difference) in enumerate(zip(one.losses, one.loss_difference, strict=True))
        ),
    )


def by_candidate(partings: Sequence[Parting]) -> Table:
    """Both scores of every candidate, those that differ most first."""
    header = ("run", "reference", "unit", "image", "candidate", "score", "reference_score", "difference")
    rows: list[tuple[object, ...]] = []
    for one in partings:
        names = (one.unit, one.image, one.candidate)
        for place in np.argsort(-np.abs(one.score_difference), kind="stable"):
            numbers = (*one.scores[place, ::-1], one.score_difference[place])
            rows.append((one.other, one.one, *(str(name[place]) for name in names), *map(float, numbers)))
    return Table(header, tuple(rows))


def sentence(partings: Sequence[Parting]) -> str:
    """How far apart the engines are at most, for the terminal; empty where there is one engine."""
    if not partings:
        return ""
    loss = max(float(one.loss_difference.max()) for one in partings if len(one.losses))
    score = max(float(np.abs(one.score_difference).max()) for one in partings if len(one.scores))
    return f"Engines: losses part by {loss:.1e} of themselves at most, scores of candidates by {score:.1e}."
