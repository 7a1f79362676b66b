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

SURROUNDS = (0.0, 0.1, 0.2, 0.35, 0.5)  # tried beside the setting in use
CONTRASTS = (-100, -50, -25, 0, 30, 60, 100)  # HU
# The paper's: 6,255 candidates in 121 volumes; 687 of them in 326 emboli.
CANDIDATES, HITS = 51.7, 2.11


@dataclass(frozen=True)
class Tried:
    """What one volume gives with one setting: candidates, those in emboli, and which emboli they hit."""

    candidates: int
    hits: int
    hit: frozenset[int]


def calibrate(scans: Sequence[Scan], used: emboli.Settings, jobs: int) -> None:
    """Log, for several settings, candidates a volume, hits an embolus, sensitivity; then what those in use miss.

    The paper's figures are the aim; which setting comes nearest to both, by ratio, is said.
    """
    settings = [
        replace(used, surround=s, contrast=c)
        for s, c in product(sorted({*SURROUNDS, used.surround}), sorted({*CONTRASTS, used.contrast}))
    ]
    with Workers(jobs) as workers:
        results = list(workers.each(_try, [(scan, settings) for scan in scans], "volumes"))
    marked = sum(len(there) for there, _ in results)
    bearing = sum(bool(there) for there, _ in results)
    _log.info("%d volumes, %d of them with %d emboli", len(scans), bearing, marked)
    _log.info("surround  contrast  candidates/volume  hits/embolus  sensitivity")
    default, off = emboli.Settings(), []
    for k, tried in enumerate(settings):
        of_setting = [by_setting[k] for _, by_setting in results]
        count, hits = (sum(getattr(t, name) for t in of_setting) for name in ("candidates", "hits"))
        hit = sum(len(t.hit) for t in of_setting)
        told = (tried.surround, tried.contrast, count / len(scans), hits / max(marked, 1), hit / max(marked, 1))
        mark = "  default" if (tried.surround, tried.contrast) == (default.surround, default.contrast) else ""
        mark += "  in use" if tried == used else ""
        off.append(abs(np.log(max(told[2], 0.1) / CANDIDATES)) + abs(np.log(max(told[3], 0.01) / HITS)))
        _log.info("%8.2f  %8g  %17.1f  %12.2f  %11.3f%s", *told, mark)
    best = settings[int(np.argmin(off))]
    nearest = f"--set surround={best.surround:g} --set contrast={best.contrast:g}"
    _log.info("nearest to the paper's %g and %g: %s", CANDIDATES, HITS, nearest)
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
