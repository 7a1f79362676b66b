"""A candidate: where a lesion may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """A box in pixels of its frame, half-open (x0 ≤ x < x1), and how sure its generator is of it.

    name : unique within the frame.
    score : the generator's own, larger for surer.
    """

    name: str
    x0: float
    y0: float
    x1: float
    y1: float
    score: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1)."""
        return self.x0, self.y0, self.x1, self.y1

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the location that is looked up in the ground truth."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2
