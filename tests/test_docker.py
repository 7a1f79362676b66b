"""The images' files: what they install is what the toolkit asks for, and what they set is what it reads."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CAFFE, CUDA = ROOT / "docker" / "caffe.Dockerfile", ROOT / "docker" / "cuda.Dockerfile"
# Debian's names where they are not python3- and PyPI's.
DEBIAN = {"scikit-image": "skimage", "pillow": "pil"}


def requirements():
    """Names by extra (None: the toolkit's own), from setup.py."""
    (call,) = [
        node
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"
    ]
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    listed = {None: ast.literal_eval(given["install_requires"])} | ast.literal_eval(given["extras_require"])
    return {extra: [re.split(r"[<>=!~;\[ ]", text)[0] for text in texts] for extra, texts in listed.items()}


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_every_requirement_is_pinned():
    # An unpinned one is whatever PyPI serves that day; for PyTorch that is gigabytes.
    pinned = {name.lower() for name in constraints()}
    asked = {name.lower() for names in requirements().values() for name in names}
    assert asked <= pinned


@pytest.mark.parametrize("name", [*requirements()[None], *requirements()["video"]])
def test_the_original_s_image_has_debian_s_package(name):
    assert re.search(rf"\bpython3-{DEBIAN.get(name, name)}\b", CAFFE.read_text())


def test_variables_that_the_image_sets_are_read():
    sources = "".join(path.read_text() for path in (ROOT / "ftcaffe").rglob("*.py"))
    variables = set(re.findall(r"^.*\b(FTCAFFE_[A-Z]+)=\S+ \\$", CUDA.read_text(), re.MULTILINE))
    assert variables == {"FTCAFFE_ENGINE", "FTCAFFE_GPU"}
    for variable in variables:
        assert f'"{variable}"' in sources


def test_each_change_to_caffe_says_why():
    patches = sorted((ROOT / "docker" / "patches").glob("*.patch"))
    assert patches
    for patch in patches:
        header = patch.read_text().partition("\n--- ")[0]
        assert re.match(r"Description: .+\n .+", header), patch.name
