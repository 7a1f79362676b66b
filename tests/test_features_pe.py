"""Features of a prepared data set of CT volumes: clusters found again, candidates from elsewhere, faults."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace

import ct_sets
import numpy as np
import pytest

from data_prep import manifest
from data_prep.assumed import Assumed
from data_prep.candidates import emboli, lungs
from data_prep.features import pe
from data_prep.manifest import CandidateRow
from data_prep.pe import GEOMETRY, PE
from data_prep.readers.scans import Scan
from ftcaffe.errors import Error

pytest.importorskip("SimpleITK")
pytest.importorskip("pywt")
LOOSE = emboli.Settings(contrast=0, surround=0.15, bright=100, lungs=lungs.Settings(smallest=90))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return ct_sets.cad_pe(tmp_path_factory.mktemp("source"), (1, 2))


@pytest.fixture(scope="module")
def found(source):
    """Candidates by their keys."""
    return {
        (name, name, one.name): one
        for name in ("001", "002")
        for one in emboli.find(Scan(name, name, source / "images" / f"{name}.nrrd", None).read()[0], LOOSE)
    }


def written(folder, found, given=None):
    """A data folder as ftcaffe prepare leaves it, as far as features need it; `given` where the candidates were."""
    rows = [
        CandidateRow(
            *key, "train", 0, "", 0.5, tuple(round(float(v), 6) for v in (*one.position, *one.frame[:2].ravel()))
        )
        for key, one in reversed(found.items())
    ]
    manifest.write_candidates(folder / "candidates.csv", rows, GEOMETRY)
    arguments = {"series": None, "candidates": given, "set": Assumed(LOOSE).values()}
    (folder / "dataset.json").write_text(json.dumps({"layout": "cad-pe", "arguments": arguments}))
    return folder


def test_clusters_are_found_again(source, found, tmp_path):
    made = pe.features(source, written(tmp_path, found), 1)
    assert set(made.keys) == set(found)
    assert len(found) > 10
    volume = ct_sets.patient(1)[0]
    sizes = dict(zip(made.keys, made.values[:, made.names.index("volume")], strict=True))
    for key, one in found.items():
        assert sizes[key] == pytest.approx(len(one.voxels) * volume.voxel)
    assert np.isfinite(made.values).all()


def test_a_candidate_from_elsewhere_has_a_ball_for_its_cluster(source, found, tmp_path):
    some = dict(list(found.items())[:3])
    made = pe.features(source, written(tmp_path, some, "digest of a file"), 1)
    sizes = made.values[:, made.names.index("volume")]
    # On this grid a ball of 33 mm³ is six to twelve voxels.
    assert ((sizes > 15) & (sizes < 50)).all()


def test_candidates_that_are_others_now_are_one_line(source, found, tmp_path):
    key, one = next(iter(found.items()))
    data = written(tmp_path, {key: replace(one, position=one.position + 1)})
    with pytest.raises(Error, match=r"001\.nrrd: candidate '001' of the data set is not found in it again"):
        pe.features(source, data, 1)


def test_a_volume_that_is_gone_is_one_line(source, found, tmp_path):
    key, one = next(iter(found.items()))
    data = written(tmp_path, {("9", "9", key[2]): one})
    with pytest.raises(Error, match=r"has no volume '9/9' any more; give --source"):
        pe.features(source, data, 1)


def test_no_candidates_are_one_line(source, tmp_path):
    with pytest.raises(Error, match="has no candidates"):
        pe.features(source, written(tmp_path, {}), 1)


def test_options_are_checked(tmp_path):
    assert PE.handcrafted is not None
    with pytest.raises(Error, match="--jobs 0"):
        PE.handcrafted.features(Namespace(jobs=0), tmp_path, tmp_path)
