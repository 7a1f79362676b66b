"""The candidates of a scan, labelled by the emboli that are marked in it; what the candidate step did in all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep import vessel
from data_prep.candidates import emboli, points
from data_prep.candidates.points import Point
from data_prep.manifest import CandidateRow, ImageRow
from data_prep.readers.scans import Scan
from ftcaffe.errors import located


def examine(
    task: tuple[Scan, Path | None, str, emboli.Settings, list[Point] | None],
) -> tuple[ImageRow, list[CandidateRow], str]:
    """The row of a scan, those of its candidates, labelled, without a split yet, and a digest of its emboli's voxels.

    Parameters
    ----------
    task : the scan; a file of candidates and what its coordinates are, or None; settings of the generator; the points
        that the file gives for this scan, or None where the generator finds them.
    """
    scan, table, coordinates, settings, given = task
    volume, labels = scan.read()
    there = np.empty(0, int) if labels is None else np.flatnonzero(labels)
    marks = hashlib.sha256(there.tobytes()).hexdigest() if len(there) else ""
    shown = 0 if labels is None else len(np.unique(labels.ravel()[there]))
    found: list[tuple[str, np.ndarray, np.ndarray, np.ndarray, float]] = []
    if given is None:
        with located(scan.path):
            for one in emboli.find(volume, settings):
                found.append((one.name, one.index, one.position, one.frame, one.score))
    else:
        assert table is not None
        for point in given:
            position = points.position(point, volume, coordinates, table)
            index = np.rint(volume.to_index(position)).astype(int)
            found.append(
                (point.name, index, position, vessel.frame(volume, index, None, settings.vessel), point.score)
            )
    rows = []
    for name, index, position, frame, score in found:
        lesion = 0 if labels is None else int(labels[tuple(index)])
        geometry = tuple(round(float(v), 6) for v in (*position, *frame[0], *frame[1]))
        rows.append(
            CandidateRow(
                scan.unit, scan.name, name, "", int(lesion > 0), str(lesion or ""), round(score, 6), geometry
            )
        )
    return ImageRow(scan.unit, scan.name, "", shown), rows, marks


def summary(images: Sequence[ImageRow], found: Sequence[CandidateRow], table: Path | None = None) -> list[str]:
    """What the candidate step did, in lines: how many, how many true, how many emboli they find."""
    emboli = sum(image.lesions for image in images)
    hits = [row for row in found if row.label]
    hit = {(row.unit, row.image, row.lesion) for row in hits}
    bearing = sum(image.lesions > 0 for image in images)
    told = [
        f"{len(images)} volumes of {len({image.unit for image in images})} patients, {bearing} with {emboli} emboli",
        f"{table or 'tobogganing'}: {len(found)} candidates, {len(found) / max(len(images), 1):.1f} a volume"
        f" (the paper: 51.7); {len(hits)} in emboli, {len(hits) / max(emboli, 1):.2f} an embolus (2.11)",
        f"sensitivity of the candidates: {len(hit)} of {emboli} emboli",
    ]
    return told
