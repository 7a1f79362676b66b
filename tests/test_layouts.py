"""Layouts of the public sets: units, images and masks found, whatever the downloads mix in."""

import polyp_sets as sets
import pytest

from data_prep.readers import layouts
from data_prep.readers.units import Stills, Video
from ftcaffe.errors import Error


def stills(units):
    """Unit → [(name, image file, mask file)], relative names."""
    return {u.unit: [(name, p.name, m.name if m else None) for name, p, m in u.images] for u in units}


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def test_videos_with_masks_frames_and_negatives(tmp_path):
    root = touch(
        tmp_path, "videos/v10.avi", "videos/v9.mp4", "videos/n1.avi", "videos/.DS_Store", "videos/readme.txt",
        "videos/f1/1.png", "masks/f1/1.png", "masks/v10/0.png", "masks/v9.avi",
    )  # fmt: skip
    (root / "negatives.txt").write_text("n1\n")
    units = layouts.read("videos", root)
    assert [unit.unit for unit in units] == ["f1", "n1", "v9", "v10"]
    assert isinstance(units[0], Stills)
    assert units[1:] == [
        Video("n1", root / "videos/n1.avi", None),
        Video("v9", root / "videos/v9.mp4", root / "masks/v9.avi"),
        Video("v10", root / "videos/v10.avi", root / "masks/v10"),
    ]


@pytest.mark.parametrize("given", ["videos", "videos/Videos"])
def test_a_source_may_itself_be_named_videos_or_be_the_folder_of_them(tmp_path, given):
    root = touch(tmp_path / "videos", "Videos/a.avi", "masks/a.avi")
    assert layouts.read("videos", tmp_path / given) == [Video("a", root / "Videos/a.avi", root / "masks/a.avi")]


@pytest.mark.parametrize(
    ("names", "negatives", "message"),
    [
        (["videos/a.avi"], "", r"a\.avi: has no masks .*; add its masks, or .* write 'a' into negatives\.txt"),
        (["videos/a.avi", "masks/a/notes.txt"], "", r"a\.avi: has no masks"),
        (["videos/a.avi", "masks/a/0.png"], "a", r"masks/a: holds masks of unit 'a', which is declared"),
        (["videos/a.avi", "masks/a/0.png"], "b", r"negatives\.txt: names 'b', and there is no such video"),
        (["videos/a.avi", "videos/a.mp4"], "", r"a\.mp4: is a second video of unit 'a'"),
        (["frames/a.avi"], "", r"has no folder 'videos'; choose another --layout"),
    ],
)
def test_faults_of_a_folder_of_videos(tmp_path, names, negatives, message):
    touch(tmp_path, *names)
    if negatives:
        (tmp_path / "negatives.txt").write_text(negatives)
    with pytest.raises(Error, match=message):
        layouts.read("videos", tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ["wp_2.avi", "GT/wp_2/0.png", "np_1.avi"],
        ["Train/positive/wp_2.avi", "Train/positive/wp_2_GT/0.png", "Train/negative/np_1.avi"],
        ["Ground Truth/wp_2.mp4", "Videos/wp_2.mp4", "Videos/np_1.mp4"],
    ],
)
def test_asu_mayo_videos(tmp_path, names):
    units = layouts.read("asu-mayo", touch(tmp_path, *names))
    assert [(unit.unit, unit.masks is None) for unit in units] == [("np_1", True), ("wp_2", False)]


def test_asu_mayo_frames_as_they_are_redistributed(tmp_path):
    root = touch(tmp_path, "X/X/Train/Frame/68/1.png", "X/X/Train/Frame/68/10.png", "X/X/Train/Frame/68/9.png")
    touch(root, "X/X/Train/GT/68/1.png", "X/X/Train/GT/68/10.png", "X/X/Train/GT/68/9.png")
    units = layouts.read("asu-mayo", root)
    assert stills(units) == {"68": [(n, f"{n}.png", f"{n}.png") for n in ("1", "9", "10")]}


def test_asu_mayo_without_masks_is_an_error_unless_negative(tmp_path):
    with pytest.raises(Error, match=r"wp_2\.avi: has no masks"):
        layouts.read("asu-mayo", touch(tmp_path, "wp_2.avi"))


@pytest.mark.parametrize("root", ["Original", "TIF/Original", "CVC-ClinicDB/CVC-ClinicDB/Original"])
def test_clinicdb_sequences(tmp_path, root):
    masks = root.replace("Original", "Ground Truth")
    names = [1, 25, 26, 103, 104, 612]
    touch(tmp_path, *(f"{root}/{n}.tif" for n in names), *(f"{masks}/{n}.tif" for n in names), "PNG/readme.txt")
    found = stills(layouts.read("clinicdb", tmp_path))
    assert {unit: [name for name, *_ in images] for unit, images in found.items()} == {
        "sequence01": ["1", "25"],
        "sequence02": ["26"],
        "sequence05": ["103"],
        "sequence06": ["104"],
        "sequence29": ["612"],
    }


def test_clinicdb_has_29_sequences(tmp_path):
    numbers = range(1, 613)
    touch(tmp_path, *(f"Original/{n}.tif" for n in numbers), *(f"Ground Truth/{n}.tif" for n in numbers))
    units = layouts.read("clinicdb", tmp_path)
    assert len(units) == 29
    assert sum(len(unit.images) for unit in units) == 612


def test_colondb_leaves_its_other_masks_out(tmp_path):
    touch(tmp_path, *(f"{kind}{n}.bmp" for n in (1, 2, 10) for kind in ("", "p", "s", "c")))
    found = stills(layouts.read("colondb", tmp_path))
    assert found == {tmp_path.name: [(n, f"{n}.bmp", f"p{n}.bmp") for n in ("1", "2", "10")]}


def test_a_table_says_which_images_belong_together(tmp_path):
    touch(tmp_path, *(f"ETIS/{n}.tif" for n in (1, 2, 3)), *(f"Ground Truth/p{n}.tif" for n in (1, 2, 3)))
    (tmp_path / "units.csv").write_text("image,unit\n1,s1\n2,s2\n3,s1\n")
    found = stills(layouts.read("etis", tmp_path))
    assert {unit: [name for name, *_ in images] for unit, images in found.items()} == {"s1": ["1", "3"], "s2": ["2"]}
    (tmp_path / "units.csv").write_text("image,unit\n1,s1\n")
    with pytest.raises(Error, match=r"units\.csv: has no row for image '2'"):
        layouts.read("etis", tmp_path)


def test_kvasir_seg_pairs_by_stem_and_reports_what_is_left_over(tmp_path, caplog):
    touch(tmp_path, "images/a.jpg", "images/b.jpg", "masks/b.png", "masks/a.jpg", "masks/z.jpg", "kavsir_bboxes.json")
    found = stills(layouts.read("kvasir-seg", tmp_path))
    assert found == {"a": [("a", "a.jpg", "a.jpg")], "b": [("b", "b.jpg", "b.png")]}
    assert "z.jpg: is a mask without an image" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["images/a.jpg"], r"images/a\.jpg: has no mask"),
        (["images/a.jpg", "images/a.png", "masks/a.png"], r"a\.png: is a second image 'a'"),
        (["images/a.jpg", "masks/a.png", "masks/a_mask.png"], r"a_mask\.png: is a second mask of image 'a'"),
        (["notes.txt"], r"holds no data in the layout 'kvasir-seg'"),
    ],
)
def test_faults_of_folders_of_images(tmp_path, names, message):
    with pytest.raises(Error, match=message):
        layouts.read("kvasir-seg", touch(tmp_path, *names))


def test_a_table_of_images(tmp_path):
    sets.write_still(tmp_path / "data/1.png", sets.frame(1))
    sets.write_still(tmp_path / "data/m1.png", sets.mask())
    sets.write_still(tmp_path / "data/2.png", sets.frame(2))
    (tmp_path / "set.csv").write_text("unit,image,mask\na,data/1.png,data/m1.png\na,data/2.png,\n")
    (unit,) = layouts.read("csv", tmp_path / "set.csv")
    assert [(f.image, f.mask is None, f.pixels[0, 0, 2]) for f in unit] == [("1", False, 35), ("2", True, 50)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"unit,image\n", r"set\.csv:1: lacks the column mask"),
        (b"unit,image,mask\n,1.png,\n", r"set\.csv:2: has no unit or no image"),
        (b"unit,image,mask\na,x/1.png,\na,y/1.png,\n", r"set\.csv:3: is a second image '1' of unit 'a'"),
    ],
)
def test_faults_of_a_table_of_images(tmp_path, content, message):
    (tmp_path / "set.csv").write_bytes(content)
    with pytest.raises(Error, match=message):
        layouts.read("csv", tmp_path / "set.csv")
