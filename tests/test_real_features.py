"""Features of five real lesions against the baseline that pyradiomics 3.0.1 ships (its own tests' reference values).

The settings are those of the baseline: bins of 25, distance 1, 13 directions, symmetric, no resampling.
"""

from __future__ import annotations

import csv
import gzip

import numpy as np
import packages
import pytest

from data_prep.features import cooccurrence, intensity, shape

CASES = ("brain1", "brain2", "breast1", "lung1", "lung2")
BIN = 25
HARALICK = {
    "entropy": "JointEntropy", "energy": "JointEnergy", "contrast": "Contrast", "homogeneity": "Idm",
    "correlation": "Correlation", "variance": "SumSquares", "sum_average": "SumAverage",
    "difference_entropy": "DifferenceEntropy",
}  # fmt: skip
STATISTICS = {"skewness": "Skewness", "kurtosis": "Kurtosis", "p10": "10Percentile", "p50": "Median"}
STATISTICS |= {"min": "Minimum", "max": "Maximum", "mean": "Mean", "p90": "90Percentile"}


@pytest.fixture(scope="session")
def data():
    return packages.pyradiomics() / "data"


def nrrd(path):
    """Array (z, y, x) and spacing (z, y, x) of a gzipped NRRD file, by its header."""
    header, _, body = path.read_bytes().partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in header.decode().splitlines()[1:] if ": " in line)
    kind = {"short": "<i2", "unsigned char": "u1", "uchar": "u1", "unsigned short": "<u2", "int": "<i4"}[
        fields["type"]
    ]
    assert fields["encoding"] == "gzip"
    array = np.frombuffer(gzip.decompress(body), kind)
    vectors = [[float(v) for v in part.split(",")] for part in fields["space directions"][1:-1].split(") (")]
    spacing = np.linalg.norm(vectors, axis=1)[::-1]
    return array.reshape([int(n) for n in fields["sizes"].split()][::-1]), spacing


def baseline(data, family, case):
    """The values of a case by the feature's name."""
    with (data / "baseline" / f"baseline_{family}.csv").open(encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    column = header.index(case)
    return {row[0].removeprefix(f"original_{family}_"): row[column] for row in rows}


@pytest.fixture(scope="session", params=CASES)
def case(data, request):
    """Name, image and mask (the label's box and a voxel around), spacing."""
    image, spacing = nrrd(data / f"{request.param}_image.nrrd")
    mask = nrrd(data / f"{request.param}_label.nrrd")[0] == 1
    where = np.argwhere(mask)
    inner = tuple(map(slice, np.maximum(where.min(axis=0) - 1, 0), where.max(axis=0) + 2))
    return request.param, image[inner].astype(float), mask[inner], spacing


def test_co_occurrence(data, case):
    name, image, mask, _ = case
    levels = np.where(mask, np.floor(image / BIN) - np.floor(image[mask].min() / BIN), 0).astype(int)
    found = [cooccurrence.haralick(p) for p in cooccurrence.matrices(levels, mask, levels.max() + 1)]
    assert len(found) == 13
    wanted = baseline(data, "glcm", name)
    for ours, theirs in HARALICK.items():
        np.testing.assert_allclose(
            np.mean([one[ours] for one in found]), float(wanted[theirs]), rtol=1e-9, err_msg=ours
        )


def test_intensity(data, case):
    name, image, mask, _ = case
    found, wanted = intensity.statistics(image[mask]), baseline(data, "firstorder", name)
    for ours, theirs in STATISTICS.items():
        np.testing.assert_allclose(found[ours], float(wanted[theirs]), rtol=1e-9, err_msg=ours)
    np.testing.assert_allclose(found["deviation"] ** 2, float(wanted["Variance"]), rtol=1e-9)


def test_shape(data, case):
    name, _, mask, spacing = case
    wanted = {key: float(value) for key, value in baseline(data, "shape", name).items() if key[0] in "MLSV"}
    extents = shape.principal_extents(np.argwhere(mask) * spacing)
    axes = [wanted["MajorAxisLength"], wanted["MinorAxisLength"], wanted["LeastAxisLength"]]
    np.testing.assert_allclose(extents, axes, rtol=1e-9)
    volume, surface = shape.mesh(mask, spacing)
    # The triangles differ where marching cubes leaves a choice.
    np.testing.assert_allclose(volume, wanted["MeshVolume"], rtol=2e-3)
    np.testing.assert_allclose(surface, wanted["SurfaceArea"], rtol=2e-2)
    np.testing.assert_allclose(shape.sphericity(volume, surface), wanted["Sphericity"], rtol=2e-2)
