"""CT volumes: whatever the storage the same volume, candidates and patches; layouts with their traps; bad input."""

import gzip

import ct_sets as sets
import numpy as np
import pytest

from data_prep import representations
from data_prep.candidates import emboli
from data_prep.readers import dicom, scans, volume
from data_prep.readers.volume import Volume
from data_prep.readers.write import write_nrrd
from ftcaffe.errors import Error

pytest.importorskip("SimpleITK")


def found_in(ct):
    """Candidates of a volume, and their patches."""
    found = emboli.find(ct, emboli.Settings(surround=0.1, contrast=-100))
    ways = representations.augmentations("centred")[:3]
    patches = [list(representations.cuts(ct, one.position, one.frame, ways, "vessel", 32)) for one in found[:12]]
    return found, np.array(patches, int)


@pytest.fixture(scope="module")
def original():
    ct, _ = sets.patient(1, 1.2)
    return ct, *found_in(volume.canonical(ct))


@pytest.mark.parametrize(
    "storage", ["permuted.nii.gz", "flipped.mha", "both.nrrd", "ours.nrrd", "series", "mixed series"]
)
def test_four_storages_give_the_same_candidates_and_patches(original, tmp_path, storage):
    ct, found, patches = original
    path = tmp_path / storage
    if storage == "permuted.nii.gz":
        sets.save(sets.turned(ct, (2, 0, 1), (1, 1, 1)), path)
    elif storage == "flipped.mha":
        sets.save(sets.turned(ct, (0, 1, 2), (-1, -1, 1)), path)
    elif storage == "both.nrrd":
        sets.save(sets.turned(ct, (1, 2, 0), (1, -1, -1)), path)
    elif storage == "ours.nrrd":
        write_nrrd(path, ct)
    else:
        sets.series(ct, path)
    if storage == "mixed series":  # names that have nothing to do with the places
        files = dicom.files_in(path)
        for k, file in enumerate(files):
            file.rename(path / f"x{(k * 37) % len(files):04d}.dcm")
    stored = dicom.read(dicom.files_in(path), path)[0] if path.is_dir() else volume.read(path)
    again = volume.as_ct(stored, path)
    np.testing.assert_array_equal(again.array, ct.array)
    np.testing.assert_allclose(again.origin, ct.origin, atol=1e-4)
    there, cut = found_in(again)
    assert len(there) == len(found) >= 20
    for one, other in zip(there, found, strict=True):
        np.testing.assert_allclose(one.position, other.position, atol=1e-3)
        np.testing.assert_allclose(one.frame, other.frame, atol=1e-3)
    assert abs(cut - patches).max() <= 1


def test_voxels_of_the_file_are_kept_in_mind(tmp_path):
    ct, _ = sets.patient(1)
    path = sets.save(sets.turned(ct, (1, 2, 0), (1, -1, -1)), tmp_path / "turned.nrrd")
    image = sets.image(sets.turned(ct, (1, 2, 0), (1, -1, -1)))
    read = volume.read_ct(path)
    for voxel in ((0, 0, 0), (5, 17, 40)):
        place = image.TransformIndexToPhysicalPoint(voxel)
        np.testing.assert_allclose(read.stored_to_mm(np.array(voxel)), place, atol=1e-4)
        np.testing.assert_allclose(read.mm_to_stored(np.array(place)), voxel, atol=1e-4)
        at = tuple(np.rint(read.to_index(np.array(place))).astype(int))
        assert read.array[at] == image.GetPixel(voxel)


def test_a_tilted_gantry_and_oblique_slices_are_placed_by_their_positions(tmp_path):
    ct, _ = sets.patient(1)
    folder = sets.series(ct.of(ct.array[:12]), tmp_path / "tilted")
    shear = np.array([0.0, 0.3, 1.875])
    for k, file in enumerate(dicom.files_in(folder)):
        sets.edit(file, ImagePositionPatient=[float(v) for v in ct.origin + k * shear])
    tilted, _ = dicom.read(dicom.files_in(folder), folder)
    np.testing.assert_allclose(tilted.to_mm([7, 3, 5]), ct.origin + 7 * shear + [7.5, 4.5, 0], atol=1e-4)
    np.testing.assert_allclose(tilted.to_index(tilted.to_mm([7, 3, 5])), [7, 3, 5], atol=1e-9)
    assert tilted.spacing[0] == pytest.approx(np.hypot(0.3, 1.875))


def test_rescale_is_applied(tmp_path):
    ct, _ = sets.patient(1)
    folder = sets.series(ct.of(ct.array[:6]), tmp_path / "raw")
    for file in dicom.files_in(folder):
        sets.edit(file, RescaleSlope=2, RescaleIntercept=-100)
    read, _ = dicom.read(dicom.files_in(folder), folder)
    np.testing.assert_array_equal(read.array, 2 * ct.array[:6].astype(int) - 100)


def test_several_series_are_told_and_one_is_chosen(tmp_path):
    ct, _ = sets.patient(1)
    folder = sets.series(ct.of(ct.array[:6]), tmp_path / "two")
    other = sets.series(ct.of(ct.array[:4] + 1), tmp_path / "other")
    for file in dicom.files_in(other):
        sets.edit(file, SeriesInstanceUID="1.2.3.99")
        file.rename(folder / f"b{file.name}")
    with pytest.raises(Error, match=r"holds 2 series: .*\.2 \(6 slices\).*1\.2\.3\.99 \(4 slices\); choose one"):
        dicom.read(dicom.files_in(folder), folder)
    assert len(dicom.read(dicom.files_in(folder), folder, "3.99")[0].array) == 4
    with pytest.raises(Error, match="has no series '7'"):
        dicom.read(dicom.files_in(folder), folder, "7")


def test_a_bad_series_is_one_line(tmp_path):
    ct, _ = sets.patient(1)
    whole = ct.of(ct.array[:8])

    def made(name):
        folder = sets.series(whole, tmp_path / name)
        return folder, dicom.files_in(folder)

    folder, files = made("missing")
    files[3].unlink()
    with pytest.raises(
        Error, match=r"missing: 3\.75 mm lie between D0003\.dcm and D0005\.dcm, and 1\.88 mm.*1 missing"
    ):
        dicom.read(dicom.files_in(folder), folder)
    folder, files = made("doubled")
    (folder / "D0099.dcm").write_bytes(files[2].read_bytes())
    with pytest.raises(Error, match=r"D0099\.dcm: lies at the same place as D0003\.dcm"):
        dicom.read(dicom.files_in(folder), folder)
    folder, files = made("size")
    small = sets.series(whole.of(whole.array[:, :40]), tmp_path / "small")
    files[5].write_bytes((small / files[5].name).read_bytes())
    with pytest.raises(Error, match=r"D0006\.dcm: is of 127×40 pixels, and D0001\.dcm of 127×93"):
        dicom.read(dicom.files_in(folder), folder)
    folder, files = made("plane")
    sets.edit(files[1], ImageOrientationPatient=[0, 1, 0, 1, 0, 0])
    with pytest.raises(Error, match=r"D0002\.dcm: lies in another plane than D0001\.dcm"):
        dicom.read(dicom.files_in(folder), folder)
    for kept in (100, 900, 4000, -2):
        folder, files = made(f"cut{kept}")
        files[4].write_bytes(files[4].read_bytes()[:kept])
        with pytest.raises(Error, match=r"D0005\.dcm: (is damaged or cut short|cannot be read as a DICOM slice)"):
            dicom.read(dicom.files_in(folder), folder)
    folder, files = made("text")
    files[0].write_text("no slice")
    with pytest.raises(Error, match=r"D0001\.dcm: cannot be read as a DICOM slice"):
        dicom.read(dicom.files_in(folder), folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Error, match="holds no DICOM slices"):
        dicom.read([], tmp_path / "empty")


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".nii", ".mha"])
def test_a_truncated_volume_is_one_line(tmp_path, suffix):
    ct, _ = sets.patient(1)
    path = sets.save(ct, tmp_path / f"short{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Error, match=r"short.*: (cannot be read as a volume|is cut short)"):
        volume.read_ct(path)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_a_header_without_spacing_is_refused(tmp_path, encoding):
    ct, _ = sets.patient(1)
    lines = ["NRRD0004", "type: int16", "dimension: 3", "sizes: " + " ".join(map(str, ct.array.shape[::-1]))]
    lines += ["endian: little", f"encoding: {encoding}"]
    pixels = ct.array.astype("<i2").tobytes()
    content = gzip.compress(pixels, 1) if encoding == "gzip" else pixels
    (tmp_path / "bare.nrrd").write_bytes(("\n".join(lines) + "\n\n").encode() + content)
    with pytest.raises(Error, match=r"bare\.nrrd: its header gives no voxel spacing"):
        volume.read_ct(tmp_path / "bare.nrrd")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: np.clip((a + 250) * 255 / 700, 0, 255).astype(np.uint8), "values of 8 bits"),
        (lambda a: (a + 1024).astype(np.int16), "no value below 0"),
        (lambda a: np.where(a > 400, np.nan, a).astype(np.float32), "values that are no numbers"),
        (lambda a: np.clip(a, -1000, 50).astype(np.int16), "no Hounsfield units"),
    ],
)
def test_what_are_no_hounsfield_units_is_refused(tmp_path, change, message):
    ct, _ = sets.patient(1)
    path = tmp_path / "odd.nrrd"
    write_nrrd(path, ct.of(change(ct.array)))
    with pytest.raises(Error, match=rf"odd\.nrrd: .*{message}"):
        volume.read_ct(path)


def test_cad_pe_pairs_by_letter_and_number(tmp_path):
    source = sets.cad_pe(tmp_path / "set", (1, 4))
    ct, labels = sets.patient(2)
    write_nrrd(source / "images" / "e0032.nrrd", ct)
    write_nrrd(source / "rs" / "e032RefStd.nrrd", sets.turned(labels, (0, 1, 2), (1, 1, 1)))
    found = {scan.unit: scan for scan in scans.read("cad-pe", source)}
    assert list(found) == ["001", "004", "e0032"]
    assert found["001"].mask.name == "0001RefStd.nrrd"
    assert found["e0032"].mask.name == "e032RefStd.nrrd"
    assert found["004"].mask is None
    read, marked = found["e0032"].read()
    np.testing.assert_array_equal(marked, labels.array)
    assert (read.unit, read.name) == ("e0032", "e0032")
    (source / "negatives.txt").write_text("")
    with pytest.raises(Error, match=r"004\.nrrd: has no reference; .*write '004' into negatives\.txt"):
        scans.read("cad-pe", source)


def test_a_mask_goes_by_the_volumes_geometry(tmp_path, caplog):
    ct, labels = sets.patient(1)
    # Stored flipped along the body, and the mask's header says otherwise.
    flipped = sets.turned(ct, (0, 1, 2), (-1, 1, 1))
    mask = sets.turned(labels, (0, 1, 2), (-1, 1, 1))
    sets.save(flipped, tmp_path / "ct.nii.gz")
    sets.save(Volume(mask.array, mask.spacing * [1.02, 1, 1], ct.origin, ct.direction), tmp_path / "mask.nii.gz")
    scan = scans.Scan("a", "a", tmp_path / "ct.nii.gz", tmp_path / "mask.nii.gz")
    read, marked = scan.read()
    np.testing.assert_array_equal(read.array, ct.array)
    np.testing.assert_array_equal(marked, labels.array)
    assert "aligned by index" in caplog.text


def test_fumpe_goes_by_file_name(tmp_path):
    from scipy.io import savemat

    ct, labels = sets.patient(1)
    folder = sets.series(ct, tmp_path / "FUMPE" / "CT_scans" / "PAT001")
    files = dicom.files_in(folder)
    for k, file in enumerate(files):  # the first file is the one nearest to the head
        file.rename(folder / f"E{len(files) - k:04d}.dcm")
    mask = (labels.array > 0)[::-1].transpose(1, 2, 0).astype(np.uint8)
    (tmp_path / "FUMPE" / "GroundTruth").mkdir()
    savemat(tmp_path / "FUMPE" / "GroundTruth" / "PAT001.mat", {"Mask": mask})
    (scan,) = scans.read("fumpe", tmp_path)
    _, marked = scan.read()
    np.testing.assert_array_equal(marked > 0, scans.components(labels.array > 0, ct.voxel) > 0)
    savemat(tmp_path / "FUMPE" / "GroundTruth" / "PAT001.mat", {"Mask": mask[..., 1:]})
    with pytest.raises(Error, match=r"PAT001\.mat: is a mask of 58 slices for a series of 59"):
        scan.read()


def test_read_aligns_by_index(tmp_path):
    ct, labels = sets.patient(1)
    sets.series(ct, tmp_path / "GE (DICOM files)" / "01GE")
    mask = Volume(labels.array, labels.spacing, np.zeros(3), np.diag([-1.0, 1, 1]) @ ct.direction)
    sets.save(mask, tmp_path / "rs" / "01GE.nii.gz")
    (scan,) = scans.read("read", tmp_path)
    _, marked = scan.read()
    np.testing.assert_array_equal(marked > 0, scans.components(labels.array > 0, ct.voxel) > 0)


def test_a_csv_names_volumes_and_several_a_patient(tmp_path, caplog):
    ct, labels = sets.patient(1)
    sets.save(ct, tmp_path / "a.nii.gz")
    sets.series(ct, tmp_path / "b")
    sets.save(labels.of((labels.array > 0).astype(np.uint8)), tmp_path / "m.nii.gz")
    sets.save(labels.of(0 * labels.array), tmp_path / "none.nii.gz")
    table = tmp_path / "set.csv"
    table.write_text("unit,volume,mask\np1,a.nii.gz,m.nii.gz\np1,b,\n")
    first, second = scans.read("csv", table)
    assert (first.unit, first.name, second.unit, second.name) == ("p1", "a", "p1", "b")
    assert first.read()[1].max() == scans.components(labels.array > 0, ct.voxel).max()
    assert second.read()[1] is None
    table.write_text("unit,volume,mask\np1,a.nii.gz,none.nii.gz\n")
    assert scans.read("csv", table)[0].read()[1] is None
    assert "marks no embolus" in caplog.text
    table.write_text("unit,volume,mask\np1,a.nii.gz,gone.nii.gz\n")
    with pytest.raises(Error, match=r"set\.csv:2: names .*gone\.nii\.gz, which is not there"):
        scans.read("csv", table)


def test_a_mask_on_another_grid_is_refused(tmp_path):
    ct, labels = sets.patient(1)
    sets.save(ct, tmp_path / "a.nrrd")
    sets.save(labels.of(labels.array[:, 1:]), tmp_path / "m.nrrd")
    with pytest.raises(Error, match=r"m\.nrrd: is a mask of 127×92×59 voxels for a volume of 127×93×59 \(a\.nrrd\)"):
        scans.Scan("a", "a", tmp_path / "a.nrrd", tmp_path / "m.nrrd").read()


def test_parts_of_a_mask_and_specks():
    mask = np.zeros((10, 10, 10), bool)
    mask[1:4, 1:4, 1:4] = mask[4, 4, 4] = True  # joined over a corner
    mask[8, 8, 8] = True
    labels = scans.components(mask, voxel=1.0)
    assert labels.max() == 1
    assert (labels > 0).sum() == 28
    assert scans.components(mask, voxel=4.0).max() == 2
