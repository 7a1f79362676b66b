"""Data-parallel training: two solvers with a batch each are one solver with a batch of both."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import ftcaffe.engine as caffe
from ftcaffe.engine import parallel
from ftcaffe.errors import Error
from ftcaffe.proto import read_solver
from ftcaffe.store import datum, lmdb

NET = """
layer {{ name: "data" type: "Data" top: "data" top: "label" transform_param {{ scale: 0.01 }}
  data_param {{ source: "records.lmdb" batch_size: {batch} backend: LMDB }} }}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv" param {{ lr_mult: 1 }} param {{ lr_mult: 2 }}
  convolution_param {{ num_output: 4 kernel_size: 3 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
layer {{ name: "fix" type: "Convolution" bottom: "conv" top: "fix" param {{ lr_mult: 0 }} param {{ lr_mult: 0 }}
  convolution_param {{ num_output: 4 kernel_size: 3 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "fix" top: "ip"
  inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
"""
SOLVER = """
net: "{net}.prototxt" base_lr: 0.05 lr_policy: "step" gamma: 0.5 stepsize: 3 momentum: 0.9 weight_decay: 0.01
type: "{type}" max_iter: 6 snapshot: 4 snapshot_prefix: "{net}" random_seed: 1
test_iter: 1 test_interval: 3 {more}
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Records of two classes, and nets of batch 4 (`half`) and 8 (`whole`)."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.RandomState(0)
    images = rng.randint(0, 256, (22, 1, 8, 8), np.uint8)  # 22: the batches do not divide them
    lmdb.write(
        tmp_path / "records.lmdb", [(b"%03d" % n, datum.encode(image, n % 2)) for n, image in enumerate(images)]
    )
    for name, batch in (("half", 4), ("whole", 8)):
        (tmp_path / f"{name}.prototxt").write_text(NET.format(batch=batch))
    return tmp_path


def solver(work, net, kind="SGD", more=""):
    path = work / f"{net}.solver"
    path.write_text(SOLVER.format(net=net, type=kind, more=more))
    return path


def same(first, second):
    for name, blobs in first.net.params.items():
        for blob, other in zip(blobs, second.net.params[name], strict=True):
            np.testing.assert_allclose(blob.data, other.data, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("kind", "more"), [("SGD", ""), ("Adam", "iter_size: 2 clip_gradients: 0.3")])
def test_two_solvers_are_one_of_twice_the_batch(work, kind, more):
    path = solver(work, "half", kind, more)
    together = parallel.train(read_solver(path), path, ["cpu", "cpu"])
    alone = caffe.get_solver(solver(work, "whole", kind, more))
    alone.solve()
    assert together.iter == alone.iter == 6
    same(together, alone)


def test_they_go_on_from_a_snapshot(work):
    path = solver(work, "half")
    straight = parallel.train(read_solver(path), path, ["cpu", "cpu"])
    resumed = parallel.train(
        read_solver(path), path, ["cpu", "cpu"], lambda first: first.restore("half_iter_4.solverstate")
    )
    same(resumed, straight)


def test_a_solver_that_cannot_begin_says_why(work):
    path = solver(work, "half")
    with pytest.raises(Error, match="the solver on device 99: no GPU"):
        parallel.train(read_solver(path), path, ["cpu", 99])


def test_a_solver_that_fails_later_says_why(work):
    """The second solver alone meets the record that fits no batch."""
    records = [(key, value) for key, value in lmdb.Records(work / "records.lmdb")]
    records[19] = (records[19][0], datum.encode(np.zeros((1, 9, 9), np.uint8), 1))
    lmdb.write(work / "records.lmdb", records)
    path = solver(work, "half")
    with pytest.raises(Error, match=r"the solver on device cpu: .*records.lmdb"):
        parallel.train(read_solver(path), path, ["cpu", "cpu"])
