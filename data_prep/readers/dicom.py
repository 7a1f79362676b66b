"""A DICOM series as one volume: slices in the order of their positions, every fault of the series one line.

SimpleITK (GDCM) decodes; it only warns of missing or uneven slices, so positions are checked here. Slices whose step
leans from their normal, as with a tilted gantry, make a volume whose axes are not orthogonal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.readers.volume import Volume, simpleitk
from ftcaffe.errors import Error

# Parts of the step between slices by which one may deviate: stored positions are rounded.
TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class Slice:
    """The header of one file.

    series, description : of its series.
    position : (3,) mm, LPS, of its first pixel.
    rows, columns : (3,) directions along a row, and from row to row.
    spacing : mm from column to column, from row to row.
    size : columns, rows.
    """

    path: Path
    series: str
    description: str
    position: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    spacing: tuple[float, float]
    size: tuple[int, int]


def files_in(folder: Path) -> list[Path]:
    """The files of a folder itself that are DICOM, by suffix or by what they begin with, ordered by name."""
    from data_prep.readers.image import entries

    return [
        path for path in entries(folder) if path.is_file() and path.name.upper() != "DICOMDIR" and _is_dicom(path)
    ]


def _is_dicom(path: Path) -> bool:
    if path.suffix.lower() in (".dcm", ".dicom", ".ima"):
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def read(files: list[Path], folder: Path, series: str | None = None) -> tuple[Volume, list[Path]]:
    """The volume of a series, as it is stored, and its files in the order of its slices.

    Parameters
    ----------
    files : of a folder, in any order.
    folder : named in errors.
    series : the SeriesInstanceUID (or the end of it) to take where there are several.

    Raises
    ------
    Error : no slices, several series, a slice missing, doubled, of another size or direction, or truncated.
    """
    slices = _chosen([_header(path) for path in files], folder, series)
    first = slices[0]
    for one in slices:
        if one.size != first.size:
            what = (
                f"is of {one.size[0]}×{one.size[1]} pixels, and {first.path.name} of {first.size[0]}×{first.size[1]}"
            )
            raise Error(what, one.path, remedy="remove it from the series")
        if not np.allclose(np.stack([one.rows, one.columns]), np.stack([first.rows, first.columns]), atol=1e-3):
            raise Error(f"lies in another plane than {first.path.name}", one.path, remedy="remove it from the series")
        if not np.allclose(one.spacing, first.spacing, rtol=1e-3):
            raise Error(f"has another pixel spacing than {first.path.name}", one.path, remedy="remove it")
    normal = np.cross(first.rows, first.columns)
    slices.sort(key=lambda one: float(one.position @ normal))
    step = _even(slices, normal, folder)
    array = np.stack([_pixels(one) for one in slices])
    if step is None:  # a single slice has no step
        raise Error("is a single slice", first.path, remedy="give a whole series")
    direction = np.stack([step / np.linalg.norm(step), first.columns, first.rows], axis=1)
    spacing = np.array([np.linalg.norm(step), first.spacing[1], first.spacing[0]])
    return Volume(array, spacing, first.position, direction), [one.path for one in slices]


def _header(path: Path) -> Slice:
    sitk = simpleitk()
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        sizes = reader.GetSize()
    except RuntimeError:
        raise Error("cannot be read as a DICOM slice", path, remedy="copy it anew, or remove it") from None

    def tag(key: str, name: str) -> str:
        if not reader.HasMetaDataKey(key) or not reader.GetMetaData(key).strip():
            raise Error(f"has no {name}", path, remedy="export the series anew, with its geometry")
        return reader.GetMetaData(key).strip()

    position = _numbers(tag("0020|0032", "ImagePositionPatient"), 3, path)
    orientation = _numbers(tag("0020|0037", "ImageOrientationPatient"), 6, path)
    down, across = _numbers(tag("0028|0030", "PixelSpacing"), 2, path)
    # Anonymised slices may have lost these two.
    series, said = (
        reader.GetMetaData(k).strip() if reader.HasMetaDataKey(k) else "" for k in ("0020|000e", "0008|103e")
    )
    if min(down, across) <= 0:
        raise Error("has no voxel spacing", path, remedy="export the series anew")
    return Slice(path, series, said, position, orientation[:3], orientation[3:], (across, down), tuple(sizes[:2]))


def _numbers(text: str, count: int, path: Path) -> np.ndarray:
    try:
        values = np.array([float(part) for part in text.split("\\")])
    except ValueError:
        values = np.empty(0)
    if len(values) != count:
        raise Error(f"has damaged geometry ('{text}')", path, remedy="export the series anew")
    return values


def _chosen(slices: list[Slice], folder: Path, wanted: str | None) -> list[Slice]:
    if not slices:
        raise Error("holds no DICOM slices", folder, remedy="give the folder of a series")
    by_series: dict[str, list[Slice]] = {}
    for one in slices:
        by_series.setdefault(one.series, []).append(one)
    named = {uid: part for uid, part in by_series.items() if wanted is None or uid.endswith(wanted)}
    if len(named) == 1:
        return next(iter(named.values()))
    there = "; ".join(
        f"{uid} ({len(part)} slices{', ' + part[0].description if part[0].description else ''})"
        for uid, part in by_series.items()
    )
    if not named:
        raise Error(f"has no series '{wanted}': {there}", folder, remedy="choose with --series")
    raise Error(f"holds {len(named)} series: {there}", folder, remedy="choose one with --series UID, or its end")


def _even(slices: list[Slice], normal: np.ndarray, folder: Path) -> np.ndarray | None:
    """The step (3,) in mm from slice to slice; `Error` where one is missing, doubled or out of line."""
    if len(slices) < 2:
        return None
    depth = np.array([one.position @ normal for one in slices])
    gaps = np.diff(depth)
    usual = float(np.median(gaps))
    doubled = np.flatnonzero(gaps < TOLERANCE * max(usual, 1e-3))
    if len(doubled):
        k = int(doubled[0])
        what = f"lies at the same place as {slices[k].path.name}"
        raise Error(what, slices[k + 1].path, remedy="remove one of the two slices")
    uneven = np.flatnonzero(abs(gaps - usual) > TOLERANCE * usual)
    if len(uneven):
        k = int(uneven[0])
        missing = gaps[k] / usual - 1
        told = f"{round(missing)} missing" if missing > 0.5 else "unevenly spaced"
        what = f"{gaps[k]:.3g} mm lie between {slices[k].path.name} and {slices[k + 1].path.name}, and {usual:.3g} mm"
        raise Error(f"{what} between others ({told})", folder, remedy="add the slice, or resample the series")
    step = (slices[-1].position - slices[0].position) / (len(slices) - 1)
    expected = slices[0].position + np.arange(len(slices))[:, None] * step
    away = np.linalg.norm(np.stack([one.position for one in slices]) - expected, axis=1)
    if away.max() > max(0.1, 2 * TOLERANCE * usual):
        raise Error("is shifted against the others", slices[int(away.argmax())].path, remedy="check the series")
    return step


def _pixels(one: Slice) -> Any:
    sitk = simpleitk()
    try:
        image = sitk.ReadImage(str(one.path), imageIO="GDCMImageIO")
    except RuntimeError:
        raise Error("is damaged or cut short", one.path, remedy="copy it anew") from None
    pixels = sitk.GetArrayFromImage(image)
    if pixels.ndim != 3 or pixels.shape[0] != 1:
        raise Error("is no single slice of gray values", one.path, remedy="give a CT series, a file a slice")
    return pixels[0]
