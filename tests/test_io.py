"""``caffe.io``: name by name and number by number the original's."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import io_calls
from parity import oracle
from PIL import Image
from skimage.color import rgb2gray

from ftcaffe.engine import io

RECORDED = Path(__file__).parent / "parity" / "recorded" / "io.npz"  # python tests/io_calls.py beside the original
with np.load(RECORDED) as _stored:
    NAMES = sorted(_stored)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    out = tmp_path_factory.mktemp("io") / "ours.npz"
    io_calls.main(out, "ftcaffe.engine.io")
    return load(out)


@functools.cache
def load(path):
    with np.load(path) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def expected():
    if oracle.root() is None:
        return load(RECORDED)
    with oracle.shared() as folder:
        shutil.copy(io_calls.__file__, folder)
        oracle.run(folder, "python3", "io_calls.py", "out.npz")
        return load(folder / "out.npz")


@pytest.mark.parametrize("name", NAMES)
def test_equals_caffe(name, found, expected):
    if expected[name].dtype.kind in "Uub":
        np.testing.assert_array_equal(found[name], expected[name])
    else:
        assert oracle.deviation(found[name], expected[name]) <= 1e-6
    assert found[name].dtype == expected[name].dtype


@pytest.mark.oracle
def test_names_are_the_originals():
    with oracle.shared() as folder:
        told = oracle.run(folder, "python3", "-c", "import caffe.io as io; print(*dir(io))")
    modules = {"np", "skimage", "zoom", "resize"}  # what it imports, no one's to use
    assert {name for name in told.split() if not name.startswith("_")} - modules <= set(dir(io))


class TestLoadImage:
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
    def test_color_is_rgb_of_unit_range(self, tmp_path, mode):
        picture = Image.fromarray(io_calls.image(3, "u1")).convert(mode)
        picture.save(tmp_path / "x.png")
        expected = np.asarray(picture.convert("RGB")) / 255.0
        np.testing.assert_allclose(io.load_image(str(tmp_path / "x.png")), expected, rtol=1e-6)

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
    def test_gray_has_scikit_images_weights(self, tmp_path, mode):
        picture = Image.fromarray(io_calls.image(3, "u1")).convert(mode)
        picture.save(tmp_path / "x.png")
        plain = np.asarray(picture.convert("RGB") if mode == "RGBA" else picture)
        expected = rgb2gray(plain) if plain.ndim == 3 else plain / 255.0
        found = io.load_image(str(tmp_path / "x.png"), color=False)
        np.testing.assert_allclose(found, expected[..., None], rtol=1e-6)
        assert found.dtype == np.float32


def test_resizing_beyond_the_orders_is_a_clear_error():
    with pytest.raises(ValueError, match="interp_order 2: images of one or three channels"):
        io.resize_image(io_calls.image(3, "f4"), (5, 5), interp_order=2)
