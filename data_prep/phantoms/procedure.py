"""Synthetic procedures: whole videos whose view is lost and found again, with what spoils it at every frame."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from data_prep.parallel import Workers
from data_prep.phantoms import colon, mucosa, spoiled, video
from data_prep.phantoms.folder import made
from data_prep.readers.frames import frame_name
from ftcaffe.errors import Error
from ftcaffe.store import table

_log = logging.getLogger(__name__)

# Pixels: the view, and the frame around it with the black border of a scope.
_VIEW, _FRAME, _AT = (240, 168), (288, 216), (28, 20)
_RATE = 1  # frames a second
_TRAVEL = 6.0  # tube radii that the camera goes forward and back
# Seconds that a stretch lasts on average, and how it comes and goes.
_CLEAR, _SPOILED, _RAMP = 14.0, 12.0, 2.0
_INFORMATIVE = 0.5  # severity below which an expert would call the frame informative


@dataclass(frozen=True)
class Settings:
    """A phantom: seed, how many procedures, their length in minutes, seconds between labels."""

    seed: int = 0
    videos: int = 8
    minutes: float = 4.0
    every: float = 5.0

    def __post_init__(self) -> None:
        if self.videos < 1 or self.minutes * 60 < 10:
            raise Error("a phantom needs a video of ten seconds at least", remedy="mend --videos or --minutes")
        if self.every < 1 / _RATE:
            raise Error(f"--every {self.every:g}: the videos have {_RATE} frame a second")

    @property
    def frames(self) -> int:
        """Of a video."""
        return round(self.minutes * 60 * _RATE)


@dataclass(frozen=True)
class Truth:
    """What spoils a frame: ``clear`` or one of `spoiled.CAUSES`, and how much, 0 to 1."""

    cause: str
    severity: float

    @property
    def label(self) -> str:
        """As an expert would give it."""
        return "informative" if self.severity < _INFORMATIVE else "non-informative"


def write(folder: Path, settings: Settings, jobs: int = 1) -> None:
    """Write ``videos/``, ``truth.csv`` (every frame) and ``labels.csv`` (those at the times of `every`), whole.

    Raises
    ------
    Error : the folder holds something else.
    """
    with made(folder, {"application": "frames", **asdict(settings)}) as beside:
        if beside is None:
            return
        (beside / "videos").mkdir()
        names = [f"procedure{number:02d}" for number in range(1, settings.videos + 1)]
        tasks = [(beside, name, number, settings) for number, name in enumerate(names)]
        with Workers(jobs) as workers:
            truths = dict(zip(names, workers.each(_write_video, tasks, "videos"), strict=True))
        rows = [
            (name, k / _RATE, one.cause, round(one.severity, 3), one.label)
            for name, truth in truths.items()
            for k, one in enumerate(truth)
        ]
        table.write(beside / "truth.csv", ("unit", "time", "cause", "severity", "label"), rows)
        times = np.arange(0, (settings.frames - 1) / _RATE + 1e-6, settings.every)
        labels = [
            (name, frame_name(time), truth[int(time * _RATE + 1e-6)].label)
            for name, truth in truths.items()
            for time in times.tolist()
        ]
        table.write(beside / "labels.csv", ("unit", "image", "label"), labels)
    good = sum(label == "informative" for *_, label in labels)
    _log.info(
        "%s: %d videos of %g minutes, %d frames with a label, %d of them informative",
        folder,
        settings.videos,
        settings.minutes,
        len(labels),
        good,
    )


def frames(seed: int, number: int, count: int) -> Iterator[tuple[np.ndarray, Truth]]:
    """The frames of one video (uint8, height × width × 3, BGR, with a black border) and what spoils each."""
    rng = np.random.default_rng([seed, number, 1])
    wall = mucosa.wall(rng, _TRAVEL + colon.FARTHEST + 0.5, 0)
    tint, exposure = 1 + rng.normal(0, 0.04, 3), rng.uniform(1.2, 1.7)
    depth = _TRAVEL * 0.5 * (1 - np.cos(2 * np.pi * np.linspace(0, 1, count)))
    sway = [spoiled.smooth(rng, count, size) for size in (0.3, 0.3, 0.5, 0.2, 0.2)]
    roll = rng.uniform(0, 2 * np.pi)
    noise, focus = rng.uniform(1.0, 4.0, count), rng.uniform(0.4, 1.3, count)
    for k, truth in enumerate(_course(rng, count)):
        tilt_x, tilt_y, turn, bend_x, bend_y = (float(wave[k]) for wave in sway)
        pose = colon.Pose(float(depth[k]), (tilt_x, tilt_y), roll + turn, (bend_x, bend_y), exposure)
        light, _ = colon.render(wall, pose, _VIEW[0])
        top = (_VIEW[0] - _VIEW[1]) // 2
        light = light[top : top + _VIEW[1]] * tint
        pixels = spoiled.camera(spoiled.spoil(light, truth.cause, truth.severity, rng), focus[k], noise[k], rng)
        frame = np.zeros((_FRAME[1], _FRAME[0], 3), np.uint8)
        x, y = _AT
        frame[y : y + _VIEW[1], x : x + _VIEW[0]] = pixels
        yield frame, truth


def _course(rng: np.random.Generator, count: int) -> list[Truth]:
    """Good view and lost view in turn; a lost stretch has one cause, each in its turn, and comes and goes."""
    truths: list[Truth] = []
    left: list[str] = []
    while len(truths) < count:
        left = left or rng.permutation(spoiled.CAUSES).tolist()
        for _ in range(1 + round(rng.exponential(_CLEAR) * _RATE)):
            truths.append(Truth("clear", float(rng.uniform(0, 0.1))))
        cause, worst = left.pop(), rng.uniform(0.65, 1.0)
        length = 2 + round(rng.exponential(_SPOILED) * _RATE)
        for k in range(length):
            ramp = min(1.0, (k + 1) / (_RAMP * _RATE), (length - k) / (_RAMP * _RATE))
            truths.append(Truth(cause, float(np.clip(worst * ramp + rng.normal(0, 0.06), 0.05, 1))))
    return truths[:count]


def _write_video(task: tuple[Path, str, int, Settings]) -> list[Truth]:
    folder, name, number, settings = task
    truths: list[Truth] = []

    def images() -> Iterator[np.ndarray]:
        for pixels, truth in frames(settings.seed, number, settings.frames):
            truths.append(truth)
            yield pixels

    video.write(folder / "videos" / f"{name}.avi", images(), _RATE)
    return truths
