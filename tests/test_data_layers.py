"""Data layers: what parity with the original does not show: faults, files written, where reading goes on."""

from __future__ import annotations

import gc
import threading

import h5py
import numpy as np
import pytest

pytest.importorskip("torch")

from google.protobuf import text_format
from parity import pictures

import ftcaffe.engine as caffe
from ftcaffe.engine import mode
from ftcaffe.engine.layers.source import ReadAhead
from ftcaffe.engine.transformer import DataTransformer
from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2
from ftcaffe.store import mean


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """What `pictures` writes."""
    pictures.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def net(text, phase=caffe.TRAIN):
    """A net of one layer without bottoms, or of the text itself."""
    if not text.startswith("layer"):
        text = f'layer {{ name: "d" top: "data" top: "label" {text} }}'
    with open("net.prototxt", "w", encoding="utf-8") as file:  # noqa: PTH123 the working folder is the test's own
        file.write(text)
    return caffe.Net("net.prototxt", phase)


def labels(made, batches):
    found = []
    for _ in range(batches):
        made.forward()
        found.extend(made.blobs["label"].data.ravel().astype(int).tolist())
    return found


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('type: "Data" data_param { source: "digits.lmdb" batch_size: 2 }', r"'d' \(Data\): LevelDB is not read"),
            ('type: "Data" data_param { source: "x" backend: LMDB batch_size: 2 }', "x: no LMDB: No such file"),
            ('type: "Data" data_param { source: "digits.lmdb" backend: LMDB }', "batch_size is at least 1"),
            (
                'type: "Data" transform_param { crop_size: 13 } '
                'data_param { source: "digits.lmdb" backend: LMDB batch_size: 1 }',
                r"layer 'd' \(Data\): crop_size 13 is larger than an image of 12 × 12",
            ),
            (
                'type: "Data" transform_param { mean_value: 1 mean_value: 2 } '
                'data_param { source: "digits.lmdb" backend: LMDB batch_size: 1 }',
                "mean_value is given 2 times for 1 channels",
            ),
            (
                'type: "Data" transform_param { mean_value: 1 mean_file: "m" } '
                'data_param { source: "digits.lmdb" backend: LMDB batch_size: 1 }',
                "mean_file and mean_value exclude each other",
            ),
            ('type: "ImageData" image_data_param { source: "x" }', "x: No such file"),
            ('type: "ImageData" image_data_param { source: "empty.txt" }', "empty.txt: lists no pictures"),
            ('type: "ImageData" image_data_param { source: "pictures.txt" }', "color.png: No such file"),
            (
                'type: "ImageData" image_data_param { source: "sizes.txt" new_width: 3 }',
                "new_height and new_width are given together",
            ),
            ('type: "HDF5Data" hdf5_data_param { source: "x" batch_size: 1 }', "source 'x' cannot be read"),
            ('type: "HDF5Data" hdf5_data_param { source: "empty.txt" batch_size: 1 }', "'empty.txt' names no file"),
            ('type: "HDF5Data" hdf5_data_param { source: "sizes.txt" batch_size: 1 }', "size0.png: is no HDF5 file"),
            (
                'top: "other" type: "HDF5Data" hdf5_data_param { source: "row.txt" batch_size: 1 }',
                "rows0.h5: has no dataset 'other'; there are: byte, data, double, label",
            ),
            (
                'type: "HDF5Data" transform_param { scale: 2 } hdf5_data_param { source: "row.txt" batch_size: 1 }',
                "does not transform data",
            ),
            ('type: "MemoryData" memory_data_param { batch_size: 2 channels: 3 height: 4 }', "each at least 1"),
            ('type: "WindowData" window_data_param { source: "windows.txt" batch_size: 1 }', "needs a crop_size"),
            (
                'type: "WindowData" transform_param { crop_size: 9 } '
                'window_data_param { source: "sizes.txt" batch_size: 1 }',
                "sizes.txt: is no window file: picture -1 is cut short or misspelt; write '# INDEX'",
            ),
            (
                'type: "WindowData" transform_param { crop_size: 9 } '
                'window_data_param { source: "windows.txt" batch_size: 1 fg_threshold: 2 }',
                "windows.txt: has 0 boxes of objects",
            ),
            ('type: "DummyData" dummy_data_param { }', "shape is given 0 times for 2 tops"),
            ('type: "DummyData" dummy_data_param { num: 1 shape { dim: 1 } }', "exclude each other"),
        ],
    )
    def test_when_it_is_made(self, folder, text, message):
        (folder / "empty.txt").write_text("")
        with pytest.raises(Error, match=message) as caught:
            net(text)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                'type: "Data" data_param { source: "sizes.lmdb" backend: LMDB batch_size: 2 }',
                r"sizes.lmdb: an image of shape \(3, 11, 10\) in a batch of \(3, 9, 12\)",
            ),
            ('type: "ImageData" image_data_param { source: "list.txt" batch_size: 2 }', "absent.png: No such file"),
            (
                'type: "MemoryData" memory_data_param { batch_size: 1 channels: 1 height: 1 width: 1 }',
                "has no data yet",
            ),
        ],
    )
    def test_at_the_batch_they_are_in_and_again(self, folder, text, message):
        (folder / "list.txt").write_text("pictures/color.png 1\nabsent.png 2\n")
        made = net(text)
        for _ in range(2):
            with pytest.raises(Error, match=message):
                made.forward()


class TestMemoryData:
    @pytest.fixture
    def made(self):
        return net('type: "MemoryData" memory_data_param { batch_size: 2 channels: 1 height: 2 width: 3 }')

    def test_labels_change_their_shape_at_the_first_forward(self, made):
        assert made.blobs["label"].data.shape == (2,)
        made.set_input_arrays(np.zeros((2, 1, 2, 3), np.float32), np.zeros(2, np.float32))
        made.forward()
        assert made.blobs["label"].data.shape == (2, 1, 1, 1)

    def test_goes_round_and_leaves_the_arrays_alone(self, made):
        data = np.random.default_rng(0).standard_normal((4, 1, 2, 3)).astype(np.float32)
        made.set_input_arrays(data, np.arange(4, dtype=np.float32))
        kept = data.copy()
        assert labels(made, 3) == [0, 1, 2, 3, 0, 1]
        np.testing.assert_array_equal(made.blobs["data"].data, kept[:2])
        made.blobs["data"].data[...] = 0
        np.testing.assert_array_equal(data, kept)

    @pytest.mark.parametrize(
        ("shape", "kind", "message"),
        [
            ((3, 1, 2, 3), "f4", "must be a multiple of batch size"),
            ((4, 1, 2, 3), "f8", "data array must be float32"),
            ((4, 2, 3), "f4", "data array must be 4-d"),
            ((4, 2, 2, 3), "f4", "data array has wrong number of channels"),
            ((4, 1, 3, 3), "f4", "data array has wrong height"),
            ((4, 1, 2, 2), "f4", "data array has wrong width"),
            ((2, 1, 2, 3), "f4", "must have the same first dimension"),
        ],
    )
    def test_arrays_are_refused_in_pycaffes_words(self, made, shape, kind, message):
        count = 3 if shape[0] == 3 else 4
        with pytest.raises(RuntimeError, match=message):
            made.set_input_arrays(np.zeros(shape, kind), np.zeros(count, np.float32))


class TestHDF5Output:
    TEXT = (
        'layer { name: "d" type: "HDF5Data" top: "data" top: "label" '
        'hdf5_data_param { source: "row.txt" batch_size: 3 } } layer { name: "o" type: "HDF5Output" '
        'bottom: "data" bottom: "label" hdf5_output_param { file_name: "out.h5" } }'
    )

    def test_writes_four_axes(self):
        made = net(self.TEXT)
        made.forward()
        with h5py.File("out.h5") as file:
            np.testing.assert_array_equal(file["data"], made.blobs["data"].data[..., None])
            np.testing.assert_array_equal(file["label"], np.arange(3).reshape(3, 1, 1, 1))

    def test_a_second_pass_is_refused_as_in_caffe(self):
        made = net(self.TEXT)
        made.forward()
        with pytest.raises(Error, match=r"'o' \(HDF5Output\): 'out.h5' holds a batch already"):
            made.forward()

    def test_a_folder_is_no_file(self, folder):
        (folder / "out.h5").mkdir()
        with pytest.raises(Error, match=r"cannot write 'out\.h5'"):
            net(self.TEXT)


class TestSeek:
    @pytest.mark.parametrize(
        "text",
        [
            'type: "Data" data_param { source: "digits.lmdb" backend: LMDB batch_size: 3 }',
            'type: "ImageData" image_data_param { source: "sizes.txt" batch_size: 1 rand_skip: 3 }',
            'type: "ImageData" image_data_param { source: "sizes.txt" batch_size: 1 shuffle: true }',
            'type: "HDF5Data" hdf5_data_param { source: "rows.txt" batch_size: 5 }',
        ],
    )
    @pytest.mark.parametrize("batches", [0, 1, 5, 11])
    def test_goes_on_as_if_the_batches_before_had_been_read(self, text, batches):
        caffe.set_random_seed(2)
        made = net(text)
        expected = labels(made, batches + 6)[batches * made.blobs["label"].shape[0] :]
        made.layers[0].seek(batches)
        assert labels(made, 6) == expected


@pytest.mark.parametrize(
    "text",
    [
        'type: "Data" data_param { source: "digits.lmdb" backend: LMDB batch_size: 3 }',
        'type: "HDF5Data" hdf5_data_param { source: "rows.txt" batch_size: 5 }',
    ],
)
def test_solvers_that_train_together_share_the_records(text):
    alone = labels(net(text), 12)
    for rank in range(3):
        caffe.set_solver_count(3)
        caffe.set_solver_rank(rank)
        try:
            made = net(text)
        finally:
            caffe.set_solver_count(1)
            caffe.set_solver_rank(0)
        assert labels(made, 4) == alone[rank::3]


class TestDummyData:
    def test_a_constant_is_filled_once_and_then_the_users(self):
        made = net('type: "DummyData" dummy_data_param { data_filler { value: 3 } shape { dim: 2 } }')
        made.blobs["data"].data[0] = 7
        made.forward()
        np.testing.assert_array_equal(made.blobs["data"].data, [7, 3])
        np.testing.assert_array_equal(made.blobs["label"].data, [3, 3])

    def test_other_fillers_fill_anew(self):
        made = net('type: "DummyData" dummy_data_param { data_filler { type: "uniform" } shape { dim: 9 } }')
        first = made.forward()["data"].copy()
        assert not np.array_equal(made.forward()["data"], first)


class TestTransformer:
    @pytest.mark.parametrize("kind", [np.uint8, np.float32])
    @pytest.mark.parametrize(
        "text",
        ["", "scale: 0.5 mirror: true", "crop_size: 5 mean_value: 7", "crop_size: 5 mirror: true", 'mean_file: "m"'],
    )
    def test_an_array_of_images_is_as_one_by_one(self, text, kind):
        rng = np.random.default_rng(0)
        mean.write("m", rng.uniform(0, 200, (3, 8, 9)).astype(np.float32))
        images = rng.integers(0, 256, (20, 3, 8, 9)).astype(kind)
        message = text_format.Parse(text, caffe_pb2.TransformationParameter())
        found = []
        for given in (images, list(images)):
            mode.set_random_seed(3)
            transformer = DataTransformer(message, training=True)
            transformer.seed()
            found.append(np.empty((20, *transformer.shape((3, 8, 9))), np.float32))
            transformer.into(found[-1], given)
        np.testing.assert_array_equal(*found)


class TestReadAhead:
    def test_its_thread_ends_when_it_is_forgotten(self):
        before = set(threading.enumerate())
        ahead = ReadAhead(iter(lambda: (np.zeros(1), np.zeros(1)), None), 2)
        (reader,) = set(threading.enumerate()) - before
        ahead.next()
        del ahead
        gc.collect()
        reader.join(timeout=10)
        assert not reader.is_alive()
