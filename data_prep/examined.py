"""The images and candidates of a source, found and split once: a run that was killed does not look for them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_prep import manifest, splits
from data_prep.manifest import CandidateRow, ImageRow

Found = tuple[list[ImageRow], list[CandidateRow]]


def examined(
    folder: Path,
    find: Callable[[], Found],
    geometry: Sequence[str],
    seed: int,
    test_fraction: float,
    given: Mapping[str, str] | None,
    place: Path,
) -> Found:
    """Images and candidates with their splits; written to `folder`, or read from it where a killed run left them.

    Parameters
    ----------
    find : gives them without a split.
    geometry : columns of a candidate's place.
    seed, test_fraction, given, place : of `splits.assign`.
    """
    images_path, candidates_path = folder / "images.csv", folder / "candidates.csv"
    if images_path.exists():  # it is written after the other
        return manifest.read_images(images_path), manifest.read_candidates(candidates_path)
    images, found = find()
    rng = np.random.default_rng([seed, 10])
    split = splits.assign(bearing(images), test_fraction, rng, given, place)
    images = [replace(row, split=split[row.unit]) for row in images]
    found = [replace(row, split=split[row.unit]) for row in found]
    manifest.write_candidates(candidates_path, found, geometry)
    manifest.write_images(images_path, images)
    return images, found


def bearing(images: Sequence[ImageRow]) -> dict[str, bool]:
    """For each unit, whether any of its images shows a lesion."""
    found: dict[str, bool] = {}
    for row in images:
        found[row.unit] = found.get(row.unit, False) or row.lesions > 0
    return found
