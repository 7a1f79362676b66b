"""The far wall of the carotid artery: consensus of experts, regions along it, classes of its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_prep.manifest import CandidateRow
from data_prep.readers.cubs import Scan
from data_prep.readers.ultrasound import Box
from ftcaffe.errors import Error
from ftcaffe.store import regions
from ftcaffe.store.regions import Region

BACKGROUND, LI, MA = 0, 1, 2
UNLABELLED = -1

_ABOVE_BELOW = 10  # pixels of a placed region above LI and below MA, at least


def consensus(experts: Mapping[str, np.ndarray]) -> np.ndarray:
    """The mean of the experts' traces (2 × width), nan in columns that one of them did not trace."""
    return np.mean(list(experts.values()), axis=0)


def placed(truth: np.ndarray, height: int, size: tuple[int, int], count: int) -> list[Box]:
    """Regions evenly along the stretch that was traced: x, y, width, height of each.

    They do not overlap: there are fewer than `count` where the stretch is short, and one that is narrower than asked
    for where it is shorter still. A region is centred on the wall, and higher than asked for where the wall is steep.

    Parameters
    ----------
    truth : (2, width of the image) rows of LI and MA. height : of the image. size : (width, height) of a region.
    """
    traced = np.flatnonzero(~np.isnan(truth).any(axis=0))
    if not len(traced):
        return []
    start, length = int(traced[0]), int(traced[-1] - traced[0] + 1)
    wide = min(size[0], length)
    number = max(1, min(count, length // wide))
    spare = length - number * wide
    found = []
    for place in range(number):
        # The stretch that is left over lies before, between and after them in equal parts.
        x = start + place * wide + round(spare * (place + 1) / (number + 1))
        top, bottom = np.nanmin(truth[0, x : x + wide]), np.nanmax(truth[1, x : x + wide])
        high = min(height, max(size[1], int(np.ceil(bottom - top)) + 2 * _ABOVE_BELOW))
        y = int(np.clip(round((top + bottom) / 2 - high / 2), 0, height - high))
        found.append((x, y, wide, high))
    return found


def cut(scan: Scan, boxes: Sequence[Box], names: tuple[str, str], side: float, path: Path) -> list[Region]:
    """The traced regions of an image, without a split yet.

    Parameters
    ----------
    boxes : x, y, width, height of each, pixels. names : unit and image. side : of a patch, pixels.
    path : of the image, named in errors.

    Raises
    ------
    Error : a region outside the image or smaller than a patch, or one in which no column has a consensus.
    """
    unit, image = names
    truth = consensus(scan.experts)
    picture = regions.Picture(image, path, scan.pixels, scan.spacing, tuple(boxes))
    found = []
    for number, box in enumerate(boxes, 1):
        region = regions.cut(picture, box, unit, number, side)
        inside = _within(truth, *box)
        if np.isnan(inside).any(axis=0).all():
            x, y, width, height = box
            what = f"has a region in which no column is traced by every expert, {width}×{height} at ({x}, {y})"
            raise Error(what, path, remedy="trace both interfaces in it, or leave it out")
        experts = {name: _within(traces, *box) for name, traces in scan.experts.items()}
        found.append(replace(region, truth=inside, experts=experts))
    return found


def classes(truth: np.ndarray, height: int, band: int, far: float) -> np.ndarray:
    """The class of each pixel of a region: int8, height × width.

    Rows within `band` of an interface's nearest row are of its class, of the nearer one where both are as near;
    rows at least `far` from both are background; what lies between, and columns that were not traced, are
    `UNLABELLED`.

    Parameters
    ----------
    truth : (2, width) rows of LI and MA.
    band, far : pixels (both assumed; the paper says "far from the interfaces").
    """
    away = np.abs(np.arange(height)[:, None] - np.round(truth)[:, None])  # interface × row × column
    nearest = np.where(away[1] <= away[0], MA, LI)
    distance = away.min(axis=0)  # nan in columns without both
    found = np.full(distance.shape, UNLABELLED, np.int8)
    found[distance >= far] = BACKGROUND
    near = distance <= band
    found[near] = nearest[near]
    return found


def sampled(label: np.ndarray, truth: np.ndarray, each: int, rng: np.random.Generator) -> np.ndarray:
    """Pixels of a region, as many of each class: (n, 3) integers row, column, class, by class, row and column.

    Of each interface up to `each` pixels are drawn; of the background as many as of the more frequent interface, with
    equal parts from the lumen above the wall, from between the interfaces and from the tissue below as far as these
    have them.
    """
    picked = [_drawn(np.argwhere(label == which), each, rng) for which in (LI, MA)]
    wanted = max(len(part) for part in picked)
    place = np.argwhere(label == BACKGROUND)
    above = place[:, 0] < truth[0, place[:, 1]]
    below = place[:, 0] > truth[1, place[:, 1]]
    parts = sorted((place[above], place[~above & ~below], place[below]), key=len)
    background: list[np.ndarray] = []
    for number, part in enumerate(parts):  # what a small part lacks is shared among the larger ones
        share = -(-(wanted - sum(map(len, background))) // (len(parts) - number))
        background.append(_drawn(part, share, rng))
    rows = [(BACKGROUND, np.concatenate(background)), (LI, picked[0]), (MA, picked[1])]
    return np.concatenate(
        [np.column_stack([part[np.lexsort(part.T[::-1])], np.full(len(part), which)]) for which, part in rows]
    )


def thinned(rows: Sequence[CandidateRow], most: int) -> list[CandidateRow]:
    """Up to `most` rows of each class, evenly over their order."""
    kept: list[CandidateRow] = []
    for label in sorted({row.label for row in rows}):
        of_class = [row for row in rows if row.label == label]
        places = np.linspace(0, len(of_class) - 1, min(len(of_class), most)).round().astype(int)
        kept += [of_class[place] for place in places]
    return kept


def _drawn(places: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    return places if len(places) <= count else places[rng.choice(len(places), count, replace=False)]


def _within(traces: np.ndarray, x: int, y: int, width: int, height: int) -> np.ndarray:
    """Traces of an image in a region's own rows; nan in the columns in which an interface leaves it."""
    inside = traces[:, x : x + width] - y
    inside[:, ((inside < 0) | (inside > height - 1)).any(axis=0)] = np.nan
    return inside
