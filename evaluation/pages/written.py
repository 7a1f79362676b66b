"""What an evaluation leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Written:
    """The folder's page, and what the terminal is told.

    page : the page. sentence : its headline. table : the numbers that matter most, for the terminal.
    """

    page: Path
    sentence: str
    table: str
