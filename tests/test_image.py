"""Pictures decoded and resized, held against OpenCV, by which the original does both."""

from __future__ import annotations

import io

import numpy as np
import pytest
from parity import pictures
from PIL import Image

from ftcaffe.errors import Error
from ftcaffe.store import image
from ftcaffe.store.resize import bilinear

cv2 = pytest.importorskip("cv2")
FLAGS = {"color": cv2.IMREAD_COLOR, "gray": cv2.IMREAD_GRAYSCALE, "as is": cv2.IMREAD_UNCHANGED}
NAMES = [*pictures.SAVED, *(f"turned{turn}.jpg" for turn in range(1, 9)), "lossless.webp", "deep.png"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    pictures.write(place)
    Image.open(place / "pictures" / "color.png").save(place / "pictures" / "lossless.webp", lossless=True)
    deep = np.random.default_rng(0).integers(0, 1 << 16, (9, 7), dtype=np.uint16)
    Image.fromarray(deep).save(place / "pictures" / "deep.png")
    return place / "pictures"


@pytest.mark.parametrize("colors", FLAGS)
@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_opencvs(folder, name, colors):
    if (name, colors) == ("deep.png", "as is"):
        pytest.skip("refused: see below")
    expected = cv2.imread(str(folder / name), FLAGS[colors])
    found = image.read(folder / name, colors)
    np.testing.assert_array_equal(found, np.atleast_3d(expected).transpose(2, 0, 1))
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.jpg: cannot be decoded as a picture"),
        (b"GIF89a", "x.jpg: cannot be decoded as a picture"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "x.jpg: cannot be decoded as a picture"),
    ],
)
def test_no_picture_is_one_line(content, message):
    with pytest.raises(Error, match=message) as caught:
        image.decode(content, place="x.jpg")
    assert "\n" not in str(caught.value)


def test_a_truncated_picture_is_one_line(folder):
    content = (folder / "full.jpg").read_bytes()
    with pytest.raises(Error, match="cannot be decoded as a picture"):
        image.decode(content[: len(content) // 2])


def test_sixteen_bits_have_no_pixels_as_they_are(folder):
    with pytest.raises(Error, match="it has 16 bits a channel"):
        image.read(folder / "deep.png", "as is")


def test_formats_that_the_original_does_not_read_are_refused():
    stream = io.BytesIO()
    Image.new("RGB", (3, 3)).save(stream, "GIF")
    with pytest.raises(Error, match="cannot be decoded"):
        image.decode(stream.getvalue())


@pytest.mark.parametrize("seed", range(60))
def test_resizing_is_opencvs_to_the_bit(seed):
    rng = np.random.default_rng(seed)
    height, width, new_height, new_width = rng.integers(1, 80, 4)
    if seed % 6 == 0:
        height, width = 2 * new_height, 2 * new_width
    pixels = rng.integers(0, 256, (3, height, width), dtype=np.uint8)
    expected = cv2.resize(np.ascontiguousarray(pixels.transpose(1, 2, 0)), (int(new_width), int(new_height)))
    np.testing.assert_array_equal(bilinear(pixels, new_height, new_width), expected.transpose(2, 0, 1))
