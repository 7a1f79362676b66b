"""Frames with a label for how much they show: tables of labels, and the layouts of the public sets.

Each public set means something else by quality, and is mapped to informative or not as it says here:

``csv``
    A CSV file ``unit,image,label`` with paths relative to it.
``nerthus``
    ``<score 0–3>/bowel_<video>_score_<s>-<part>_<frame>.jpg``: cleanliness of the bowel. Scores 2 and 3 are
    informative, 0 and 1 not. The folder is the label; units are the videos.
``hyperkvasir``
    ``labeled-images/…/quality-of-mucosal-views/``: ``bbps-2-3`` is informative, ``bbps-0-1`` and ``impacted-stool``
    are not. The patients are unknown: ``units.csv`` (``image,unit``), else each image is a unit.
``nbi-infframes``
    ``Fold1–3/{I,B,S,U}/``: I is informative; blurred, saliva and underexposed are not. Units are the folds, which
    separate patients.
``kvasir``
    A folder a class (Kvasir v2, Medico 2018): ``blurry-nothing``, ``stool-plenty``, ``out-of-patient`` are not
    informative, every other class is. Units as for ``hyperkvasir``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from data_prep.readers import labelled
from data_prep.readers.frames import Clip
from data_prep.readers.image import IMAGE_SUFFIXES, entries
from data_prep.readers.labelled import Labelled
from data_prep.readers.video import VIDEO_SUFFIXES
from ftcaffe.errors import Error
from ftcaffe.store import table

_log = logging.getLogger(__name__)

INFORMATIVE, UNINFORMATIVE = "informative", "non-informative"
_SPELT = {
    "informative": INFORMATIVE,
    "1": INFORMATIVE,
    "non-informative": UNINFORMATIVE,
    "noninformative": UNINFORMATIVE,
    "uninformative": UNINFORMATIVE,
    "0": UNINFORMATIVE,
}
_SKIPPED = ("", "skip")
_NBI = {"I": INFORMATIVE, "B": UNINFORMATIVE, "S": UNINFORMATIVE, "U": UNINFORMATIVE}
_KVASIR_POOR = frozenset({"blurry-nothing", "stool-plenty", "out-of-patient"})
_HYPERKVASIR = {"bbps-2-3": INFORMATIVE, "bbps-0-1": UNINFORMATIVE, "impacted-stool": UNINFORMATIVE}


def labels(path: Path) -> dict[tuple[str, str], int]:
    """The label (1 informative) of each frame, by unit and name, of a CSV file ``unit,image,label``.

    Frames that are skipped (an empty label or ``skip``) are left out.

    Raises
    ------
    Error : a label that is neither class, a frame with two labels, no label at all.
    """
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for line, row in table.rows(path, ("unit", "image", "label")):
        spelt = row["label"].lower().replace("_", "-")
        if spelt in _SKIPPED:
            continue
        if spelt not in _SPELT:
            what = f"'{row['label']}' is neither '{INFORMATIVE}' nor '{UNINFORMATIVE}'"
            raise Error(what, path, line=line, remedy="mend the label, or write 'skip'")
        label = int(_SPELT[spelt] == INFORMATIVE)
        before = found.setdefault((row["unit"], row["image"]), (label, line))
        if before[1] != line:
            kind = "again" if before[0] == label else "otherwise"
            what = f"labels frame '{row['image']}' of '{row['unit']}' {kind}; line {before[1]} has it"
            raise Error(what, path, line=line, remedy="keep one of the rows")
    if not found:
        raise Error("labels no frame", path, remedy="label some: ftcaffe label FRAMES")
    return {key: label for key, (label, _) in found.items()}


def videos(source: Path) -> dict[str, Path]:
    """The videos of ``SOURCE/videos``, or of the source itself, by unit (their names)."""
    folder = source / "videos" if (source / "videos").is_dir() else source
    found: dict[str, Path] = {}
    for path in entries(folder):
        if path.suffix.lower() not in VIDEO_SUFFIXES or not path.is_file():
            continue
        if found.setdefault(path.stem, path) != path:
            raise Error(f"is a second video of unit '{path.stem}'", path, remedy="rename or remove one")
    if not found:
        raise Error("holds no videos", folder, remedy="put the videos there, or choose another --layout")
    return found


def labelled_frames(source: Path, table_of_labels: Path) -> list[Labelled]:
    """The labelled frames that ``ftcaffe extract`` wrote: ``<unit>/<time>.png``."""
    return [
        frame(source, unit, image, table_of_labels, (UNINFORMATIVE, INFORMATIVE)[label])
        for (unit, image), label in labels(table_of_labels).items()
    ]


def frame(source: Path, unit: str, image: str, place: Path, label: str = "") -> Labelled:
    """One of the frames of a folder; `Error`, naming `place`, where it is not there."""
    for suffix in (".png", ".jpg"):
        path = source / unit / f"{image}{suffix}"
        if path.is_file():
            return Labelled(unit, image, label, path)
    what = f"labels frame '{image}' of '{unit}', which is not in {source}"
    raise Error(what, place, remedy="mend the row, or extract the frames again")


def parts(
    layout: str, source: Path, keys: Iterable[tuple[str, str]], every: float | None
) -> Sequence[Clip] | Sequence[labelled.Files]:
    """What reads the frames of a data set again, given by unit and name; `every` is of ``videos``, seconds."""
    if layout == "videos":
        assert every is not None
        units = {unit for unit, _ in keys}
        return [Clip(unit, path, every) for unit, path in videos(source).items() if unit in units]
    if layout == "frames":
        return labelled.parts([frame(source, unit, image, source) for unit, image in keys], by_unit=True)
    return labelled.parts(LAYOUTS[layout](source), by_unit=True)


def _csv(source: Path) -> list[Labelled]:
    found = []
    for one in labelled.listed(source):
        spelt = one.label.lower().replace("_", "-")
        if spelt in _SKIPPED:
            continue
        if spelt not in _SPELT:
            what = f"'{one.label}' of image '{one.image}' is neither '{INFORMATIVE}' nor '{UNINFORMATIVE}'"
            raise Error(what, source, remedy="mend the label, or write 'skip'")
        found.append(Labelled(one.unit, one.image, _SPELT[spelt], one.path))
    return found


def _nerthus(source: Path) -> list[Labelled]:
    found = []
    for path in _images(source):
        video = re.match(r"bowel_(\d+)_", path.name)
        if not video or not re.fullmatch("[0-3]", path.parent.name):
            continue
        label = INFORMATIVE if int(path.parent.name) >= 2 else UNINFORMATIVE
        found.append(Labelled(f"bowel_{video[1]}", path.stem, label, path))
    return found


def _hyperkvasir(source: Path) -> list[Labelled]:
    found = [
        Labelled("", path.stem, _HYPERKVASIR[path.parent.name], path)
        for path in _images(source)
        if path.parent.name in _HYPERKVASIR
    ]
    return labelled.with_units(found, source)


def _nbi(source: Path) -> list[Labelled]:
    found = []
    for path in _images(source):
        kind, fold = path.parent.name, path.parent.parent.name
        if kind in _NBI and re.fullmatch(r"(?i)fold ?\d+", fold):
            found.append(Labelled(fold, f"{kind}/{path.stem}", _NBI[kind], path))
    return found


def _kvasir(source: Path) -> list[Labelled]:
    found = [
        Labelled("", f"{path.parent.name}/{path.stem}", _kvasir_label(path.parent.name), path)
        for path in _images(source)
    ]
    return labelled.with_units(found, source)


def _kvasir_label(name: str) -> str:
    return UNINFORMATIVE if name.lower().replace("_", "-") in _KVASIR_POOR else INFORMATIVE


def _images(folder: Path) -> list[Path]:
    """Image files at any depth, in numerical order."""
    found: list[Path] = []
    for path in entries(folder):
        if path.is_dir():
            found += _images(path)
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            found.append(path)
    return found


LAYOUTS: dict[str, Callable[[Path], list[Labelled]]] = {
    "csv": _csv,
    "nerthus": _nerthus,
    "hyperkvasir": _hyperkvasir,
    "nbi-infframes": _nbi,
    "kvasir": _kvasir,
}
