"""How well a procedure was seen: the probability of an informative frame by time, and what was not seen."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
from PIL import Image
from tqdm import tqdm

from data_prep.readers.frames import Samples, cropped
from data_prep.readers.labelled import View
from ftcaffe.application import Probabilities
from ftcaffe.errors import Error
from ftcaffe.store import table
from ftcaffe.store.subimages import SubImages

_log = logging.getLogger(__name__)

_THUMBNAIL = (120, 84)
_BLOCK = 30.0  # seconds that are drawn together: neighbouring frames resemble each other (assumed)
_DRAWS = 2000


@dataclass(frozen=True)
class Settings:
    """How a video is read.

    every : seconds between frames. sub_images : of each frame. threshold : probability below which a frame is not
    informative. seed : of the sub-images' places and the draws.
    """

    every: float = 1.0
    sub_images: int = 20
    threshold: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sub_images < 1:
            raise Error(f"--sub-images {self.sub_images} is less than one")
        if not 0 < self.threshold < 1:
            raise Error(f"--threshold {self.threshold:g} is not between 0 and 1")


@dataclass(frozen=True)
class Stretch:
    """A time without an informative frame.

    start, end : seconds; the end is that of its last frame's interval.
    probability : mean over its frames. worst : place of its least informative frame in the timeline.
    """

    start: float
    end: float
    probability: float
    worst: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start


@dataclass(frozen=True, eq=False)
class Timeline:
    """A procedure by time.

    time : (n,) seconds. probability : (n,) of being informative, the mean over the frame's sub-images.
    thumbnails : JPEG of each frame.
    share, low, high : of the time that is not informative, with its 95 % interval.
    stretches : the uninformative ones, the longest first.
    skipped : times whose frame is damaged.
    """

    settings: Settings
    time: np.ndarray
    probability: np.ndarray
    thumbnails: Sequence[bytes]
    share: float
    low: float
    high: float
    stretches: tuple[Stretch, ...]
    skipped: int


def timeline(
    path: Path, view: View, size: int, positive: int, predict: Probabilities, settings: Settings
) -> Timeline:
    """Read a video and score it.

    Parameters
    ----------
    view : as the run's training frames were read. size : side of the net's input. positive : the informative class.
    predict : from patches to class probabilities.
    """
    times: list[float] = []
    thumbnails: list[bytes] = []
    samples = Samples(path, settings.every)
    cut = SubImages(settings.sub_images, size, settings.seed)

    def patches() -> Iterator[np.ndarray]:
        for sample in tqdm(cropped(samples, view), desc=path.name, unit="frame", disable=None):
            times.append(sample.time)
            thumbnails.append(_jpeg(sample.pixels))
            yield from cut.cut(sample.pixels.transpose(2, 0, 1), len(times) - 1)

    begun = monotonic()
    found = predict(patches())[:, positive]
    probability = found.reshape(len(times), settings.sub_images).mean(axis=1, dtype=float)
    taken = monotonic() - begun
    _log.info("%s: %d frames in %.0f s, %.1f a second", path, len(times), taken, len(times) / max(taken, 1e-9))
    time = np.array(times)
    poor = probability < settings.threshold
    low, high = interval(poor, max(1, round(_BLOCK / settings.every)), np.random.default_rng([settings.seed, 21]))
    longest = stretches(time, probability, settings)
    return Timeline(settings, time, probability, thumbnails, float(poor.mean()), low, high, longest, samples.skipped)


def interval(poor: np.ndarray, block: int, rng: np.random.Generator, draws: int = _DRAWS) -> tuple[float, float]:
    """95 % percentile interval of the mean of a series, from circular blocks of `block` neighbours drawn anew.

    Frames that follow one another resemble each other, so that a binomial interval would be too narrow (Politis and
    Romano, A circular block-resampling procedure for stationary data, 1992).
    """
    count = len(poor)
    block = min(block, count)
    sums = np.cumsum(np.concatenate([[0], poor, poor[: block - 1]]))
    of_block = (sums[block:] - sums[:-block]) / block  # (count,) means of the blocks that start at each place
    means = of_block[rng.integers(0, count, (draws, max(1, round(count / block))))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def stretches(time: np.ndarray, probability: np.ndarray, settings: Settings) -> tuple[Stretch, ...]:
    """Runs of frames below the threshold, the longest first; a frame that is missing ends a run."""
    poor = probability < settings.threshold
    follows = np.append(False, np.diff(time) < 1.5 * settings.every)
    starts = np.flatnonzero(poor & ~(np.append(False, poor[:-1]) & follows))
    ends = np.flatnonzero(poor & ~(np.append(poor[1:], False) & np.append(follows[1:], False)))
    found = [
        Stretch(
            float(time[a]),
            float(time[b] + settings.every),
            float(probability[a : b + 1].mean()),
            int(a + np.argmin(probability[a : b + 1])),
        )
        for a, b in zip(starts, ends, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-one.seconds, one.start)))


def write_tables(found: Timeline, out: Path) -> None:
    """Write ``timeline.csv`` and ``stretches.csv``."""
    poor = found.probability < found.settings.threshold
    rows = zip(found.time.tolist(), found.probability.round(6).tolist(), (~poor).astype(int).tolist(), strict=True)
    table.write(out / "timeline.csv", ("time", "probability", "informative"), rows)
    listed = [(one.start, one.end, one.seconds, round(one.probability, 6)) for one in found.stretches]
    table.write(out / "stretches.csv", ("start", "end", "seconds", "probability"), listed)


def _jpeg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels[..., ::-1]).resize(_THUMBNAIL).save(stream, "JPEG", quality=80)
    return stream.getvalue()
