"""Programs written for pycaffe, run untouched by BVLC Caffe and by ``python -m ftcaffe.engine``: the same numbers.

``recorded.json`` holds what the original prints, for where there is none; ``FTCAFFE_ORACLE=DIR python
tests/test_programs.py`` writes it anew.
"""

from __future__ import annotations

import functools
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

import running
from parity import folder, oracle

PROGRAMS = Path(__file__).with_name("programs")
RECORDED = PROGRAMS / "recorded.json"
LIBRARIES = ("pydot", "user_layers")
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.py") if path.stem not in LIBRARIES)
# Caffe 1.0's load_image asks scikit-image for what has been spelt "as_gray" since: it fails where the original runs.
MENDED = """
import runpy, sys, skimage.io
read = skimage.io.imread
skimage.io.imread = lambda name, as_grey=False, as_gray=False: read(name, as_gray=as_grey or as_gray)
runpy.run_path(sys.argv[1], run_name="__main__")
"""
TOLERANCE = 1e-5  # of the greatest value of a list; training's last digits are the order of sums


def prepare(place):
    """A folder with the programs and what they read: records, their mean, an image."""
    folder.write(place, {})
    for path in PROGRAMS.glob("*.py"):
        shutil.copy(path, place)
    y, x = np.mgrid[:48, :64]
    image = np.stack([(x * 4) % 256, (y * 5 + x) % 256, (x * y) % 256], -1).astype(np.uint8)
    Image.fromarray(image).save(place / "image.png")


def original(name):
    with oracle.shared() as place:
        prepare(place)
        (place / "mended.py").write_text(MENDED)
        return json.loads(oracle.run(place, "python3", "mended.py", f"{name}.py"))


def assert_same(found, expected, where):
    """Arrays of numbers within the tolerance, everything else equal."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key in expected:
            assert_same(found[key], expected[key], f"{where}.{key}")
    elif (numbers := as_array(expected)) is not None:
        assert np.shape(found) == numbers.shape, where
        assert oracle.deviation(np.array(found, float), numbers) <= TOLERANCE, where
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{where}[{index}]")
    else:
        assert found == expected, where


def as_array(value):
    """A list of numbers, however deep, as an array; None where it is none."""
    if isinstance(value, str | bool | None):
        return None
    try:
        return np.array(value, float)
    except (TypeError, ValueError):
        return None


@functools.cache
def recorded():
    return json.loads(RECORDED.read_text())


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """How each program ended under the engine."""
    pytest.importorskip("torch")
    place = tmp_path_factory.mktemp("programs")
    prepare(place)
    return dict(zip(NAMES, running.engine(place, [[f"{name}.py"] for name in NAMES]), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_program_prints_the_originals_numbers(name, ours):
    assert ours[name].status == 0, ours[name].stderr
    assert_same(json.loads(ours[name].stdout), recorded()[name], name)


@pytest.mark.oracle
@pytest.mark.parametrize("name", NAMES)
def test_recorded_numbers_are_the_originals(name):
    assert_same(recorded()[name], original(name), name)


if __name__ == "__main__":
    found = {}
    for program in NAMES:
        print(program, flush=True)
        found[program] = original(program)
    RECORDED.write_text(json.dumps(found) + "\n")
