"""convert_imageset, compute_image_mean, extract_features: the original's arguments and results."""

from __future__ import annotations

import re

import numpy as np
import pytest
from parity import oracle, pictures

from ftcaffe import command
from ftcaffe.proto import caffe_pb2
from ftcaffe.store import datum, image, lmdb, mean

NET = """
layer { name: "data" type: "Data" top: "data" top: "label"
        data_param { source: "digits.lmdb" batch_size: 4 backend: LMDB } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 2 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
        inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Pictures in many formats and the lists of them."""
    pictures.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ftcaffe(*words):
    return command.main([str(word) for word in words])


def stored(path):
    return [(key, caffe_pb2.Datum.FromString(value)) for key, value in lmdb.Records(path)]


class TestConvertImageset:
    def test_raw(self, folder):
        assert ftcaffe("convert_imageset", "pictures/", "pictures.txt", "x.lmdb") == 0
        records = stored("x.lmdb")
        names = [line.rsplit(" ", 1) for line in (folder / "pictures.txt").read_text().splitlines()]
        assert [key.decode() for key, _ in records] == [f"{n:08d}_{name}" for n, (name, _) in enumerate(names)]
        for (name, label), (_, record) in zip(names, records, strict=True):
            np.testing.assert_array_equal(datum.values(record), image.read(folder / "pictures" / name))
            assert record.label == int(label)

    def test_gray_and_resized(self, folder):
        flags = ["-gray", "-resize_width=20", "--resize_height", "31"]
        assert ftcaffe("convert_imageset", *flags, "pictures/", "pictures.txt", "x.lmdb") == 0
        assert {(r.channels, r.height, r.width) for _, r in stored("x.lmdb")} == {(1, 31, 20)}

    def test_encoded_keeps_the_files(self, folder):
        assert ftcaffe("convert_imageset", "--encoded", "", "sizes.txt", "x.lmdb") == 0
        for number, (_, record) in enumerate(stored("x.lmdb")):
            assert record.data == (folder / f"pictures/size{number}.png").read_bytes()
            assert record.encoded

    def test_encode_type_encodes_anew(self, folder):
        assert ftcaffe("convert_imageset", "--encode_type=png", "pictures/", "pictures.txt", "x.lmdb") == 0
        for key, record in stored("x.lmdb"):
            expected = image.read(folder / "pictures" / key.decode()[9:])
            if key.endswith(b".png"):
                assert record.data == (folder / "pictures" / key.decode()[9:]).read_bytes()
            else:
                np.testing.assert_array_equal(image.decode(record.data), expected)

    def test_shuffle_keeps_names_with_labels(self, folder):
        assert ftcaffe("convert_imageset", "--shuffle", "", "sizes.txt", "x.lmdb") == 0
        found = {key[9:]: record.label for key, record in stored("x.lmdb")}
        assert found == {f"pictures/size{n}.png".encode(): n for n in range(4)}

    def test_unreadable_pictures_are_told_of_and_left_out(self, folder, caplog):
        (folder / "list.txt").write_text("pictures/color.png 1\nabsent.png 2\nlist.txt 3\npictures/plain.jpg 4\n")
        assert ftcaffe("convert_imageset", "", "list.txt", "x.lmdb") == 0
        assert [key for key, _ in stored("x.lmdb")] == [
            b"00000000_pictures/color.png",
            b"00000003_pictures/plain.jpg",
        ]
        assert "absent.png: No such file or directory; it is left out" in caplog.text
        assert "list.txt: cannot be decoded as a picture" in caplog.text

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--check_size", "", "sizes.txt", "x"], r"pictures/size1.png: has shape \(3, 47, 49\), the first"),
            (["", "absent.txt", "x"], "absent.txt: No such file"),
            (["", "empty.txt", "x"], "empty.txt: lists no pictures"),
            (["", "sizes.txt", "pictures"], "pictures: exists already; remove it"),
            (["--backend=leveldb", "", "sizes.txt", "x"], "no backend 'leveldb'; there is: lmdb"),
            (["--encode_type=gif", "", "sizes.txt", "x"], "no encode_type 'gif'; there are: jpg"),
            (["nowhere/", "sizes.txt", "x"], "sizes.txt: names no picture that can be read"),
        ],
    )
    def test_faults_are_one_line_and_leave_nothing(self, folder, capsys, words, message):
        (folder / "empty.txt").write_text("")
        assert ftcaffe("convert_imageset", *words) == 2
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ftcaffe: ")]
        assert len(told) == 1
        assert re.search(message, told[0])
        assert not (folder / "x").exists()


class TestComputeImageMean:
    def test_of_raw_records(self, folder, caplog):
        with caplog.at_level("INFO"):
            assert ftcaffe("compute_image_mean", "digits.lmdb", "mean.binaryproto") == 0
        images = np.stack([datum.values(record) for _, record in stored("digits.lmdb")])
        np.testing.assert_allclose(mean.read("mean.binaryproto"), images.mean(axis=0), rtol=1e-6)
        assert f"mean_value channel [0]: {images.mean():g}" in caplog.text

    def test_output_is_optional(self, folder):
        before = sorted(folder.iterdir())
        assert ftcaffe("compute_image_mean", "--backend=lmdb", "floats.lmdb") == 0
        assert sorted(folder.iterdir()) == before

    def test_sizes_that_differ_are_one_line(self, folder, capsys):
        assert ftcaffe("compute_image_mean", "sizes.lmdb", "m") == 2
        assert "sizes.lmdb: has images of shapes (3, 9, 12) and (3, 11, 10)" in capsys.readouterr().err


class TestExtractFeatures:
    @pytest.fixture
    def net(self, folder):
        pytest.importorskip("torch")
        import ftcaffe.engine as caffe

        (folder / "net.prototxt").write_text(NET)
        caffe.set_random_seed(1)
        net = caffe.Net("net.prototxt", caffe.TEST)
        net.save("net.caffemodel")
        return net

    def test_are_the_blobs_batch_after_batch(self, net):
        words = ["net.caffemodel", "net.prototxt", "conv,ip", "conv.lmdb,ip.lmdb", 3, "lmdb", "CPU"]
        assert ftcaffe("extract_features", *words) == 0
        found = {name: stored(f"{name}.lmdb") for name in ("conv", "ip")}
        for turn in range(3):
            net.forward()
            for name, shape in (("conv", (2, 8, 8)), ("ip", (5, 1, 1))):
                for n, values in enumerate(net.blobs[name].data):
                    key, record = found[name][4 * turn + n]
                    assert key == b"%010d" % (4 * turn + n)
                    np.testing.assert_array_equal(datum.values(record), values.reshape(shape))
        assert len(found["conv"]) == len(found["ip"]) == 12

    @pytest.mark.parametrize(
        ("blobs", "targets", "message"),
        [
            ("conv,ip", "x.lmdb", "2 blobs and 1 databases"),
            ("fc9", "x.lmdb", "net.prototxt: has no blob 'fc9'; there are: data, label, conv, ip"),
            ("conv", "digits.lmdb", "digits.lmdb: exists already"),
        ],
    )
    def test_faults_are_one_line(self, net, capsys, blobs, targets, message):
        assert ftcaffe("extract_features", "net.caffemodel", "net.prototxt", blobs, targets, 1, "lmdb") == 2
        assert message in capsys.readouterr().err


@pytest.mark.oracle
class TestAgainstTheOriginal:
    @pytest.mark.parametrize(
        "flags",
        [
            "",
            "--gray",
            "--resize_width=20 --resize_height=31",
            "--resize_width=90 --resize_height=91 --gray",
            "--encoded",
            "--gray --encoded",
            "--encoded --encode_type=jpg",
            "--resize_height=30 --encode_type=jpg",
        ],
    )
    def test_records_are_the_originals_to_the_byte(self, flags, monkeypatch):
        with oracle.shared() as folder:
            pictures.write(folder)
            (folder / "pictures.txt").open("a").write("absent.png 3\n")
            oracle.run(folder, "convert_imageset", *flags.split(), "pictures/", "pictures.txt", "theirs")
            monkeypatch.chdir(folder)
            assert ftcaffe("convert_imageset", *flags.split(), "pictures/", "pictures.txt", "ours") == 0
            assert list(lmdb.Records("ours")) == list(lmdb.Records("theirs"))

    @pytest.mark.parametrize("name", ["digits", "floats", "encoded-gray"])
    def test_means_are_the_originals_to_the_byte(self, name, monkeypatch):
        with oracle.shared() as folder:
            pictures.write(folder)
            oracle.run(folder, "compute_image_mean", f"{name}.lmdb", "theirs")
            monkeypatch.chdir(folder)
            assert ftcaffe("compute_image_mean", f"{name}.lmdb", "ours") == 0
            assert (folder / "ours").read_bytes() == (folder / "theirs").read_bytes()

    def test_features_are_the_originals(self, monkeypatch):
        pytest.importorskip("torch")
        import ftcaffe.engine as caffe

        with oracle.shared() as folder:
            pictures.write(folder)
            (folder / "net.prototxt").write_text(NET)
            monkeypatch.chdir(folder)
            caffe.Net("net.prototxt", caffe.TEST).save("net.caffemodel")
            words = ["net.caffemodel", "net.prototxt", "conv,ip"]
            oracle.run(folder, "extract_features", *words, "c1,i1", "3", "lmdb")
            assert ftcaffe("extract_features", *words, "c2,i2", "3", "lmdb") == 0
            for theirs, ours in (("c1", "c2"), ("i1", "i2")):
                expected, found = dict(lmdb.Records(theirs)), dict(lmdb.Records(ours))
                assert list(found) == list(expected)
                for key, record in expected.items():
                    assert len(found[key]) == len(record)
                    values = datum.decode(record)[0]
                    assert oracle.deviation(datum.decode(found[key])[0], values) <= 1e-5
