"""Ultrasound images: grey pixels and the height of a pixel, from image files and from DICOM."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.readers.image import IMAGE_SUFFIXES, opened
from ftcaffe.errors import Error

Box = tuple[int, int, int, int]

# Millimetres a pixel of vascular ultrasound: CUBS has 0.029 to 0.099. Pixels a millimetre or micrometres are not.
_FINEST, _COARSEST = 0.005, 0.5
_TINTED = 24  # grey levels between colour channels from which a pixel is coloured: JPEG tints grey by less
_COLOURED = 0.05  # part of the pixels of a colour image; an overlay has fewer
_CENTIMETRES, _TISSUE, _PLANE = 3, 1, 1  # DICOM PS3.3, C.8.5.5: units, data type and spatial format of a region


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A part of a DICOM image with its own calibration.

    box : x0, y0, x1, y1 in pixels, half-open. spacing : height of a pixel in millimetres.
    """

    box: Box
    spacing: float


@dataclass(frozen=True, eq=False)
class Ultrasound:
    """A file's images.

    frames : uint8, frames × height × width, grey, or frames × height × width × 3, RGB.
    regions : those of two-dimensional tissue with a calibration in centimetres; none in an image file.
    path : the file.
    """

    frames: np.ndarray
    regions: tuple[Calibrated, ...]
    path: Path

    def grey(self, frame: int = 0, box: Box | None = None) -> np.ndarray:
        """A frame's grey pixels, uint8, height × width.

        Parameters
        ----------
        box : where they must be grey, whatever is coloured elsewhere; None for the calibrated regions of a DICOM
            file, and all of an image file.

        Raises
        ------
        Error : no such frame, or a colour image.
        """
        if not 0 <= frame < len(self.frames):
            raise Error(f"has no frame {frame}", self.path, remedy=f"frames count from 0 to {len(self.frames) - 1}")
        pixels = self.frames[frame]
        if pixels.ndim == 2:
            return pixels
        parts = [box] if box else [region.box for region in self.regions] or [(0, 0, *pixels.shape[1::-1])]
        for x0, y0, x1, y1 in parts:
            part = pixels[y0:y1, x0:x1].astype(int)
            if part.size and (np.ptp(part, axis=2) > _TINTED).mean() > _COLOURED:
                raise Error("is a colour image", self.path, remedy="give the grey B-mode image")
        return np.ascontiguousarray(pixels[..., 1])

    def spacing(self, box: Box | None = None) -> float:
        """Height of a pixel in millimetres.

        Parameters
        ----------
        box : the part that is measured; None where the image has one calibration only.

        Raises
        ------
        Error : no calibration, or several.
        """
        holding = [region for region in self.regions if box is None or _holds(region.box, box)]
        found = {round(region.spacing, 6) for region in holding}
        if len(found) == 1:
            return checked(holding[0].spacing, self.path)
        if not self.regions:
            what = "has no calibration"
        elif not found:
            what = "has no calibration where the region lies"
        else:
            what = f"has several calibrations ({', '.join(f'{value:g}' for value in sorted(found))} mm a pixel)"
        raise Error(
            what,
            self.path,
            remedy="give --mm-per-pixel, or mm_per_pixel in a table, or a region within one of its scans",
        )


def checked(spacing: float, path: Path, line: int | None = None) -> float:
    """The spacing, where it can be one of millimetres a pixel; else an `Error`."""
    if not _FINEST <= spacing <= _COARSEST:
        raise Error(
            f"says that a pixel is {spacing:g} mm high, which is not between {_FINEST} and {_COARSEST}",
            path,
            line=line,
            remedy="write millimetres per pixel, such as 0.06",
        )
    return spacing


def read(path: Path) -> Ultrasound:
    """The images of a file: TIFF, PNG, JPEG, BMP, or DICOM of any other suffix.

    Raises
    ------
    Error : no such file, no image, a compression for which a package is missing.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return Ultrasound(_levels(np.asarray(_plain(opened(path))), path)[None], (), path)
    return _dicom(path)


def _plain(picture: Any) -> Any:
    """Without palette and transparency; two-level and 16-bit images keep their values."""
    return picture.convert("RGB") if picture.mode in ("P", "RGBA", "CMYK", "YCbCr", "LA", "PA") else picture


def _levels(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Grey levels 0–255; CUBS has copies in which they were scaled to 0–1, and some in 16 bits."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == bool:
        raise Error("has two levels only: it is a mask", path, remedy="give the B-mode image")
    values = pixels.astype(float)
    if not np.isfinite(values).all() or values.min() < 0:
        raise Error("has negative values, or some that are not finite", path, remedy="give grey levels from 0 to 255")
    top = values.max()
    if np.issubdtype(pixels.dtype, np.floating) and top <= 1:
        values *= 255
    elif top > 255:
        values *= 255 / (65535 if top > 4095 else 4095)
    return np.clip(values.round(), 0, 255).astype(np.uint8)


def _holds(outer: Box, inner: Box) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def _dicom(path: Path) -> Ultrasound:
    try:
        import pydicom
        import pydicom.pixels  # of version 3 on
        from pydicom.errors import InvalidDicomError
    except ImportError:
        remedy = "pip install 'ftcaffe[dicom]', or give a TIFF"
        raise Error("a DICOM file needs pydicom 3, which is not installed", path, remedy=remedy) from None
    try:
        data = pydicom.dcmread(path)
    except FileNotFoundError:
        raise Error("is not there", path) from None
    except (InvalidDicomError, OSError, ValueError, EOFError) as error:
        raise Error(f"is neither an image file nor DICOM ({error})", path, remedy="copy the file anew") from None
    if "Rows" not in data or "PixelData" not in data:
        raise Error(f"is no image ({_kind(data)})", path, remedy="give a file with pixels")
    if data.get("Modality") != "US":
        raise Error(
            f"is no ultrasound (modality {data.get('Modality', 'unknown')})", path, remedy="give B-mode images"
        )
    return Ultrasound(_pixels(data, path), tuple(_regions(data)), path)


def _kind(data: Any) -> str:
    return str(getattr(data.get("SOPClassUID"), "name", "unknown"))


def _pixels(data: Any, path: Path) -> np.ndarray:
    """frames × height × width (× 3, RGB), whatever the photometric interpretation and the compression."""
    from pydicom.pixels import apply_color_lut, pixel_array

    try:
        pixels = pixel_array(data)  # in RGB where it was in luminance and colour differences
    except Exception as error:  # noqa: BLE001 - each of pydicom's decoders has exceptions of its own
        what = f"cannot be decoded ({' '.join(str(error).split())[:120]})"
        raise Error(what, path, remedy="pip install 'ftcaffe[dicom]', or convert it to TIFF") from None
    pixels = pixels if int(data.get("NumberOfFrames") or 1) > 1 else pixels[None]
    meaning = str(data.PhotometricInterpretation)
    if meaning == "PALETTE COLOR":
        pixels, deep = apply_color_lut(pixels, _in_order(data)), data.RedPaletteColorLookupTableDescriptor[2]
    else:
        deep = data.BitsStored
    pixels = pixels.astype(np.int64) * 255 // ((1 << int(deep)) - 1) if int(deep) != 8 else pixels
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    return 255 - pixels if meaning == "MONOCHROME1" else pixels


def _in_order(data: Any) -> Any:
    """The data set with its palette in little-endian order, as pydicom takes palettes that are not segmented."""
    if not data.file_meta.TransferSyntaxUID.is_little_endian:
        for name in (f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")):
            if name in data:
                setattr(data, name, np.frombuffer(getattr(data, name), ">u2").astype("<u2").tobytes())
    return data


def _regions(data: Any) -> list[Calibrated]:
    """Regions of two-dimensional tissue that are calibrated in centimetres (PS3.3, C.8.5.5)."""
    found = []
    for region in data.get("SequenceOfUltrasoundRegions") or []:
        kinds = (
            region.get("RegionSpatialFormat"),
            region.get("RegionDataType"),
            region.get("PhysicalUnitsYDirection"),
        )
        height = abs(float(region.get("PhysicalDeltaY") or 0))
        if kinds != (_PLANE, _TISSUE, _CENTIMETRES) or not height:
            continue
        # The tags' maxima are the last pixels; some files give the number of pixels.
        x0, y0 = int(region.RegionLocationMinX0), int(region.RegionLocationMinY0)
        x1 = min(int(region.RegionLocationMaxX1) + 1, int(data.Columns))
        y1 = min(int(region.RegionLocationMaxY1) + 1, int(data.Rows))
        found.append(Calibrated((x0, y0, x1, y1), 10 * height))
    return found
