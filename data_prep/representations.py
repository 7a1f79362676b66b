"""A candidate's neighbourhood as a patch of three channels: planes along and across its vessel, or the patient's.

The vessel-aligned representation of [18] has two channels, a longitudinal and a cross-sectional plane, of which the
second is repeated for a net of three [paper]; the standard one (Fig. 3) has the axial, coronal and sagittal plane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image

from data_prep import vessel
from data_prep.readers.volume import Volume
from ftcaffe.errors import Error

REPRESENTATIONS = ("vessel", "planes")
AUGMENTATIONS = ("full", "centred", "none")


@dataclass(frozen=True)
class Settings:
    """How patches are cut. The first of several is the one where a patch stands alone.

    widths : mm of a plane's side [paper].
    shifts : parts of the width, along the vessel; the paper has three of up to 20 %, which three is assumed.
    rotations : degrees about the vessel; the paper has six, which six is assumed: after 180 planes repeat, mirrored.
    window : HU that are black and white; assumed, a usual one for emboli.
    samples : on a side of a plane, before it is scaled to the net's input; assumed.
    """

    widths: tuple[float, ...] = (15, 10, 20)
    shifts: tuple[float, ...] = (0, -0.2, 0.2)
    rotations: tuple[float, ...] = (0, 30, 60, 90, 120, 150)
    window: tuple[float, ...] = (-250, 450)
    samples: int = 32

    def __post_init__(self) -> None:
        if min(self.widths) <= 0:
            raise Error("patches.widths: a plane is wider than 0 mm", remedy="such as --set patches.widths=15,10,20")
        if len(self.window) != 2 or self.window[0] >= self.window[1]:
            raise Error("patches.window: HU of black and of white", remedy="such as --set patches.window=-250,450")
        if self.samples < 2 or self.samples % 1:
            raise Error("patches.samples: a whole number from 2 on", remedy="such as --set patches.samples=32")


@dataclass(frozen=True)
class Augmentation:
    """How one patch is cut.

    width : mm.
    shift : part of the width by which the planes' centre is moved along the first direction.
    rotation : degrees about that direction.
    drawn : 0 for a way that every candidate is cut in; 1 for one drawn at random, for more positives.
    """

    width: float
    shift: float
    rotation: float
    drawn: int = 0


DEFAULT = Settings()


def _product(*choices: Sequence[float]) -> tuple[Augmentation, ...]:
    return tuple(Augmentation(width, shift, rotation) for width, shift, rotation in product(*choices))


def augmentations(name: str, settings: Settings = DEFAULT) -> tuple[Augmentation, ...]:
    """``full``, the paper's 54 patches a candidate; ``centred`` and ``none``, for where time or disk is short."""
    widths, shifts, rotations = settings.widths, settings.shifts, settings.rotations
    return {
        "full": _product(widths, shifts, rotations),
        "centred": _product(widths, shifts[:1], rotations),
        "none": _product(widths[:1], shifts[:1], rotations[:1]),
    }[name]


def drawn(count: int, rng: np.random.Generator, settings: Settings = DEFAULT) -> tuple[Augmentation, ...]:
    """Ways of cutting with a random shift and rotation, within the ranges of the others."""
    width = rng.choice(settings.widths, count)
    shift = rng.uniform(min(settings.shifts), max(settings.shifts), count)
    rotation = rng.uniform(0, 180, count)
    return tuple(
        Augmentation(float(w), round(float(s), 4), round(float(r), 2), 1)
        for w, s, r in zip(width, shift, rotation, strict=True)
    )


def sections(
    volume: Volume,
    position: np.ndarray,
    frame: np.ndarray,
    chosen: Sequence[Augmentation],
    representation: str,
    samples: int = DEFAULT.samples,
) -> np.ndarray:
    """The planes of a candidate, in HU.

    Parameters
    ----------
    position : (3,) mm, LPS.
    frame : (3, 3), rows v1 along the vessel, v2, v3 across it (`vessel.frame`); not used for ``planes``.
    chosen : n ways of cutting.
    representation : ``vessel``: span(v1, u(θ)) and span(u(θ), u(θ + 90°)), as `vessel.directions` has them.
        ``planes``: the same about the patient's long axis: axial, coronal, sagittal at θ = 0.

    Returns
    -------
    float32 (n, 2 or 3, samples, samples).
    """
    if representation == "planes":
        frame = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    turned = [vessel.directions(frame, how.rotation) for how in chosen]
    along, u, w = (np.stack([directions[k] for directions in turned]) for k in range(3))
    width = np.array([how.width for how in chosen])
    centres = position + along * (width * [how.shift for how in chosen])[:, None]
    upright = -along  # heads are up
    pairs = [(along, u), (u, w)] if representation == "vessel" else [(u, w), (u, upright), (w, upright)]
    return np.stack([vessel.planes(volume, centres, across, down, width, samples) for across, down in pairs], axis=1)


def windowed(hu: np.ndarray, window: Sequence[float] = DEFAULT.window) -> np.ndarray:
    """Gray values (uint8) of HU."""
    low, high = window
    return np.clip(np.rint((hu - low) * np.float32(255 / (high - low))), 0, 255).astype(np.uint8)


def cuts(
    volume: Volume,
    position: np.ndarray,
    frame: np.ndarray,
    chosen: Sequence[Augmentation],
    representation: str,
    size: int,
    settings: Settings = DEFAULT,
) -> Iterator[np.ndarray]:
    """The patch (uint8, 3 × size × size) of each way of cutting, bilinearly scaled; see `sections`."""
    hu = sections(volume, position, frame, chosen, representation, settings.samples)
    for channels in windowed(hu, settings.window):
        scaled = [np.asarray(Image.fromarray(c).resize((size, size), Image.Resampling.BILINEAR)) for c in channels]
        yield np.stack([scaled[min(k, len(scaled) - 1)] for k in range(3)])
