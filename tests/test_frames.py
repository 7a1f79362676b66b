"""Frames of whole videos at regular times: by presentation time, whatever the container claims or has lost."""

import os
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from test_real_videos import clips  # noqa: F401  a fixture

from data_prep.readers.border import Border
from data_prep.readers.frames import Samples, cropped, frame_name
from data_prep.readers.labelled import View
from ftcaffe.errors import Error

av = pytest.importorskip("av")
STEP = 20  # of the grey level of one frame to the next


def frame(number, size=(64, 96)):
    """A frame that tells its number by its grey level, with a bright corner that tells which way is up."""
    pixels = np.full((*size, 3), STEP * (number % 10) + 20, np.uint8)
    pixels[:12, :12] = 255
    return pixels


def write(path, times, codec="mpeg4", size=(64, 96), gop=12):
    """A video with a frame at each of the times (milliseconds)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.bit_rate = 4_000_000
        for number, time in enumerate(times):
            picture = av.VideoFrame.from_ndarray(frame(number, size), format="bgr24")
            picture.pts, picture.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def numbers(samples):
    """Number of each sample's frame, by its grey level."""
    return [round((float(np.median(one.pixels)) - 20) / STEP) for one in samples]


def test_the_frame_shown_at_a_time_is_the_last_not_later_under_a_variable_rate(tmp_path):
    times = [0, 40, 80, 900, 1000, 1040, 2990, 3001, 3500]
    samples = list(Samples(write(tmp_path / "a.mkv", times), 1.0))
    assert [one.time for one in samples] == [0, 1, 2, 3]
    assert numbers(samples) == [0, 4, 5, 7]  # at 3 s: Matroska's millisecond is forgiven
    assert [one.name for one in samples] == ["00000.000", "00001.000", "00002.000", "00003.000"]


def test_times_count_from_the_first_frame(tmp_path):
    path = write(tmp_path / "a.mkv", range(7200_000, 7203_000, 200))
    assert numbers(Samples(path, 1.0)) == [0, 5, 0]


def test_every_may_be_shorter_than_a_frame(tmp_path):
    assert numbers(Samples(write(tmp_path / "a.mkv", [0, 400, 800]), 0.2)) == [0, 0, 1, 1, 2]


@pytest.mark.skipif(tuple(map(int, av.__version__.split(".")[:1])) < (13,), reason="PyAV before 13 tells no rotation")
def test_a_rotation_flag_is_followed(tmp_path):
    path = write(tmp_path / "a.mp4", range(0, 1000, 40))
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # the track's matrix (ISO/IEC 14496-12, 8.3.2)
    turned = [0, 1 << 16, 0, -(1 << 16) & 0xFFFFFFFF, 0, 0, 0, 0, 1 << 30]  # a quarter clockwise
    content[at : at + 36] = b"".join(value.to_bytes(4, "big") for value in turned)
    path.write_bytes(content)
    (sample,) = Samples(path, 1.0)
    assert sample.pixels.shape == (96, 64, 3)
    assert sample.pixels[:12, -12:].min() > 200  # the corner that was upper left is upper right
    assert sample.pixels[-12:, :12].max() < 100


def test_a_damaged_stretch_is_skipped_counted_and_said(tmp_path, caplog):
    path = write(tmp_path / "a.avi", range(0, 10_000, 100), gop=10)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for number in (33, 34, 35):  # the key frames are those of 0, 10, 20 …
        position, size = packets[number]
        content[position + 10 : position + 8 + size] = rng.bytes(size - 2)
    path.write_bytes(content)
    samples = Samples(path, 0.5)
    found = list(samples)
    wanted = {k / 2: (5 * k) % 10 for k in range(20) if k != 7}  # at 3.5 s there is none
    assert dict(zip((one.time for one in found), numbers(found), strict=True)) == wanted
    assert samples.skipped == 1
    assert samples.damaged >= 1
    assert "of the times fall there and have no frame" in caplog.text


def test_a_truncated_video_gives_what_there_is_and_says_so(tmp_path, caplog):
    path = write(tmp_path / "a.avi", range(0, 10_000, 100))
    with av.open(str(path)) as container:
        middle = [packet.pos for packet in container.demux(video=0) if packet.size][50]
    path.write_bytes(path.read_bytes()[:middle])
    assert 2 < len(list(Samples(path, 1.0))) < 8
    assert "is truncated; it ends at" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no video at all", bytes(5000)])
def test_what_is_no_video_is_one_line(tmp_path, content):
    (tmp_path / "a.avi").write_bytes(content)
    with pytest.raises(Error, match=r"a\.avi: (cannot be read as a video|has no usable frame)"):
        list(Samples(tmp_path / "a.avi", 1.0))


def test_the_border_is_what_is_black_in_every_frame(tmp_path):
    bright, dark = np.zeros((60, 80, 3), np.uint8), np.zeros((60, 80, 3), np.uint8)
    bright[10:50, 20:70] = 90
    dark[25:35, 40:50] = 60  # lit in the middle only
    border = Border()
    assert border.crop(bright).shape == (40, 50, 3)
    assert border.crop(dark).shape == (40, 50, 3)
    assert Border().crop(np.zeros((60, 80, 3), np.uint8)).shape == (60, 80, 3)


def test_the_first_frames_are_cropped_by_what_later_ones_show():
    from data_prep.readers.frames import Sample

    dark, bright = np.zeros((60, 80, 3), np.uint8), np.zeros((60, 80, 3), np.uint8)
    dark[30:35, 40:50] = 60
    bright[10:50, 20:70] = 90
    first, second = cropped([Sample(0, dark), Sample(1, bright)], View((50, 40), border=True))
    assert (second.pixels == 90).all()
    np.testing.assert_array_equal(first.pixels, dark[10:50, 20:70])


NAMES = "3g2 3gp asf f4v flv m1v m4v mkv mov mp4 mpeg mpg rm swf vob webm wmv"


@pytest.mark.parametrize("kind", NAMES.split())
def test_one_real_clip_gives_the_same_frames_at_the_same_times_in_every_container(clips, kind):  # noqa: F811
    reference = [one.pixels.mean(axis=(0, 1)) for one in Samples(clips / "demo.mp4", 10.0)]
    samples = list(Samples(clips / f"demo.{kind}", 10.0))
    assert [one.name for one in samples] == [frame_name(10 * k) for k in range(7)]
    np.testing.assert_allclose([one.pixels.mean(axis=(0, 1)) for one in samples], reference, atol=2.5)


def distances(samples, reference, delay=0.0):
    """How far each sample is, on average, from the reference's frame at its time (by a `delay` earlier)."""
    wanted = {round(24 * one.time): one.pixels.astype(float) for one in reference}
    return [np.abs(one.pixels - wanted[max(0, round(24 * (one.time - delay)))]).mean() for one in samples]


def test_an_avi_that_holds_its_first_frame_is_late_by_that(clips):  # noqa: F811
    """Its container leaves out frames 1 and 2, so that all others are shown 2/24 s later than in the others."""
    reference = [one for one in Samples(clips / "demo.mp4", 1 / 24) if round(24 * one.time) % 240 in (0, 238)]
    samples = list(Samples(clips / "demo.avi", 10.0))
    assert len(samples) == 7
    assert max(distances(samples, reference, delay=2 / 24)) < 5
    assert max(distances(samples, reference)) > 20


def test_a_gif_gives_the_five_seconds_that_it_has(clips):  # noqa: F811
    samples = list(Samples(clips / "demo.gif", 1.0))
    assert [one.time for one in samples] == [0, 1, 2, 3, 4]
    assert max(distances(samples, islice(Samples(clips / "demo.mp4", 1.0), 5))) < 10


def test_theora_that_the_decoder_cannot_do_is_said_and_no_wrong_frame_given(clips, caplog):  # noqa: F811
    """FFmpeg's Theora fails at most packets of this clip ("error in unpack_block_qpis")."""
    samples = Samples(clips / "demo.ogv", 1.0)
    found = list(samples)
    assert len(found) + samples.skipped == 60
    assert max(distances(found, Samples(clips / "demo.mp4", 1.0))) < 5
    assert f"{samples.damaged} packets are damaged; {samples.skipped} of the times fall there" in caplog.text


def test_a_packet_without_bytes_holds_the_frame_before(clips):  # noqa: F811
    """Theora's way to say that nothing changes; the clip's second packet is one."""
    samples = Samples(clips / "demo.ogg", 1 / 24)
    first, second, third = islice(samples, 3)
    np.testing.assert_array_equal(second.pixels, first.pixels)
    assert (third.pixels != first.pixels).any()
    assert samples.damaged == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_memory_does_not_grow_with_the_video(tmp_path):
    import subprocess
    import sys

    path = write(tmp_path / "a.mkv", range(0, 600_000, 1000), size=(480, 640))
    program = (
        "import re, sys; from pathlib import Path; from data_prep.readers.frames import *;"
        "from data_prep.readers.labelled import View;"
        "n = sum(1 for _ in cropped(Samples(Path(sys.argv[1]), 1.0), View((500, 350), True)));"
        # Not getrusage: its maximum counts what the process was before it became this program.
        "print(n, int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, env=os.environ)
    count, megabytes = map(int, done.stdout.split())
    assert count == 600
    assert megabytes < 300
