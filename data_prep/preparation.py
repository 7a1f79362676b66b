"""What every application is asked when it prepares data: checked once, and what of it decides the data set."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from ftcaffe.errors import Error


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """The options of ``ftcaffe prepare`` that all applications share; an application adds its own.

    scale : ``full`` or ``tiny``, which gives the net's input size.
    total : most patches of training and validation together.
    splits : a CSV file ``unit,split``, or None to draw the test units.
    test_fraction : part of the units that is drawn for testing.
    fractions : of what training learns from (`REDUCED`), for reduced training sets; 1.0 is always among them.
    seed : of every draw.
    jobs : processes.

    REDUCED names what the fractions are parts of; LEAST is the smallest `total`.
    """

    scale: str
    total: int
    splits: Path | None
    test_fraction: float
    fractions: tuple[float, ...]
    seed: int
    jobs: int

    REDUCED: ClassVar[str] = "units"
    LEAST: ClassVar[int] = 10

    def __post_init__(self) -> None:
        if not 0 < self.test_fraction < 1:
            raise Error(f"--test-fraction {self.test_fraction:g} is not between 0 and 1")
        if self.total < self.LEAST:
            raise Error(f"--total {self.total} is too small", remedy=f"ask for at least {self.LEAST} patches")
        if any(not 0 < fraction <= 1 for fraction in self.fractions):
            what = f"--fractions are parts of the training {self.REDUCED}"
            raise Error(what, remedy="give numbers above 0 and up to 1.0")

    @classmethod
    def of(cls, options: argparse.Namespace, **others: Any) -> Self:
        """From the options of the same names, but for `others`."""
        named = {one.name: getattr(options, one.name) for one in fields(cls) if one.name not in others}
        return cls(**named, **others)

    def arguments(self) -> Mapping[str, Any]:
        """What changes the data set, by the options' names; files by their contents."""
        from data_prep.dataset import content_digest

        return {
            "scale": self.scale,
            "total": self.total,
            "splits": content_digest(self.splits),
            "test_fraction": None if self.splits else self.test_fraction,
            "fractions": list(self.fractions),
            "seed": self.seed,
        }
