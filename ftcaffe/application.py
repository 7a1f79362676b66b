"""What an application is: the one place where the shared steps learn what differs between them.

Applications are found through the entry point group ``ftcaffe.applications``, so a user's own package adds one
without a fork. Nothing else in the toolkit asks which application it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from ftcaffe.errors import Error

if TYPE_CHECKING:
    import numpy as np

    from ftcaffe.handcrafted.examples import Examples, Features, Learned
    from ftcaffe.store.regions import Picture


# From patches (each uint8, channels × size × size of the net's input) to class probabilities (n × classes, float32).
Probabilities = Callable[[Iterable["np.ndarray"]], "np.ndarray"]


@dataclass(frozen=True)
class Handcrafted:
    """The method without a net that an application's nets are compared with.

    title : what it is and whose, in a line.
    arguments : adds its own options to ``ftcaffe handcrafted APP``.
    features : of every row of ``candidates.csv``, from the options, the source and the data folder, whose
        ``dataset.json`` says how the source was read.
    learn : a classifier, from the options, the training and validation candidates, and random numbers.
    """

    title: str
    arguments: Callable[[argparse.ArgumentParser], None]
    features: Callable[[argparse.Namespace, Path, Path], Features]
    learn: Callable[[argparse.Namespace, Examples, np.random.Generator], Learned]


@dataclass(frozen=True)
class Application:
    """One medical imaging task.

    name : as on the command line, ``polyp``.
    title : as in a figure's heading.
    classes : names of the classes in the order of their labels.
    positive : label of the class whose probability scores a candidate, or labels of several that count as one: their
        probabilities are added.
    layouts : names of the data set layouts that can be read; the first is the default.
    unit, image : what splits and resampling respect (``video``), what false positives are counted per (``frame``).
    curve : ``froc`` or ``roc``.
    operating_points : false positives per image (FROC) or false-positive rates (ROC) of the paper's table.
    phantom_arguments, prepare_arguments : add the application's own options to ``ftcaffe phantom | prepare``.
    phantom : writes a synthetic data set as files.
    prepare : reads a source and writes the data folder (docs/design.md, "On disk").
    handcrafted : the method without a net; None where there is none.
    apply_arguments : adds the application's own options to ``ftcaffe apply``; None when it has no such verb.
    apply : what a trained run says of new data, as files in a folder: a function of the options, the data's path, a
        function from patches to class probabilities, and the folder.
    pictures : in place of `apply`, where the net is applied to every pixel of regions: new images and their regions,
        a function of the options and the data's path.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    positive: int | tuple[int, ...]
    layouts: tuple[str, ...]
    unit: str
    image: str
    curve: str
    operating_points: tuple[float, ...]
    phantom_arguments: Callable[[argparse.ArgumentParser], None]
    phantom: Callable[[argparse.Namespace, Path], None]
    prepare_arguments: Callable[[argparse.ArgumentParser], None]
    prepare: Callable[[argparse.Namespace, Path, Path], None]
    handcrafted: Handcrafted | None = None
    apply_arguments: Callable[[argparse.ArgumentParser], None] | None = None
    apply: Callable[[argparse.Namespace, Path, Probabilities, Path], None] | None = None
    pictures: Callable[[argparse.Namespace, Path], Iterator[Picture]] | None = None

    @property
    def positives(self) -> tuple[int, ...]:
        """The labels that are positive."""
        return self.positive if isinstance(self.positive, tuple) else (self.positive,)


def names() -> list[str]:
    """Names of the installed applications."""
    return sorted(entry.name for entry in entry_points(group="ftcaffe.applications"))


def load(name: str) -> Application:
    """The application of that name; `Error` naming those there are when there is none."""
    for entry in entry_points(group="ftcaffe.applications"):
        if entry.name == name:
            return entry.load()
    raise Error(f"no application '{name}'", remedy=f"there are: {', '.join(names())}")
