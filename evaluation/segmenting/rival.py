"""The handcrafted rival (`wall_edges`) in every test region, kept as a run's traces are."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from evaluation.scoring import runs
from evaluation.segmenting import tracing, wall_edges
from evaluation.segmenting.tracing import Traced, Traces
from ftcaffe.errors import Error
from ftcaffe.store import regions
from ftcaffe.store.regions import Region

NAME = "handcrafted"


def trace(application: str, work: Path, settings: wall_edges.Settings | None = None) -> tuple[Path, bool]:
    """Trace every test region of a prepared data set, into ``rivals/APP/handcrafted/traces.h5``.

    Parameters
    ----------
    settings : of the edges; None for those of the traces that are there, else the defaults.

    Returns
    -------
    path, made : the file, and False when it was there already, of these data and settings.

    Raises
    ------
    Error : no data, or a region in which no two edges fit.
    """
    data = work / "data" / application
    digest = runs.read_json(data / "dataset.json")["digest"]
    path = work / "rivals" / application / NAME / "traces.h5"
    chosen = settings or wall_edges.Settings()
    how = json.dumps(asdict(chosen), sort_keys=True)
    if path.is_file():
        there = tracing.read(path)
        if there.dataset == digest and (settings is None or there.settings == how):
            return path, False
    tested = regions.read(data / "regions.h5", "test")
    found = tuple(_traced(region, chosen) for region in tested)
    names = tuple(region.name for region in tested)
    tracing.write(path, Traces(NAME, "", "gradient", digest, names, found, how))
    return path, True


def _traced(region: Region, settings: wall_edges.Settings) -> Traced:
    try:
        found = wall_edges.trace(region.pixels, settings)
    except ValueError as error:
        raise Error(f"region {region.name}: {error}", remedy="set another gap or upper part: --trace") from None
    strength = wall_edges.strength(region.pixels, settings.edge_sigma)
    return Traced(
        confidence=np.stack([strength, strength]).astype(np.float32),
        start=np.stack([found.start_li, found.start_ma]),
        rows=np.stack([found.li.rows, found.ma.rows]),
    )
