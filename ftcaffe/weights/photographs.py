"""A data set for the stand-in weights: which of scikit-image's photographs is this a piece of?

The photographs ship inside scikit-image; nothing is downloaded. A piece is a square of random place and size, turned
and mirrored at random, with random gain in each colour so that its mean colour does not give it away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ftcaffe import __version__
from ftcaffe.errors import Error
from ftcaffe.store import atomic, datum, lmdb, mean

APPLICATION = "photographs"
PHOTOGRAPHS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "rocket.jpg",
)
HELD_OUT = 0.25
"""Part of each photograph, at its right, that only validation pieces come from."""

SIDES = (40, 120)
"""Smallest and largest side of a piece, in pixels of the photograph."""


def write(work: Path, size: int, pieces: int, seed: int) -> None:
    """Write the data folder of `APPLICATION` (docs/design.md, "On disk"), unless it is there already.

    Parameters
    ----------
    size : side of the records.
    pieces : training records; a tenth as many validate.
    """
    folder = work / "data" / APPLICATION
    arguments = {"size": size, "pieces": pieces, "seed": seed, "photographs": [path.name for path in shipped()]}
    described = folder / "dataset.json"
    if described.exists() and json.loads(described.read_text())["arguments"] == arguments:
        return
    photographs = [Image.open(path).convert("RGB") for path in shipped()]
    digest = hashlib.sha256()
    counts = {"train": pieces, "val": pieces // 10}
    for split, count in counts.items():
        random = np.random.default_rng([seed, len(split)])
        lmdb.write(folder / f"{split}.lmdb", _records(photographs, split, size, count, random, digest))
    mean.write(folder / "mean.binaryproto", mean.compute(lmdb.Records(folder / "train.lmdb")))
    record = {
        "application": APPLICATION,
        "classes": [path.stem for path in shipped()],
        "positive": 0,
        "layout": "scikit-image",
        "arguments": arguments,
        "seed": seed,
        "input": {"channels": 3, "size": size},
        "fractions": {"1.0": {"lmdb": f"data/{APPLICATION}/train.lmdb", "records": pieces}},
        "counts": counts,
        "mean": f"data/{APPLICATION}/mean.binaryproto",
        "digest": digest.hexdigest(),
        "versions": {"ftcaffe": __version__},
    }
    atomic.write_text(described, json.dumps(record, indent=2) + "\n")


def shipped() -> list[Path]:
    """The photographs that the installed scikit-image carries."""
    import skimage.data

    above = Path(skimage.data.__file__).parent
    found = [above / name for name in PHOTOGRAPHS if (above / name).exists()]
    if len(found) < 2:
        raise Error("scikit-image's photographs are not there", above, remedy="install scikit-image anew")
    return found


def _records(
    photographs: list[Image.Image],
    split: str,
    size: int,
    count: int,
    random: np.random.Generator,
    digest: hashlib._Hash,
) -> Iterator[tuple[bytes, bytes]]:
    for index, label in enumerate(random.permutation(np.arange(count) % len(photographs)).tolist()):
        value = datum.encode(piece(photographs[label], split, size, random), label)
        digest.update(value)
        yield f"{index:08d}".encode(), value


def piece(photograph: Image.Image, split: str, size: int, random: np.random.Generator) -> np.ndarray:
    """A random piece (uint8, 3 × size × size, BGR) of a photograph's part for ``train`` or ``val``."""
    width, height = photograph.size
    border = round(width * (1 - HELD_OUT))
    part = photograph.crop((0, 0, border, height) if split == "train" else (border, 0, width, height))
    side = random.uniform(SIDES[0], min(SIDES[1], *part.size))
    x, y = random.uniform(0, part.width - side), random.uniform(0, height - side)
    square = part.resize((size, size), Image.Resampling.BILINEAR, box=(x, y, x + side, y + side))
    pixels: np.ndarray = np.rot90(np.asarray(square, np.float32), int(random.integers(4)))
    if random.integers(2):
        pixels = pixels[:, ::-1]
    gain, offset = random.uniform(0.6, 1.4, 3), random.uniform(-30, 30)
    pixels = (pixels - 128) * gain * random.uniform(0.7, 1.3) + 128 + offset
    return np.ascontiguousarray(np.clip(pixels, 0, 255).astype(np.uint8)[..., ::-1].transpose(2, 0, 1))
