"""What the candidate step finds with settings about those in use, so that a group can choose its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from data_prep.candidates import emboli
from data_prep.parallel import Workers
from data_prep.readers.scans import Scan
from ftcaffe.errors import located

_log = logging.getLogger(__name__)

SURROUNDS = (-0.1, 0.0, 0.1)  # tried beside the setting in use
CONTRASTS = (-100, -50, 0, 50, 100)  # HU


@dataclass(frozen=True)
class Tried:
    """What one volume gives with one setting: candidates, those in emboli, and which emboli they hit."""

    candidates: int
    hits: int
    hit: frozenset[int]


def calibrate(scans: Sequence[Scan], changed: Sequence[str], jobs: int) -> None:
    """Log, for settings about those in use, candidates a volume, hits an embolus, sensitivity; then what is missed.

    The paper's figures are the aim: 51.7 candidates a volume, 2.1 hits an embolus.
    """
    used = emboli.settings(changed)
    settings = [
        replace(used, surround=round(used.surround + s, 3), contrast=used.contrast + c)
        for s, c in product(SURROUNDS, CONTRASTS)
    ]
    with Workers(jobs) as workers:
        results = list(workers.each(_try, [(scan, settings) for scan in scans], "volumes"))
    marked = sum(len(there) for there, _ in results)
    bearing = sum(bool(there) for there, _ in results)
    _log.info("%d volumes, %d of them with %d emboli", len(scans), bearing, marked)
    _log.info("surround  contrast  candidates/volume  hits/embolus  sensitivity")
    for k, tried in enumerate(settings):
        of_setting = [by_setting[k] for _, by_setting in results]
        count, hits = (sum(getattr(t, name) for t in of_setting) for name in ("candidates", "hits"))
        hit = sum(len(t.hit) for t in of_setting)
        told = (tried.surround, tried.contrast, count / len(scans), hits / max(marked, 1), hit / max(marked, 1))
        mark = "  in use" if tried == used else ""
        _log.info("%8.2f  %8g  %17.1f  %12.2f  %11.3f%s", *told, mark)
    here = settings.index(used)
    for scan, (there, by_setting) in zip(scans, results, strict=True):
        missed = sorted(there - by_setting[here].hit)
        if missed:
            _log.info("%s/%s: no candidate in embolus %s", scan.unit, scan.name, ", ".join(map(str, missed)))


def _try(task: tuple[Scan, list[emboli.Settings]]) -> tuple[frozenset[int], list[Tried]]:
    scan, settings = task
    volume, labels = scan.read()
    there = frozenset() if labels is None else frozenset(np.setdiff1d(np.unique(labels), 0).tolist())
    with located(scan.path):
        found = emboli.clusters(volume, settings[0])
    tried = []
    for one in settings:
        kept = emboli.merge(volume, [c for c in found if emboli.accepts(c, one)], one.merge)
        inside = [0 if labels is None else int(labels[tuple(c.index)]) for c in kept]
        tried.append(Tried(len(kept), sum(k > 0 for k in inside), frozenset(inside) - {0}))
    return there, tried
