"""`ftcaffe prepare pe` and `apply pe`: from volumes to LMDB, tables that say where patches come from, detections."""

import csv
import json
from collections import Counter
from dataclasses import replace

import ct_sets as sets
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from data_prep import assumed, manifest, representations
from data_prep.assumed import Assumed
from data_prep.candidates import emboli, lungs, points
from data_prep.detect import detect
from data_prep.phantoms import pe as phantom
from data_prep.readers import scans
from data_prep.readers.write import write_nrrd
from data_prep.vessel import placed
from ftcaffe.command import main
from ftcaffe.errors import Error
from ftcaffe.store import datum, lmdb

pytest.importorskip("SimpleITK")
# Coarse volumes hold few candidates inside emboli: these rules let more pass.
SET = ("--set", "contrast=-100", "--set", "surround=0.2")
SPLITS = ("001,train", "003,val", "004,test", "005,test", "006,train")
ARGUMENTS = ("--scale", "tiny", "--total", "1800", "--fractions", "0.5", "--seed", "3", *SET)


def prepare(source, work, *arguments):
    return main(["prepare", "pe", str(source), "--work", str(work), "--jobs", "1", *map(str, arguments)])


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = sets.cad_pe(tmp_path_factory.mktemp("source") / "set", (1, 3, 4, 5, 6))
    (folder / "splits.csv").write_text("unit,split\n" + "\n".join(SPLITS) + "\n")
    return folder


@pytest.fixture(scope="module")
def work(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    assert prepare(source, folder, *ARGUMENTS, "--splits", source / "splits.csv") == 0
    return folder


@pytest.fixture(scope="module")
def data(work):
    return work / "data" / "pe"


@pytest.fixture(scope="module")
def volumes(source):
    return {scan.unit: scan.read() for scan in scans.read("cad-pe", source)}


def test_a_candidate_is_positive_inside_an_embolus_whose_number_it_keeps(data, volumes):
    found = manifest.read_candidates(data / "candidates.csv")
    assert {row.label for row in found} == {0, 1}
    for row in found:
        volume, labels = volumes[row.unit]
        position, frame = placed(row.geometry)
        index = tuple(np.rint(volume.to_index(position)).astype(int))
        assert row.lesion == ("" if labels is None or not labels[index] else str(labels[index]))
        assert row.label == bool(row.lesion)
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-5)


def test_every_volume_has_a_row_with_its_emboli(data, volumes):
    shown = {row["unit"]: int(row["lesions"]) for row in rows(data / "images.csv")}
    assert shown == {
        unit: 0 if labels is None else len(set(labels[labels > 0])) for unit, (_, labels) in volumes.items()
    }
    assert shown["004"] == 0


def test_test_candidates_have_their_54_patches_and_training_is_balanced(data):
    table = rows(data / "manifest.csv")
    cut = Counter((row["image"], row["candidate"]) for row in table if row["split"] == "test")
    assert set(cut.values()) == {54}
    found = manifest.read_candidates(data / "candidates.csv")
    assert len(cut) == sum(row.split == "test" for row in found)
    labels = Counter((row["split"], row["label"]) for row in table if row["split"] != "test")
    assert labels["train", "0"] == labels["train", "1"] == 720
    assert labels["val", "0"] == labels["val", "1"]


def test_positives_are_topped_up_and_the_manifest_says_which(data):
    table = rows(data / "manifest.csv")
    drawn = [row for row in table if row["drawn"] == "1"]
    assert drawn
    assert {row["label"] for row in drawn} == {"1"}
    assert {row["split"] for row in drawn} <= {"train", "val"}
    positive = {(r.unit, r.candidate) for r in manifest.read_candidates(data / "candidates.csv") if r.label}
    for split in ("train", "val"):
        regular = [r for r in table if (r["split"], r["label"], r["drawn"]) == (split, "1", "0")]
        of_split = {(r["unit"], r["candidate"]) for r in table if r["split"] == split and r["label"] == "1"}
        if any(row["split"] == split for row in drawn):  # then every regular one is there
            assert len(regular) == 54 * len(of_split & positive)
    ways = [tuple(row[c] for c in ("unit", "candidate", "width", "shift", "rotation")) for row in table]
    assert len(set(ways)) == len(ways)


def test_a_patch_is_cut_as_its_row_says(data, volumes):
    found = {(r.unit, r.candidate): r for r in manifest.read_candidates(data / "candidates.csv")}
    records = lmdb.Records(data / "train.lmdb")
    table = [row for row in rows(data / "manifest.csv") if row["split"] == "train"]
    assert len(records) == len(table)
    for row in table[::97]:
        how = representations.Augmentation(float(row["width"]), float(row["shift"]), float(row["rotation"]))
        volume, _ = volumes[row["unit"]]
        place = placed(found[row["unit"], row["candidate"]].geometry)
        (patch,) = representations.cuts(volume, *place, [how], "vessel", 67)
        stored, label = datum.decode(records[row["key"].encode()], data)
        np.testing.assert_array_equal(stored, patch)
        assert label == int(row["label"])


def test_half_of_the_emboli_keeps_the_negatives_ratio(data):
    record = json.loads((data / "dataset.json").read_text())["fractions"]
    names = [key.decode().partition("_")[2] for key, _ in lmdb.Records(data / "train_050.lmdb")]
    found = {f"{r.unit}/{r.image}/{r.candidate}": r for r in manifest.read_candidates(data / "candidates.csv")}
    train = [r for r in found.values() if r.split == "train"]
    emboli_there = {(r.unit, r.lesion) for r in train if r.label}
    kept = {(found[n].unit, found[n].lesion) for n in names if found[n].label}
    assert len(kept) == max(1, round(0.5 * len(emboli_there)))
    assert record["0.5"]["records"] == len(names) < record["1.0"]["records"]
    negative = {n for n in names if not found[n].label}
    assert len(negative) <= round(0.5 * sum(not r.label for r in train))


def test_the_same_again_is_there_already_and_another_is_refused(source, work, data, capsys):
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    assert prepare(source, work, *ARGUMENTS, "--splits", source / "splits.csv") == 0
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*")} == before
    assert prepare(source, work, *ARGUMENTS, "--set", "bright=160", "--splits", source / "splits.csv") == 2
    assert "made otherwise (set)" in capsys.readouterr().err


def test_the_sheet_shows_candidates(data):
    with Image.open(data / "candidates.png") as sheet:
        assert sheet.width > 900
        assert np.asarray(sheet).std() > 40


@pytest.mark.parametrize("coordinates", ["mm", "voxel0", "voxel1"])
def test_candidates_from_elsewhere_make_the_same_places(data, source, volumes, tmp_path, coordinates):
    given = [row for row in manifest.read_candidates(data / "candidates.csv")]
    lines = ["unit,image,candidate,x,y,z,score"]
    for row in given:
        place = np.array(row.geometry[:3])
        if coordinates != "mm":
            place = volumes[row.unit][0].mm_to_stored(place) + (coordinates == "voxel1")
        lines.append(f"{row.unit},{row.image},{row.candidate},{place[0]},{place[1]},{place[2]},{row.score}")
    (tmp_path / "given.csv").write_text("\n".join(lines) + "\n")
    arguments = ["--candidates", tmp_path / "given.csv", "--coordinates", coordinates, "--augment", "none"]
    arguments += ["--splits", source / "splits.csv", "--scale", "tiny"]
    assert prepare(source, tmp_path / "work", *arguments) == 0
    again = manifest.read_candidates(tmp_path / "work/data/pe/candidates.csv")
    assert [(r.unit, r.candidate, r.label, r.lesion) for r in again] == [
        (r.unit, r.candidate, r.label, r.lesion) for r in given
    ]
    for one, other in zip(again, given, strict=True):
        np.testing.assert_allclose(one.geometry[:3], other.geometry[:3], atol=1e-4)


def test_cad_pes_detection_file_is_read(tmp_path):
    (tmp_path / "found.txt").write_text("Scan X Y Z Confidence\n001 10 20 30 0.9\n001 1 2 3 0.5\ne0032 4 5 6 1\n")
    found = points.read(tmp_path / "found.txt")
    assert [p.place for p in found["001", "001"]] == [(10, 20, 30), (1, 2, 3)]
    assert found["e0032", "e0032"][0].score == 1
    (tmp_path / "found.txt").write_text("001 10 20 30\n")
    with pytest.raises(Error, match=r"found\.txt:1: has 4 cells"):
        points.read(tmp_path / "found.txt")


def test_a_scan_without_reference_or_word_that_it_is_free_is_one_line(tmp_path, capsys):
    source = sets.cad_pe(tmp_path / "set", (1, 2))
    (source / "rs" / "rs" / "0002RefStd.nrrd").unlink()
    assert prepare(source, tmp_path / "work", "--scale", "tiny") == 2
    assert "002.nrrd: has no reference" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_calibrate_tells_and_writes_nothing(tmp_path, caplog):
    source = sets.cad_pe(tmp_path / "set", (3,))
    with caplog.at_level("INFO"):
        assert prepare(source, tmp_path / "work", "--calibrate", *SET) == 0
    assert not (tmp_path / "work").exists()
    (in_use,) = [r.message for r in caplog.records if r.message.endswith("in use")]
    surround, contrast, a_volume, _, sensitivity = map(float, in_use.split()[:5])
    assert (surround, contrast) == (0.2, -100)
    found = [
        emboli.find(scan.read()[0], Assumed.of(assumed.read(SET[1::2])).candidates)
        for scan in scans.read("cad-pe", source)
    ]
    assert a_volume == pytest.approx(len(found[0]), abs=0.05)
    assert 0 < sensitivity <= 1


def test_a_run_says_where_emboli_are_in_a_new_volume(data, source, volumes, tmp_path):
    dataset = json.loads((data / "dataset.json").read_text())

    def probabilities(patches):
        brightness = np.array([patch[1].mean() / 255 for patch in patches])
        return np.stack([1 - brightness, brightness], axis=1)

    detect(dataset, source / "images" / "005.nrrd", None, [], probabilities, tmp_path / "out")
    table = rows(tmp_path / "out" / "detections.csv")
    volume, _ = volumes["005"]
    there = [r for r in manifest.read_candidates(data / "candidates.csv") if r.unit == "005"]
    assert len(table) == len(there)
    scores = [float(row["score"]) for row in table]
    assert scores == sorted(scores, reverse=True)
    best = table[0]
    place = np.array([float(best[c]) for c in ("x_mm", "y_mm", "z_mm")])
    np.testing.assert_allclose(volume.mm_to_stored(place), [float(best[c]) for c in "xyz"], atol=0.06)
    row = min(there, key=lambda r: np.linalg.norm(np.array(r.geometry[:3]) - place))
    ways = representations.augmentations("full")
    patches = representations.cuts(volume, *placed(row.geometry), ways, "vessel", 67)
    assert scores[0] == pytest.approx(np.mean([patch[1].mean() / 255 for patch in patches]), abs=1e-3)
    with Image.open(tmp_path / "out" / "detections.png") as sheet:
        assert sheet.height > 500


def test_the_phantom_is_the_same_again_and_in_dicom(tmp_path):
    settings = phantom.Settings(seed=1, patients=1, spacing=2)
    for name, is_dicom in (("a", False), ("b", False), ("c", True)):
        phantom.write(tmp_path / name, settings, dicom=is_dicom)
    assert (tmp_path / "a/images/001.nrrd").read_bytes() == (tmp_path / "b/images/001.nrrd").read_bytes()
    ((stored,), (series,)) = (scans.read("cad-pe", tmp_path / name) for name in ("a", "c"))
    np.testing.assert_array_equal(stored.read()[0].array, series.read()[0].array)
    np.testing.assert_array_equal(stored.read()[1], series.read()[1])


@pytest.mark.parametrize("masked", [False, True])
def test_emboli_are_painted_into_a_given_chest(tmp_path, masked):
    ct, _ = phantom.patient(phantom.Settings(seed=5, spacing=1.2), 4)  # one without emboli
    write_nrrd(tmp_path / "chest.nrrd", ct)
    arguments = ["phantom", "pe", str(tmp_path / "set"), "--patients", "1", "--on", str(tmp_path / "chest.nrrd")]
    artery = lungs.mask(ct) & (ct.array > 180)
    if masked:  # a part of the grid
        artery[:, :, : artery.shape[2] // 2] = False
        half = sets.turned(ct.of(artery.astype(np.uint8)), (0, 1, 2), (1, 1, 1))
        middle = artery.shape[2] // 2
        part = replace(half, array=half.array[..., middle:].copy(), origin=ct.to_mm([0, 0, middle]))
        write_nrrd(tmp_path / "artery.nrrd", part)
        arguments += ["--artery", str(tmp_path / "artery.nrrd")]
    assert main([*arguments, "--jobs", "1"]) == 0
    (scan,) = scans.read("cad-pe", tmp_path / "set")
    painted, labels = scan.read()
    assert labels.max() >= 3
    assert artery[labels > 0].all()  # nowhere but in the vessels
    far = ndimage.distance_transform_edt(labels == 0) > 3
    np.testing.assert_array_equal(painted.array[far], ct.array[far])
    core = ndimage.binary_erosion(labels > 0)
    assert painted.array[core].mean() < 110 < ct.array[core].mean()


def test_an_artery_on_another_grid_is_refused(tmp_path, capsys):
    ct, labels = sets.patient(4)
    write_nrrd(tmp_path / "chest.nrrd", ct)
    write_nrrd(tmp_path / "artery.nrrd", replace(labels, spacing=labels.spacing * 2))
    arguments = ["phantom", "pe", str(tmp_path / "set"), "--patients", "1", "--jobs", "1"]
    arguments += ["--on", str(tmp_path / "chest.nrrd"), "--artery", str(tmp_path / "artery.nrrd")]
    assert main(arguments) == 2
    assert "artery.nrrd: is not on the grid of chest.nrrd" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_neither_a_threshold_nor_a_linear_model_separates_the_phantoms_candidates():
    """On a candidate's intensities, surround and size; the model is scored on the patients that it was fitted on."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, positive = [], []
    patients = (1, 2, 3)
    for number in patients:
        ct, labels = phantom.patient(phantom.Settings(spacing=1.0), number)
        for one in emboli.find(ct, emboli.Settings(surround=0.1, contrast=-25)):
            hu = ct.array[tuple(one.voxels.T)]
            own = [hu.mean(), hu.std(), *np.percentile(hu, (0, 10, 25, 50, 75, 90, 100))]
            features.append([*own, one.contrast, one.surround, np.log(len(hu))])
            positive.append(labels.array[tuple(one.index)] > 0)
    features, positive = np.array(features), np.array(positive)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
    columns = [features[:, k] * sign for k in range(features.shape[1]) for sign in (1, -1)]
    for score in [*columns, model.fit(features, positive).decision_function(features)]:
        threshold = np.sort(score[~positive])[-len(patients)]  # one false positive a volume
        assert (score[positive] > threshold).mean() < 0.85
    assert positive.sum() >= 8
