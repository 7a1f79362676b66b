"""Ultrasound images: grey levels and millimetres a pixel, from made files and from the real ones of a package."""

from __future__ import annotations

import sys
from pathlib import Path

import carotid_sets as sets
import numpy as np
import packages
import pytest

from data_prep.readers import ultrasound
from ftcaffe.errors import Error


@pytest.mark.parametrize(
    "stored",
    [
        lambda grey: grey,
        lambda grey: np.repeat(grey[..., None], 3, axis=2),
        lambda grey: np.dstack([grey, grey, grey, np.full_like(grey, 255)]),
        lambda grey: grey.astype(np.float32) / np.float32(255),
        lambda grey: grey.astype(np.uint16) * 257,
    ],
    ids=["grey", "three channels", "with transparency", "scaled to 0-1", "16 bits"],
)
def test_copies_of_an_image_give_its_grey_levels(tmp_path, stored):
    grey = sets.pixels()
    grey[0, 0] = 255
    path = sets.image(tmp_path / "a.tiff", stored(grey))
    found = ultrasound.read(path).grey()
    assert found.dtype == np.uint8
    assert np.array_equal(found, grey)


def test_an_overlay_in_colour_does_not_make_a_colour_image(tmp_path):
    grey = np.repeat(sets.pixels()[..., None], 3, axis=2)
    grey[:10, :40] = (255, 0, 0)  # 2 % of it
    assert np.array_equal(ultrasound.read(sets.image(tmp_path / "a.png", grey)).grey()[20:], grey[20:, :, 0])
    grey[:40, :80] = (255, 0, 0)
    found = ultrasound.read(sets.image(tmp_path / "b.png", grey))
    with pytest.raises(Error, match=r"b\.png: is a colour image"):
        found.grey()
    assert found.grey(box=(0, 50, 100, 100)).shape == (sets.HEIGHT, sets.WIDTH)


@pytest.mark.parametrize("value", [6, 0.0, -0.06, 0.6, float("nan")])
def test_what_no_pixel_measures(tmp_path, value):
    with pytest.raises(Error, match="which is not between"):
        ultrasound.checked(value, tmp_path)


def test_an_image_file_has_no_calibration_and_no_second_frame(tmp_path):
    found = ultrasound.read(sets.image(tmp_path / "a.tiff", sets.pixels()))
    with pytest.raises(Error, match="has no calibration"):
        found.spacing()
    with pytest.raises(Error, match="has no frame 1"):
        found.grey(1)


def test_frames_and_calibration_of_a_dicom_file(tmp_path):
    frames = np.stack([sets.pixels(n) for n in range(3)])
    found = ultrasound.read(sets.dicom(tmp_path / "a.dcm", frames))
    assert np.array_equal(found.frames, frames)
    assert np.array_equal(found.grey(2), frames[2])
    assert found.regions[0].box == (0, 0, 160, 120)
    assert found.spacing() == pytest.approx(0.06)


def test_monochrome1_is_turned(tmp_path):
    grey = sets.pixels()[None]
    found = ultrasound.read(sets.dicom(tmp_path / "a.dcm", grey, PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(found.grey(), 255 - grey[0])


@pytest.mark.parametrize("other", [(0.006, 4, 1, 1), (0.006, 3, 3, 1), (0.006, 3, 1, 3), (0.0, 3, 1, 1)])
def test_regions_of_other_kinds_do_not_calibrate(tmp_path, other):
    """Seconds, a spectrum, Doppler, and no step at all."""
    with pytest.raises(Error, match="has no calibration"):
        ultrasound.read(sets.dicom(tmp_path / "a.dcm", sets.pixels()[None], deltas=(other,))).spacing()


def test_of_two_scans_that_one_counts_which_holds_the_region(tmp_path):
    two = ((0.006, 3, 1, 1), (0.008, 3, 1, 1))
    found = ultrasound.read(
        sets.dicom(tmp_path / "a.dcm", sets.pixels()[None], deltas=two, boxes=((0, 0, 79, 119), (80, 0, 159, 119)))
    )
    with pytest.raises(Error, match=r"has several calibrations \(0\.06, 0\.08 mm a pixel\)"):
        found.spacing()
    assert found.spacing((90, 10, 150, 100)) == pytest.approx(0.08)
    with pytest.raises(Error, match="no calibration where the region lies"):
        found.spacing((70, 10, 150, 100))


def test_other_modalities_and_files_without_pixels(tmp_path):
    with pytest.raises(Error, match=r"a\.dcm: is no ultrasound \(modality CT\)"):
        ultrasound.read(sets.dicom(tmp_path / "a.dcm", sets.pixels()[None], modality="CT"))
    path = tmp_path / "b.dcm"
    path.write_bytes(b"no DICOM" * 100)
    with pytest.raises(Error, match=r"b\.dcm: is neither an image file nor DICOM"):
        ultrasound.read(path)
    with pytest.raises(Error, match=r"c\.dcm: is not there"):
        ultrasound.read(tmp_path / "c.dcm")


def test_a_truncated_file_is_one_line(tmp_path):
    path = sets.dicom(tmp_path / "a.dcm", np.stack([sets.pixels()] * 3))
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(Error, match=r"a\.dcm: cannot be decoded"):
        ultrasound.read(path)


# Of pydicom-data: name, frames × height × width, mm a pixel or None, and whether the calibrated part is grey.
REAL = [
    ("JPGLosslessP14SV1_1s_1f_8b.dcm", (1, 768, 1024), 0.254767, True),
    ("OBXXXX1A.dcm", (1, 600, 800), 0.262288, True),
    ("OBXXXX1A_2frame.dcm", (2, 600, 800), 0.262288, True),
    ("OBXXXX1A_expb.dcm", (1, 600, 800), 0.262288, True),
    ("OBXXXX1A_expb_2frame.dcm", (2, 600, 800), 0.262288, True),
    ("OBXXXX1A_rle.dcm", (1, 600, 800), 0.262288, True),
    ("OBXXXX1A_rle_2frame.dcm", (2, 600, 800), 0.262288, True),
    ("color3d_jpeg_baseline.dcm", (120, 480, 640), 0.510497, True),
    ("gdcm-US-ALOKA-16.dcm", (1, 480, 640), 0.382653, True),
    ("gdcm-US-ALOKA-16_big.dcm", (1, 480, 640), 0.382653, True),
    ("US1_J2KI.dcm", (1, 480, 640), None, False),
    ("US1_J2KR.dcm", (1, 480, 640), None, False),
    ("US1_UNCI.dcm", (1, 480, 640), None, False),
    ("US1_UNCR.dcm", (1, 480, 640), None, False),
]


@pytest.fixture(scope="session")
def real():
    pytest.importorskip("pydicom")
    pytest.importorskip("gdcm")
    return packages.source("pydicom-data==1.0.0") / "data_store" / "data"


@pytest.mark.parametrize(("name", "shape", "spacing", "grey"), REAL, ids=[name for name, *_ in REAL])
def test_real_files(real, name, shape, spacing, grey):
    found = ultrasound.read(real / name)
    assert found.frames.shape[:3] == shape
    assert found.frames.max() > 200
    if grey:
        assert found.grey().shape == shape[1:]
    else:
        with pytest.raises(Error, match="is a colour image"):
            found.grey()
    if spacing is None:
        with pytest.raises(Error, match="has no calibration"):
            found.spacing()
    else:
        assert [round(region.spacing, 6) for region in found.regions] == [spacing] * len(found.regions)
        if spacing > 0.5:  # a heart, at a depth at which no carotid artery lies
            with pytest.raises(Error, match="which is not between"):
                found.spacing()
        else:
            assert found.spacing() == pytest.approx(spacing, abs=1e-6)


@pytest.mark.parametrize("suffix", ["_expb", "_rle"])
def test_one_image_in_several_encodings_has_one_set_of_pixels(real, suffix):
    plain = ultrasound.read(real / "OBXXXX1A.dcm").frames
    assert np.array_equal(ultrasound.read(real / f"OBXXXX1A{suffix}.dcm").frames, plain)


@pytest.mark.parametrize(("one", "other"), [("US1_J2KI", "US1_UNCI"), ("US1_J2KR", "US1_UNCR")])
def test_jpeg_2000_has_the_pixels_of_the_uncompressed_file(real, one, other):
    found, plain = (ultrasound.read(real / f"{name}.dcm").frames for name in (one, other))
    assert np.array_equal(found, plain)


def test_jpeg_is_converted_to_rgb_once(real):
    """A second conversion turns its black into green."""
    frames = ultrasound.read(real / "color3d_jpeg_baseline.dcm").frames
    assert np.median(frames, axis=(0, 1, 2)).max() <= 2


@pytest.mark.parametrize("name", ["rtdose.dcm", "reportsi.dcm", "rtplan.dcm"])
def test_what_is_no_image_says_so(name):
    pydicom = pytest.importorskip("pydicom")
    path = pydicom.data.get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"pydicom does not bring {name}")
    with pytest.raises(Error, match=r"is no image|is no ultrasound|is neither"):
        ultrasound.read(Path(path))


def test_without_pydicom_the_line_says_what_to_install(tmp_path, monkeypatch):
    path = sets.dicom(tmp_path / "a.dcm", sets.pixels()[None])
    monkeypatch.setitem(sys.modules, "pydicom.pixels", None)
    with pytest.raises(Error, match=r"a\.dcm: a DICOM file needs pydicom 3, .*; pip install 'ftcaffe\[dicom\]'"):
        ultrasound.read(path)
