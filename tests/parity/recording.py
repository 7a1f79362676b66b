"""Records what BVLC Caffe computes: FTCAFFE_ORACLE=DIR python tests/parity/recording.py [FAMILY…]

Writes `recorded/FAMILY.npz`, which the tests compare with where no original can be run. CI records anew and compares.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from parity import cases, folder, oracle

RECORDED = Path(__file__).with_name("recorded")


def main(families: list[str]) -> None:
    """Record the families, all of them unless some are named."""
    if oracle.root() is None:
        sys.exit("FTCAFFE_ORACLE names no root with BVLC Caffe: make oracle makes one")
    for family in families or cases.FAMILIES:
        with tempfile.TemporaryDirectory() as place:
            folder.write(Path(place), cases.of(family))
            arrays = oracle.original(Path(place))
        np.savez_compressed(RECORDED / f"{family}.npz", **arrays)
        print(f"{family}: {len(arrays)} arrays")


if __name__ == "__main__":
    main(sys.argv[1:])
