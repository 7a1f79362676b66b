"""Speed of one region's maps under one Caffe: python region.py FOLDER MODULE; prints seconds a region as JSON.

FOLDER holds the prototxts of the net of patches and of that of regions, `layers.json`, `net.caffemodel`, and
`data.npy`, the enlarged region. Stands alone, like `step.py`, and for its reasons.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "2")
import numpy as np


def patchwise(net, whole, step, pixels, batch=50, seconds=10.0):
    """Seconds a region, from the rate of so many seconds; patches are cuts of the enlarged region."""
    blob = net.blobs["data"]
    size = blob.data.shape[2]
    blob.reshape(batch, *blob.data.shape[1:])
    net.reshape()
    across = (whole.shape[2] - size) // step + 1

    def forward(first):
        for place in range(batch):
            row, column = divmod((first + place) % pixels, across)
            top, left = step * row, step * column
            blob.data[place] = whole[:, top : top + size, left : left + size]
        return net.forward()["prob"].sum()

    forward(0)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        forward(done)
        done += batch
    return (time.perf_counter() - start) / done * pixels


def convolutional(net, whole, times):
    """Seconds a region, the least of so many."""
    found = []
    for _ in range(times + 1):
        start = time.perf_counter()
        net.blobs["data"].data[0] = whole
        net.forward()["prob"].sum()
        found.append(time.perf_counter() - start)
    return min(found[1:])


def main(folder, module):
    """Measure and print."""
    caffe = importlib.import_module(module)
    caffe.set_mode_cpu()
    os.chdir(folder)
    patches = caffe.Net("deploy.prototxt", caffe.TEST, weights="net.caffemodel")
    regions = caffe.Net("deploy_dense.prototxt", caffe.TEST)
    region = json.loads(Path("region.json").read_text(encoding="utf-8"))
    for name, blobs in patches.params.items():
        for number, blob in enumerate(blobs):
            into = regions.params[region["layers"][name]][number]
            into.data[...] = blob.data.reshape(into.data.shape)
    whole = np.load("data.npy")
    print(
        json.dumps(
            {
                "convolutional": convolutional(regions, whole, region["times"]),
                "patchwise": patchwise(patches, whole, region["step"], region["pixels"]),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
