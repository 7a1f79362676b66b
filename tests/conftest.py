"""What every test file shares: a test marked `oracle` is skipped where no original can be run."""

from __future__ import annotations

import pytest
from parity import oracle


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if item.get_closest_marker("oracle") and oracle.root() is None:
        pytest.skip("FTCAFFE_ORACLE names no root with BVLC Caffe")
