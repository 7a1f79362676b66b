"""The black border of an endoscope's picture, found and cropped."""

from __future__ import annotations

import numpy as np

# A pixel is seen where its brightest channel exceeds this; a row or column where so many of its pixels are seen.
DARK, SEEN = 24, 0.04


class Border:
    """The border of one video: what was black in every frame so far. A dark frame does not narrow the view."""

    def __init__(self) -> None:
        self._lit: np.ndarray | None = None

    def see(self, pixels: np.ndarray) -> None:
        """Take a frame (uint8, height × width × channels) into account."""
        lit = pixels.max(axis=2) > DARK
        if self._lit is None or self._lit.shape != lit.shape:
            self._lit = lit
        else:
            self._lit |= lit

    def crop(self, pixels: np.ndarray) -> np.ndarray:
        """The frame, seen, without its border; whole where nothing was ever lit."""
        self.see(pixels)
        assert self._lit is not None
        rows, columns = (np.flatnonzero(self._lit.mean(axis=axis) > SEEN) for axis in (1, 0))
        if not len(rows) or not len(columns):
            return pixels
        return np.ascontiguousarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
