"""The layouts of polyp data sets: each turns a source into its units, ordered by name.

``videos``
    ``videos/<unit>.<avi|mp4|…>``, and for each unit either ``masks/<unit>/`` with an image a frame, named by its
    number, or a mask video ``masks/<unit>.<avi|…>``. A unit in ``videos`` may also be a folder of frames. Videos
    that show no lesion at all have no masks; they are listed in ``negatives.txt``, a unit a line.
``asu-mayo``
    Videos or folders of frames anywhere (``Frame/<unit>/``), masks in a place with ``GT``, ``masks`` or ``ground
    truth`` in its name (``GT/<unit>/``, ``<unit>_GT/``). Units named ``np…`` are the set's negative videos.
``clinicdb``
    ``Original/<n>.tif`` and ``Ground Truth/<n>.tif`` (or the PNG copy); units are the 29 sequences.
``colondb``, ``etis``
    ``<n>.bmp`` with ``p<n>.bmp`` beside it, or ``images/`` and ``masks/``. The sets do not say which frames belong
    together: a table ``units.csv`` (``image,unit``) in the source does, else the whole set is one unit.
``kvasir-seg``
    ``images/<id>.jpg``, ``masks/<id>.jpg``. The patients are unknown: ``units.csv`` as above, else each image is a
    unit and near-duplicates may fall into two splits.
``csv``
    The source is a CSV file, ``unit,image,mask``, with paths relative to it; an empty mask means no lesion.

Downloads nest folders within folders and mix in other files: folders are looked for at any depth.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from data_prep.readers.image import IMAGE_SUFFIXES, entries, images_in, numerical
from data_prep.readers.units import Stills, Unit, Video
from data_prep.readers.video import VIDEO_SUFFIXES
from ftcaffe.errors import Error
from ftcaffe.store import table

_log = logging.getLogger(__name__)

_MASK_PLACE = re.compile(r"(?:^|[_\- ])(?:gt|ground[_ ]?truth|masks?)(?=$|[_\- ])", re.IGNORECASE)
_GROUPING = re.compile(r"^(?:frames?|images?|original|train|test|videos?|positives?|negatives?)$", re.IGNORECASE)
# CVC-ClinicDB's own read-me: the last frame of each sequence.
_CLINICDB_ENDS = (25, 50, 67, 78, 103, 126, 151, 177, 199, 205, 227, 252, 277, 297, 317, 342, 363, 383, 408, 428, 447,
                  466, 478, 503, 528, 546, 571, 591, 612)  # fmt: skip


def read(layout: str, source: Path) -> list[Unit]:
    """The units of `source` in the named layout; `Error` where it does not have that layout."""
    if not source.exists():
        raise Error("is not there", source, remedy="give the folder (or the CSV file) of the data set")
    if source.is_file() != (layout == "csv"):
        kind = "a CSV file" if layout == "csv" else "a folder"
        raise Error(f"is not {kind}, which the layout '{layout}' needs", source, remedy="choose another --layout")
    units = LAYOUTS[layout](source)
    if not units:
        raise Error(f"holds no data in the layout '{layout}'", source, remedy="choose another --layout")
    return sorted(units, key=lambda unit: numerical(unit.unit))


def _videos(source: Path) -> list[Unit]:
    videos = _folder(source, "videos")
    masks_folder = videos.parent / "masks"
    masks = {_stem(path): path for path in entries(masks_folder)} if masks_folder.is_dir() else {}
    found: dict[str, Path] = {}
    for path in entries(videos):
        if path.is_file() and path.suffix.lower() not in VIDEO_SUFFIXES:
            _log.warning("%s: is no video, left out", path)
        elif found.setdefault(_stem(path), path) != path:
            raise Error(f"is a second video of unit '{_stem(path)}'", path, remedy="rename or remove one")
    return _with_masks(found, masks, _negatives(videos.parent, found), masks_folder)


def _asu_mayo(source: Path) -> list[Unit]:
    found: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    for path in _walk(source):
        is_unit = images_in(path) if path.is_dir() else path.suffix.lower() in VIDEO_SUFFIXES
        if not is_unit:
            continue
        parts = (*path.relative_to(source).parent.parts, _stem(path))
        kind = masks if any(_MASK_PLACE.search(part) for part in parts) else found
        names = (_MASK_PLACE.sub("", part).strip("_- ") for part in reversed(parts))
        name = next((name for name in names if name and not _GROUPING.match(name)), _stem(path))
        if kind.setdefault(name, path) != path:
            what = "masks" if kind is masks else "video"
            raise Error(f"is a second {what} of unit '{name}'", path, remedy="rename or remove one")
    negative = {name for name in found if name.lower().startswith("np")} | _negatives(source, found)
    return _with_masks(found, masks, negative, source)


def _with_masks(found: dict[str, Path], masks: dict[str, Path], negative: set[str], place: Path) -> list[Unit]:
    units: list[Unit] = []
    for name, path in found.items():
        mask = masks.get(name)
        if name in negative and mask is not None:
            raise Error(f"holds masks of unit '{name}', which is declared to show no lesion", mask, remedy="keep one")
        if name not in negative and (mask is None or (mask.is_dir() and not images_in(mask))):
            raise Error(
                f"has no masks (looked in {place})",
                path,
                remedy=f"add its masks, or if it shows no lesion at all write '{name}' into negatives.txt",
            )
        if path.is_file():
            units.append(Video(name, path, mask))
        elif mask is None:
            units.append(Stills(name, tuple((frame.stem, frame, None) for frame in images_in(path))))
        else:
            units.append(Stills(name, tuple(_paired(images_in(path), images_in(mask)))))
    return units


def _negatives(folder: Path, found: Iterable[str]) -> set[str]:
    path = folder / "negatives.txt"
    if not path.exists():
        return set()
    names = {line.strip() for line in path.read_text(encoding="utf-8").splitlines()} - {""}
    unknown = sorted(names.difference(found))
    if unknown:
        raise Error(f"names '{unknown[0]}', and there is no such video", path, remedy="mend the name")
    return names


def _clinicdb(source: Path) -> list[Unit]:
    tif = next((path for path in entries(source) if path.is_dir() and path.name.upper() == "TIF"), source)
    pairs = _pairs_under(tif)
    if len(pairs) != _CLINICDB_ENDS[-1]:
        _log.warning("%s: has %d images, and the whole set has %d", source, len(pairs), _CLINICDB_ENDS[-1])
    sequences: dict[str, list[tuple[str, Path, Path | None]]] = {}
    for name, picture, mask in pairs:
        if not name.isdigit() or not 1 <= int(name) <= _CLINICDB_ENDS[-1]:
            raise Error(
                f"is not named by a number up to {_CLINICDB_ENDS[-1]}", picture, remedy="choose another --layout"
            )
        sequence = 1 + sum(int(name) > end for end in _CLINICDB_ENDS)
        sequences.setdefault(f"sequence{sequence:02d}", []).append((name, picture, mask))
    return [Stills(unit, tuple(images)) for unit, images in sequences.items()]


def _one_unit(source: Path) -> list[Unit]:
    return _by_table(source, lambda name: source.resolve().name)


def _each_its_unit(source: Path) -> list[Unit]:
    return _by_table(source, lambda name: name)


def _by_table(source: Path, otherwise: Callable[[str], str]) -> list[Unit]:
    """Stills grouped by ``units.csv`` where there is one, else by `otherwise` (image name to unit)."""
    path = source / "units.csv"
    listed = {row["image"]: row["unit"] for _, row in table.rows(path, ("image", "unit"))} if path.exists() else None
    units: dict[str, list[tuple[str, Path, Path | None]]] = {}
    for name, picture, mask in _pairs_under(source):
        unit = otherwise(name) if listed is None else listed.get(name)
        if not unit:
            raise Error(f"has no row for image '{name}'", path, remedy="add its unit")
        units.setdefault(unit, []).append((name, picture, mask))
    return [Stills(unit, tuple(images)) for unit, images in units.items()]


def _csv(source: Path) -> list[Unit]:
    units: dict[str, dict[str, tuple[str, Path, Path | None]]] = {}
    for line, row in table.rows(source, ("unit", "image", "mask")):
        if not row["unit"] or not row["image"]:
            raise Error("has no unit or no image", source, line=line, remedy="mend the row")
        path = source.parent / row["image"]
        mask = source.parent / row["mask"] if row["mask"] else None
        images = units.setdefault(row["unit"], {})
        if images.setdefault(path.stem, (path.stem, path, mask))[1:] != (path, mask):
            raise Error(
                f"is a second image '{path.stem}' of unit '{row['unit']}'", source, line=line, remedy="rename it"
            )
    return [Stills(unit, tuple(images.values())) for unit, images in units.items()]


def _pairs_under(source: Path) -> list[tuple[str, Path, Path | None]]:
    """Image and mask pairs anywhere under `source`; masks are told by their folder or by their own name."""
    images: list[Path] = []
    masks: list[Path] = []
    for path in _walk(source):
        if path.is_dir() or path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        folders = path.relative_to(source).parent.parts
        if any(_MASK_PLACE.search(part) for part in folders) or re.fullmatch(
            r"p\d+|.*_(?:mask|polyp)", path.stem, re.I
        ):
            masks.append(path)
        elif not re.fullmatch(r"[sc]\d+", path.stem):  # CVC-ColonDB: non-informative regions, contours
            images.append(path)
    return _paired(images, masks)


def _paired(images: list[Path], masks: list[Path]) -> list[tuple[str, Path, Path | None]]:
    """Pair by stem, in numerical order; `Error` for an image without a mask or two files for one name."""
    by_name: dict[str, Path] = {}
    for path in masks:
        name = re.sub(r"_(?:mask|polyp)$", "", re.sub(r"^p(?=\d+$)", "", path.stem), flags=re.IGNORECASE)
        if by_name.setdefault(name, path) != path:
            raise Error(f"is a second mask of image '{name}'", path, remedy="give the folder of one copy of the set")
    pairs: dict[str, tuple[str, Path, Path | None]] = {}
    for path in images:
        mask = by_name.pop(path.stem, None)
        if path.stem in pairs:
            raise Error(f"is a second image '{path.stem}'", path, remedy="give the folder of one copy of the set")
        if mask is None:
            raise Error("has no mask", path, remedy="add the mask (black where the image shows no lesion)")
        pairs[path.stem] = (path.stem, path, mask)
    if by_name:
        _log.warning(
            "%s: is a mask without an image (one of %d), left out", next(iter(by_name.values())), len(by_name)
        )
    return sorted(pairs.values(), key=lambda pair: numerical(pair[0]))


def _folder(source: Path, name: str) -> Path:
    """The nearest folder of that name, in any case, below `source`, or `source` itself where there is none."""
    folders = [path for path in _walk(source) if path.is_dir() and path.name.lower() == name]
    if not folders and source.name.lower() == name:
        return source
    if not folders:
        raise Error(f"has no folder '{name}'", source, remedy="choose another --layout")
    return min(folders, key=lambda path: len(path.parts))


def _walk(folder: Path) -> Iterable[Path]:
    for path in entries(folder):
        yield path
        if path.is_dir():
            yield from _walk(path)


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


LAYOUTS: dict[str, Callable[[Path], list[Unit]]] = {
    "videos": _videos,
    "asu-mayo": _asu_mayo,
    "clinicdb": _clinicdb,
    "colondb": _one_unit,
    "etis": _one_unit,
    "kvasir-seg": _each_its_unit,
    "csv": _csv,
}
