"""Readers: frames of videos, masks, lesions; each fault one line that names the file."""

import numpy as np
import polyp_sets as sets
import pytest
from PIL import Image

from data_prep.readers import image, lesions, video
from data_prep.readers.truncation import is_truncated
from data_prep.readers.units import Stills, Video, digest
from ftcaffe.errors import Error

COUNT = 12


@pytest.fixture(params=["av", "cv2"])
def each_decoder(request, monkeypatch):
    pytest.importorskip(request.param)
    monkeypatch.setattr(video, "decoder", lambda: request.param)


@pytest.fixture(params=["avi", "mp4", "mkv", "mov"])
def clip(request, tmp_path):
    pytest.importorskip("av")
    return sets.write_video(tmp_path / f"clip.{request.param}", [sets.frame(i) for i in range(COUNT)])


def numbers(frames):
    """Which frame of `sets.frame` each looks like most."""
    written = np.stack([sets.frame(i) for i in range(COUNT)]).astype(int)
    return [int(abs(written - f).mean(axis=(1, 2, 3)).argmin()) for f in frames]


@pytest.mark.usefixtures("each_decoder")
def test_frames_come_in_order_and_look_as_they_were_written(clip):
    frames = list(video.frames(clip))
    assert numbers(frames) == list(range(COUNT))
    assert all(abs(f.astype(int) - sets.frame(i)).mean() < 5 for i, f in enumerate(frames))


@pytest.mark.usefixtures("each_decoder")
@pytest.mark.parametrize("claimed", [3, 999])
def test_the_header_frame_count_is_not_trusted(tmp_path, claimed):
    path = sets.write_video(tmp_path / "clip.avi", [sets.frame(i) for i in range(COUNT)], "mjpeg")
    content = bytearray(path.read_bytes())
    for field, offset in ((b"avih", 24), (b"strh", 40)):  # dwTotalFrames, dwLength
        at = content.index(field) + offset
        content[at : at + 4] = claimed.to_bytes(4, "little")
    path.write_bytes(content)
    assert len(list(video.frames(path))) == COUNT


@pytest.mark.usefixtures("each_decoder")
@pytest.mark.parametrize("part", [0.4, 0.7, 0.9])
def test_a_truncated_video_is_an_error_with_file_and_frame(tmp_path, part):
    path = sets.write_video(tmp_path / "clip.avi", [sets.frame(i) for i in range(COUNT)], "mjpeg")
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(Error, match=r"clip\.avi: is truncated.* frame \d+"):
        list(video.frames(path))


@pytest.mark.parametrize("missing", [1, 500])
def test_a_container_that_lacks_bytes_is_told_from_a_whole_one(clip, missing):
    assert not is_truncated(clip)
    clip.write_bytes(clip.read_bytes()[:-missing])
    assert is_truncated(clip)


@pytest.mark.usefixtures("each_decoder")
def test_what_is_no_video_is_an_error(tmp_path):
    path = tmp_path / "notes.avi"
    path.write_text("nothing to see here\n" * 50)
    with pytest.raises(Error, match=r"notes\.avi: cannot be read as a video"):
        list(video.frames(path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("grey.png", np.where(sets.mask(), 255, 0).astype(np.uint8)),
        ("colour.png", np.repeat(np.where(sets.mask(), 255, 0)[..., None], 3, 2).astype(np.uint8)),
        ("red.png", (sets.mask()[..., None] * np.array([255, 0, 0])).astype(np.uint8)),
        ("smooth.jpg", np.where(sets.mask(), 247, 6).astype(np.uint8)),
        ("bilevel.png", sets.mask()),
        ("deep.png", np.where(sets.mask(), 65535, 0).astype(np.uint16)),
    ],
)
def test_masks_of_every_kind_read_alike(tmp_path, name, content):
    Image.fromarray(content).save(tmp_path / name)
    found = image.read_mask(tmp_path / name)
    assert found.dtype == bool
    # JPEG moves a smooth border by a pixel at most.
    assert (found != sets.mask()).sum() <= (12 if name.endswith("jpg") else 0)


def test_palette_masks_are_read_by_their_colours(tmp_path):
    picture = Image.fromarray(sets.mask().astype(np.uint8), "P")
    picture.putpalette([0, 0, 0, 255, 255, 255])
    picture.save(tmp_path / "palette.png")
    assert np.array_equal(image.read_mask(tmp_path / "palette.png"), sets.mask())


def test_a_truncated_image_is_an_error(tmp_path):
    path = sets.write_still(tmp_path / "1.png", sets.frame(1))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(Error, match=r"1\.png: cannot be read as an image"):
        image.read_bgr(path)


def test_names_sort_by_number_and_junk_is_left_out(tmp_path):
    for name in ("10.png", "9.png", "frame1_mask.png", "Thumbs.db", ".DS_Store", "._9.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in image.images_in(tmp_path)] == ["9.png", "10.png", "frame1_mask.png"]


@pytest.fixture
def avi(tmp_path):
    return sets.write_video(tmp_path / "videos" / "a.avi", [sets.frame(i) for i in range(COUNT)], "mjpeg")


@pytest.mark.parametrize(
    ("name", "first"), [("{}.png", 0), ("{:06d}.png", 0), ("{:d}.png", 1), ("frame_{:03d}_mask.png", 1)]
)
def test_masks_pair_with_frames_by_number(avi, tmp_path, name, first):
    masks = [sets.mask(column=20 + 3 * i) for i in range(COUNT)]
    unit = Video("a", avi, sets.write_masks(tmp_path / "masks" / "a", masks, name, first))
    frames = list(unit)
    assert [frame.image for frame in frames] == [str(i) for i in range(COUNT)]
    assert all(np.array_equal(frame.mask, mask) for frame, mask in zip(frames, masks, strict=True))


def test_a_video_of_masks_pairs_frame_by_frame(avi, tmp_path):
    masks = [sets.mask(column=20 + 3 * i) for i in range(COUNT)]
    drawn = [np.repeat(m[..., None], 3, 2).astype(np.uint8) * 255 for m in masks]
    unit = Video("a", avi, sets.write_video(tmp_path / "masks" / "a.avi", drawn, "mjpeg"))
    for frame, mask in zip(unit, masks, strict=True):
        assert (frame.mask != mask).sum() < 40


def test_a_negative_video_has_no_masks(avi):
    assert [frame.mask for frame in Video("a", avi, None)] == [None] * COUNT


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([sets.mask()] * (COUNT - 1), r"masks/a: has no mask for frame 11 of a\.avi; add the mask"),
        ([sets.mask()] * (COUNT + 1), r"a\.avi: ends at frame 11, and .* has masks beyond it"),
        ([sets.mask()[:, :60]] * COUNT, r"0000\.png: is a mask of 60×64 for a frame of 80×64"),
    ],
    ids=["one too few", "one too many", "another size"],
)
def test_masks_that_do_not_fit_are_an_error(avi, tmp_path, masks, message):
    unit = Video("a", avi, sets.write_masks(tmp_path / "masks" / "a", masks))
    with pytest.raises(Error, match=message):
        list(unit)


def test_a_still_with_a_mask_of_another_size_is_an_error(tmp_path):
    picture = sets.write_still(tmp_path / "1.png", sets.frame(1))
    mask = sets.write_still(tmp_path / "m" / "1.png", sets.mask()[:40])
    with pytest.raises(Error, match=r"m/1\.png: is a mask of 80×40 for a frame of 80×64"):
        list(Stills("a", (("1", picture, mask),)))


def test_the_digest_is_of_contents_and_names_and_not_of_the_place(tmp_path):
    def made(root, number):
        picture = sets.write_still(tmp_path / root / "1.png", sets.frame(number))
        return digest([Stills("a", (("1", picture, None),))], tmp_path / root)

    assert made("here", 1) == made("there", 1)
    assert made("here", 1) != made("elsewhere", 2)


def test_lesions_are_components_of_at_least_a_minimum_area():
    mask = sets.mask(15, 15, 8) | sets.mask(45, 60, 6) | sets.mask(50, 20, 2)
    labels, count = lesions.label(mask)
    assert count == 2
    assert labels is not None
    assert np.array_equal(labels == 1, sets.mask(15, 15, 8))
    assert np.array_equal(labels == 2, sets.mask(45, 60, 6))


@pytest.mark.parametrize(
    ("x", "y", "lesion"), [(40.0, 30.0, 1), (31.2, 30.0, 1), (30.9, 20.0, 0), (-1.0, 30.0, 0), (40.0, 64.0, 0)]
)
def test_a_location_is_looked_up_in_the_pixel_that_it_lies_in(x, y, lesion):
    labels, _ = lesions.label(sets.mask())
    assert lesions.at(labels, x, y) == lesion


def test_no_mask_is_no_lesion():
    assert lesions.label(None) == (None, 0)
    assert lesions.label(np.zeros(sets.SIZE, bool)) == (None, 0)
    assert lesions.at(None, 3, 3) == 0
