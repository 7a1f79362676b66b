"""Emboli in a new volume (``ftcaffe apply pe``): candidates, patches, a run's probabilities; a table and a sheet."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep import assumed, representations, sheet
from data_prep.assumed import Assumed
from data_prep.candidates import emboli
from data_prep.readers.scans import Scan
from ftcaffe.application import Probabilities
from ftcaffe.errors import located
from ftcaffe.store import table

_log = logging.getLogger(__name__)

COLUMNS = ("rank", "x_mm", "y_mm", "z_mm", "x", "y", "z", "score")
SHOWN = 20


def detect(
    dataset: Mapping[str, Any],
    source: Path,
    series: str | None,
    changed: Sequence[str],
    probabilities: Probabilities,
    out: Path,
) -> None:
    """Write ``detections.csv`` and ``detections.png`` of a volume into `out`.

    Parameters
    ----------
    dataset : ``dataset.json`` of the run's data: candidates are found and cut as those were.
    source : a volume's file, or the folder of a DICOM series.
    changed : of what is assumed, over the data's own, by name (`assumed.read`).

    The table has a row a candidate, best first: its place in mm (LPS) and in the file's own voxels from 0, and the
    mean over its patches of the embolus's probability.
    """
    arguments = dataset["arguments"]
    settings = Assumed.of(arguments["set"] | assumed.read(changed))
    name = source.name.split(".")[0]
    volume = Scan(name, name, source, None, series=series).ct()
    with located(source):
        found = emboli.find(volume, settings.candidates)
    chosen = representations.augmentations(arguments["augment"], settings.patches)
    size, representation = dataset["input"]["size"], arguments["representation"]
    score = np.empty(0)
    if found:
        patches = (
            patch
            for one in found
            for patch in representations.cuts(
                volume, one.position, one.frame, chosen, representation, size, settings.patches
            )
        )
        score = probabilities(patches)[:, dataset["positive"]].astype(float).reshape(len(found), -1).mean(axis=1)
    order = np.argsort(-score, kind="stable")
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for rank, k in enumerate(order, 1):
        voxel = volume.mm_to_stored(found[k].position)
        rows.append((rank, *(f"{v:.2f}" for v in found[k].position), *(f"{v:.1f}" for v in voxel), f"{score[k]:.6f}"))
    table.write(out / "detections.csv", COLUMNS, rows)
    top = order[:SHOWN]
    pictures = [
        (f"{rank}: {score[k]:.3f}", sheet.tiles(volume, found[k].position, found[k].frame, settings.patches))
        for rank, k in enumerate(top, 1)
    ]
    half = -(-len(pictures) // 2)
    sheet.draw(out / "detections.png", [(f"{name}: best first", pictures[:half]), ("", pictures[half:])])
    _log.info("%s: %d candidates, the best %.3f", source, len(found), score[order[0]] if len(score) else 0)
    _log.info("%s: detections.csv, detections.png", out)
