"""Speed of candidates and patches of a CT volume, and the memory that the candidates take.

    OMP_NUM_THREADS=1 python benchmarks/volumes.py

Candidates of a synthetic volume of 512×512×400, on one core. Patches, 54 a candidate, against a loop of
`scipy.ndimage.map_coordinates`, a call a plane, over the same planes in the same run; they take turns, and the table
holds the medians.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from data_prep import representations, vessel
from data_prep.candidates import emboli
from data_prep.phantoms import pe
from data_prep.readers.volume import Volume

SHAPE, SPACING = (400, 512, 512), (0.8, 0.7, 0.7)
SIZE = 67
ROUNDS = 5
SETTINGS = emboli.Settings(surround=0.1, contrast=-25)  # as demo/pe has them: the phantom's vessels are thin


def whole() -> Volume:
    """A phantom on a clinical grid: each slice at the size of an adult, the chest mirrored upwards to fill it."""
    small, _ = pe.patient(pe.Settings(spacing=0.7), 1)
    rng = np.random.default_rng(0)
    width = small.array.shape[2]
    factors = (SHAPE[2] / width, SHAPE[2] / width)
    grown = np.full((len(small.array), *SHAPE[1:]), -1000, np.int16)
    for section, target in zip(small.array, grown, strict=True):
        large = ndimage.zoom(section.astype(np.float32), factors, order=1)[: SHAPE[1], : SHAPE[2]]
        large += rng.normal(0, 15, large.shape)
        target[: large.shape[0], : large.shape[1]] = large
    times = -(-SHAPE[0] // len(grown))
    array = np.concatenate([grown if k % 2 == 0 else grown[::-1] for k in range(times)])[: SHAPE[0]]
    return Volume(array, np.array(SPACING), np.zeros(3), np.eye(3)[:, ::-1])


def ours(volume: Volume, found: Sequence[emboli.Embolus]) -> int:
    """Cut every patch of the candidates; returns how many."""
    ways = representations.augmentations("full")
    return sum(
        1 for one in found for _ in representations.cuts(volume, one.position, one.frame, ways, "vessel", SIZE)
    )


def plain(volume: Volume, found: Sequence[emboli.Embolus]) -> int:
    """The same patches by a loop over planes."""
    samples = representations.DEFAULT.samples
    at = (np.arange(samples) + 0.5) / samples - 0.5
    count = 0
    for one in found:
        for how in representations.augmentations("full"):
            along, u, w = vessel.directions(one.frame, how.rotation)
            centre = one.position + along * how.shift * how.width
            channels = []
            for across, down in ((along, u), (u, w)):
                grid = centre + how.width * (at[:, None, None] * down + at[None, :, None] * across)
                index = volume.to_index(grid)
                hu = ndimage.map_coordinates(volume.array, index.transpose(2, 0, 1), np.float32, 1, cval=-1000)
                image = Image.fromarray(representations.windowed(hu))
                channels.append(np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)))
            np.stack([channels[0], channels[1], channels[1]])
            count += 1
    return count


def main() -> None:
    volume = whole()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    found = emboli.find(volume, SETTINGS)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"candidates of {'×'.join(map(str, SHAPE[::-1]))}: {seconds:.1f} s of one core, {len(found)} found")
    print(f"peak memory of the process {peak / 2**20:.2f} GiB (before: {before / 2**20:.2f})")
    chosen = found[:: max(1, len(found) // 40)][:40]
    rates: dict[str, list[float]] = {"ours": [], "map_coordinates": []}
    for _ in range(ROUNDS):
        for name, cut in (("ours", ours), ("map_coordinates", plain)):
            start = time.process_time()
            rates[name].append(
                cut(volume, chosen[:40] if name == "ours" else chosen[:8]) / (time.process_time() - start)
            )
    mine, theirs = (statistics.median(rates[name]) for name in rates)
    print(f"patches a second of one core: {mine:.0f}; map_coordinates: {theirs:.0f}; ratio {mine / theirs:.1f}")


if __name__ == "__main__":
    main()
