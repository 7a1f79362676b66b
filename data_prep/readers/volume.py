"""CT volumes: Hounsfield units on a grid in patient space, and the files that hold one (NRRD, NIfTI, MHA).

Positions are in millimetres in the patient's coordinates as DICOM has them (LPS: x to the left, y to the back, z to
the head). Every volume is turned, by whole axes, to the storage nearest to axial slices from feet to head, so that
nothing that is computed from it depends on how it was stored.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.errors import Error

_log = logging.getLogger(__name__)

SUFFIXES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
AIR = -1000  # HU
# mm, added where distances are compared: formats round spacings, and a voxel that lies just at a limit must not move.
ROUNDING = 1e-3
# Below it no tissue and no air reaches: padding outside the scanner's circle, set to the lowest value of CT.
LOWEST = -1024


@dataclass(frozen=True, eq=False)
class Volume:
    """A scalar volume.

    array : HU (int16 or float32) or labels (int), axes z, y, x.
    spacing : (3,) mm between voxels along the array's axes z, y, x.
    origin : (3,) LPS position in mm of the centre of voxel (0, 0, 0).
    direction : (3, 3), column a is the LPS direction of the array's axis a, of length one. Columns of a series with a
        tilted gantry are not orthogonal.
    unit, name : the patient, and the volume among the patient's.
    stored : origin and steps (as `origin`, `steps`) of the grid as its file has it, before it was turned; None when
        it was not.
    """

    array: np.ndarray
    spacing: np.ndarray
    origin: np.ndarray
    direction: np.ndarray
    unit: str = ""
    name: str = ""
    stored: tuple[np.ndarray, np.ndarray] | None = None
    _steps: np.ndarray = field(init=False, repr=False)
    _inverse: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        steps = np.asarray(self.direction, float) * np.asarray(self.spacing, float)
        object.__setattr__(self, "_steps", steps)
        object.__setattr__(self, "_inverse", np.linalg.inv(steps))

    @property
    def voxel(self) -> float:
        """Volume of a voxel, mm³."""
        return abs(float(np.linalg.det(self._steps)))

    def to_mm(self, index: np.ndarray) -> np.ndarray:
        """LPS positions (..., 3) in mm of positions (..., 3) in voxels, z, y, x."""
        return np.asarray(index, float) @ self._steps.T + self.origin

    def to_index(self, position: np.ndarray) -> np.ndarray:
        """Positions (..., 3) in voxels, z, y, x, of LPS positions (..., 3) in mm."""
        return (np.asarray(position, float) - self.origin) @ self._inverse.T

    def vector_to_index(self, vector: np.ndarray) -> np.ndarray:
        """Vectors (..., 3) in voxels, z, y, x, of LPS vectors (..., 3) in mm."""
        return np.asarray(vector, float) @ self._inverse.T

    def steps(self, offset: np.ndarray) -> np.ndarray:
        """LPS vectors (..., 3) in mm of whole steps (..., 3) along the array's axes."""
        return np.asarray(offset, float) @ self._steps.T

    def stored_to_mm(self, index: np.ndarray) -> np.ndarray:
        """LPS positions (..., 3) in mm of positions (..., 3) in the file's own voxels, x, y, z from 0."""
        origin, steps = self.stored or (self.origin, self._steps)
        return np.asarray(index, float)[..., ::-1] @ steps.T + origin

    def mm_to_stored(self, position: np.ndarray) -> np.ndarray:
        """Positions (..., 3) in the file's own voxels, x, y, z from 0, of LPS positions (..., 3) in mm."""
        origin, steps = self.stored or (self.origin, self._steps)
        return ((np.asarray(position, float) - origin) @ np.linalg.inv(steps).T)[..., ::-1]

    def contains(self, index: np.ndarray) -> bool:
        """Whether the nearest voxel of a position in voxels lies in the grid."""
        nearest = np.rint(index)
        return bool(np.all(nearest >= 0) and np.all(nearest < self.array.shape))

    def of(self, array: np.ndarray) -> Volume:
        """Another array on this grid."""
        return replace(self, array=array)


def canonical(volume: Volume) -> Volume:
    """The volume, its axes permuted and flipped: slices from feet to head, rows to the back, columns to the left."""
    order, signs = orientation(volume.direction)
    array, spacing, direction = volume.array, np.asarray(volume.spacing), np.asarray(volume.direction, float)
    first = np.array([0 if signs[a] > 0 else volume.array.shape[a] - 1 for a in range(3)])
    origin = volume.to_mm(first)
    flips = tuple(slice(None, None, -1 if signs[a] < 0 else 1) for a in range(3))
    array = np.ascontiguousarray(array[flips].transpose(order))
    return replace(
        volume,
        array=array,
        spacing=spacing[list(order)],
        origin=origin,
        direction=(direction * signs)[:, list(order)],
        stored=volume.stored or (volume.origin, volume.steps(np.eye(3)).T),
    )


def orientation(direction: np.ndarray) -> tuple[tuple[int, int, int], np.ndarray]:
    """Which array axis runs along the body (z), to the back (y), to the left (x), and each array axis's sign (3,).

    The assignment is the one with the largest sum of cosines, so that it exists at any angle.
    """
    from itertools import permutations

    direction = np.asarray(direction, float)
    order = max(permutations(range(3)), key=lambda p: sum(abs(direction[2 - k, p[k]]) for k in range(3)))
    signs = np.ones(3)
    for k, axis in enumerate(order):
        signs[axis] = np.sign(direction[2 - k, axis]) or 1
    return order, signs  # type: ignore[return-value]


def simpleitk() -> Any:
    """The library that reads volumes; `Error` where it is not installed."""
    try:
        import SimpleITK
    except ImportError:
        raise Error("reading CT volumes needs SimpleITK", remedy="pip install 'ftcaffe[volumes]'") from None
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    return SimpleITK


def from_image(image: Any, path: Path) -> Volume:
    """A SimpleITK image as a volume, as it is stored; `Error` where it is not three-dimensional or no scalar."""
    sitk = simpleitk()
    size = image.GetSize()
    if image.GetDimension() == 4 and size[3] == 1:
        image = image[..., 0]
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        what = "×".join(map(str, size))
        raise Error(f"is no scalar volume in three dimensions ({what})", path, remedy="give a CT volume")
    spacing = np.array(image.GetSpacing()[::-1])
    direction = np.array(image.GetDirection()).reshape(3, 3)[:, ::-1]
    return Volume(sitk.GetArrayFromImage(image), spacing, np.array(image.GetOrigin()), direction)


def read(path: Path) -> Volume:
    """The volume in a file, as it is stored; `Error` where it cannot be read or its header gives no spacing."""
    sitk = simpleitk()
    if not path.is_file():
        raise Error("is not there", path, remedy="mend the path")
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        said = str(error).strip().splitlines()[-1].split("ERROR: ")[-1].replace(str(path), "").strip(" :")
        raise Error(f"cannot be read as a volume ({said})", path, remedy="copy it anew") from None
    _check_spacing(image, path)
    _check_whole(image, path)
    return from_image(image, path)


def read_ct(path: Path) -> Volume:
    """The CT volume in a file, checked to be in Hounsfield units, in canonical storage."""
    return as_ct(read(path), path)


def as_ct(volume: Volume, path: Path) -> Volume:
    """A stored volume checked to be in Hounsfield units, in canonical storage; what is below air is air."""
    array = volume.array
    if array.dtype.itemsize == 1:
        remedy = "export it in Hounsfield units (16 bits), not as a windowed picture"
        raise Error("holds values of 8 bits, which are no Hounsfield units", path, remedy=remedy)
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise Error("holds values that are no numbers", path, remedy="export it anew in Hounsfield units")
    if low >= 0:
        remedy = "apply the rescale intercept (often −1024) when exporting"
        raise Error(
            f"has no value below 0 (from {low:g} to {high:g}): these are no Hounsfield units", path, remedy=remedy
        )
    if high > 32767 or high < 100:
        raise Error(f"has values from {low:g} to {high:g}, which are no Hounsfield units", path,
                    remedy="export it in Hounsfield units")  # fmt: skip
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    elif array.dtype != np.float32:
        array = np.maximum(array, LOWEST).astype(np.int16)
    return canonical(replace(volume, array=array))


def as_labels(mask: Volume, volume: Volume, path: Path, place: Path) -> Volume:
    """The labels of a stored mask on the grid of a stored volume, whose geometry is the one that counts.

    Raises
    ------
    Error : another shape, or values that are no labels.
    """
    if mask.array.shape != volume.array.shape:
        ours, other = ("×".join(map(str, v.array.shape[::-1])) for v in (mask, volume))
        raise Error(f"is a mask of {ours} voxels for a volume of {other} ({place.name})", path,
                    remedy="give the mask on the volume's own grid")  # fmt: skip
    labels = np.rint(mask.array)
    if (labels < 0).any() or np.abs(labels - mask.array).max() > 1e-3:
        raise Error("holds values that are no labels", path, remedy="give whole numbers, 0 for background")
    corners = np.array([(0, 0, 0), volume.array.shape])
    agree = np.allclose(mask.to_mm(corners), volume.to_mm(corners), atol=1)
    if not agree:
        _log.warning("%s: its header places it otherwise than the volume's; aligned by index", path)
    return canonical(volume.of(labels.astype(np.int32)))


def _check_spacing(image: Any, path: Path) -> None:
    """`Error` where a header gives no spacing: ITK puts 1 mm in its place."""
    remedy = "export it with its voxel spacing"
    keys = set(image.GetMetaDataKeys())
    name = path.name.lower()
    missing = False
    if name.endswith((".nrrd", ".nhdr")):
        header = path.open("rb").read(4096).split(b"\n\n", 1)[0].lower()
        missing = b"space directions:" not in header and b"spacings:" not in header
    elif name.endswith((".mha", ".mhd")):
        header = path.open("rb").read(4096).split(b"ElementDataFile", 1)[0]
        missing = b"ElementSpacing" not in header and b"ElementSize" not in header
    elif "pixdim[1]" in keys:
        missing = any(float(image.GetMetaData(f"pixdim[{k}]")) == 0 for k in (1, 2, 3))
    if missing or min(image.GetSpacing()) <= 0:
        raise Error("its header gives no voxel spacing", path, remedy=remedy)


def _check_whole(image: Any, path: Path) -> None:
    """`Error` for a NIfTI file that is cut short: ITK fills up with zeros."""
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        return
    pixels = int(np.prod(image.GetSize(), dtype=np.int64)) * int(image.GetMetaData("bitpix")) // 8
    expected = int(float(image.GetMetaData("vox_offset"))) + pixels
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
        size = stream.seek(0, 2)
        stream.seek(-4, 2)
        # A gzip file ends with the length of its contents.
        length = int.from_bytes(stream.read(4), "little") if packed else size
    if length < expected % 2**32 or (packed and length - expected % 2**32 > 2**20):
        raise Error("is cut short", path, remedy="copy it anew")
