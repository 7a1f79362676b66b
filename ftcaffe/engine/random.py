"""Caffe's random numbers: one Mersenne twister, and the draws that Caffe takes from it.

Each draw takes the very words that Boost's distributions take in BVLC Caffe on a CPU, and computes with them in the
same precision: one seed gives the original's numbers, and leaves the twister where the original leaves it.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any

import numpy as np

from ftcaffe.engine import ziggurat

_BLOCK = 1 << 16  # words that are worked on at a time: they stay in the cache


class Random:
    """The 32-bit Mersenne twister, as Boost's ``mt19937`` with the same seed.

    Caffe has one for each thread, seeded by `set_random_seed` or a solver's `random_seed`. Fillers, dropout masks and
    DummyData draw from it; data transformation and shuffling draw from others of their own, seeded by its `word`.
    """

    def __init__(self, seed: int) -> None:
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Start anew from a seed, of which the low 32 bits count."""
        self._twister = np.random.RandomState(seed & 0xFFFFFFFF)

    def words(self, count: int) -> np.ndarray:
        """The next `count` 32-bit words, as uint32."""
        return self._twister.randint(0, 1 << 32, count, np.uint32)

    def word(self) -> int:
        """The next 32-bit word."""
        return int(self.words(1)[0])

    def bernoulli(self, probability: float | np.float32, count: int) -> np.ndarray:
        """`count` booleans, each true with the probability; it is compared in its precision, and 0 takes no words."""
        if probability == 0:
            return np.zeros(count, bool)
        precision = np.float32 if isinstance(probability, np.float32) else np.float64
        return np.less_equal(self.words(count).astype(precision), precision(probability) * precision(0xFFFFFFFF))

    def uniform(self, low: float, high: float, count: int) -> np.ndarray:
        """`count` float32 values of [low, high]."""
        start, above = np.float32(low), np.nextafter(np.float32(high), np.float32(np.inf))
        values = np.empty(count, np.float32)
        filled = 0
        while filled < count:
            fresh = self.words(min(count - filled, _BLOCK)).astype(np.float32)
            fresh *= np.float32(2.0**-32)
            fresh *= above - start
            fresh += start
            fresh = fresh[fresh < above]  # the last 128 words round up to it, and are taken in vain
            values[filled : filled + len(fresh)] = fresh
            filled += len(fresh)
        return values

    def gaussian(self, mean: float, deviation: float, count: int) -> np.ndarray:
        """`count` float32 values of the normal distribution."""
        values = np.empty(count, np.float32)
        filled, left = 0, np.empty(0, np.uint32)
        while filled < count:
            # A draw takes one word or more, so as many words as draws are missing are never too many.
            words = np.concatenate([left, self.words(min(count - filled, _BLOCK))])
            fresh, taken = ziggurat.normals(words)
            left = words[taken:]
            fresh *= np.float32(deviation)
            fresh += np.float32(mean)
            values[filled : filled + len(fresh)] = fresh
            filled += len(fresh)
        return values

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Shuffle in place, from the end: each item changes places with one that is not behind it."""
        last = len(items) - 1
        while last > 0:
            for word in self.words(last).tolist():
                other = word // ((1 << 32) // (last + 1))
                if other <= last:
                    items[last], items[other] = items[other], items[last]
                    last -= 1
