"""The images' files: what they install is what the toolkit asks for, and what they set is what it reads."""

from __future__ import annotations

import ast
import hashlib
import re
import shutil
import subprocess
import tarfile
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


# The stages of the original's images


def stages():
    """Base and text of each stage, by its name."""
    parts = re.split(r"^FROM (\S+) AS (\S+)$", CAFFE.read_text(), flags=re.MULTILINE)[1:]
    return {name: (base, text) for base, name, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)}


def test_both_originals_are_of_one_source_and_one_root():
    found = stages()
    assert {found[name][0] for name in ("cpu-build", "cuda-build")} == {"source"}
    assert {found[name][0] for name in ("cpu", "cuda", "toolkit")} == {"runtime"}
    copied = {name: re.findall(r"COPY --from=(\S+) /out /", found[name][1]) for name in ("cpu", "cuda")}
    assert copied == {"cpu": ["cpu-build", "toolkit"], "cuda": ["cuda-build", "toolkit"]}


def test_the_cuda_image_brings_no_driver():
    assert "libcuda1" not in re.sub(r"^#.*$", "", stages()["cuda"][1], flags=re.MULTILINE)
    assert "--no-install-recommends libcudart" in stages()["cuda"][1]


@pytest.mark.parametrize(
    "path", re.findall(r"^COPY (?!--from)(\S+) (?!/usr/src/ftcaffe$)", CAFFE.read_text(), re.MULTILINE)
)
def test_what_is_copied_is_there_and_sent(path):
    assert (ROOT / path).exists()
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert any(Path(path).match(pattern) or Path(path).is_relative_to(pattern) for pattern in sent)


# The source: fetched, checked, unpacked


@pytest.fixture
def checkout(tmp_path):
    """A folder with fetch.sh and docker/source, and tarballs as Debian packs them and as GitHub does."""
    shutil.copy(ROOT / "docker" / "fetch.sh", tmp_path)
    (tmp_path / "source").mkdir()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "CMakeLists.txt").write_text("project(Caffe)\n")
    (tmp_path / "tree" / "README.md").write_text("Caffe\n")
    for name, prefix in (("debian.tar.gz", "."), ("github.tar.gz", "caffe-99bd997")):
        with tarfile.open(tmp_path / name, "w:gz") as tar:
            for path in (tmp_path / "tree").iterdir():
                tar.add(path, f"{prefix}/{path.name}")
    return tmp_path


def fetch(checkout, place, sha256):
    command = [checkout / "fetch.sh", "caffe", place, sha256]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["debian.tar.gz", "github.tar.gz"])
def test_a_tarball_of_the_user_s_own_is_unpacked_whichever_way_it_is_packed(checkout, name):
    shutil.copy(checkout / name, checkout / "source")
    done = fetch(checkout, "", sha256(checkout / name))
    assert done.returncode == 0, done.stderr
    assert (checkout / "caffe" / "CMakeLists.txt").read_text() == "project(Caffe)\n"


@pytest.mark.skipif(not Path("/usr/lib/apt/apt-helper").exists(), reason="no apt")
def test_a_tarball_is_fetched_from_the_place_that_is_given(checkout):
    done = fetch(checkout, f"copy:{checkout}/github.tar.gz", sha256(checkout / "github.tar.gz"))
    assert done.returncode == 0, done.stderr
    assert (checkout / "caffe" / "README.md").exists()


@pytest.mark.parametrize("place", ["", "copy:/nowhere/caffe.tar.gz"], ids=["another", "absent"])
def test_a_source_that_is_not_the_one_is_refused(checkout, place):
    shutil.copy(checkout / "debian.tar.gz", checkout / "source")
    done = fetch(checkout, place, "")
    assert done.returncode == 1
    assert "fetch.sh: no source with the SHA-256 e0eb3f06" in done.stderr
    assert not (checkout / "caffe").exists()
