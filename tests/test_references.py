"""The recorded references are what their scripts make today."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from references import CASES, FOLDER, PYTHON, R


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"statistics_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_alike(found: Any, expected: Any) -> None:
    """The same keys and, to nine digits, the same numbers."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected.keys() - {"versions"}:
            assert_alike(found[key], expected[key])
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict | list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_cases_are_what_their_script_makes():
    assert_alike(script("cases").cases(), CASES)


def test_pythons_libraries_say_what_was_recorded():
    pytest.importorskip("sklearn")
    pytest.importorskip("statsmodels")
    assert_alike(script("record").recorded(), PYTHON)


def test_r_says_what_was_recorded(tmp_path):
    asked = 'stopifnot(requireNamespace("pROC", quietly = TRUE), requireNamespace("jsonlite", quietly = TRUE))'
    if shutil.which("Rscript") is None or subprocess.run(["Rscript", "-e", asked], capture_output=True).returncode:
        pytest.skip("R with pROC and jsonlite is not installed")
    for name in ("cases.json", "record.R"):
        shutil.copy(FOLDER / name, tmp_path)
    subprocess.run(["Rscript", "record.R"], cwd=tmp_path, check=True, capture_output=True)
    assert_alike(json.loads((tmp_path / "r.json").read_text("utf-8")), R)
