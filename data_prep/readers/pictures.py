"""New ultrasound images to be measured: one file, or a table of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data_prep.readers import ultrasound
from data_prep.readers.cubs import roi as read_roi
from ftcaffe.errors import Error
from ftcaffe.store import table
from ftcaffe.store.regions import Picture

_COLUMNS = ("image", "mm_per_pixel", "roi")


def read(source: Path, roi: str | None, spacing: float | None, frame: int) -> Iterator[Picture]:
    """The pictures of an image file, a DICOM file, or a CSV file ``image,mm_per_pixel,roi``.

    Parameters
    ----------
    roi : ``x,y,width,height`` in pixels. spacing : height of a pixel in millimetres. frame : of a DICOM file.
        Of a table, each row has its own.

    Raises
    ------
    Error : a file that cannot be read, a colour image, no calibration.
    """
    if source.suffix.lower() == ".csv":
        if roi is not None or spacing is not None or frame:
            raise Error("has regions and calibrations of its own", source, remedy="leave out --roi, --mm-per-pixel")
        yield from _of_table(source)
        return
    boxes = () if roi is None else (_option(roi),)
    if spacing is not None:
        ultrasound.checked(spacing, source)
    yield _picture(source, source.name.split(".")[0], boxes, spacing, frame)


def _of_table(source: Path) -> Iterator[Picture]:
    grouped: dict[tuple[str, str], list[tuple[int, dict[str, str]]]] = {}
    for line, row in table.rows(source, _COLUMNS):
        grouped.setdefault((row["image"], row.get("frame") or "0"), []).append((line, row))
    for (image, frame), rows in grouped.items():
        line, first = rows[0]
        spacing = None
        if first["mm_per_pixel"]:
            value = table.number(first["mm_per_pixel"].replace(",", "."), source, line, "mm_per_pixel")
            spacing = ultrasound.checked(value, source, line)
        boxes = tuple(read_roi(row["roi"], source, number) for number, row in rows if row["roi"])
        name = Path(image).with_suffix("").as_posix().replace("/", "_") + (f"_{frame}" if frame != "0" else "")
        number = table.whole(frame, source, line, "frame")
        yield _picture(source.parent / image, name, boxes, spacing, number)


def _picture(path: Path, name: str, boxes: tuple[ultrasound.Box, ...], spacing: float | None, frame: int) -> Picture:
    found = ultrasound.read(path)
    part = None
    if boxes:
        x, y, width, height = boxes[0]
        part = (x, y, x + width, y + height)
    pixels = found.grey(frame, part)
    return Picture(name, path, pixels, found.spacing(part) if spacing is None else spacing, boxes)


def _option(text: str) -> ultrasound.Box:
    try:
        x, y, width, height = map(int, text.split(","))
    except ValueError:
        raise Error(f"--roi '{text}' is no region", remedy="write x,y,width,height in pixels") from None
    return x, y, width, height
