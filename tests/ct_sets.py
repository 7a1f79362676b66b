"""Small CT data sets as real files, in the layouts that the readers take."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from data_prep.phantoms import pe
from data_prep.readers.volume import Volume
from data_prep.readers.write import write_dicom, write_nrrd

COARSE = pe.Settings(seed=2, spacing=1.5)


@cache
def patient(number: int, spacing: float = 1.5) -> tuple[Volume, Volume]:
    """A coarse patient of the phantom: CT and labels; made once."""
    return pe.patient(pe.Settings(COARSE.seed, spacing=spacing), number)


def image(volume: Volume):
    """The volume as a SimpleITK image."""
    import SimpleITK as sitk

    made = sitk.GetImageFromArray(volume.array)
    made.SetSpacing([float(s) for s in volume.spacing[::-1]])
    made.SetOrigin([float(v) for v in volume.origin])
    made.SetDirection(volume.direction[:, ::-1].ravel().tolist())
    return made


def save(volume: Volume, path: Path) -> Path:
    """Write by SimpleITK, in the format of the suffix."""
    import SimpleITK as sitk

    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image(volume), str(path))
    return path


def turned(volume: Volume, order: tuple[int, int, int], flips: tuple[int, int, int]) -> Volume:
    """The same volume, stored with its axes permuted and then flipped where `flips` is −1."""
    array = volume.array.transpose(order)
    direction, spacing = volume.direction[:, order], volume.spacing[list(order)]
    first = np.array([0 if f > 0 else n - 1 for f, n in zip(flips, array.shape, strict=True)])
    origin = volume.origin + (direction * spacing) @ first
    array = np.ascontiguousarray(array[tuple(slice(None, None, f) for f in flips)])
    return Volume(array, spacing, origin, direction * np.array(flips))


def series(volume: Volume, folder: Path) -> Path:
    """A DICOM series of a volume."""
    write_dicom(folder, volume)
    return folder


def edit(path: Path, **tags: object) -> None:
    """Change elements of a DICOM file, by keyword."""
    pydicom = pytest.importorskip("pydicom")
    content = pydicom.dcmread(path)
    for keyword, value in tags.items():
        setattr(content, keyword, value)
    content.save_as(path)


def cad_pe(folder: Path, numbers: tuple[int, ...] = (1, 2, 4)) -> Path:
    """A folder in CAD-PE's layout; the fourth patient shows no embolus."""
    negative = []
    for number in numbers:
        ct, labels = patient(number)
        (folder / "images").mkdir(parents=True, exist_ok=True)
        (folder / "rs" / "rs").mkdir(parents=True, exist_ok=True)
        write_nrrd(folder / "images" / f"{number:03d}.nrrd", ct)
        if labels.array.any():
            write_nrrd(folder / "rs" / "rs" / f"{number:04d}RefStd.nrrd", labels)
        else:
            negative.append(f"{number:03d}\n")
    (folder / "negatives.txt").write_text("".join(negative))
    return folder
