"""``compute_image_mean``: the mean image of an LMDB, and of each channel."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ftcaffe.store import mean
from ftcaffe.store.lmdb import Records

log = logging.getLogger(__name__)


def compute(source: Path, target: Path | None) -> np.ndarray:
    """The mean of each channel (float32); the mean image is written to `target`, when given, as a binaryproto."""
    records = Records(source)
    log.info("Starting iteration")
    image = mean.compute(records)
    log.info("Processed %d files.", len(records))
    if target is not None:
        log.info("Write to %s", target)
        mean.write(target, image)
    channels = image.reshape(len(image), -1)
    sums = channels.cumsum(axis=1, dtype=np.float32)[:, -1]  # one after another, as the original's loop
    log.info("Number of channels: %d", len(image))
    means = sums / np.float32(channels.shape[1])
    for number, value in enumerate(means):
        log.info("mean_value channel [%d]: %g", number, value)
    return means
