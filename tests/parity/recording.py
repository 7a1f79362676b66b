"""Records what BVLC Caffe computes for every case: FTCAFFE_ORACLE=DIR python tests/parity/recording.py

Writes `recorded.npz`, which the tests compare with where no original can be run. CI records anew and compares.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from parity import cases, oracle

RECORDED = Path(__file__).with_name("recorded.npz")


def main() -> None:
    """Record."""
    if oracle.root() is None:
        sys.exit("FTCAFFE_ORACLE names no root with BVLC Caffe: make oracle makes one")
    with tempfile.TemporaryDirectory() as folder:
        cases.write(Path(folder), cases.layer_cases() | cases.training_cases())
        arrays = oracle.original(Path(folder))
    np.savez_compressed(RECORDED, **arrays)
    print(f"{len(arrays)} arrays in {RECORDED}")


if __name__ == "__main__":
    main()
