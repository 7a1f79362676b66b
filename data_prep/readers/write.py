"""Volumes written as files, as phantoms need them: NRRD, and a DICOM series."""

from __future__ import annotations

import gzip
import locale
from pathlib import Path

import numpy as np

from data_prep.readers.volume import Volume, simpleitk
from ftcaffe.store import atomic

_TYPES = {"int16": "int16", "uint8": "uint8", "int32": "int32", "float32": "float"}


def write_nrrd(path: Path, volume: Volume) -> None:
    """Write a volume as NRRD with gzip; the same volume gives the same bytes."""
    header = [
        "NRRD0004",
        f"type: {_TYPES[volume.array.dtype.name]}",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: " + " ".join(map(str, volume.array.shape[::-1])),
        "space directions: " + " ".join(_vector(step) for step in volume.steps(np.eye(3)[::-1])),
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
        "space origin: " + _vector(volume.origin),
    ]
    values = np.ascontiguousarray(volume.array).astype(volume.array.dtype.newbyteorder("<"))
    content = gzip.compress(values.tobytes(), 4, mtime=0)
    atomic.write_bytes(path, ("\n".join(header) + "\n\n").encode() + content)


def write_dicom(folder: Path, volume: Volume) -> None:
    """Write a volume of whole HU as a series of slices, ``D0001.dcm`` and so on from the feet."""
    sitk = simpleitk()
    folder.mkdir(parents=True, exist_ok=True)
    row, column = volume.direction[:, 2], volume.direction[:, 1]
    # Identifiers that follow from the name, so that the same phantom gives the same bytes.
    root = f"1.2.826.0.1.3680043.10.511.{1 + int(volume.unit) if volume.unit.isdigit() else 1}"
    spoken = locale.setlocale(locale.LC_ALL)  # which the writer would leave as "C"
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k, section in enumerate(volume.array):
        image = sitk.GetImageFromArray(section[None].astype(np.int16))
        image.SetSpacing([float(s) for s in volume.spacing[::-1]])
        tags = {
            "0008|0008": "DERIVED\\SECONDARY",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{root}.3.{k + 1}",
            "0008|0060": "CT",
            "0010|0010": f"Phantom^{volume.unit}",
            "0010|0020": volume.unit or "phantom",
            "0018|0050": f"{volume.spacing[0]:.6g}",
            "0020|000d": f"{root}.1",
            "0020|000e": f"{root}.2",
            "0020|0013": str(k + 1),
            "0020|0032": "\\".join(f"{v:.6f}" for v in volume.to_mm(np.array([k, 0, 0]))),
            "0020|0037": "\\".join(f"{v:.10g}" for v in (*row, *column)),
            "0028|1052": "0",
            "0028|1053": "1",
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"D{k + 1:04d}.dcm"))
        writer.Execute(image)
    locale.setlocale(locale.LC_ALL, spoken)


def _vector(values: np.ndarray) -> str:
    return "(" + ",".join(f"{v:.17g}" for v in values) + ")"
