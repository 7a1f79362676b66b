"""Labelled images and frames: from files to LMDB, test sub-images, reductions, and what is wrong with a source."""

import csv
import json
import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from data_prep import class_splits
from data_prep.manifest import CandidateRow
from data_prep.readers import quality
from data_prep.readers.labelled import pixels_of
from evaluation.scoring import testset
from ftcaffe.command import main
from ftcaffe.errors import Error
from ftcaffe.store import datum, lmdb


def picture(path, level, size=(40, 30), mode="RGB"):
    """An image that tells by its grey level and by its gradient which it is and where a cut lies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    pixels = np.stack([x % 256, y % 256, np.full_like(x, level)], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


@pytest.fixture
def source(tmp_path):
    """Three classes, eight units of two images a class each."""
    rows = []
    for unit in range(8):
        for label in range(3):
            for k in range(2):
                path = picture(tmp_path / "set" / f"c{label}" / f"u{unit}_{k}.png", 60 * label + 5 * unit + k)
                rows.append((path.relative_to(tmp_path / "set").as_posix(), f"u{unit}"))
    with (tmp_path / "set" / "units.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("image", "unit"), *rows])
    return tmp_path / "set"


def prepared(tmp_path, source, *arguments, app="images"):
    work = tmp_path / "work"
    status = main(["prepare", app, str(source), "--work", str(work), "--scale", "tiny", "--jobs", "1", *arguments])
    assert status == 0
    return work / "data" / app


def table(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_unit_is_in_one_split_and_every_split_shows_every_class(tmp_path, source):
    data = prepared(tmp_path, source)
    rows = table(data / "candidates.csv")
    assert len(rows) == 48
    of_unit = {row["unit"]: {r["split"] for r in rows if r["unit"] == row["unit"]} for row in rows}
    assert all(len(splits) == 1 for splits in of_unit.values())
    for split in ("train", "val", "test"):
        assert {row["label"] for row in rows if row["split"] == split} == {"0", "1", "2"}
    said = json.loads((data / "dataset.json").read_text())
    assert said["classes"] == ["c0", "c1", "c2"]
    assert said["positive"] == 2
    assert len(set(said["counts"]["train"].values())) == 1


def test_whole_images_are_resized_and_labelled(tmp_path, source):
    data = prepared(tmp_path, source)
    rows = [row for row in table(data / "manifest.csv") if row["split"] == "test"]
    for (key, record), row in zip(lmdb.Records(data / "test.lmdb"), rows, strict=True):
        image, label = datum.decode(record)
        assert key.decode() == row["key"]
        assert image.shape == (3, 67, 67)
        assert row["image"].startswith(f"c{label}/")
        unit, k = int(row["unit"][1:]), int(row["image"][-1])
        assert (image[0] == 60 * label + 5 * unit + k).all()  # BGR: the level is the red channel, last in RGB's order


def test_random_sub_images_inherit_the_label_and_test_ones_are_cut_while_scoring(tmp_path, source):
    data = prepared(
        tmp_path, source, "--crop", "random", "--size", "271x250", "--sub-images", "3", "--test-sub-images", "7"
    )
    rows = table(data / "manifest.csv")
    train = [row for row in rows if row["split"] == "train"]
    assert set(Counter((row["unit"], row["image"]) for row in train).values()) == {3}
    assert len({(row["x"], row["y"]) for row in train}) > 20
    for (_, record), row in zip(lmdb.Records(data / "train.lmdb"), train, strict=True):
        assert datum.decode(record)[0].shape == (3, 67, 67)
        assert 0 <= int(row["x"]) <= 80 - 67
        assert 0 <= int(row["y"]) <= 74 - 67
    tests = testset.read(data)
    assert Counter(tests.candidate.tolist()) == dict.fromkeys(range(len(tests.columns["unit"])), 7)
    patches = list(tests.patches())
    assert len(patches) == 7 * len(tests.columns["unit"])
    whole = [datum.decode(record)[0] for _, record in lmdb.Records(data / "test.lmdb")]
    assert whole[0].shape == (3, 74, 80)
    windows = np.lib.stride_tricks.sliding_window_view(whole[2], (67, 67), axis=(1, 2))[:, :, :]
    for patch in patches[14:21]:
        assert (windows == patch[:, None, None]).all(axis=(0, 3, 4)).any()
    again = list(testset.read(data).patches())
    np.testing.assert_array_equal(patches, again)
    assert not (np.array(patches[:7]) == patches[0]).all()


def test_the_same_command_changes_nothing_and_another_is_refused(tmp_path, source, capsys):
    data = prepared(tmp_path, source)
    before = (data / "dataset.json").read_bytes(), (data / "dataset.json").stat().st_mtime_ns
    prepared(tmp_path, source)
    assert ((data / "dataset.json").read_bytes(), (data / "dataset.json").stat().st_mtime_ns) == before
    assert main(["prepare", "images", str(source), "--work", str(tmp_path / "work"), "--seed", "5"]) == 2
    assert "holds a data set made otherwise" in capsys.readouterr().err


def test_without_units_it_is_said_that_images_may_leak(tmp_path, source, caplog):
    (source / "units.csv").unlink()
    prepared(tmp_path, source)
    assert "images of one patient may fall into training and test" in caplog.text


def test_reductions_keep_classes_in_proportion_and_lie_within_one_another():
    rows = [CandidateRow(f"u{k % 10}", str(k), "whole", "train", int(k % 4 == 0), "", 0.0, ()) for k in range(400)]
    for whole_units in (False, True):
        found = class_splits.shares(rows, (1.0, 0.5, 0.1), whole_units, np.random.default_rng(0))
        assert found[0.1].candidates < found[0.5].candidates < found[1.0].candidates == set(range(400))
    found = class_splits.shares(rows, (0.1, 0.01), False, np.random.default_rng(0))
    assert Counter(rows[i].label for i in found[0.1].candidates) == {0: 30, 1: 10}
    assert Counter(rows[i].label for i in found[0.01].candidates) == {0: 3, 1: 1}


@pytest.mark.parametrize("seed", range(5))
def test_splits_of_units_that_bear_few_classes(seed):
    labels = {f"a{k}": [0] * 5 for k in range(20)} | {f"b{k}": [1] for k in range(3)} | {"c0": [0, 1]}
    splits = class_splits.assign(labels, ("x", "y"), 0.5, np.random.default_rng(seed))
    for split in ("train", "val", "test"):
        assert {label for unit in labels for label in labels[unit] if splits[unit] == split} == {0, 1}
    assert 8 <= sum(split == "test" for split in splits.values()) <= 14


def test_a_class_in_two_units_cannot_be_split(tmp_path):
    labels = {f"a{k}": [0] for k in range(9)} | {"b0": [1], "b1": [1]}
    with pytest.raises(
        Error, match=r"no unit of the \w+ split shows the class 'y' \(11 units\); each class must show in"
    ):
        class_splits.assign(labels, ("x", "y"), 0.5, np.random.default_rng(0))


def test_sixteen_bits_go_through_a_window(tmp_path):
    levels = np.array([[0, 1000, 2000], [3000, 4000, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "a.png")
    found = pixels_of(tmp_path / "a.png", (1000, 3000))
    assert found.shape == (2, 3, 3)
    assert found[..., 0].tolist() == [[0, 0, 128], [255, 255, 255]]
    assert pixels_of(tmp_path / "a.png")[..., 0].tolist() == [[0, 4, 8], [12, 16, 255]]


def test_grey_and_colour_agree(tmp_path):
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(tmp_path / "grey.png")
    assert pixels_of(tmp_path / "grey.png")[..., 2].ravel().tolist() == list(range(12))


def images(tmp_path, *names):
    for k, name in enumerate(names):
        picture(tmp_path / name, k)
    return tmp_path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("unit,image,label\na,1.png,x\na,1.png,y\n", r"set\.csv:3: labels 1\.png again, as 'y' after 'x' in line 2"),
        ("unit,image,label\na,1.png,x\na,9.png,y\n", r"set\.csv:3: labels 9\.png, which is not there"),
        ("unit,image,label\na,1.png,x\nb,2.png,x\n", r"set\.csv: has the one class 'x'"),
        (
            "unit,image,label\na,1.png,x\nb,copy.png,y\n",
            r"copy\.png: is labelled 'y', and the same image, .*1\.png, 'x'",
        ),
        ("unit,image\na,1.png\n", r"set\.csv:1: lacks the column label"),
        ("unit,image,label\na,1.png,\n", r"set\.csv:2: has no image or no label"),
        ("unit,image,label\na,1.png,x\nb,2.png,y\n", r"no unit of the \w+ split shows the class"),
    ],
)
def test_faults_of_a_table_are_one_line(tmp_path, capsys, content, message):
    images(tmp_path, "1.png", "2.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "1.png").read_bytes())
    (tmp_path / "set.csv").write_text(content)
    arguments = ["prepare", "images", str(tmp_path / "set.csv"), "--layout", "csv", "--work", str(tmp_path / "work")]
    assert main([*arguments, "--jobs", "1"]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert re.search(message, said), said


def test_labels_are_read_in_several_spellings(tmp_path):
    path = tmp_path / "labels.csv"
    rows = ["unit,image,label", "v1,00005.000,informative", "v1,00010.000,Non_Informative", "v1,00015.000,skip"]
    path.write_text("\n".join(rows))
    assert quality.labels(path) == {("v1", "00005.000"): 1, ("v1", "00010.000"): 0}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("v1,0,maybe\n", r"labels\.csv:2: 'maybe' is neither 'informative' nor 'non-informative'"),
        ("v1,0,1\nv1,0,0\n", r"labels\.csv:3: labels frame '0' of 'v1' otherwise; line 2 has it"),
        ("v1,0,skip\n", r"labels\.csv: labels no frame"),
    ],
)
def test_faults_of_labels(tmp_path, rows, message):
    (tmp_path / "labels.csv").write_text("unit,image,label\n" + rows)
    with pytest.raises(Error, match=message):
        quality.labels(tmp_path / "labels.csv")


NERTHUS = (
    "0/bowel_1_score_0-1_00000001.jpg",
    "2/bowel_13_score_0-0_00000002.jpg",
    "3/bowel_13_score_3-1_00000001.jpg",
)
QUALITY = "labeled-images/lower-gi-tract/quality-of-mucosal-views"
HYPERKVASIR = [f"{QUALITY}/{kind}/{kind}.jpg" for kind in ("bbps-0-1", "bbps-2-3", "impacted-stool")]
NBI = [f"FRAMES/Fold{k % 3 + 1}/{kind}/{k}.png" for k, kind in enumerate("IBSUI")]


@pytest.mark.parametrize(
    ("layout", "names", "units", "informative"),
    [
        ("nerthus", NERTHUS, {"bowel_1", "bowel_13"}, 2),
        (
            "hyperkvasir",
            [*HYPERKVASIR, "labeled-images/x/cecum/x.jpg"],
            {"bbps-0-1", "bbps-2-3", "impacted-stool"},
            1,
        ),
        ("nbi-infframes", NBI, {"Fold1", "Fold2", "Fold3"}, 2),
        ("kvasir", ["m/blurry-nothing/a.jpg", "m/polyps/b.jpg"], {"blurry-nothing/a", "polyps/b"}, 1),
    ],
)
def test_public_layouts(tmp_path, layout, names, units, informative):
    images(tmp_path, *names)
    (tmp_path / ".DS_Store").write_bytes(b"")
    found = quality.LAYOUTS[layout](tmp_path)
    assert {one.unit for one in found} == units
    assert sum(one.label == quality.INFORMATIVE for one in found) == informative
    assert {one.label for one in found} == {quality.INFORMATIVE, quality.UNINFORMATIVE}


def test_frames_of_a_folder_from_labels_to_lmdb_without_the_paper_s_pixels_twice(tmp_path):
    rows = []
    for unit in range(6):
        for k in range(4):
            picture(tmp_path / "frames" / f"v{unit}" / f"{5 * k:09.3f}.png", 10 * unit + k, (500, 350))
            rows.append(f"v{unit},{5 * k:09.3f},{k % 2}\n")
    (tmp_path / "frames" / "labels.csv").write_text("unit,image,label\n" + "".join(rows))
    data = prepared(tmp_path, tmp_path / "frames", "--layout", "frames", "--sub-images", "2", app="frames")
    said = json.loads((data / "dataset.json").read_text())
    assert said["classes"] == ["non-informative", "informative"]
    assert said["test"] == {"count": 200, "size": 67, "seed": 0}
    assert next(iter(datum.decode(record)[0].shape for _, record in lmdb.Records(data / "test.lmdb"))) == (
        3,
        103,
        148,
    )
    (tmp_path / "frames" / "labels.csv").write_text("unit,image,label\nv0,00099.000,1\n")
    arguments = ["prepare", "frames", str(tmp_path / "frames"), "--layout", "frames", "--work", str(tmp_path / "w")]
    assert main(arguments) == 2
