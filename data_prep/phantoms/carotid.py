"""A synthetic data set of longitudinal carotid B-mode images, in the layout of CUBS' clinical set.

Each image shows tissue, the near wall, the lumen and the far wall, whose two bright lines are the lumen-intima (LI)
and the media-adventitia (MA) interface, the latter at the upper edge of the bright adventitia. Thickness varies from
subject to subject, tilt, gain and calibration from image to image; lines break where the wall does not face the
beam, shadows cross the image, haze and reverberations fill the lumen, and tissue has streaks of its own.
`SEGMENTATIONS` holds the traces of two experts, who err smoothly and trace a stretch of the wall only, and the
simulated truth.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from data_prep.parallel import Workers
from data_prep.phantoms import speckle
from data_prep.phantoms.folder import made
from ftcaffe.errors import Error
from ftcaffe.store import atomic

_log = logging.getLogger(__name__)

EXPERTS = ("Manual-A1", "Manual-A2")
TRUTH = "GT-phantom"
_HEIGHT, _WIDTH = 320, 400
_EXPERT = 0.5  # pixels, deviation of an expert's smooth error


@dataclass(frozen=True)
class Settings:
    """A phantom: seed, and how many subjects, each with an image of the left and of the right side."""

    seed: int = 0
    subjects: int = 24

    def __post_init__(self) -> None:
        if self.subjects < 3:
            raise Error(f"--subjects {self.subjects}: at least 3 are needed, one to train, to validate and to test")


@dataclass(frozen=True, eq=False)
class Scan:
    """One image.

    pixels : uint8, height × width.
    li, ma : (width,) rows of the interfaces, pixel centres at whole numbers.
    spacing : millimetres a pixel.
    """

    pixels: np.ndarray
    li: np.ndarray
    ma: np.ndarray
    spacing: float


def write(folder: Path, settings: Settings, jobs: int = 1) -> None:
    """Write the phantom into `folder`, whole; nothing is done when it is there already.

    Raises
    ------
    Error : the folder holds something else.
    """
    with made(folder, {"application": "cimt", **asdict(settings)}) as beside:
        if beside is None:
            return
        for part in ("IMAGES", "CF", *(f"SEGMENTATIONS/{name}" for name in (*EXPERTS, TRUTH))):
            (beside / part).mkdir(parents=True)
        tasks = [(beside, settings.seed, subject) for subject in range(settings.subjects)]
        with Workers(jobs) as workers:
            for _ in workers.each(_write_subject, tasks, "subjects"):
                pass
    _log.info("%s: %d images of %d subjects", folder, 2 * settings.subjects, settings.subjects)


def scan(seed: int, subject: int, side: int) -> Scan:
    """An image of a subject's left (0) or right (1) carotid."""
    person = np.random.default_rng([seed, subject])
    thick, bore = person.uniform(0.62, 1.15), person.uniform(5.2, 7.2)  # mm
    rng = np.random.default_rng([seed, subject, side])
    spacing = round(float(rng.uniform(0.052, 0.068)), 4)
    x = np.arange(_WIDTH)
    slope, bend = rng.normal(0, 0.05), rng.normal(0, 4.0)
    wall = rng.uniform(185, 205) + slope * (x - _WIDTH / 2) + bend * ((x / _WIDTH - 0.5) ** 2) * 4
    li = wall + _wander(rng, _WIDTH, 1.3)
    thickness = max(thick * rng.normal(1, 0.06), 0.5) / spacing
    ma = li + thickness * (1 + _wander(rng, _WIDTH, 0.06))
    near = li - bore / spacing + _wander(rng, _WIDTH, 1.5)
    echo = _echo(rng, near, li, ma, thickness)
    gain = rng.normal(-3, 3)
    return Scan(speckle.compressed(speckle.envelope(echo), gain), li, ma, spacing)


def _echo(rng: np.random.Generator, near: np.ndarray, li: np.ndarray, ma: np.ndarray, thickness: float) -> np.ndarray:
    """The complex echo of the whole image; amplitude 1 is the brightest tissue."""
    y = np.arange(_HEIGHT)[:, None].astype(float)

    def after(edge: np.ndarray) -> np.ndarray:
        return np.clip(y - edge + 0.5, 0, 1)

    tissue = 0.09 * np.exp(_texture(rng, 0.55))
    beyond = y - ma
    adventitia = 0.75 * np.exp(-beyond / rng.uniform(7, 14)) + 0.16
    adventitia = np.maximum(adventitia * np.exp(_texture(rng, 0.35)), tissue)
    # Blood gives nothing but noise and, under the near wall, its reverberation.
    lumen = 0.006 + 0.05 * rng.uniform(0.3, 1.4) * np.exp(-(y - near) / 18) + 0.02 * np.exp((y - li) / 9)
    media = rng.uniform(0.02, 0.055) + 0.04 * np.exp(-(y - li) / 3)
    inner = thickness * 0.9
    strength = np.where(y < near - inner, np.maximum(tissue, 0.6 * np.exp((y - near + inner) / 9)), tissue)
    strength = np.where((y >= near - inner) & (y < near), 0.07, strength)
    for edge, inside in ((near, lumen), (li, media), (ma, adventitia)):
        strength = strength + after(edge) * (inside - strength)
    echo = speckle.field(strength * _light(rng, y), rng)
    facing = [_facing(rng) for _ in range(3)]
    for edge, line in ((li, 0.42 * facing[0]), (ma, 0.5 * facing[1]), (near, 0.3 * facing[2])):
        phase = np.exp(1j * 2 * np.pi * _wander(rng, _WIDTH, 0.25))
        echo = echo + line * phase * np.exp(-0.5 * ((y - edge) / speckle.AXIAL) ** 2)
    for _ in range(rng.integers(1, 4)):  # reverberation: a faint line within the lumen, parallel to the near wall
        row = near + rng.uniform(0.15, 0.85) * float(np.mean(li - near))
        echo = echo + 0.07 * _facing(rng) * np.exp(-0.5 * ((y - row) / 1.3) ** 2)
    return echo * _shadow(rng)


def _facing(rng: np.random.Generator) -> np.ndarray:
    """(width,) how strongly a surface answers: nothing where it turns away from the beam, in some stretches."""
    wave = _wander(rng, _WIDTH, 1.0, 14)
    return np.clip(0.75 + 0.45 * wave, 0.04, 1.2)


def _shadow(rng: np.random.Generator) -> np.ndarray:
    """(width,) what of the sound comes through what lies above: dark stripes down the image."""
    through = np.ones(_WIDTH)
    for _ in range(rng.integers(0, 3)):
        middle, width = rng.uniform(0, _WIDTH), rng.uniform(6, 22)
        through *= 1 - rng.uniform(0.4, 0.8) * np.exp(-0.5 * ((np.arange(_WIDTH) - middle) / width) ** 2)
    return through


def _light(rng: np.random.Generator, y: np.ndarray) -> np.ndarray:
    """height × width: the depth gain is set a little wrong, and wrong otherwise across the image."""
    down = np.exp(rng.normal(0, 0.2) * (y / _HEIGHT - 0.5))
    return down * np.exp(_wander(rng, _WIDTH, 0.12, 40))


def _texture(rng: np.random.Generator, amplitude: float) -> np.ndarray:
    """height × width: layers and streaks of tissue, longer than high."""
    wave = ndimage.gaussian_filter(rng.standard_normal((_HEIGHT, _WIDTH)), (2.5, 22))
    return amplitude * wave / wave.std()


def _wander(rng: np.random.Generator, count: int, amplitude: float, smooth: float = 30) -> np.ndarray:
    """(count,) a smooth random line of mean 0 whose standard deviation is about `amplitude`."""
    reach = int(4 * smooth)
    wave = ndimage.gaussian_filter1d(rng.standard_normal(count + 2 * reach), smooth)[reach:-reach]
    return amplitude * wave * np.sqrt(2 * np.sqrt(np.pi) * smooth)


def _write_subject(task: tuple[Path, int, int]) -> None:
    folder, seed, subject = task
    for side, letter in enumerate("LR"):
        name = f"clin_{subject + 1:04d}_{letter}"
        one = scan(seed, subject, side)
        Image.fromarray(one.pixels).save(folder / "IMAGES" / f"{name}.tiff")
        atomic.write_text(folder / "CF" / f"{name}_CF.txt", f"{one.spacing:g} \n")
        rng = np.random.default_rng([seed, subject, side, 1])
        for expert in EXPERTS:
            start, end = sorted(rng.integers((8, _WIDTH - 60), (40, _WIDTH - 8)).tolist())
            columns = np.unique(np.linspace(start, end, rng.integers(22, 34)).round().astype(int))
            for interface, rows in (("LI", one.li), ("MA", one.ma)):
                drawn = rows + rng.normal(0, 0.25) + _wander(rng, _WIDTH, _EXPERT, 16)
                _write_profile(folder / "SEGMENTATIONS" / expert / f"{name}-{interface}.txt", columns, drawn[columns])
        for interface, rows in (("LI", one.li), ("MA", one.ma)):
            path = folder / "SEGMENTATIONS" / TRUTH / f"{name}-{interface}.txt"
            _write_profile(path, np.arange(_WIDTH), rows)


def _write_profile(path: Path, columns: np.ndarray, rows: np.ndarray) -> None:
    """A point a line, coordinates from 1 as in MATLAB."""
    points = zip(columns + 1, rows + 1, strict=True)
    atomic.write_text(path, "".join(f"{x} {y:.3f}\n" for x, y in points))
