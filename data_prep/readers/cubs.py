"""The layouts of carotid data sets: each turns a source into its scans, images with the traces of their experts.

``cubs``
    CUBS, the clinical set of 2021 (``IMAGES``, ``SEGMENTATIONS/<method>``, ``CF``) and the technical one of 2022
    (``images``, ``LIMA-Profiles/<method>``, ``CF``), one of them or both, in any letter case and at any depth; its
    authors' variant with ``<method>-LIMA-Profiles`` and ``<image>-GTLI.txt`` too. ``clin_0001_L`` and
    ``clin_0001_R`` are one subject, each ``tech_001`` is one. Of its folds, `fold` reads one.
``csv``
    The source is a CSV file, ``unit,image,li,ma,mm_per_pixel,roi``, with paths relative to it, a row an expert's
    traces of an image or of a region of it. ``roi`` is ``x y width height`` in pixels or empty; ``mm_per_pixel`` may
    be empty where a DICOM file says it. Columns ``expert`` and ``frame`` (from 0) are optional.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_prep.readers import profiles, ultrasound
from data_prep.readers.image import IMAGE_SUFFIXES, numerical
from ftcaffe.errors import Error
from ftcaffe.store import table

_log = logging.getLogger(__name__)

INTERFACES = ("LI", "MA")

_SIDE = re.compile(r"_[LR]$", re.IGNORECASE)
_PROFILE = re.compile(r"^(?P<image>.+?)-(?:GT)?(?P<interface>LI|MA)$", re.IGNORECASE)
_METHODS = frozenset({"segmentations", "lima-profiles"})
_OF_METHOD = "-lima-profiles"
_LISTS = {"trainlist": "train", "vallist": "val", "testlist": "test"}
_JUNK = re.compile(r"^(?:\.|__macosx$)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Scan:
    """An image as the pipeline takes it.

    pixels : uint8, height × width.
    spacing : height of a pixel in millimetres.
    experts : for each, (2, width) rows of LI and MA in pixels, nan where not traced.
    """

    pixels: np.ndarray
    spacing: float
    experts: dict[str, np.ndarray]


@dataclass(frozen=True)
class Source:
    """Where an image of a subject and its traces are.

    unit, image : names. path : of the image. frame : of a DICOM file with several.
    traces : (expert, LI file, MA file) of each expert.
    spacing : height of a pixel in millimetres, a file that says it, or None where the image does.
    rois : x, y, width, height of the regions that are laid down; empty where they are to be placed.
    base : the number of the first pixel in the trace files.
    """

    unit: str
    image: str
    path: Path
    traces: tuple[tuple[str, Path, Path], ...]
    spacing: float | Path | None
    frame: int = 0
    rois: tuple[ultrasound.Box, ...] = ()
    base: float = field(default=profiles.BASE, kw_only=True)

    def files(self) -> list[Path]:
        """The files that are read."""
        traced = [path for _, *pair in self.traces for path in pair]
        return [self.path, *traced, *([self.spacing] if isinstance(self.spacing, Path) else [])]

    def read(self) -> Scan:
        """The image, its calibration and its traces.

        Raises
        ------
        Error : a file that cannot be read, a colour image, no calibration, a trace outside the image, LI and MA
            without a column in common, MA above LI.
        """
        found = ultrasound.read(self.path)
        box = None
        if self.rois:
            x, y, width, height = self.rois[0]
            box = (x, y, x + width, y + height)
        pixels = found.grey(self.frame, box)
        if isinstance(self.spacing, Path):
            spacing = ultrasound.checked(profiles.number(self.spacing), self.spacing)
        else:
            spacing = found.spacing(box) if self.spacing is None else self.spacing
        experts = {}
        for expert, *pair in self.traces:
            shape = (pixels.shape[0], pixels.shape[1])
            rows = np.stack([profiles.rows(profiles.read(path, self.base), shape, path) for path in pair])
            _in_order(rows, pair)
            experts[expert] = rows
        return Scan(pixels, spacing, experts)


def read(layout: str, source: Path, experts: Sequence[str], base: float) -> list[Source]:
    """The images of `source` in the named layout, by unit and image.

    Parameters
    ----------
    experts : names of those whose traces count, for CUBS; a table names its own.
    base : the number of the first pixel in the trace files.

    Raises
    ------
    Error : the source does not have that layout, or no image has a trace of these experts.
    """
    layouts: dict[str, Callable[[Path, Sequence[str], float], list[Source]]] = {"cubs": _cubs, "csv": _csv}
    found = layouts[layout](source, experts, base)
    return sorted(found, key=lambda one: (numerical(one.unit), numerical(one.image)))


def fold(folder: Path, sources: Sequence[Source]) -> dict[str, str]:
    """The split of each subject by one of CUBS' folds, a folder with TrainList.txt, ValList.txt and TestList.txt.

    A list has the name of an image a line, with any suffix; names that are not among the sources belong to the other
    of the two sets.

    Raises
    ------
    Error : a list is missing, or a subject's images are in two of them.
    """
    lists = {_LISTS[path.stem.lower()]: path for path in _files(folder) if path.stem.lower() in _LISTS}
    for split in ("train", "test"):
        if split not in lists:
            what = f"has no {split.capitalize()}List.txt"
            raise Error(what, folder, remedy="give a folder of CUBS' Folds, such as Folds/f0, or a table unit,split")
    units = {one.image: one.unit for one in sources}
    found: dict[str, str] = {}
    for split, path in lists.items():
        for line, text in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
            unit = units.get(Path(text.strip()).stem)
            if unit is not None and found.setdefault(unit, split) != split:
                what = (
                    f"puts '{text.strip()}' in {split}, and another image of the subject {unit} is in {found[unit]}"
                )
                raise Error(what, path, line=line, remedy="write a table unit,split with each subject in one")
    return found


def _cubs(source: Path, experts: Sequence[str], base: float) -> list[Source]:
    if not source.is_dir():
        raise Error("is no folder", source, remedy="give the folder of CUBS, or --layout csv")
    images: dict[str, Path] = {}
    factors: dict[str, Path] = {}
    traces: dict[tuple[str, str, str], Path] = {}
    for path in _files(source):
        folder, above = path.parent.name.lower(), path.parent.parent.name.lower()
        if folder == "images" and path.suffix.lower() in IMAGE_SUFFIXES:
            _once(images, path.stem, path)
        elif folder == "cf" and path.suffix.lower() == ".txt":
            _once(factors, re.sub(r"_CF$", "", path.stem, flags=re.IGNORECASE), path)
        elif (above in _METHODS or folder.endswith(_OF_METHOD)) and path.suffix.lower() == ".txt":
            named = _PROFILE.match(path.stem)  # not the regions of interest, <image>_rect
            if named:
                key = (folder.removesuffix(_OF_METHOD), named["image"], named["interface"].upper())
                _once(traces, key, path)
    if not images:
        raise Error("has no folder IMAGES with images", source, remedy="give the folder of CUBS, or --layout csv")
    found = []
    for stem, path in images.items():
        pairs = []
        for expert in experts:
            pair = [traces.get((expert.lower(), stem, interface)) for interface in INTERFACES]
            if pair[0] is not None and pair[1] is not None:
                pairs.append((expert, pair[0], pair[1]))
            elif pair[0] is not None or pair[1] is not None:
                there = next(trace for trace in pair if trace is not None)
                raise Error("has no trace of the other interface beside it", there, remedy="add it")
        if not pairs:
            continue
        if stem not in factors:
            raise Error("has no calibration", path, remedy=f"add CF/{stem}_CF.txt with its millimetres per pixel")
        found.append(Source(_SIDE.sub("", stem), stem, path, tuple(pairs), factors[stem], base=base))
    if not found:
        methods = ", ".join(sorted({method for method, _, _ in traces})) or "none"
        wanted = ", ".join(experts)
        raise Error(f"has no image with traces of {wanted}", source, remedy=f"name others in --experts: {methods}")
    if len(found) < len(images):
        _log.info(
            "%s: %d of %d images have no traces of these experts", source, len(images) - len(found), len(images)
        )
    return found


def _csv(source: Path, experts: Sequence[str], base: float) -> list[Source]:
    needed = ("unit", "image", "li", "ma", "mm_per_pixel", "roi")
    groups: dict[tuple[str, int], list[tuple[int, dict[str, str]]]] = {}
    for line, row in table.rows(source, needed):
        frame = table.whole(row.get("frame") or "0", source, line, "frame")
        groups.setdefault((row["image"], frame), []).append((line, row))
    found = []
    for (image, frame), rows in groups.items():
        line, first = rows[0]
        for other, row in rows:
            for name in ("unit", "mm_per_pixel"):
                if row[name] != first[name]:
                    what = f"gives image '{image}' another {name} than line {line}"
                    raise Error(what, source, line=other, remedy="mend one of the rows")
        spacing = None
        if first["mm_per_pixel"]:
            text = first["mm_per_pixel"].replace(",", ".")
            spacing = ultrasound.checked(table.number(text, source, line, "mm_per_pixel"), source, line)
        traces = {
            (row.get("expert") or "expert", source.parent / row["li"], source.parent / row["ma"]): None
            for _, row in rows
        }
        if len({expert for expert, _, _ in traces}) < len(traces):
            what = f"gives image '{image}' two traces of one expert"
            raise Error(what, source, line=rows[-1][0], remedy="name the experts in a column 'expert'")
        rois = {roi(row["roi"], source, number): None for number, row in rows if row["roi"]}
        name = Path(image).with_suffix("").as_posix().replace("/", "_") + (f"_{frame}" if frame else "")
        path = source.parent / image
        found.append(Source(first["unit"], name, path, tuple(traces), spacing, frame, tuple(rois), base=base))
    if not found:
        raise Error("has no rows", source, remedy="write a row an image")
    return found


def roi(text: str, path: Path, line: int) -> ultrasound.Box:
    """The box x, y, width, height in a cell or an option; `Error` when it is none."""
    words = re.split(r"[\s;,]+", text.strip())
    if len(words) != 4:
        raise Error(f"'{text}' is no region", path, line=line, remedy="write x y width height, in pixels")
    x, y, width, height = (table.whole(word, path, line, "roi") for word in words)
    return x, y, width, height


def _in_order(rows: np.ndarray, paths: Sequence[Path]) -> None:
    gap, (li_path, ma_path) = rows[1] - rows[0], paths
    if np.isnan(gap).all():
        raise Error(f"has no column in common with {li_path.name}", ma_path, remedy="trace both along one stretch")
    if np.nanmin(gap) < 0:
        column = int(np.nanargmin(gap))
        raise Error(
            f"lies above {li_path.name} at column {column}",
            ma_path,
            remedy="the media-adventitia interface of the far wall is the lower one: are the files exchanged",
        )


def _once(found: dict, key: object, path: Path) -> None:
    if found.setdefault(key, path) != path:
        raise Error(f"is there a second time, as {found[key]}", path, remedy="remove one of the copies")


def _files(folder: Path) -> list[Path]:
    """Every file below a folder but those that systems leave there."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in sorted(paths) if not any(_JUNK.match(part) for part in path.relative_to(folder).parts)]
