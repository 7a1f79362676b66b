"""Speed and memory of one net under one Caffe: python step.py FOLDER MODULE; prints them as JSON.

FOLDER holds `solver.prototxt` and `forward.prototxt`. Stands alone, as the recording of parity does.
"""

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path

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


def products(net, frozen):
    """Multiplications and additions an image in the net's matrix products: (a step's, a forward pass's).

    A step has the forward's, as many for the weights of each layer that is not frozen, and as many again for the
    data of those that have a learning layer below.
    """
    step = forward = 0
    learning = False
    for name, blobs in net.params.items():
        kind = net.layers[list(net._layer_names).index(name)].type
        if kind not in ("Convolution", "InnerProduct"):
            continue
        top = net.blobs[net.top_names[name][0]].data.shape
        places = 1
        for length in top[2:]:
            places *= length
        count = 2 * blobs[0].data.size * places
        forward += count
        step += count * (1 + (name not in frozen) + learning)
        learning = learning or name not in frozen
    return step, forward


def main(folder, module):
    """Measure and print."""
    caffe = importlib.import_module(module)
    caffe.set_mode_cpu()
    os.chdir(folder)
    frozen = json.loads(Path("frozen.json").read_text(encoding="utf-8"))
    solver = caffe.get_solver("solver.prototxt")
    batch = solver.net.blobs["data"].shape[0]
    found = {"step": rate(batch, lambda: solver.step(1))}
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["step products"], found["forward products"] = products(solver.net, frozen)
    net = caffe.Net("forward.prototxt", caffe.TEST)
    net.share_with(solver.net)
    net.blobs["data"].data[...] = solver.net.blobs["data"].data
    found["forward"] = rate(batch, net.forward)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
