"""A synthetic colonoscopy: videos with polyps and without, and their masks, in the layout ``videos``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from data_prep.parallel import Workers
from data_prep.phantoms import colon, mucosa, video
from data_prep.phantoms.folder import made
from ftcaffe.errors import Error
from ftcaffe.store import atomic

_log = logging.getLogger(__name__)

TRAVEL = 2.0  # tube radii that the camera comes forward in a video
# No expert would outline what is smaller, thinner (parts of the frame's side) or darker (grey level) than this.
_SMALLEST, _THINNEST, _DARKEST = 0.06, 0.03, 60


@dataclass(frozen=True)
class Settings:
    """A phantom: seed, how many videos, frames a video, side of a frame in pixels."""

    seed: int = 0
    videos: int = 24
    frames: int = 20
    size: int = 288

    def __post_init__(self) -> None:
        if self.videos < 1 or self.frames < 1:
            raise Error("a phantom needs at least one video of one frame", remedy="mend --videos or --frames")
        if self.size < 64 or self.size % 2:
            raise Error(f"--size {self.size}: the side of a frame is even and at least 64")


def write(folder: Path, settings: Settings, jobs: int = 1) -> None:
    """Write the phantom into `folder`, whole; nothing is done when it is there already.

    Every fourth video shows no polyp, and is listed in ``negatives.txt``; the others show one or two.

    Raises
    ------
    Error : the folder holds something else.
    """
    record = {"application": "polyp", **asdict(settings)}
    names = [f"video{number:02d}" for number in range(1, settings.videos + 1)]
    polyps = [_polyps(settings.seed, number) for number in range(settings.videos)]
    with made(folder, record) as beside:
        if beside is None:
            return
        for part in ("videos", "masks"):
            (beside / part).mkdir(parents=True)
        tasks = [(beside, name, number, polyps[number], settings) for number, name in enumerate(names)]
        with Workers(jobs) as workers:
            for _ in workers.each(_write_video, tasks, "videos"):
                pass
        negatives = "".join(f"{name}\n" for name, count in zip(names, polyps, strict=True) if not count)
        atomic.write_text(beside / "negatives.txt", negatives)
    _log.info(
        "%s: %d videos of %d frames, %d of them with polyps",
        folder,
        settings.videos,
        settings.frames,
        sum(map(bool, polyps)),
    )


def frames(seed: int, number: int, polyps: int, count: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The frames of one video: image (uint8, size × size × 3, BGR) and mask (bool)."""
    rng = np.random.default_rng([seed, number, 1])
    wall = mucosa.wall(rng, TRAVEL + colon.FARTHEST + 0.5, polyps)
    border = _border(rng, size)
    lens = _vignette(size)
    tint = 1 + rng.normal(0, 0.025, 3)
    for pose in _course(rng, count):
        light, lesion = colon.render(wall, pose, size)
        pixels = _camera(light * lens * tint, border, rng)
        yield pixels, _outlined(lesion, border, pixels)


def _polyps(seed: int, number: int) -> int:
    if number % 4 == 3:
        return 0
    return 1 + int(np.random.default_rng([seed, number, 0]).random() < 0.4)


def _write_video(task: tuple[Path, str, int, int, Settings]) -> None:
    folder, name, number, polyps, settings = task
    if polyps:
        (folder / "masks" / name).mkdir()

    def images() -> Iterator[np.ndarray]:
        made = frames(settings.seed, number, polyps, settings.frames, settings.size)
        for index, (pixels, mask) in enumerate(made):
            if polyps:
                Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / name / f"{index:04d}.png")
            yield pixels

    video.write(folder / "videos" / f"{name}.avi", images())


def _course(rng: np.random.Generator, count: int) -> Iterator[colon.Pose]:
    """The camera's way: forward with stops, the tip swaying, the lamp breathing."""
    steps = np.clip(rng.normal(1, 0.6, count), 0, None)
    depth = TRAVEL * np.cumsum(steps) / max(steps.sum(), 1e-6) * rng.uniform(0.6, 1.0)
    sway = [_smooth(rng, count, amplitude) for amplitude in (0.2, 0.2, 0.25, 0.18, 0.18, 0.12)]
    roll = rng.uniform(0, 2 * np.pi)
    bend = rng.normal(0, 0.16, 2)
    for i in range(count):
        tilt_x, tilt_y, turn, bend_x, bend_y, lamp = (float(s[i]) for s in sway)
        yield colon.Pose(
            float(depth[i]), (tilt_x, tilt_y), roll + turn, (bend[0] + bend_x, bend[1] + bend_y), 1.5 * (1 + lamp)
        )


def _smooth(rng: np.random.Generator, count: int, amplitude: float) -> np.ndarray:
    wave = ndimage.gaussian_filter1d(rng.standard_normal(count + 16), 4)[8 : count + 8]
    return amplitude * wave * 2.6


def _border(rng: np.random.Generator, size: int) -> np.ndarray:
    """The part of the frame that the scope shows: a disc or an octagon, float 0–1 with a soft edge."""
    y, x = (np.mgrid[:size, :size] + 0.5) * 2 / size - 1
    if rng.random() < 0.5:
        reach = np.hypot(x, y) / 0.99
    else:
        reach = np.maximum(np.maximum(abs(x), abs(y)) / 0.96, (abs(x) + abs(y)) / rng.uniform(1.4, 1.6))
    return np.clip((1 - reach) * size / 4, 0, 1).astype(np.float32)


def _vignette(size: int) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] + 0.5) * 2 / size - 1
    return (1 - 0.35 * np.clip(x**2 + y**2, 0, 1.6) ** 1.5)[..., None].astype(np.float32)


def _camera(light: np.ndarray, border: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What the camera makes of the light: defocus, motion blur, tone curve, noise, border; uint8 BGR."""
    sigma = rng.choice([0.5, 0.8, 1.6], p=[0.6, 0.3, 0.1])
    image = ndimage.gaussian_filter(light, (sigma, sigma, 0))
    image = ndimage.uniform_filter1d(image, int(rng.choice([1, 3, 5], p=[0.6, 0.3, 0.1])), axis=int(rng.integers(2)))
    image = np.clip(1 - np.exp(-1.25 * np.clip(image, 0, None)), 0, 1) ** 0.95
    image = image * 255 + rng.normal(0, 2.0, image.shape)
    return np.ascontiguousarray(np.clip(image * border[..., None], 0, 255).astype(np.uint8)[..., ::-1])


def _outlined(lesion: np.ndarray, border: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """The mask that an expert would draw: each polyp's visible part, filled, where there is enough of it to tell."""
    mask = np.zeros(lesion.shape, bool)
    thin = max(1, round(_THINNEST / 2 * len(mask)))
    for number in range(1, int(lesion.max()) + 1):
        part = ndimage.binary_opening((lesion == number) & (border > 0.5), iterations=thin)
        part = ndimage.binary_fill_holes(part)
        if part.sum() >= (_SMALLEST * len(mask)) ** 2 and pixels[part].max(axis=1).mean() >= _DARKEST:
            mask |= part
    return mask
