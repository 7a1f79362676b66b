"""The handcrafted method for frames, after [65]: features of block transforms, and a random forest."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.parallel import jobs_by_default
from ftcaffe.application import Handcrafted
from ftcaffe.errors import Error

if TYPE_CHECKING:
    import numpy as np

    from data_prep.classification import Part
    from data_prep.readers.labelled import View
    from ftcaffe.handcrafted.examples import Examples, Features, Learned

_Found = list[tuple[tuple[str, str], "np.ndarray"]]


@dataclass(frozen=True, eq=False)
class Forest:
    """A random forest that has learned; `names` are of the features."""

    names: tuple[str, ...]
    classifier: Any

    def score(self, values: np.ndarray) -> np.ndarray:
        """(n,) share of the trees that vote for the positive class."""
        return self.classifier.predict_proba(values)[:, list(self.classifier.classes_).index(True)]

    def tables(self) -> Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
        """``importances``: mean decrease of impurity by feature, the greatest first."""
        rows = sorted(
            zip(self.names, self.classifier.feature_importances_.tolist(), strict=True), key=lambda r: -r[1]
        )
        return {"importances": (("feature", "importance"), rows)}


def features(source: Path, data: Path, jobs: int) -> Features:
    """Features of every frame of a prepared data set, from the whole frames at the paper's size.

    Parameters
    ----------
    source : what the data set was made from. data : its folder.

    Raises
    ------
    Error : a frame that is not there any more.
    """
    import numpy as np

    from data_prep import manifest
    from data_prep.classification import WHOLE, not_there
    from data_prep.features import blocks
    from data_prep.parallel import Workers
    from data_prep.readers import quality
    from data_prep.readers.labelled import View
    from ftcaffe.handcrafted.examples import Features

    made = json.loads((data / "dataset.json").read_text(encoding="utf-8"))
    arguments = made["arguments"]
    keys = [(row.unit, row.image) for row in manifest.read_candidates(data / "candidates.csv")]
    view = View(tuple(arguments["size"]), arguments["border"])
    parts = quality.parts(made["layout"], source, keys, arguments.get("every"))
    left = dict.fromkeys(keys)
    tasks = []
    for part in parts:
        held = part.holds(left)
        if held:
            tasks.append((part, frozenset(held), view))
    found: dict[tuple[str, str], np.ndarray] = {}
    with Workers(jobs) as workers:
        for of_part in workers.each(_of_part, tasks, "features"):
            found.update(of_part)
    for key in keys:
        if key not in found:
            raise not_there(*key)
    return Features(blocks.NAMES, [(*key, WHOLE) for key in keys], np.stack([found[key] for key in keys]))


def _of_part(task: tuple[Part, frozenset[tuple[str, str]], View]) -> _Found:
    from data_prep.features import blocks

    part, wanted, view = task
    return [
        ((unit, name), blocks.features(pixels)) for unit, name, pixels in part.read(view) if (unit, name) in wanted
    ]


def learn(examples: Examples, trees: int, rng: np.random.Generator) -> Forest:
    """Grow a forest: trees in full, √d features a split."""
    if find_spec("sklearn") is None:
        raise Error("scikit-learn is not installed", remedy="pip install 'ftcaffe[handcrafted]'")
    from sklearn.ensemble import RandomForestClassifier

    seed = int(rng.integers(2**31))
    forest = RandomForestClassifier(trees, max_features="sqrt", random_state=seed)
    return Forest(examples.names, forest.fit(examples.values, examples.positive))


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trees", type=int, default=200, help="of the forest (default: 200)")
    parser.add_argument("--jobs", type=int, default=jobs_by_default(), help="processes (default: the cores)")


def _features(options: argparse.Namespace, source: Path, data: Path) -> Features:
    return features(source, data, options.jobs)


def _learn(options: argparse.Namespace, examples: Examples, rng: np.random.Generator) -> Learned:
    if options.trees < 1:
        raise Error(f"--trees {options.trees} is no forest")
    return learn(examples, options.trees, rng)


HANDCRAFTED = Handcrafted(
    title="Block transforms and a random forest, after Tajbakhsh et al., 2014",
    arguments=_arguments,
    features=_features,
    learn=_learn,
)
