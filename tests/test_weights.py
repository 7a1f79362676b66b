"""Weights: fetched over a bad line, checked against a net, made from photographs."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from study import ENGINE, SIZE, caffemodel

from ftcaffe import backend
from ftcaffe.errors import Error
from ftcaffe.nets import alexnet
from ftcaffe.nets.shapes import parameter_shapes
from ftcaffe.proto import caffe_pb2
from ftcaffe.proto.blobs import read_layers
from ftcaffe.store import datum
from ftcaffe.store.lmdb import Records
from ftcaffe.training import dataset, plan
from ftcaffe.weights import fetch, photographs, standin
from ftcaffe.weights.check import check

CONTENT = np.random.default_rng(0).bytes(300_000)


class _Server(http.server.ThreadingHTTPServer):
    """Serves `CONTENT` on loopback; `cuts` answers break off after 100,000 bytes, `ranges` are honoured or not."""

    def __init__(self, cuts: int = 0, ranges: bool = True, content: bytes = CONTENT, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cuts, self.ranges, self.content, self.status = cuts, ranges, content, status
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        if start >= len(self.server.content):
            self.send_error(416)
            return
        rest = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.server.cuts:
            self.server.cuts -= 1
            rest = rest[:100_000]
        self.wfile.write(rest)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator:
    servers: list[_Server] = []

    def start(**behaviour) -> _Server:
        servers.append(_Server(**behaviour))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _published(url: str) -> fetch.Published:
    return fetch.Published("small", url, hashlib.sha1(CONTENT).hexdigest(), (1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    ("behaviour", "asked"),
    [
        ({}, [None]),
        ({"cuts": 2}, [None, "bytes=100000-", "bytes=200000-"]),
        ({"cuts": 1, "ranges": False}, [None, "bytes=100000-"]),
    ],
    ids=["whole", "cut twice", "cut and no ranges"],
)
def test_a_download_goes_on_where_it_was_cut(serve, tmp_path, behaviour, asked):
    server = serve(**behaviour)
    path = fetch.fetch(_published(server.url), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.asked == asked
    assert json.loads(path.with_suffix(".json").read_text())["mean"] == [1.0, 2.0, 3.0]
    assert {entry.name for entry in tmp_path.iterdir()} == {"small.caffemodel", "small.json"}


def test_a_download_goes_on_in_a_later_process(serve, tmp_path):
    server = serve()
    (tmp_path / ".small.caffemodel.part").write_bytes(CONTENT[:123_456])
    assert fetch.fetch(_published(server.url), tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=123456-"]


def test_a_part_that_is_already_whole_is_taken(serve, tmp_path):
    (tmp_path / ".small.caffemodel.part").write_bytes(CONTENT)
    assert fetch.fetch(_published(serve().url), tmp_path).read_bytes() == CONTENT


def test_what_is_there_is_not_fetched_again(serve, tmp_path):
    server = serve()
    fetch.fetch(_published(server.url), tmp_path)
    fetch.fetch(_published(server.url), tmp_path)
    assert len(server.asked) == 1


def test_wrong_bytes_are_an_error_and_leave_what_was_there(serve, tmp_path):
    (tmp_path / "small.caffemodel").write_bytes(b"mine")
    with pytest.raises(Error, match=r"small\.caffemodel: the file from http://\S+ has SHA-1 [0-9a-f]{40}, not "):
        fetch.fetch(_published(serve(content=b"other").url), tmp_path)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"small.caffemodel": b"mine"}


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_refusal_is_an_error_that_names_the_answer(serve, tmp_path, status):
    with pytest.raises(Error, match=f"the server answers {status}"):
        fetch.fetch(_published(serve(status=status).url), tmp_path)


def test_no_server_is_an_error(tmp_path):
    with pytest.raises(Error, match=r"cannot be fetched: .*refused"):
        fetch.fetch(_published("http://127.0.0.1:1/file"), tmp_path)


def _check(path: Path, scale: str = "tiny") -> None:
    shapes = parameter_shapes(alexnet.deploy("polyp", 2, scale), 3, alexnet.INPUT_SIZE[scale])
    check(path, shapes, [name for name in shapes if name != "fc8_polyp"])


def test_weights_that_fit_pass(tmp_path):
    _check(caffemodel(tmp_path / "w.caffemodel"))


def test_weights_in_the_old_form_pass(tmp_path):
    """bvlc_alexnet.caffemodel is of V1 layers, its blobs of four axes: a bias of 96 is 1 × 1 × 1 × 96."""
    net = caffe_pb2.NetParameter()
    for name, arrays in read_layers(caffemodel(tmp_path / "new.caffemodel")).items():
        layer = net.layers.add(name=name)
        for array in arrays:
            num, channels, height, width = (1,) * (4 - array.ndim) + array.shape
            layer.blobs.add(num=num, channels=channels, height=height, width=width, data=array.ravel())
    (tmp_path / "old.caffemodel").write_bytes(net.SerializeToString())
    _check(tmp_path / "old.caffemodel")


def test_weights_of_another_net_are_an_error_with_the_layer_and_both_shapes(tmp_path):
    path = caffemodel(tmp_path / "w.caffemodel")
    with pytest.raises(
        Error, match=r"w\.caffemodel: its layer 'conv1' .*shape 24 × 3 × 11 × 11 and 24, .*96 × 3 × 11 × 11 and 96"
    ):
        _check(path, "full")


def test_weights_without_a_layer_are_an_error_that_names_it(tmp_path):
    path = caffemodel(tmp_path / "w.caffemodel", leave_out=("conv4", "fc7"))
    with pytest.raises(Error, match=r"w\.caffemodel: has no weights for conv4, fc7"):
        _check(path)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.999])
def test_truncated_weights_are_an_error_with_the_files_name(tmp_path, part):
    path = caffemodel(tmp_path / "w.caffemodel")
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(Error, match=r"w\.caffemodel: is no caffemodel or is truncated"):
        _check(path)


def _write_photographs(work: Path) -> None:
    photographs.write(work, SIZE, pieces=60, seed=0)


def test_photographs_become_a_data_set_that_can_be_trained(tmp_path):
    _write_photographs(tmp_path)
    data = dataset.read(tmp_path, photographs.APPLICATION)
    records = Records(tmp_path / data.lmdb(1.0))
    labels = [datum.decode(value)[1] for _, value in records]
    assert len(records) == 60
    assert set(labels) <= set(range(len(data.classes)))
    assert data.size == SIZE


def test_photographs_are_cut_alike_again(tmp_path):
    digests = set()
    for name in ("one", "other"):
        _write_photographs(tmp_path / name)
        digests.add(dataset.read(tmp_path / name, photographs.APPLICATION).digest)
    assert len(digests) == 1


@pytest.mark.parametrize(("split", "left", "right"), [("train", 0, 300), ("val", 300, 400)])
def test_pieces_come_from_their_own_part_of_a_photograph(split, left, right):
    """Of a picture that is black in the part not asked for, a piece shows no black."""
    from PIL import Image

    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[:, left:right] = 128
    picture, random = Image.fromarray(pixels), np.random.default_rng(0)
    for _ in range(50):
        piece = photographs.piece(picture, split, SIZE, random)
        assert np.ptp(piece.reshape(3, -1), axis=1).max() == 0


def test_pretraining_gives_weights_that_a_sweep_can_tune(tmp_path):
    settings = plan.Settings(
        scale="tiny",
        batch=30,
        epochs=1,
        patience=1,
        engine=ENGINE,
        device="cpu",
        mean=alexnet.Transform(alexnet.IMAGENET_MEAN),
        base_rate=0.01,
    )
    folder = standin.pretrain(tmp_path, settings, pieces=60, seed=0, gpu=None)
    path, accuracy = standin.publish(tmp_path, folder, "tiny", backend.load(ENGINE))
    _check(path)
    assert 0 <= accuracy <= 1
    assert plan.weights(path, tmp_path).mean == alexnet.IMAGENET_MEAN
