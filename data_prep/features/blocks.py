r"""What low frequencies cannot reproduce of a frame: features of the error of block transforms, after [65].

[65] Tajbakhsh, Chi, Sharma, Wu, Gurudu, Liang: Automatic assessment of image informativeness in colonoscopy.
Abdominal Imaging (MICCAI workshop), 2014. That the frame is cut into cells, each transformed and reconstructed, that
several differences are summed, and that a histogram of the sum is classified, is the method's; the numbers here are
assumed.

For each cell size s the orthonormal DCT-II of a cell X is C = A X Aᵀ, with
A[k, n] = √((1 + [k > 0]) / s) cos((2n + 1)πk / 2s). The `KEPT` coefficients of lowest frequency stay, in zig-zag
order, and Aᵀ C A reconstructs the cell. The error D = Σ_s Σ_channels |X − X_s| is small where a frame is blurred,
dark or even, and large at edges. Histograms of log2(1 + D) over the whole frame and over each tile of a grid are the
features, with mean, deviation and 90th percentile of D.
"""

from __future__ import annotations

import numpy as np

CELLS = (8, 16, 32)
KEPT = 6
BINS, HIGHEST = 32, 10.0
GRID = 4
_REGIONS = ("whole", *(f"tile{row}{column}" for row in range(GRID) for column in range(GRID)))
NAMES = (
    *(f"{region}_bin{number:02d}" for region in _REGIONS for number in range(BINS)),
    *(f"{region}_{what}" for region in _REGIONS for what in ("mean", "deviation", "p90")),
)


def features(pixels: np.ndarray) -> np.ndarray:
    """(595,) features, named by `NAMES`, of a frame (uint8, height × width × channels)."""
    found = error(pixels)
    height, width = found.shape
    rows, columns = (np.linspace(0, side, GRID + 1).round().astype(int) for side in (height, width))
    regions = [found] + [
        found[rows[i] : rows[i + 1], columns[j] : columns[j + 1]] for i in range(GRID) for j in range(GRID)
    ]
    edges = np.linspace(0, HIGHEST, BINS + 1)
    histograms = [
        np.histogram(np.minimum(np.log2(1 + region), HIGHEST), edges)[0] / region.size for region in regions
    ]
    moments = [(region.mean(), region.std(), np.percentile(region, 90)) for region in regions]
    return np.concatenate([*histograms, *moments])


def error(pixels: np.ndarray) -> np.ndarray:
    """The reconstruction error D (float, height × width) of a frame (uint8, height × width × channels)."""
    total = np.zeros(pixels.shape[:2])
    for size in CELLS:
        total += np.abs(pixels - reconstructed(pixels.astype(float), size)).sum(axis=2)
    return total


def reconstructed(image: np.ndarray, size: int, kept: int = KEPT) -> np.ndarray:
    """The image (float, height × width × channels) from the lowest frequencies of its cells of `size` pixels.

    Sides that are no multiple of `size` are continued by mirroring.
    """
    height, width = image.shape[:2]
    padding = ((0, -height % size), (0, -width % size), (0, 0))
    padded = np.pad(image, padding, mode="symmetric")
    cells = padded.reshape(padded.shape[0] // size, size, padded.shape[1] // size, size, -1)
    order = zigzag(size)[:kept]
    highest = 1 + max(max(place) for place in order)
    transform = dct(size)[:highest]
    mask = np.zeros((highest, highest))
    for row, column in order:
        mask[row, column] = 1
    coefficients = np.einsum("ka,iajbc,lb->ikjlc", transform, cells, transform, optimize=True)
    coefficients *= mask[None, :, None, :, None]
    back = np.einsum("ka,ikjlc,lb->iajbc", transform, coefficients, transform, optimize=True)
    return back.reshape(padded.shape)[:height, :width]


def dct(size: int) -> np.ndarray:
    """The orthonormal DCT-II as a matrix (size × size): a row a frequency."""
    k, n = np.mgrid[:size, :size]
    return np.sqrt(np.where(k > 0, 2, 1) / size) * np.cos((2 * n + 1) * np.pi * k / (2 * size))


def zigzag(size: int) -> list[tuple[int, int]]:
    """Row and column of the coefficients of a cell in JPEG's order."""
    places = [(row, column) for row in range(size) for column in range(size)]
    return sorted(places, key=lambda at: (sum(at), at[0] if sum(at) % 2 else at[1]))
