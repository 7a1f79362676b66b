"""Options spelt as gflags spells them."""

from __future__ import annotations

import argparse

import pytest

from ftcaffe.tools.flags import flag


@pytest.fixture
def parser():
    made = argparse.ArgumentParser()
    flag(made, "gray", False, "one channel")
    flag(made, "check_size", True, "sizes are the same")
    flag(made, "resize_height", 0, "height")
    flag(made, "backend", "lmdb", "store")
    made.add_argument("root")
    return made


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("x", (False, True, 0, "lmdb")),
        ("--gray x", (True, True, 0, "lmdb")),
        ("-gray -nocheck_size x", (True, False, 0, "lmdb")),
        ("--gray=true --check_size=false x", (True, False, 0, "lmdb")),
        ("--gray --nogray x", (False, True, 0, "lmdb")),
        ("-resize_height 7 --backend=leveldb x", (False, True, 7, "leveldb")),
        ("-resize_height=7 -backend leveldb x", (False, True, 7, "leveldb")),
    ],
)
def test_spellings(parser, words, expected):
    options = parser.parse_args(words.split())
    assert (options.gray, options.check_size, options.resize_height, options.backend) == expected
    assert options.root == "x"
