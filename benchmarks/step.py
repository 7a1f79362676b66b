"""Images a second of one net under one Caffe: python step.py FOLDER MODULE; prints training and forward rates.

FOLDER holds `solver.prototxt` and `deploy.prototxt`. Stands alone, like the recording of parity, and for its reasons.
"""

import importlib
import os
import sys
import time

os.environ.setdefault("GLOG_minloglevel", "2")


def rate(images, call, seconds=6.0):
    """Images a second of a call that handles so many, after two to warm up."""
    call()
    call()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        call()
        done += images
    return done / (time.perf_counter() - start)


def main(folder, module):
    """Measure and print."""
    caffe = importlib.import_module(module)
    caffe.set_mode_cpu()
    os.chdir(folder)
    solver = caffe.get_solver("solver.prototxt")
    batch = solver.net.blobs["data"].shape[0]
    trained = rate(batch, lambda: solver.step(1))
    net = caffe.Net("deploy.prototxt", caffe.TEST)
    net.share_with(solver.net)
    net.blobs["data"].data[...] = solver.net.blobs["data"].data
    scored = rate(batch, net.forward)
    print(trained, scored)


if __name__ == "__main__":
    main(*sys.argv[1:])
