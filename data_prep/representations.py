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

REPRESENTATIONS = ("vessel", "planes")
WIDTHS = (15.0, 10.0, 20.0)  # mm; the middle one first, which alone stands for a candidate where one patch must
SHIFTS = (0.0, -0.2, 0.2)  # parts of the width, along the vessel; the values are assumed
ROTATIONS = tuple(30.0 * k for k in range(6))  # degrees; assumed: after 180 planes repeat, mirrored
WINDOW = (-250.0, 450.0)  # HU that are black and white; assumed, a usual one for emboli
SAMPLES = 32  # on a side of a plane, before it is scaled to the net's input; assumed


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


def _product(*choices: Sequence[float]) -> tuple[Augmentation, ...]:
    return tuple(Augmentation(width, shift, rotation) for width, shift, rotation in product(*choices))


# The paper's 54 patches a candidate, and two thinner sets for where time or disk is short.
AUGMENTATIONS = {
    "full": _product(WIDTHS, SHIFTS, ROTATIONS),
    "centred": _product(WIDTHS, SHIFTS[:1], ROTATIONS),
    "none": _product(WIDTHS[:1], SHIFTS[:1], ROTATIONS[:1]),
}


def drawn(count: int, rng: np.random.Generator) -> tuple[Augmentation, ...]:
    """Ways of cutting with a random shift and rotation, within the ranges of the others."""
    width, shift, rotation = rng.choice(WIDTHS, count), rng.uniform(-0.2, 0.2, count), rng.uniform(0, 180, count)
    return tuple(
        Augmentation(float(w), round(float(s), 4), round(float(r), 2), 1)
        for w, s, r in zip(width, shift, rotation, strict=True)
    )


def sections(
    volume: Volume, position: np.ndarray, frame: np.ndarray, chosen: Sequence[Augmentation], representation: str
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
    float32 (n, 2 or 3, SAMPLES, SAMPLES).
    """
    if representation == "planes":
        frame = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    turned = [vessel.directions(frame, how.rotation) for how in chosen]
    along, u, w = (np.stack([directions[k] for directions in turned]) for k in range(3))
    width = np.array([how.width for how in chosen])
    centres = position + along * (width * [how.shift for how in chosen])[:, None]
    upright = -along  # heads are up
    pairs = [(along, u), (u, w)] if representation == "vessel" else [(u, w), (u, upright), (w, upright)]
    return np.stack([vessel.planes(volume, centres, across, down, width, SAMPLES) for across, down in pairs], axis=1)


def windowed(hu: np.ndarray) -> np.ndarray:
    """Gray values (uint8) of HU."""
    low, high = WINDOW
    return np.clip(np.rint((hu - low) * np.float32(255 / (high - low))), 0, 255).astype(np.uint8)


def cuts(
    volume: Volume,
    position: np.ndarray,
    frame: np.ndarray,
    chosen: Sequence[Augmentation],
    representation: str,
    size: int,
) -> Iterator[np.ndarray]:
    """The patch (uint8, 3 × size × size) of each way of cutting, bilinearly scaled; see `sections`."""
    for channels in windowed(sections(volume, position, frame, chosen, representation)):
        scaled = [np.asarray(Image.fromarray(c).resize((size, size), Image.Resampling.BILINEAR)) for c in channels]
        yield np.stack([scaled[min(k, len(scaled) - 1)] for k in range(3)])
