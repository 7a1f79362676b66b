"""Probabilities of images through a net, and how good they are on the validation set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.nets.preprocessing import Preprocessing
from ftcaffe.store import datum
from ftcaffe.store.lmdb import Records

SMALLEST = np.finfo(np.float32).tiny
"""Caffe takes the logarithm of no smaller probability."""


@dataclass(frozen=True)
class Validation:
    """auc : as `discrimination` has it. loss : mean logistic loss. records : how many."""

    auc: float
    loss: float
    records: int


def probabilities(
    net: Any, images: Iterable[np.ndarray], preprocessing: Callable[[np.ndarray], np.ndarray], batch: int = 128
) -> np.ndarray:
    """Class probabilities (n × classes, float32) of n images.

    Parameters
    ----------
    net : a deploy net of pycaffe's; its input is reshaped to `batch` images.
    images : each uint8 or float32, channels × height × width of the net's input.
    preprocessing : from an image to what the net is given, a `Preprocessing`.

    Raises
    ------
    Error : an image of another shape than the net's input.
    """
    blob = net.blobs[net.inputs[0]]
    shape = tuple(blob.shape[1:])
    blob.reshape(batch, *shape)
    net.reshape()
    images, rows = iter(images), []
    while chunk := list(islice(images, batch)):
        for place, image in enumerate(chunk):
            if image.shape != shape:
                raise Error(f"an image is {_sides(image.shape)} and the net's input {_sides(shape)}")
            blob.data[place] = preprocessing(image)
        rows.append(np.array(net.forward()[net.outputs[0]][: len(chunk)], np.float32).reshape(len(chunk), -1))
    return np.concatenate(rows)


def validate(
    net: Any, path: str | Path, preprocessing: Preprocessing, positive: int | Sequence[int], batch: int = 128
) -> Validation:
    """Score the records of an LMDB.

    Parameters
    ----------
    path : the LMDB.
    positive : see `discrimination`.

    Raises
    ------
    Error : images that do not fit, a label that the net has no output for, or no class to tell another from.
    """
    labels: list[int] = []

    def images() -> Iterable[np.ndarray]:
        for _, record in Records(path):
            image, label = datum.decode(record, path)
            labels.append(label)
            yield image

    try:
        predicted = probabilities(net, images(), preprocessing, batch)
    except Error as error:
        raise error if error.path is not None else Error(error.what, path, remedy=error.remedy) from None
    truth = np.array(labels)
    if truth.max() >= predicted.shape[1]:
        raise Error(f"has label {truth.max()}, and the net {predicted.shape[1]} classes", path)
    of_truth = predicted[np.arange(len(truth)), truth]
    try:
        area = discrimination(predicted, truth, positive)
    except ValueError:
        raise Error(
            "its records all lie on one side: no AUC can be computed", path, remedy="prepare the data anew"
        ) from None
    return Validation(area, float(-np.log(np.maximum(of_truth, SMALLEST)).mean(dtype=np.float64)), len(truth))


def discrimination(predicted: np.ndarray, truth: np.ndarray, positive: int | Sequence[int]) -> float:
    """How well a net tells its classes apart: the AUC by which a snapshot is chosen.

    Parameters
    ----------
    predicted : (n, classes) probabilities. truth : (n,) labels.
    positive : label of the positive class, or labels of several that count as one: their probabilities are added, and
        every other label is negative. Of more than two classes with one positive it is the mean over the classes that
        there are, each against the rest (macro average): the run is to tell all of them.

    Raises
    ------
    ValueError : no two sides.
    """
    several = predicted.shape[1] > 2 and np.ndim(positive) == 0
    groups = [[label] for label in np.unique(truth).tolist()] if several else [np.atleast_1d(positive)]
    return float(np.mean([auc(predicted[:, one].sum(axis=1), np.isin(truth, one)) for one in groups]))


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: the Mann–Whitney statistic, a tie counting one half.

    Parameters
    ----------
    scores : (n,), larger for positives.
    positive : (n,), boolean.

    Raises
    ------
    ValueError : no positive or no negative.
    """
    positives, negatives = scores[positive], np.sort(scores[~positive])
    if not len(positives) or not len(negatives):
        raise ValueError("an AUC needs a positive and a negative")
    below, up_to = (np.searchsorted(negatives, positives, side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(negatives)))


def _sides(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
