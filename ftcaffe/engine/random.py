"""Caffe's random numbers: one Mersenne twister, and the draws that Caffe takes from it."""

from __future__ import annotations

import math

import numpy as np


class Random:
    """The 32-bit Mersenne twister, as Boost's ``mt19937`` with the same seed.

    Bernoulli and uniform draws are made from its words as Boost makes them, so that dropout masks and uniform
    fillers equal the original's. Normal draws are NumPy's: right in distribution, other numbers than Boost's.
    """

    def __init__(self, seed: int) -> None:
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Start anew from a seed, of which the low 32 bits count."""
        self._state = np.random.RandomState(seed & 0xFFFFFFFF)

    def words(self, count: int) -> np.ndarray:
        """The next `count` 32-bit words, as uint64."""
        return self._state._bit_generator.random_raw(count)

    def word(self) -> int:
        """The next 32-bit word."""
        return int(self.words(1)[0])

    def bernoulli(self, probability: float, count: int) -> np.ndarray:
        """`count` booleans, each true with the probability."""
        return self.words(count) <= probability * 0xFFFFFFFF

    def uniform(self, low: float, high: float, count: int) -> np.ndarray:
        """`count` float32 values of [low, high]."""
        unit = self.words(count).astype(np.float32) / np.float32(0xFFFFFFFF)
        return unit * np.float32(high - low) + np.float32(low)

    def gaussian(self, mean: float, deviation: float, count: int) -> np.ndarray:
        """`count` float32 values of the normal distribution."""
        if not math.isfinite(deviation) or deviation < 0:
            raise ValueError(f"a standard deviation of {deviation}")
        return self._state.normal(mean, deviation, count).astype(np.float32)
