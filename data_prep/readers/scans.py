"""The layouts of CT data sets with marked emboli: each turns a source into its scans.

``cad-pe``
    ``images/<id>.nrrd`` (or a folder of DICOM slices) and ``rs/<ID>RefStd.nrrd``, paired by the id's letters and
    number, since one pads otherwise than the other; one label an embolus. Scans that show no embolus have no
    reference and a line in ``negatives.txt``.
``fumpe``
    ``CT_scans/PAT001/*.dcm`` and ``GroundTruth/PAT001.mat`` (variable ``Mask``: rows × columns × slices), whose slice
    k belongs to the k-th file by name, wherever it lies in the patient; emboli are connected components.
``read``
    Folders of DICOM slices ``01GE``, ``01TS`` … and masks ``01GE.nii.gz`` at any depth, aligned by index: their
    headers disagree; emboli are connected components.
``csv``
    The source is a CSV file, ``unit,volume,mask``, with paths relative to it: files or DICOM folders, several volumes
    a unit allowed; an empty mask means no embolus. A mask of one value is split into its connected components.

Downloads nest folders within folders and mix in other files: folders are looked for at any depth.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_prep.readers import dicom, volume
from data_prep.readers.image import entries, numerical
from data_prep.readers.volume import Volume
from ftcaffe.errors import Error
from ftcaffe.store import table

_log = logging.getLogger(__name__)

# Specks of annotation are no emboli (assumed).
SMALLEST = 3.0  # mm³


@dataclass(frozen=True)
class Scan:
    """A CT volume and where its emboli are marked.

    unit, name : the patient, and the scan among the patient's.
    path : a file, or the folder of a DICOM series.
    mask : a file, or None where the source says that there is no embolus.
    emboli : ``labels``, the mask's values; ``components``, its connected parts; ``either``, its parts where it has a
        single value.
    series : which series of the folder, see `dicom.read`.
    """

    unit: str
    name: str
    path: Path
    mask: Path | None
    emboli: str = "labels"
    series: str | None = None

    def files(self) -> list[Path]:
        """The files that this scan reads."""
        own = dicom.files_in(self.path) if self.path.is_dir() else [self.path]
        return own + ([self.mask] if self.mask else [])

    def read(self) -> tuple[Volume, np.ndarray | None]:
        """The volume in canonical storage, and the emboli's numbers (int32) on its grid, None for no embolus."""
        stored, order = self._stored()
        ct = self._as_ct(stored)
        if self.mask is None:
            return ct, None
        mask = self._mask(stored, order)
        labels = volume.as_labels(mask, stored, self.mask, self.path).array
        if self.emboli == "components" or (self.emboli == "either" and labels.max() == 1):
            labels = components(labels > 0, ct.voxel)
        if not labels.any():
            _log.warning("%s: marks no embolus; counted as a scan without", self.mask)
            return ct, None
        return ct, labels

    def ct(self) -> Volume:
        """The volume alone."""
        return self._as_ct(self._stored()[0])

    def _as_ct(self, stored: Volume) -> Volume:
        return replace(volume.as_ct(stored, self.path), unit=self.unit, name=self.name)

    def _stored(self) -> tuple[Volume, list[Path]]:
        if self.path.is_dir():
            return dicom.read(dicom.files_in(self.path), self.path, self.series)
        return volume.read(self.path), []

    def _mask(self, stored: Volume, order: list[Path]) -> Volume:
        assert self.mask is not None
        if self.mask.suffix.lower() == ".mat":
            return stored.of(_by_file_name(_matlab(self.mask), order, self.mask))
        return volume.read(self.mask)


def components(mask: np.ndarray, voxel: float, smallest: float = SMALLEST) -> np.ndarray:
    """Numbers (int32) of the 26-connected parts of a mask that are at least `smallest` mm³."""
    from scipy import ndimage

    labels, count = ndimage.label(mask, np.ones((3, 3, 3), bool))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * voxel
    number = np.zeros(count + 1, np.int32)
    number[1:][sizes >= smallest] = np.arange(1, (sizes >= smallest).sum() + 1)
    return number[labels]


def read(layout: str, source: Path, series: str | None = None) -> list[Scan]:
    """The scans of `source` in the named layout, ordered by name; `Error` where it does not have that layout."""
    if not source.exists():
        raise Error("is not there", source, remedy="give the folder (or the CSV file) of the data set")
    if source.is_file() != (layout == "csv"):
        kind = "a CSV file" if layout == "csv" else "a folder"
        raise Error(f"is not {kind}, which the layout '{layout}' needs", source, remedy="choose another --layout")
    scans = LAYOUTS[layout](source)
    if not scans:
        raise Error(f"holds no data in the layout '{layout}'", source, remedy="choose another --layout")
    scans = [replace(scan, series=series) for scan in scans]
    return sorted(scans, key=lambda scan: (numerical(scan.unit), numerical(scan.name)))


def _cad_pe(source: Path) -> list[Scan]:
    images = _volumes_under(_nearest(source, "images"))
    negative = _negatives(source)
    references: dict[tuple[str, int], Path] = {}
    for name, path in _masks_under(source, tuple(f"refstd{suffix}" for suffix in volume.SUFFIXES)).items():
        found = re.fullmatch(r"([a-z]*)0*(\d+)refstd", name, re.IGNORECASE)
        if found is None:
            continue
        key = (found[1].lower(), int(found[2]))
        if references.setdefault(key, path) != path:
            raise Error(f"is a second reference of scan '{found[1]}{found[2]}'", path, remedy="keep one")
    scans = []
    for name, path in images.items():
        found = re.fullmatch(r"([a-z]*)0*(\d+)", name, re.IGNORECASE)
        if found is None:
            raise Error(
                "is not named by a letter and a number, as CAD-PE's scans are", path, remedy="use --layout csv"
            )
        mask = references.pop((found[1].lower(), int(found[2])), None)
        if mask is None and name not in negative:
            remedy = f"add its RefStd file, or if it shows no embolus write '{name}' into negatives.txt"
            raise Error("has no reference", path, remedy=remedy)
        if mask is not None and name in negative:
            raise Error(
                f"is a reference of scan '{name}', which negatives.txt declares free", mask, remedy="keep one"
            )
        scans.append(Scan(name, name, path, mask))
    for path in references.values():
        _log.warning("%s: is a reference without a scan, left out", path)
    _all_known(negative, images, source)
    return scans


def _fumpe(source: Path) -> list[Scan]:
    masks = _masks_under(source, (".mat",))
    scans = []
    for name, path in _volumes_under(_nearest(source, "ct_scans")).items():
        mask = masks.pop(name, None)
        if mask is None:
            raise Error("has no mask in GroundTruth", path, remedy=f"add {name}.mat")
        scans.append(Scan(name, name, path, mask, "components"))
    return scans


def _read(source: Path) -> list[Scan]:
    pattern = re.compile(r"\d+(?:GE|TS)", re.IGNORECASE)
    masks = {name.upper(): path for name, path in _masks_under(source, (".nii", ".nii.gz")).items()}
    scans: dict[str, Scan] = {}
    for path in _walk(source):
        name = path.name
        if not (path.is_dir() and pattern.fullmatch(name) and dicom.files_in(path)):
            continue
        mask = masks.get(name.upper())
        if mask is None:
            raise Error("has no ground truth", path, remedy=f"add {name}.nii.gz")
        if scans.setdefault(name.upper(), Scan(name, name, path, mask, "components")).path != path:
            raise Error(f"is a second scan '{name}'", path, remedy="give the folder of one copy of the set")
    return list(scans.values())


def _csv(source: Path) -> list[Scan]:
    scans: dict[tuple[str, str], Scan] = {}
    owner: dict[Path, tuple[str, int]] = {}
    for line, row in table.rows(source, ("unit", "volume", "mask")):
        if not row["unit"] or not row["volume"]:
            raise Error("has no unit or no volume", source, line=line, remedy="mend the row")
        path = source.parent / row["volume"]
        for given in (path, *([source.parent / row["mask"]] if row["mask"] else [])):
            if not given.exists():
                raise Error(f"names {given}, which is not there", source, line=line, remedy="mend the path")
            unit, first = owner.setdefault(given.resolve(), (row["unit"], line))
            if unit != row["unit"]:
                what = f"gives {given.name} to patient '{row['unit']}', and line {first} to '{unit}'"
                raise Error(what, source, line=line, remedy="an embolus is one patient's: mend one of the rows")
        name = _stem(path)
        if (row["unit"], name) in scans:
            what = f"gives volume '{name}' of unit '{row['unit']}' twice"
            raise Error(what, source, line=line, remedy="name the files apart")
        mask = source.parent / row["mask"] if row["mask"] else None
        scans[row["unit"], name] = Scan(row["unit"], name, path, mask, "either")
    return list(scans.values())


def _nearest(source: Path, name: str) -> Path:
    """The nearest folder of that name, in any case, at or below `source`."""
    folders = [path for path in (source, *_walk(source)) if path.is_dir() and path.name.lower() == name]
    if not folders:
        raise Error(f"has no folder '{name}'", source, remedy="choose another --layout")
    return min(folders, key=lambda path: len(path.parts))


def _volumes_under(folder: Path) -> dict[str, Path]:
    """Volume files and folders of DICOM slices at any depth, by name."""
    found: dict[str, Path] = {}
    for path in _walk(folder):
        is_volume = path.name.lower().endswith(volume.SUFFIXES) if path.is_file() else bool(dicom.files_in(path))
        if is_volume and found.setdefault(_stem(path), path) != path:
            raise Error(f"is a second scan '{_stem(path)}'", path, remedy="give the folder of one copy of the set")
    return found


def _masks_under(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files with one of the suffixes at any depth, by name."""
    found: dict[str, Path] = {}
    for path in _walk(folder):
        if path.is_file() and path.name.lower().endswith(suffixes) and found.setdefault(_stem(path), path) != path:
            raise Error(f"is a second file '{_stem(path)}'", path, remedy="give the folder of one copy of the set")
    return found


def _negatives(source: Path) -> set[str]:
    path = next((p for p in (source, *_walk(source)) if p.name == "negatives.txt"), source / "negatives.txt")
    if not path.exists():
        return set()
    return {line.strip() for line in path.read_text(encoding="utf-8").splitlines()} - {""}


def _all_known(negative: set[str], images: dict[str, Path], source: Path) -> None:
    unknown = sorted(negative.difference(images))
    if unknown:
        raise Error(
            f"names '{unknown[0]}', and there is no such scan", source / "negatives.txt", remedy="mend the name"
        )


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in entries(folder):
        found.append(path)
        if path.is_dir():
            found += _walk(path)
    return found


def _stem(path: Path) -> str:
    if path.is_dir():
        return path.name
    return next((path.name[: -len(s)] for s in (".nii.gz", ".nrrd.gz") if path.name.lower().endswith(s)), path.stem)


def _matlab(path: Path) -> np.ndarray:
    from scipy.io import loadmat

    try:
        content = loadmat(path)
    except (ValueError, OSError, TypeError, NotImplementedError, EOFError) as error:
        raise Error(f"cannot be read as a MATLAB file ({error})", path, remedy="copy it anew") from None
    if "Mask" not in content or content["Mask"].ndim != 3:
        raise Error("holds no three-dimensional variable 'Mask'", path, remedy="give FUMPE's own file")
    return content["Mask"]


def _by_file_name(mask: np.ndarray, order: list[Path], path: Path) -> np.ndarray:
    """The mask (z, y, x) in the order of the volume's slices, whose k-th slice is the k-th file by name."""
    if mask.shape[2] != len(order):
        what = f"is a mask of {mask.shape[2]} slices for a series of {len(order)}"
        raise Error(what, path, remedy="give the mask of this series")
    named = {file: k for k, file in enumerate(sorted(order, key=lambda p: numerical(p.name)))}
    return np.ascontiguousarray(mask.transpose(2, 0, 1)[[named[file] for file in order]])


LAYOUTS: dict[str, Callable[[Path], list[Scan]]] = {
    "cad-pe": _cad_pe,
    "fumpe": _fumpe,
    "read": _read,
    "csv": _csv,
}
