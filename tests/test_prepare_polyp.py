"""`ftcaffe prepare polyp`: from videos to LMDB, the same whatever happens on the way."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import polyp_sets as sets
import pytest
from parity import oracle

from data_prep import manifest
from data_prep.patches import Augmentation, cut
from data_prep.phantoms import polyp as phantom
from data_prep.readers import layouts, video
from ftcaffe.command import main
from ftcaffe.store import datum, lmdb, mean

ARGUMENTS = ("--scale", "tiny", "--augment", "centred", "--total", "400", "--fractions", "0.5", "--seed", "3")
SPLITS = ("train", "val", "test")


def prepare(source, work, *arguments, jobs=1):
    return main(["prepare", "polyp", str(source), "--work", str(work), "--jobs", str(jobs), *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source") / "polyp"
    phantom.write(folder, phantom.Settings(seed=4, videos=8, frames=3, size=160))
    return folder


@pytest.fixture(scope="module")
def work(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    assert prepare(source, folder, *ARGUMENTS) == 0
    return folder


@pytest.fixture(scope="module")
def data(work):
    return work / "data" / "polyp"


@pytest.fixture(scope="module")
def quick(source, data, tmp_path_factory):
    """Arguments with the candidates given, so that a run takes a moment; and the folder that they make."""
    table = tmp_path_factory.mktemp("table") / "candidates.csv"
    shutil.copy(data / "candidates.csv", table)
    arguments = (*ARGUMENTS, "--candidates", str(table))
    folder = tmp_path_factory.mktemp("quick")
    assert prepare(source, folder, *arguments) == 0
    return arguments, folder / "data" / "polyp"


def test_candidates_from_a_table_make_the_same_data(data, quick):
    found, expected = contents(quick[1]), contents(data)
    assert found.keys() == expected.keys()
    assert all(found[name] == expected[name] for name in found if name != "dataset.json")


def test_no_unit_is_in_two_splits(data):
    for table in ("images.csv", "candidates.csv", "manifest.csv"):
        places = {(row["unit"], row["split"]) for row in rows(data / table)}
        assert max(Counter(unit for unit, _ in places).values()) == 1
    assert {row["split"] for row in rows(data / "images.csv")} == set(SPLITS)


def test_every_frame_stands_in_images_csv_with_its_lesions(data, source):
    there = {(row["unit"], row["image"]): int(row["lesions"]) for row in rows(data / "images.csv")}
    shown = {
        (frame.unit, frame.image): frame.mask is not None and bool(frame.mask.any())
        for unit in layouts.read("videos", source)
        for frame in unit
    }
    assert {place: count > 0 for place, count in there.items()} == shown


def test_a_candidate_is_positive_if_its_centre_lies_in_the_mask(data, source):
    masks = {(f.unit, f.image): f.mask for unit in layouts.read("videos", source) for f in unit}
    found = manifest.read_candidates(data / "candidates.csv")
    assert {row.label for row in found} == {0, 1}
    for row in found:
        mask = masks[row.unit, row.image]
        x0, y0, x1, y1 = row.geometry
        inside = mask is not None and mask[int((y0 + y1) / 2), int((x0 + x1) / 2)]
        assert row.label == bool(inside) == bool(row.lesion)


def test_the_manifest_is_the_lmdb_row_by_row(data):
    table = rows(data / "manifest.csv")
    for split in SPLITS:
        part = [row for row in table if row["split"] == split]
        records = list(lmdb.Records(data / f"{split}.lmdb"))
        assert [row["key"] for row in part] == [key.decode() for key, _ in records]
        assert [int(row["label"]) for row in part] == [datum.decode(value)[1] for _, value in records]
        for number, row in enumerate(part):
            assert row["key"] == f"{number:08d}_{row['unit']}/{row['image']}/{row['candidate']}"


@pytest.mark.parametrize("split", SPLITS)
def test_any_patch_is_made_again_from_its_row(data, source, split):
    frames = {(f.unit, f.image): f.pixels for unit in layouts.read("videos", source) for f in unit}
    boxes = {(r.unit, r.image, r.candidate): r.geometry for r in manifest.read_candidates(data / "candidates.csv")}
    records = lmdb.Records(data / f"{split}.lmdb")
    part = [row for row in rows(data / "manifest.csv") if row["split"] == split]
    for row in part[:: max(1, len(part) // 20)]:
        how = Augmentation(*(float(row[c]) for c in ("scale", "shift_x", "shift_y")), int(row["dihedral"]))
        frame = frames[row["unit"], row["image"]]
        made = cut(frame, boxes[row["unit"], row["image"], row["candidate"]], how, 67)
        assert np.array_equal(made, datum.decode(records[row["key"].encode()])[0])


def test_training_is_balanced_shuffled_and_within_the_total(data):
    table = rows(data / "manifest.csv")
    for split, most in (("train", 320), ("val", 80)):
        labels = [row["label"] for row in table if row["split"] == split]
        counts = Counter(labels)
        assert counts["0"] == counts["1"] <= most // 2
        # Shuffled: as many changes of label from one record to the next as chance gives, half of them.
        assert abs(sum(a != b for a, b in pairwise(labels)) / len(labels) - 0.5) < 0.25
    assert [row["key"][9:] for row in table if row["split"] == "train"] != sorted(
        row["key"][9:] for row in table if row["split"] == "train"
    )


def test_every_test_candidate_has_all_of_its_patches(data):
    patches = Counter(
        (row["unit"], row["image"], row["candidate"]) for row in rows(data / "manifest.csv") if row["split"] == "test"
    )
    expected = {
        (row["unit"], row["image"], row["candidate"]): 24
        for row in rows(data / "candidates.csv")
        if row["split"] == "test"
    }
    assert patches == expected


def test_the_full_set_has_the_paper_s_120_patches_a_candidate(source, quick, tmp_path):
    assert prepare(source, tmp_path, *quick[0], "--augment", "full", "--total", "40") == 0
    table = [row for row in rows(tmp_path / "data/polyp/manifest.csv") if row["split"] == "test"]
    assert set(Counter((row["unit"], row["image"], row["candidate"]) for row in table).values()) == {120}


def test_a_reduced_training_set_is_whole_units_of_the_full_one(data):
    whole, part = (dict(lmdb.Records(data / name)) for name in ("train.lmdb", "train_050.lmdb"))
    assert part.items() < whole.items()
    description = json.loads((data / "dataset.json").read_text())["fractions"]
    units = {key.decode()[9:].split("/")[0] for key in part}
    assert len(units) <= description["0.5"]["units"] < description["1.0"]["units"]
    assert description["0.5"] | {"units": 0} == {
        "lmdb": "data/polyp/train_050.lmdb",
        "records": len(part),
        "units": 0,
    }
    assert len(set(Counter(datum.decode(value)[1] for value in part.values()).values())) == 1


def test_the_mean_is_that_of_the_training_patches(data):
    pixels = np.stack([datum.decode(value)[0] for _, value in lmdb.Records(data / "train.lmdb")])
    assert np.allclose(mean.read(data / "mean.binaryproto"), pixels.mean(axis=0, dtype=np.float64), atol=1e-3)


def test_dataset_json_holds_what_the_design_says(data):
    content = json.loads((data / "dataset.json").read_text())
    assert {"application", "classes", "positive", "layout", "source", "source_digest", "arguments", "seed", "input",
            "fractions", "counts", "mean", "digest", "versions"} <= set(content)  # fmt: skip
    assert content["input"] == {"channels": 3, "size": 67}
    counted = Counter((row["split"], int(row["label"])) for row in rows(data / "manifest.csv"))
    assert content["counts"] == {
        split: {name: counted[split, label] for label, name in enumerate(content["classes"])} for split in SPLITS
    }


def test_several_processes_write_the_same_bytes(data, source, tmp_path):
    assert prepare(source, tmp_path, *ARGUMENTS, jobs=2) == 0
    assert contents(tmp_path / "data" / "polyp") == contents(data)


def test_run_again_it_does_nothing(data, work, source, caplog):
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    caplog.set_level("INFO")
    assert prepare(source, work, *ARGUMENTS) == 0
    assert "is there already" in caplog.text
    assert before == {path: path.stat().st_mtime_ns for path in data.rglob("*")}


def test_other_arguments_do_not_overwrite_a_data_set(data, work, source, capsys):
    before = contents(data)
    assert prepare(source, work, *ARGUMENTS, "--seed", "4") == 2
    assert "holds a data set made otherwise (seed); remove it" in capsys.readouterr().err
    assert contents(data) == before


# Kills this process when record number `sys.argv[1]` is about to be written, and then prepares.
KILLED = """
import os, signal, sys
from ftcaffe.command import main
from ftcaffe.store import lmdb
left, write = int(sys.argv[1]), lmdb.write
def counted(records):
    global left
    for record in records:
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        yield record
lmdb.write = lambda path, records, **options: write(path, counted(records), **options)
main(sys.argv[2:])
"""


@pytest.mark.parametrize("record", [0, 100, 330, 500])
def test_killed_anywhere_the_next_run_ends_in_the_same_bytes(source, quick, tmp_path, record):
    arguments, expected = quick
    command = ["prepare", "polyp", str(source), "--work", str(tmp_path), "--jobs", "1", *arguments]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(record), *command], capture_output=True)
    assert killed.returncode == -9, killed.stderr
    assert not (tmp_path / "data" / "polyp").exists()
    assert prepare(source, tmp_path, *arguments) == 0
    assert contents(tmp_path / "data" / "polyp") == contents(expected)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["polyp"]


def fails(source, work, capsys, *arguments):
    """The one line of a run that must fail with status 2, leaving no data set."""
    assert prepare(source, work, *(arguments or ARGUMENTS)) == 2
    assert not (work / "data" / "polyp").exists()
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


@pytest.fixture
def copy(source, tmp_path):
    return Path(shutil.copytree(source, tmp_path / "copy"))


def test_a_truncated_video(copy, tmp_path, capsys):
    path = copy / "videos" / "video02.avi"
    path.write_bytes(path.read_bytes()[:-2000])
    assert "videos/video02.avi: is truncated" in fails(copy, tmp_path, capsys)


def test_a_mask_of_another_size(copy, tmp_path, capsys):
    sets.write_still(copy / "masks" / "video02" / "0001.png", sets.mask())
    assert "video02/0001.png: is a mask of 80×64 for a frame of 160×160" in fails(copy, tmp_path, capsys)


def test_a_video_with_no_mask(copy, tmp_path, capsys):
    shutil.rmtree(copy / "masks" / "video02")
    line = fails(copy, tmp_path, capsys)
    assert "videos/video02.avi: has no masks" in line
    assert "write 'video02' into negatives.txt" in line


def test_an_empty_class(source, tmp_path, capsys):
    table = tmp_path / "candidates.csv"
    corner = "".join(f"{unit.unit},0,1,0,0,4,4,1\n" for unit in layouts.read("videos", source))
    table.write_text("unit,image,candidate,x0,y0,x1,y1,score\n" + corner)
    line = fails(source, tmp_path / "w", capsys, *ARGUMENTS, "--candidates", str(table))
    assert "the class 'polyp' is empty: no candidate of the train split" in line


def test_candidates_of_an_image_that_is_not_there(source, tmp_path, capsys):
    table = tmp_path / "candidates.csv"
    table.write_text("unit,image,candidate,x0,y0,x1,y1,score\nvideo01,0099,1,0,0,4,4,1\n")
    line = fails(source, tmp_path / "w", capsys, *ARGUMENTS, "--candidates", str(table))
    assert "candidates.csv: has candidates of image '0099' of unit 'video01', not in the source" in line


@pytest.mark.parametrize("option", ["--candidates", "--splits"])
@pytest.mark.parametrize("content", [None, b"\x80\x81\x82", b"unit\n"])
def test_a_table_that_cannot_be_read(source, tmp_path, capsys, option, content):
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_bytes(content)
    assert "table.csv" in fails(source, tmp_path / "w", capsys, *ARGUMENTS, option, str(path))


def test_a_unit_in_two_splits(source, tmp_path, capsys):
    path = tmp_path / "splits.csv"
    path.write_text("unit,split\nvideo01,train\nvideo01,test\n")
    line = fails(source, tmp_path / "w", capsys, *ARGUMENTS, "--splits", str(path))
    assert "splits.csv:3: puts unit 'video01' in two splits" in line


@pytest.mark.parametrize(
    ("option", "value"),
    [("--test-fraction", "1.5"), ("--total", "3"), ("--fractions", "0.5,2"), ("--fractions", "0")],
)
def test_arguments_are_checked(source, tmp_path, capsys, option, value):
    assert option in fails(source, tmp_path / "w", capsys, *ARGUMENTS, option, value)


@pytest.fixture
def small_disk(tmp_path):
    """A function of a size that gives a folder on a file system of that size."""
    mounted = []

    def mount(size):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("a small file system cannot be mounted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_too_small_is_told_beforehand(source, quick, small_disk, capsys):
    line = fails(source, small_disk("2m"), capsys, *quick[0])
    assert "the disk has 0.0020" in line
    assert "free some space, or ask for less" in line


@pytest.mark.parametrize("size", ["3m", "6m", "9m"])
def test_a_disk_that_fills_up(source, quick, small_disk, capsys, monkeypatch, size):
    arguments, expected = quick
    disk = small_disk(size)
    plenty = shutil.disk_usage(source)
    with monkeypatch.context() as patched:  # another program takes the space after the check
        patched.setattr(shutil, "disk_usage", lambda _: plenty)
        line = fails(source, disk, capsys, *arguments)
    assert "space" in line
    subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
    assert prepare(source, disk, *arguments) == 0
    assert contents(disk / "data" / "polyp") == contents(expected)


def test_without_a_decoder_the_error_says_what_to_install(source, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(video, "find_spec", lambda name: None)
    assert "no video decoder is installed; install PyAV" in fails(source, tmp_path, capsys)


@pytest.fixture
def seen(data):
    """The data set in a folder that BVLC Caffe sees too."""
    with oracle.shared() as folder:
        shutil.copytree(data, folder, dirs_exist_ok=True)
        yield folder


@pytest.mark.oracle
def test_the_mean_equals_compute_image_mean(seen):
    oracle.run(seen, "compute_image_mean", "train.lmdb", "caffe.binaryproto")
    assert np.array_equal(mean.read(seen / "caffe.binaryproto"), mean.read(seen / "mean.binaryproto"))


@pytest.mark.oracle
def test_caffe_s_data_layer_reads_what_was_written(seen):
    (seen / "net.prototxt").write_text(
        'layer { name: "data" type: "Data" top: "data" top: "label"\n'
        "  data_param { source: 'val.lmdb' batch_size: 5 backend: LMDB } }\n"
    )
    script = (
        "import caffe, numpy as np\n"
        "net = caffe.Net('net.prototxt', caffe.TEST)\n"
        "net.forward()\n"
        "np.savez('read.npz', data=net.blobs['data'].data, label=net.blobs['label'].data)\n"
    )
    oracle.run(seen, "python3", "-c", script)
    read = np.load(seen / "read.npz")
    ours = [datum.decode(value) for _, value in list(lmdb.Records(seen / "val.lmdb"))[:5]]
    assert np.array_equal(read["data"], np.stack([image for image, _ in ours]))
    assert read["label"].tolist() == [label for _, label in ours]
