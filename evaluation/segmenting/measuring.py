"""Thickness of the wall in new images by a trained run, with the picture of every region that was measured."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from evaluation.drawing import panel
from evaluation.segmenting import interfaces, proposal, tracing
from evaluation.segmenting.tracing import Mapping, Traced
from evaluation.statistics.boundary import thickness
from ftcaffe.errors import Error
from ftcaffe.store import atomic, regions, table
from ftcaffe.store.regions import Picture, Region

_log = logging.getLogger(__name__)

COLUMNS = ("image", "region", "x", "y", "width", "height", "mm_per_pixel", "thickness_mm", "least_mm", "most_mm",
           "columns", "crossed", "at_border", "confidence", "maps")  # fmt: skip
_DOUBTFUL = 0.5
"""Mean probability of the interfaces along their traces below which a region is warned of (assumed)."""
_PROPOSED = (255, 220, 0)


def measure(
    pictures: Iterator[Picture],
    mapping: Mapping,
    places: Sequence[int],
    side: float,
    size: tuple[int, int],
    maps: str,
    out: Path,
    trace: interfaces.Settings | None = None,
) -> None:
    """Trace the wall in every region of the pictures.

    Written are ``thickness.csv``, a row a region, and of each region its panel and its traces (column, and the rows
    of both interfaces, in pixels of the image). `at_border` counts the columns in which a trace lies on the region's
    edge, beyond which the wall may be; `confidence` is the mean probability of the interfaces along their traces, low
    where the net sees no wall. A picture without a region gets one proposed, drawn into a picture of its own;
    it is not measured, since nobody has looked at it.

    Parameters
    ----------
    mapping : from a region to class probabilities, whose interfaces are `places`.
    side : of a patch, pixels. size : (width, height) of a region that is proposed.
    maps : how regions are mapped, for the table.
    out : folder.
    trace : see `interfaces.Settings`.

    Raises
    ------
    Error : a region outside its picture or smaller than a patch; no region was given, after all are proposed.
    """
    rows: list[tuple[object, ...]] = []
    without: list[tuple[Picture, proposal.Proposal]] = []
    for picture in pictures:
        if not picture.boxes:
            without.append((picture, _proposed(picture, size, out)))
        for number, box in enumerate(picture.boxes, 1):
            region = regions.cut(picture, box, "", number, side)
            found = tracing.traced(mapping(region), places, trace or interfaces.Settings())
            name = f"{picture.name}_{number}"
            _save(panel.panel(region, found), out / f"{name}.png")
            _traces(region, found, out / f"{name}.csv")
            rows.append(_row(region, found, maps))
    if rows:
        table.write(out / "thickness.csv", COLUMNS, rows)
        _log.info("%s: %d regions measured", out / "thickness.csv", len(rows))
    if without:
        picture, one = without[0]
        many = f" ({len(without)} images have none)" if len(without) > 1 else ""
        raise Error(
            f"has no region to measure{many}: one is proposed in {out / _proposal_name(picture)}, its wall "
            f"{one.contrast:.0f} grey levels clear",
            picture.path,
            remedy=f"look at it, and if it is right give --roi {','.join(map(str, one.box))}",
        )


def _row(region: Region, found: Traced, maps: str) -> tuple[object, ...]:
    height, width = region.shape
    upper, lower = found.rows
    mm = thickness(upper, lower).calibrated(region.spacing)
    lengths = (round(value, 4) for value in (mm.mean, mm.least, mm.most))
    place = (region.image, region.region, region.x, region.y, width, height, region.spacing)
    at_border = int(((found.rows <= 0) | (found.rows >= height - 1)).any(axis=0).sum())
    if at_border:
        _log.warning(
            "%s, region %s: a trace runs along the region's border: the wall leaves it", region.image, region.region
        )
    confidence = float(np.take_along_axis(found.confidence, found.rows.round().astype(int)[:, None], axis=1).mean())
    if confidence < _DOUBTFUL:
        _log.warning(
            "%s, region %s: the net is not sure of what it traces: mean probability %.2f",
            region.image,
            region.region,
            confidence,
        )
    return (*place, *lengths, mm.columns, mm.crossed, at_border, round(confidence, 3), maps)


def _traces(region: Region, found: Traced, path: Path) -> None:
    """In pixels of the image, its first pixel being (0, 0)."""
    columns = region.x + np.arange(region.shape[1])
    rows = np.round(region.y + found.rows, 3)
    table.write(path, ("x", "li", "ma"), zip(columns.tolist(), *rows.tolist(), strict=True))


def _proposal_name(picture: Picture) -> str:
    return f"{picture.name}_proposal.png"


def _proposed(picture: Picture, size: tuple[int, int], out: Path) -> proposal.Proposal:
    one = proposal.propose(picture, size)
    drawn = Image.fromarray(np.repeat(picture.pixels[..., None], 3, axis=2))
    x, y, width, height = one.box
    ImageDraw.Draw(drawn).rectangle((x, y, x + width - 1, y + height - 1), outline=_PROPOSED)
    _save(np.asarray(drawn), out / _proposal_name(picture))
    return one


def _save(pixels: np.ndarray, path: Path) -> None:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    atomic.write_bytes(path, content.getvalue())
