"""Small carotid data sets as real files, in CUBS' layouts: a bright wall under a dark lumen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 120, 160
LI, MA = 60, 74  # rows of the interfaces


def pixels(seed: int = 0) -> np.ndarray:
    """uint8, HEIGHT × WIDTH: dark above LI, a bright line, dim, bright from MA down, some noise."""
    rows = np.full(HEIGHT, 30.0)
    rows[LI - 1 : LI + 2] = 150
    rows[LI + 2 : MA] = 60
    rows[MA:] = 190
    noise = np.random.default_rng(seed).normal(0, 6, (HEIGHT, WIDTH))
    return np.clip(rows[:, None] + noise, 0, 255).astype(np.uint8)


def profile(path: Path, columns: Sequence[float], rows: Sequence[float], lines: bool = False, base: int = 1) -> Path:
    """A trace as a point a line, or as a line of columns above one of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    points = np.stack([np.asarray(columns, float), np.asarray(rows, float)]) + base
    np.savetxt(path, points if lines else points.T, fmt="%.3f")
    return path


def clinical(root: Path, subjects: int = 4, experts: Sequence[str] = ("Manual-A1", "Manual-A2")) -> Path:
    """CUBS' clinical set: two images a subject, traced from column 10 to 150, the second expert a row lower."""
    for number in range(1, subjects + 1):
        for side in "LR":
            name = f"clin_{number:04d}_{side}"
            image(root / "IMAGES" / f"{name}.tiff", pixels(number))
            text(root / "CF" / f"{name}_CF.txt", "0.06  \n")
            for lower, expert in enumerate(experts):
                columns = np.linspace(10, 150, 15)
                for interface, row in (("LI", LI), ("MA", MA)):
                    path = root / "SEGMENTATIONS" / expert / f"{name}-{interface}.txt"
                    profile(path, columns, np.full(15, row + lower))
    return root


def image(path: Path, content: np.ndarray) -> Path:
    """An image file of any array that Pillow takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(content).save(path)
    return path


def text(path: Path, content: str) -> Path:
    """A text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def dicom(path, grey, *, deltas=((0.006, 3, 1, 1),), boxes=((0, 0, 159, 119),), modality="US", **tags):
    """A DICOM file of frames × height × width with a region for each (cm or else, unit, format, data type)."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = UltrasoundImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = pydicom.uid.generate_uid()
    data.Modality = modality
    grey = np.asarray(grey, np.uint8)
    frames, data.Rows, data.Columns = grey.shape
    if frames > 1:
        data.NumberOfFrames = frames
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = grey.tobytes()
    regions = []
    for (delta, unit, form, kind), (x0, y0, x1, y1) in zip(deltas, boxes, strict=True):
        region = Dataset()
        region.RegionSpatialFormat, region.RegionDataType = form, kind
        region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = unit
        region.PhysicalDeltaX = region.PhysicalDeltaY = delta
        region.RegionLocationMinX0, region.RegionLocationMinY0 = x0, y0
        region.RegionLocationMaxX1, region.RegionLocationMaxY1 = x1, y1
        regions.append(region)
    if regions:
        data.SequenceOfUltrasoundRegions = regions
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path
