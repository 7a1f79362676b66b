"""``ftcaffe test``: the mean outputs of a net over a number of batches, as ``caffe test`` shows them."""

from __future__ import annotations

import numpy as np

from ftcaffe.engine import TEST, Net, glog
from ftcaffe.errors import Error
from ftcaffe.tools import device_query as devices


def test(model: str, weights: str, iterations: int, gpu: str, level: int, stage: str) -> None:
    """Score a caffemodel; the log has every batch's outputs, then their means.

    Parameters
    ----------
    model : prototxt; its test phase is run.
    level, stage : what its rules are held against; stages are separated by commas.
    """
    if not model:
        raise Error("a model definition is needed to score", remedy="--model FILE")
    if not weights:
        raise Error("model weights are needed to score", remedy="--weights FILE")
    if iterations < 1:
        raise Error("--iterations is at least 1")
    devices.use(devices.chosen(gpu)[:1], ("caffe.cpp:275", "caffe.cpp:270"))
    net = Net(model, TEST, level=level, stages=stage.split(","))
    net.copy_from(weights)
    glog.info("caffe.cpp:281", "Running for %d iterations.", iterations)
    loss, names, last = 0.0, net.outputs, len(net.layers) - 1
    sums: list[np.ndarray] = [np.float32(0)] * len(names)  # type: ignore[list-item]
    for batch in range(iterations):
        loss += net._forward(0, last)
        for number, name in enumerate(names):
            sums[number] = sums[number] + net.blobs[name].data
            for value in net.blobs[name].data.ravel().tolist():
                glog.info("caffe.cpp:304", "Batch %d, %s = %g", batch, name, value)
    glog.info("caffe.cpp:309", "Loss: %g", loss / iterations)
    for name, total in zip(names, sums, strict=True):
        weight = net.blob_loss_weights[name]
        for mean in (total / np.float32(iterations)).ravel().tolist():
            share = f" (* {weight:g} = {weight * mean:g} loss)" if weight else ""
            glog.info("caffe.cpp:321", "%s = %g%s", name, mean, share)
