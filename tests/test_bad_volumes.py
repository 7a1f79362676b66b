"""Bad input to `ftcaffe prepare pe`: one line with the file's name, exit status 2, no data set and nothing left."""

import re

import ct_sets as sets
import numpy as np
import pytest

from data_prep.readers import dicom
from data_prep.readers.write import write_nrrd
from ftcaffe.command import main

pytest.importorskip("SimpleITK")
TABLE = "unit,volume,mask\n"
POINTS = "unit,image,candidate,x,y,z,score\n"


def prepare(source, work, *arguments):
    return main(["prepare", "pe", str(source), "--work", str(work), "--scale", "tiny", "--jobs", "1", *arguments])


def one_line(capsys, message):
    said = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in said if line.startswith("ftcaffe: ")]) == 1
    assert re.search(message, said[-1])


def left(work):
    return [path.name for path in (work / "data").rglob("*") if path.is_file()] if work.exists() else []


def series(folder):
    """Eight slices as a DICOM series, and its files."""
    ct, _ = sets.patient(1)
    return dicom.files_in(sets.series(ct.of(ct.array[:8]), folder))


def missing(folder):
    series(folder / "a")[3].unlink()


def doubled(folder):
    (folder / "a" / "D0099.dcm").write_bytes(series(folder / "a")[2].read_bytes())


def of_another_size(folder):
    ct, _ = sets.patient(1)
    small = sets.series(ct.of(ct.array[:8, :40]), folder / "small")
    (file := series(folder / "a")[5]).write_bytes((small / file.name).read_bytes())


def mixed(folder):
    for file in series(folder / "a")[:3]:
        sets.edit(file, SeriesInstanceUID="1.2.3.99")


def cut_slice(folder):
    (file := series(folder / "a")[4]).write_bytes(file.read_bytes()[:4000])


def cut(suffix):
    def make(folder):
        path = sets.save(sets.patient(1)[0], folder / f"a{suffix}")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return make


def of_eight_bits(folder):
    ct, _ = sets.patient(1)
    write_nrrd(folder / "a.nrrd", ct.of(np.clip((ct.array + 250) * 255 / 700, 0, 255).astype(np.uint8)))


def without_lungs(folder):
    ct, _ = sets.patient(1)
    write_nrrd(folder / "a.nrrd", ct.of(np.where(ct.array < -200, -100, ct.array).astype(np.int16)))


def with_a_mask_of_another_grid(folder):
    ct, labels = sets.patient(1)
    write_nrrd(folder / "a.nrrd", ct)
    write_nrrd(folder / "m.nrrd", labels.of(labels.array[:, 1:].copy()))


@pytest.mark.parametrize(
    ("make", "names", "message"),
    [
        (missing, "a,", r"a: 3\.75 mm lie between D0003\.dcm and D0005\.dcm, .*1 missing"),
        (doubled, "a,", r"D0099\.dcm: lies at the same place as D0003\.dcm"),
        (of_another_size, "a,", r"D0006\.dcm: is of 127×40 pixels"),
        (mixed, "a,", r"a: holds 2 series: .*; choose one with --series"),
        (cut_slice, "a,", r"D0005\.dcm: (is damaged or cut short|cannot be read)"),
        (cut(".nii.gz"), "a.nii.gz,", r"a\.nii\.gz: (cannot be read as a volume|is cut short)"),
        (cut(".nii"), "a.nii,", r"a\.nii: (cannot be read as a volume|is cut short)"),
        (cut(".nrrd"), "a.nrrd,", r"a\.nrrd: cannot be read as a volume"),
        (of_eight_bits, "a.nrrd,", r"a\.nrrd: holds values of 8 bits"),
        (without_lungs, "a.nrrd,", r"a\.nrrd: no lung was found in it"),
        (with_a_mask_of_another_grid, "a.nrrd,m.nrrd", r"m\.nrrd: is a mask of 127×92×59 voxels"),
    ],
)
def test_a_volume_that_cannot_be_used(tmp_path, capsys, make, names, message):
    make(tmp_path)
    (tmp_path / "set.csv").write_text(f"{TABLE}p1,{names}\n")
    assert prepare(tmp_path / "set.csv", tmp_path / "work", "--layout", "csv") == 2
    one_line(capsys, message)
    assert left(tmp_path / "work") == []


@pytest.mark.parametrize("copied", [False, True])
def test_an_embolus_in_two_patients(tmp_path, capsys, copied):
    ct, labels = sets.patient(1)
    for name, array in (("a", ct.array), ("b", ct.array[::-1].copy())):
        write_nrrd(tmp_path / f"{name}.nrrd", ct.of(array))
    for name in ("m", "n"):
        write_nrrd(tmp_path / f"{name}.nrrd", labels)
    (tmp_path / "set.csv").write_text(f"{TABLE}p1,a.nrrd,m.nrrd\np2,b.nrrd,{'n' if copied else 'm'}.nrrd\n")
    assert prepare(tmp_path / "set.csv", tmp_path / "work", "--layout", "csv") == 2
    where = r"n\.nrrd: marks the very emboli of patient 'p1' \(m\.nrrd\)"
    one_line(capsys, where if copied else r"set\.csv:3: gives m\.nrrd to patient 'p2', and line 2 to 'p1'")
    assert left(tmp_path / "work") == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("001,001,1,900,0,0,1", r"given\.csv:2: puts candidate '1' at \(900\.0, 0\.0, 0\.0\) mm, outside the volume"),
        ("099,099,1,0,0,0,1", r"given\.csv:2: has candidates of '099/099', not in the source"),
        ("001,001,1,0,far,0,1", r"given\.csv:2: .*'far' is no .*number"),
        ("001,001,1,0,0,0,1\n001,001,1,0,0,0,1", r"given\.csv:3: gives candidate '001/001/1' twice"),
    ],
)
def test_candidates_that_cannot_be(tmp_path, capsys, row, message):
    source = sets.cad_pe(tmp_path / "set", (1,))
    (tmp_path / "given.csv").write_text(f"{POINTS}{row}\n")
    assert prepare(source, tmp_path / "work", "--candidates", str(tmp_path / "given.csv")) == 2
    one_line(capsys, message)
    assert left(tmp_path / "work") == []


def test_no_positives_in_a_split(tmp_path, capsys):
    source = sets.cad_pe(tmp_path / "set", (1, 2, 3))
    (tmp_path / "given.csv").write_text(POINTS + "".join(f"{n:03d},{n:03d},1,0,0,0,1\n" for n in (1, 2, 3)))
    (tmp_path / "splits.csv").write_text("unit,split\n001,train\n002,val\n003,test\n")
    arguments = ("--candidates", str(tmp_path / "given.csv"), "--splits", str(tmp_path / "splits.csv"))
    assert prepare(source, tmp_path / "work", *arguments) == 2
    one_line(capsys, "the class 'embolus' is empty: no candidate of the train split")
    assert not (tmp_path / "work" / "data" / "pe").exists()


def test_a_mask_without_emboli_is_a_scan_without(tmp_path, caplog, capsys):
    ct, labels = sets.patient(1)
    write_nrrd(tmp_path / "a.nrrd", ct)
    write_nrrd(tmp_path / "m.nrrd", labels.of(0 * labels.array))
    (tmp_path / "set.csv").write_text(f"{TABLE}p1,a.nrrd,m.nrrd\n")
    assert prepare(tmp_path / "set.csv", tmp_path / "work", "--layout", "csv") == 2
    assert "m.nrrd: marks no embolus; counted as a scan without" in caplog.text
    one_line(capsys, r"leaves the train split without a unit that shows what is looked for \(0 of 1 do\)")


def test_two_copies_of_a_set_are_told(tmp_path, capsys):
    source = sets.cad_pe(tmp_path / "set", (1, 4))
    (source / "old").mkdir()
    (source / "old" / "0001RefStd.nrrd").write_bytes((source / "rs/rs/0001RefStd.nrrd").read_bytes())
    assert prepare(source, tmp_path / "work") == 2
    one_line(capsys, r"0001RefStd\.nrrd: is a second file '0001RefStd'")
