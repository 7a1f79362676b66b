"""Normal draws as Boost makes them from 32-bit words: the ziggurat of Marsaglia and Tang (2000), in float32.

Half the bell is cut into layers of one area, the widest lowest. A word picks a layer, a sign and a place across it. A
place within the next, narrower layer is under the curve whatever its height, and is drawn: 988 words of 1000. Any
other takes more words: one for the height at the edge of a layer, several for the tail beyond the lowest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_Values = Any  # float32, one or an array
_Function = Callable[[Any], Any]
_PLACES = 2**24  # across a layer: the word's upper bits
_STEP, _UNIT, _TWO = np.float32(1 / _PLACES), np.float32(2.0**-32), np.float32(2)
_ROUNDS_TO_ONE = 0xFFFFFF80  # from this word on a height would be 1 in float32, and another word is taken


class _Layers:
    """Layer i of a decreasing density lies between x = 0 and x[i], and between y[i] and y[i + 1].

    Parameters
    ----------
    count : of layers.
    start : where the tail begins.
    area : of a layer; the lowest is a rectangle up to `start` and the tail, and x[0] gives a rectangle of that area.
    density, inverse : the curve, 1 at 0, and its inverse.
    """

    def __init__(self, count: int, start: float, area: float, density: _Function, inverse: _Function) -> None:
        x, y = np.zeros(count + 1), np.ones(count + 1)
        x[0], y[0] = area / density(start), 0
        x[1], y[1] = start, density(start)
        for i in range(2, count):
            y[i] = y[i - 1] + area / x[i - 1]
            x[i] = inverse(y[i])
        self.x, self.width, self.low = x, x.astype(np.float32), y.astype(np.float32)
        self.narrowing, self.rise = (-np.diff(x)).astype(np.float32), np.diff(y).astype(np.float32)

    def first_outside(self) -> np.ndarray:
        """The first of a layer's places that is not within the next layer, as it comes out in float32."""
        near = np.ceil(self.x[1:] / self.x[:-1] * _PLACES)[:, None] + np.arange(-2, 3)
        outside = near.astype(np.float32) * (self.width[:-1, None] * _STEP) >= self.x[1:, None]
        return near[range(len(near)), outside.argmax(axis=1)].clip(0).astype(np.uint32)


_START, _FAR = 3.4426198558966521214, 7.6971174701310497140  # where 128 and 256 layers of one area end at the top
_NORMAL = _Layers(
    128,
    _START,
    _START * math.exp(-_START * _START / 2) + math.sqrt(math.pi / 2) * math.erfc(_START / math.sqrt(2)),
    lambda x: np.exp(-x * x / 2),
    lambda y: np.sqrt(-2 * np.log(y)),
)
_EXPONENTIAL = _Layers(256, _FAR, (_FAR + 1) * math.exp(-_FAR), lambda x: np.exp(-x), lambda y: -np.log(y))

# By the lower eight bits of a word: the layer, then the sign in the lowest bit.
_SIGNED_STEP = np.repeat(_NORMAL.width[:-1] * _STEP, 2) * np.tile(np.array([-1, 1], np.float32), 128)
_FIRST_OUTSIDE = np.repeat(_NORMAL.first_outside(), 2)


def normals(words: np.ndarray) -> tuple[np.ndarray, int]:
    """The draws of N(0, 1) that a sequence of words holds whole.

    Parameters
    ----------
    words : uint32.

    Returns
    -------
    draws : float32, at most one for each word.
    taken : how many words they took. Those left over, if any, begin a draw that needs words beyond the end.
    """
    bits, place = words.astype(np.uint8), words >> 8
    draws = place.astype(np.float32) * _SIGNED_STEP[bits]
    drawn = place < _FIRST_OUTSIDE[bits]
    outside = np.flatnonzero(~drawn)
    layer = bits[outside] >> 1
    after = words[np.minimum(outside + 1, len(words) - 1)]
    under = _under_bell(layer, np.abs(draws[outside]), after.astype(np.float32) * _UNIT)
    plain = (layer > 0) & (after < _ROUNDS_TO_ONE) & (outside + 1 < len(words))
    starts, position, taken = [], 0, len(words)  # the plain draws, where the next one begins, how far it goes
    for number, (at, is_plain) in enumerate(zip(outside.tolist(), plain.tolist(), strict=True)):
        if at < position:  # a word that the draw before has taken
            continue
        if is_plain:
            starts.append(number)
            position = at + 2
            continue
        try:
            drawn[at], position = _slowly(words, at, draws)
        except IndexError:
            taken = at
            break
        drawn[at + 1 : position] = False
    drawn[outside[starts]] = under[starts]
    drawn[outside[starts] + 1] = False
    return draws[:taken][drawn[:taken]], taken


def _slowly(words: np.ndarray, at: int, draws: np.ndarray) -> tuple[bool, int]:
    """Whether the word begins a draw, in the tail or at an edge, and where the next one begins; sets draws[at]."""
    layer = (int(words[at]) & 0xFF) >> 1
    if layer:
        height, position = _height(words, at + 1)
        return bool(_under_bell(layer, abs(draws[at]), height)), position
    value, position = _tail(words, at + 1)
    draws[at] = math.copysign(value, draws[at])
    return True, position


def _under_bell(layer: Any, x: _Values, height: _Values) -> Any:
    """Whether the point at x and at a height (0 to 1) within a layer is under e^(−x²/2).

    Chord and tangent bound the curve, from above and below where it is convex (x ≥ 1), else the other way round.
    They are asked first, as Boost does, which decides the last bit.
    """
    width, low = _NORMAL.width[layer], _NORMAL.low[layer]
    y = low + height * _NORMAL.rise[layer]
    over_chord = _NORMAL.narrowing[layer] * height - (width - x)
    over_tangent = y - (low + (width - x) * low * width)
    upper, lower = np.where(width >= 1, (over_chord, over_tangent), (over_tangent, over_chord))
    return (upper < 0) & ((lower < 0) | (y < _exp(-(x * x / _TWO))))


def _tail(words: np.ndarray, position: int) -> tuple[_Values, int]:
    """A draw of the bell's tail, by rejection from e^(−start · x); and where the next one begins."""
    start = _NORMAL.width[1]
    while True:
        x, position = _exponential(words, position)
        x = x / start
        y, position = _exponential(words, position)
        if _TWO * y > x * x:
            return x + start, position


def _exponential(words: np.ndarray, position: int) -> tuple[_Values, int]:
    """A draw of e^−x, and where the next one begins. Its tail is e^−x again, further on."""
    table, shift = _EXPONENTIAL, np.float32(0)
    while True:
        word = int(words[position])
        layer = word & 0xFF
        x = np.float32(word >> 8) * (table.width[layer] * _STEP)
        position += 1
        if x < table.width[layer + 1]:
            return shift + x, position
        if layer == 0:
            shift += table.width[1]
            continue
        height, position = _height(words, position)
        y = table.low[layer] + height * table.rise[layer]
        top, narrow = table.low[layer + 1], table.width[layer + 1]
        under_chord = table.narrowing[layer] * height < table.width[layer] - x
        if under_chord and (y < top + (narrow - x) * top or y < _exp(-x)):
            return shift + x, position


def _height(words: np.ndarray, position: int) -> tuple[_Values, int]:
    """A float32 of [0, 1), and where the next word is."""
    while words[position] >= _ROUNDS_TO_ONE:
        position += 1
    return np.float32(words[position]) * _UNIT, position + 1


def _exp(x: _Values) -> _Values:
    """e^x to the last bit of float32, as the C library has it."""
    return np.exp(x.astype(np.float64)).astype(np.float32)
