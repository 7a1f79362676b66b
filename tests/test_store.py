"""LMDB, Datum, mean images and whole-or-absent files."""

from __future__ import annotations

import io
import itertools
import struct

import lmdb as reference
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2
from ftcaffe.store import atomic, datum, lmdb, mean


def numbered(count):
    return [(b"%08d" % i, b"value %d" % i) for i in range(count)]


class TestLmdb:
    def test_is_read_by_the_library_itself(self, tmp_path):
        assert lmdb.write(tmp_path / "x.lmdb", numbered(2500)) == 2500
        with reference.open(str(tmp_path / "x.lmdb"), readonly=True, lock=False) as env, env.begin() as transaction:
            assert list(transaction.cursor()) == numbered(2500)

    @given(count=st.integers(1, 9), start=st.integers(0, 30))
    def test_cycle_begins_anywhere_and_rewinds(self, tmp_path_factory, count, start):
        path = tmp_path_factory.mktemp("cycle") / "x.lmdb"
        lmdb.write(path, numbered(count))
        found = itertools.islice(lmdb.Records(path).cycle(start), 2 * count + 1)
        assert [value for _, value in found] == [b"value %d" % ((start + i) % count) for i in range(2 * count + 1)]

    def test_two_readers_of_one_file(self, tmp_path):
        lmdb.write(tmp_path / "x.lmdb", numbered(3))
        one, two = lmdb.Records(tmp_path / "x.lmdb"), lmdb.Records(tmp_path / "x.lmdb")
        assert list(one) == list(two) == numbered(3)
        assert one[b"00000001"] == b"value 1"
        with pytest.raises(KeyError):
            one[b"absent"]

    @pytest.mark.parametrize(("count", "length"), [(1, 0), (1, 3000), (7, 100_000), (3000, 40), (20_000, 3)])
    def test_reads_what_the_library_writes(self, tmp_path, count, length):
        """Trees of one to three levels, values in leaves and in pages of their own, keys written in any order."""
        rng = np.random.default_rng(count)
        records = {rng.bytes(int(rng.integers(1, 60))): rng.bytes(length) for _ in range(count)}
        with reference.open(str(tmp_path), map_size=1 << 28) as env:
            with env.begin(write=True) as transaction:
                for key, value in records.items():
                    transaction.put(key, value)
            with env.begin(write=True) as transaction:  # pages freed and used again
                for key in list(records)[1::3]:
                    transaction.delete(key)
                    del records[key]
            with env.begin() as transaction:
                expected = list(transaction.cursor())
        read = lmdb.Records(tmp_path)
        assert list(read) == expected == sorted(records.items())
        assert len(read) == len(expected)
        assert all(read[key] == value for key, value in expected[:: max(1, len(expected) // 100)])
        for start in (0, len(expected) // 2, len(expected) - 1):
            assert next(read.cycle(start)) == expected[start]

    def test_named_databases_are_an_error(self, tmp_path):
        with reference.open(str(tmp_path), max_dbs=1) as env:
            database = env.open_db(b"name")
            with env.begin(write=True, db=database) as transaction:
                transaction.put(b"a", b"1")
        with pytest.raises(Error, match="holds named databases"):
            list(lmdb.Records(tmp_path))

    def test_a_failed_writer_leaves_the_old_file(self, tmp_path):
        lmdb.write(tmp_path / "x.lmdb", numbered(3))

        def failing():
            yield from numbered(2)
            raise RuntimeError("stop")

        with pytest.raises(RuntimeError):
            lmdb.write(tmp_path / "x.lmdb", failing())
        assert list(lmdb.Records(tmp_path / "x.lmdb")) == numbered(3)
        assert [path.name for path in tmp_path.iterdir()] == ["x.lmdb"]

    @pytest.mark.parametrize(
        ("harm", "message"),
        [
            (lambda content: content[: len(content) // 2], "is truncated"),
            (lambda content: b"", "is damaged or no LMDB"),
            (lambda content: b"\0" * len(content), "is damaged or no LMDB"),
            (lambda content: content[:20] + struct.pack("<I", 2) + content[24:], "has LMDB format 2"),
            (
                lambda content: content[:92] + b"\4" + content[93 : 4096 + 92] + b"\4" + content[4096 + 93 :],
                "of a kind",
            ),
        ],
    )
    def test_damage_is_one_line(self, tmp_path, harm, message):
        lmdb.write(tmp_path / "x.lmdb", numbered(500))
        data = tmp_path / "x.lmdb" / "data.mdb"
        data.write_bytes(harm(data.read_bytes()))
        with pytest.raises(Error, match=message) as caught:
            lmdb.Records(tmp_path / "x.lmdb")
        assert str(caught.value).startswith(str(tmp_path / "x.lmdb"))

    def test_empty_and_absent(self, tmp_path):
        lmdb.write(tmp_path / "x.lmdb", [])
        with pytest.raises(Error, match="holds no records"):
            lmdb.Records(tmp_path / "x.lmdb")
        with pytest.raises(Error, match="no LMDB: No such file"):
            lmdb.Records(tmp_path / "y.lmdb")


class TestDatum:
    @given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6)), st.integers(0, 9))
    def test_round_trip_and_caffes_own_message(self, image, label):
        record = datum.encode(image, label)
        found, found_label = datum.decode(record)
        np.testing.assert_array_equal(found, image)
        assert found_label == label
        message = caffe_pb2.Datum.FromString(record)
        assert (message.channels, message.height, message.width) == image.shape
        assert message.data == image.tobytes()

    def test_encoded_images_are_bgr(self):
        picture = np.zeros((4, 5, 3), np.uint8)
        picture[..., 0] = 200  # red
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "PNG")
        image, label = datum.decode(
            caffe_pb2.Datum(encoded=True, data=stream.getvalue(), label=3).SerializeToString()
        )
        assert image.shape == (3, 4, 5)
        assert image[2].min() == 200
        assert image[:2].max() == 0
        assert label == 3

    def test_floats(self):
        message = caffe_pb2.Datum(channels=1, height=1, width=2, float_data=[0.5, -1])
        np.testing.assert_array_equal(datum.decode(message.SerializeToString())[0], [[[0.5, -1]]])

    @pytest.mark.parametrize(
        ("record", "message"),
        [
            (b"\xff\xff", "a record is no Datum"),
            (caffe_pb2.Datum(channels=3, height=2, width=2, data=b"123").SerializeToString(), "holds 3 values"),
            (caffe_pb2.Datum(encoded=True, data=b"no image").SerializeToString(), "cannot be decoded"),
            (b"", "holds 0 values"),
        ],
    )
    def test_damage_is_one_line(self, record, message):
        with pytest.raises(Error, match=message) as caught:
            datum.decode(record, "x.lmdb")
        assert str(caught.value).startswith("x.lmdb: ")


class TestDecodingSeveral:
    """`decode_all` takes raw images of one shape as they lie; it gives what `decode` gives of each."""

    @staticmethod
    def raw(*labels, shape=(1, 3, 4), encoded=False, last=b""):
        """Datums with random pixels, as Caffe's own tools write them."""
        rng = np.random.default_rng(0)
        channels, height, width = shape
        messages = [
            caffe_pb2.Datum(
                channels=channels,
                height=height,
                width=width,
                data=rng.integers(0, 256, shape, dtype=np.uint8).tobytes(),
                label=label,
                encoded=encoded,
            )
            for label in labels
        ]
        return [message.SerializeToString() + last for message in messages]

    floats = caffe_pb2.Datum(channels=1, height=1, width=2, float_data=[0.5, 2], label=4).SerializeToString()

    @pytest.mark.parametrize(
        "records",
        [
            raw(1, 2, 3),
            raw(1, 300, -1, 0),
            raw(5, 5, shape=(3, 120, 130)),
            raw(1, 2) + raw(3, shape=(1, 4, 3)),
            raw(1, 2, last=caffe_pb2.Datum(height=4, width=3).SerializeToString()),
            [*raw(1), floats],
            [floats, *raw(1)],
            [datum.encode(np.full((1, 1, 1), value, np.uint8), value) for value in (8, 1, 0, 34, 40)],
        ],
        ids=[
            "alike",
            "labels",
            "large",
            "shapes",
            "shape-behind-pixels",
            "floats-behind",
            "floats-first",
            "one-pixel",
        ],
    )
    def test_equals_one_by_one(self, records):
        images, labels = datum.decode_all(records)
        for image, label, record in zip(images, labels, records, strict=True):
            expected, expected_label = datum.decode(record)
            np.testing.assert_array_equal(image, expected)
            assert image.dtype == expected.dtype
            assert label == expected_label

    def test_small_ones_alike_are_one_array(self):
        images, labels = datum.decode_all(self.raw(1, 2, 3))
        assert isinstance(images, np.ndarray)
        assert labels.tolist() == [1, 2, 3]

    def test_damage_among_them_is_one_line(self):
        first, second = self.raw(1, 2)
        with pytest.raises(Error, match=r"x\.lmdb: a record is no Datum"):
            datum.decode_all([first, second[:-2] + b"\xff\xff"], "x.lmdb")

    def test_floats_are_written_as_protobuf_writes_them(self):
        values = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
        message = caffe_pb2.Datum(channels=2, height=3, width=4, float_data=values.ravel().tolist())
        assert datum.encode_floats(values) == message.SerializeToString()


class TestMean:
    def test_round_trip(self, tmp_path):
        array = np.random.default_rng(0).standard_normal((3, 4, 5)).astype(np.float32)
        mean.write(tmp_path / "m", array)
        np.testing.assert_array_equal(mean.read(tmp_path / "m"), array)

    def test_of_records(self, tmp_path):
        images = np.random.default_rng(0).integers(0, 256, (7, 3, 4, 5), dtype=np.uint8)
        lmdb.write(tmp_path / "x.lmdb", [(b"%08d" % i, datum.encode(image, 0)) for i, image in enumerate(images)])
        np.testing.assert_allclose(mean.compute(lmdb.Records(tmp_path / "x.lmdb")), images.mean(0), rtol=1e-6)

    def test_images_of_two_shapes(self, tmp_path):
        records = [(b"%d" % n, datum.encode(np.zeros((1, n, 2), np.uint8), 0)) for n in (1, 2)]
        lmdb.write(tmp_path / "x.lmdb", records)
        with pytest.raises(Error, match=r"x\.lmdb: has images of shapes \(1, 1, 2\) and \(1, 2, 2\)"):
            mean.compute(lmdb.Records(tmp_path / "x.lmdb"))

    def test_no_mean(self, tmp_path):
        (tmp_path / "m").write_bytes(b"")
        with pytest.raises(Error, match="is no mean image"):
            mean.read(tmp_path / "m")


class TestWhole:
    def test_a_folder_gives_way_only_to_a_whole_one(self, tmp_path):
        for content in ("old", "new"):
            with atomic.whole(tmp_path / "d") as beside:
                beside.mkdir()
                (beside / "f").write_text(content)
        assert (tmp_path / "d" / "f").read_text() == "new"
        with pytest.raises(FileExistsError), atomic.whole(tmp_path / "d") as beside:
            [beside.mkdir() for _ in range(2)]
        assert (tmp_path / "d" / "f").read_text() == "new"
        assert [path.name for path in tmp_path.iterdir()] == ["d"]
