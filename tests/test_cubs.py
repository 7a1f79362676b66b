"""The layouts of CUBS and of a table, with what their copies mix in; bad input is one line with its file."""

import re
import shutil

import carotid_sets as sets
import numpy as np
import pytest

from data_prep.readers import cubs
from ftcaffe.command import main
from ftcaffe.errors import Error

EXPERTS = ("Manual-A1", "Manual-A2")


def test_the_clinical_set_with_what_a_download_mixes_in(tmp_path):
    root = sets.clinical(tmp_path / "long title" / "long title", 2)
    names = [f"clin_0001_L-{interface}.txt" for interface in ("LI", "MA")]
    for name in names:  # a repetition in a folder with an apostrophe, a method's, and regions of interest
        for method in ("Manual-A1'", "Computerized-TUM_DE"):
            sets.profile(root / "SEGMENTATIONS" / method / name, [1, 2, 3], [9, 9, 9])
    sets.text(root / "SEGMENTATIONS" / "Manual-A1" / "clin_0001_L_rect.txt", "1 2 3 4")
    sets.text(root / "ClinicalDatabase-CUBS.csv", "Centre;Patient ID;IMT\nCyprus;clin_0001;0,7\n")
    sets.text(tmp_path / "__MACOSX" / "IMAGES" / "._clin_0001_L.tiff", "")
    sets.text(root / "IMAGES" / ".DS_Store", "")
    found = cubs.read("cubs", tmp_path, EXPERTS, 1)
    assert [(one.unit, one.image) for one in found] == [
        ("clin_0001", "clin_0001_L"),
        ("clin_0001", "clin_0001_R"),
        ("clin_0002", "clin_0002_L"),
        ("clin_0002", "clin_0002_R"),
    ]
    scan = found[0].read()
    assert scan.spacing == 0.06
    assert list(scan.experts) == list(EXPERTS)
    first, second = scan.experts.values()
    assert np.nanmin(first[0]) == np.nanmax(first[0]) == sets.LI
    assert np.nanmin(second[1]) == np.nanmax(second[1]) == sets.MA + 1
    assert np.array_equal(np.flatnonzero(~np.isnan(first[0])), np.arange(10, 151))


@pytest.mark.parametrize("lines", [False, True])
def test_the_technical_set_in_both_orientations(tmp_path, lines):
    root = tmp_path / "DATASET_CUBS_tech"
    for name in ("tech_001", "tech_401"):
        sets.image(root / "images" / f"{name}.tiff", sets.pixels())
        sets.text(root / "CF" / f"{name}_CF.txt", "0.0591")
        method = "GT-FAMUS" if name == "tech_401" else "Manual-A1"
        for interface, row in (("LI", sets.LI), ("MA", sets.MA)):
            sets.profile(
                root / "LIMA-Profiles" / method / f"{name}-{interface}.txt", [20, 50, 90], [row] * 3, lines=lines
            )
            other = root / "LIMA-Profiles-interpolated" / method / f"{name}-{interface}.txt"
            sets.profile(other, [20, 50, 90], [row + 5] * 3)
    (manual,) = cubs.read("cubs", tmp_path, EXPERTS, 1)
    assert manual.unit == "tech_001"
    traces = manual.read().experts["Manual-A1"]
    assert np.array_equal(traces[:, 20:91], np.repeat([[sets.LI], [sets.MA]], 71, axis=1))
    (simulated,) = cubs.read("cubs", tmp_path, ("GT-FAMUS",), 1)
    assert simulated.unit == "tech_401"
    assert np.nanmean(cubs.read("cubs", tmp_path, EXPERTS, 0)[0].read().experts["Manual-A1"][0]) == sets.LI + 1


def test_the_variant_with_a_folder_for_each_method(tmp_path):
    root = tmp_path / "DATABASE1"
    sets.image(root / "IMAGES" / "a_L.tiff", sets.pixels())
    sets.text(root / "CF" / "a_L_CF.txt", "0,06")
    for interface, row in (("LI", sets.LI), ("MA", sets.MA)):
        sets.profile(root / "GT1-LIMA-Profiles" / f"a_L-GT{interface}.txt", [20, 50, 90], [row] * 3)
    (found,) = cubs.read("cubs", tmp_path, ("GT1",), 1)
    assert np.nanmax(found.read().experts["GT1"][1]) == sets.MA


def folds(root, **lists):
    """A folder of CUBS' Folds: names of images in each list, as PNG."""
    for split, names in lists.items():
        sets.text(root / f"{split.capitalize()}List.txt", "".join(f"{name}.png\n" for name in names))
    return root


def test_a_fold_gives_splits_by_the_stem_of_an_image(tmp_path):
    sources = cubs.read("cubs", sets.clinical(tmp_path / "set", 3), EXPERTS, 1)
    sides = [[f"clin_{subject:04d}_{side}" for side in "LR"] for subject in (1, 2, 3)]
    fold = folds(tmp_path / "Folds" / "f0", train=[*sides[1], "tech_001"], val=sides[2], test=sides[0])
    assert cubs.fold(fold, sources) == {"clin_0001": "test", "clin_0002": "train", "clin_0003": "val"}
    folds(fold, test=[*sides[0], "clin_0002_R"])
    match = r"TrainList\.txt:1: puts 'clin_0002_L\.png' in train, .* of the subject clin_0002 is in test"
    with pytest.raises(Error, match=match):
        cubs.fold(fold, sources)
    (fold / "TestList.txt").unlink()
    with pytest.raises(Error, match=r"f0: has no TestList\.txt"):
        cubs.fold(fold, sources)


def test_methods_that_are_there_are_named(tmp_path):
    sets.clinical(tmp_path, 1, ("Reader-One",))
    with pytest.raises(Error, match="name others in --experts: reader-one"):
        cubs.read("cubs", tmp_path, EXPERTS, 1)
    assert len(cubs.read("cubs", tmp_path, ("reader-ONE",), 1)) == 2


def test_a_table_groups_experts_and_regions_of_an_image(tmp_path):
    root = sets.clinical(tmp_path, 1)
    table = root / "list.csv"
    trace = "SEGMENTATIONS/{}/clin_0001_L-{}.txt"
    rows = [
        f'a,IMAGES/clin_0001_L.tiff,{trace.format(expert, "LI")},{trace.format(expert, "MA")},"0,06",{roi},{expert}'
        for expert in EXPERTS
        for roi in ("20 30 92 60", "30;40;60;50")
    ]
    table.write_text("unit,image,li,ma,mm_per_pixel,roi,expert\n" + "\n".join(rows))
    (found,) = cubs.read("csv", table, (), 1)
    assert (found.unit, found.image, found.spacing) == ("a", "IMAGES_clin_0001_L", 0.06)
    assert found.rois == ((20, 30, 92, 60), (30, 40, 60, 50))
    assert list(found.read().experts) == list(EXPERTS)


def without_cf(root):
    (root / "CF/clin_0002_L_CF.txt").unlink()
    return r"clin_0002_L\.tiff: has no calibration; add CF/clin_0002_L_CF\.txt"


def six(root):
    sets.text(root / "CF/clin_0002_L_CF.txt", "6")
    return r"clin_0002_L_CF\.txt: says that a pixel is 6 mm high"


def crossing(root):
    first = root / "SEGMENTATIONS/Manual-A1"
    shutil.move(first / "clin_0001_R-LI.txt", first / "x")
    shutil.move(first / "clin_0001_R-MA.txt", first / "clin_0001_R-LI.txt")
    shutil.move(first / "x", first / "clin_0001_R-MA.txt")
    return r"clin_0001_R-MA\.txt: lies above clin_0001_R-LI\.txt at column"


def apart(root):
    sets.profile(root / "SEGMENTATIONS/Manual-A1/clin_0001_R-MA.txt", [152, 154, 156], [sets.MA] * 3)
    return r"clin_0001_R-MA\.txt: has no column in common with clin_0001_R-LI\.txt"


def experts_apart(root):
    for interface, row in (("LI", sets.LI), ("MA", sets.MA)):
        sets.profile(root / f"SEGMENTATIONS/Manual-A2/clin_0001_R-{interface}.txt", [152, 154, 156], [row] * 3)
    return r"clin_0001_R\.tiff: is nowhere traced by every expert"


def turned(root):
    sets.profile(root / "SEGMENTATIONS/Manual-A1/clin_0001_R-MA.txt", [sets.MA] * 20, np.arange(20.0))
    return r"clin_0001_R-MA\.txt: has 1 points; a trace needs 3"


def outside(root):
    sets.profile(root / "SEGMENTATIONS/Manual-A1/clin_0001_R-MA.txt", [10, 20, 500], [sets.MA] * 3)
    return r"clin_0001_R-MA\.txt: has a point \(500, 74\) outside its image of 160×120"


def two_points(root):
    sets.profile(root / "SEGMENTATIONS/Manual-A1/clin_0001_R-MA.txt", [10, 20], [sets.MA] * 2)
    return r"clin_0001_R-MA\.txt: has 2 points; a trace needs 3"


def not_a_number(root):
    sets.text(root / "SEGMENTATIONS/Manual-A1/clin_0001_R-MA.txt", "10 74\n20 nan\n30 74\n")
    return r"clin_0001_R-MA\.txt: has a point that is not finite"


def alone(root):
    (root / "SEGMENTATIONS/Manual-A1/clin_0001_R-MA.txt").unlink()
    return r"clin_0001_R-LI\.txt: has no trace of the other interface"


def colour(root):
    sets.image(
        root / "IMAGES/clin_0003_L.tiff", np.stack([sets.pixels(), sets.pixels() // 2, sets.pixels() // 3], -1)
    )
    return r"clin_0003_L\.tiff: is a colour image"


def damaged(root):
    sets.text(root / "IMAGES/clin_0003_L.tiff", "II*\0")
    return r"clin_0003_L\.tiff: cannot be read as an image"


def twice(root):
    shutil.copytree(root / "IMAGES", root / "copy" / "IMAGES")
    return r"clin_0001_L\.tiff: is there a second time"


def short(root):
    for expert in EXPERTS:
        for interface, row in (("LI", sets.LI), ("MA", sets.MA)):
            path = root / f"SEGMENTATIONS/{expert}/clin_0001_R-{interface}.txt"
            sets.profile(path, [10, 20, 30], [row] * 3)
    return r"clin_0001_R\.tiff: has a region that is smaller than a patch, 21×60"


@pytest.mark.parametrize(
    "spoil",
    [
        without_cf,
        six,
        crossing,
        apart,
        experts_apart,
        turned,
        outside,
        two_points,
        not_a_number,
        alone,
        colour,
        damaged,
        twice,
        short,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_bad_input_is_one_line_and_status_2(tmp_path, capsys, spoil):
    root = sets.clinical(tmp_path / "cubs")
    match = spoil(root)
    arguments = ["prepare", "cimt", str(root), "--work", str(tmp_path / "work"), "--scale", "tiny", "--jobs", "1"]
    assert main(arguments) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert re.search(match, said[0])
    assert not (tmp_path / "work" / "data" / "cimt").exists()


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (["b,{image},{li},{ma},0.06,"], r"list\.csv:3: gives image .* another unit than line 2"),
        (["a,{image},{li},{ma},0.07,"], r"another mm_per_pixel than line 2"),
        (["a,{image},{ma},{li},0.06,"], r"gives image .* two traces of one expert"),
        (["a,{image},{li},{ma},0.06,1 2 3"], r"list\.csv:3: '1 2 3' is no region"),
        (["a,{image},{li},{ma},0.06,1 2 3 4.5"], r"'4.5' is no whole number"),
    ],
)
def test_faults_of_a_table(tmp_path, rows, match):
    root = sets.clinical(tmp_path, 1)
    trace = "SEGMENTATIONS/Manual-A1/clin_0001_L-"
    names = {"image": "IMAGES/clin_0001_L.tiff", "li": f"{trace}LI.txt", "ma": f"{trace}MA.txt"}
    table = root / "list.csv"
    lines = ["unit,image,li,ma,mm_per_pixel,roi", "a,{image},{li},{ma},0.06,", *rows]
    table.write_text("\n".join(lines).format(**names))
    with pytest.raises(Error, match=match):
        cubs.read("csv", table, (), 1)


@pytest.mark.parametrize(
    ("roi", "match"),
    [
        ("100 30 92 60", r"clin_0001_L\.tiff: does not hold the region 92×60 at"),
        ("20 30 20 60", r"clin_0001_L\.tiff: has a region that is smaller than a patch, 20×60"),
        ("20 0 92 50", r"clin_0001_L\.tiff: has a region in which no column is traced by every expert"),
    ],
)
def test_a_region_of_a_table_that_cannot_be(tmp_path, capsys, roi, match):
    root = sets.clinical(tmp_path / "cubs", 3)
    rows = [
        f"{n},IMAGES/clin_{n:04d}_L.tiff,{trace}LI.txt,{trace}MA.txt,0.06,{roi if n == 1 else ''}"
        for n in (1, 2, 3)
        for trace in [f"SEGMENTATIONS/Manual-A1/clin_{n:04d}_L-"]
    ]
    (root / "list.csv").write_text("\n".join(["unit,image,li,ma,mm_per_pixel,roi", *rows]))
    arguments = ["prepare", "cimt", str(root / "list.csv"), "--layout", "csv", "--work", str(tmp_path / "work")]
    assert main([*arguments, "--scale", "tiny", "--jobs", "1"]) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert re.search(match, said)


def test_a_table_without_calibration_of_an_image_file(tmp_path):
    root = sets.clinical(tmp_path, 1)
    trace = "SEGMENTATIONS/Manual-A1/clin_0001_L-"
    row = f"a,IMAGES/clin_0001_L.tiff,{trace}LI.txt,{trace}MA.txt,,"
    (root / "list.csv").write_text(f"unit,image,li,ma,mm_per_pixel,roi\n{row}\n")
    (found,) = cubs.read("csv", root / "list.csv", (), 1)
    with pytest.raises(Error, match=r"clin_0001_L\.tiff: has no calibration"):
        found.read()


def test_a_dicom_file_in_a_table_brings_its_own_calibration(tmp_path):
    """Of two frames the second, of two scans the one that holds the region."""
    frames = np.stack([sets.pixels(1), sets.pixels(2)])
    scans = {"deltas": ((0.006, 3, 1, 1), (0.008, 3, 1, 1)), "boxes": ((0, 0, 29, 119), (30, 0, 159, 119))}
    sets.dicom(tmp_path / "a.dcm", frames, **scans)
    for interface, row in (("li", sets.LI), ("ma", sets.MA)):
        sets.profile(tmp_path / f"{interface}.txt", [10, 80, 150], [row] * 3)
    row = "u,a.dcm,1,li.txt,ma.txt,,40 30 92 60"
    (tmp_path / "list.csv").write_text(f"unit,image,frame,li,ma,mm_per_pixel,roi\n{row}\n")
    (found,) = cubs.read("csv", tmp_path / "list.csv", (), 1)
    scan = found.read()
    assert found.image == "a_1"
    assert scan.spacing == pytest.approx(0.08)
    assert np.array_equal(scan.pixels, frames[1])
