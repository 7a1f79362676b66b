"""Speed and memory of AlexNet under one Caffe on one device: python gpu_side.py FOLDER OUT.json MODULE BATCH [GPU].

FOLDER holds `solver_BATCH.prototxt` and `deploy_BATCH.prototxt`. Stands alone, as `step.py` does, and for its
reasons. What a GPU has computed is waited for by reading a number of it.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from step import rate

os.environ.setdefault("GLOG_minloglevel", "2")


def memory(gpu):
    """MB in use: of the whole GPU, on which nothing else should run, or this process's highest so far."""
    if gpu is None:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    command = ["nvidia-smi", "-i", str(gpu), "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(caffe, batch, gpu, before):
    """Images a second of the training step and the forward pass, and what memory both took."""
    solver = caffe.get_solver(f"solver_{batch}.prototxt")

    def step():
        solver.step(1)
        return float(solver.net.blobs["loss"].data)

    found = {"step": rate(batch, step), "memory": memory(gpu) - before}
    net = caffe.Net(f"deploy_{batch}.prototxt", caffe.TEST)
    net.share_with(solver.net)
    net.blobs["data"].data[...] = solver.net.blobs["data"].data
    found["forward"] = rate(batch, lambda: net.forward()["prob"][0, 0])
    return found


def main(folder, out, module, batch, gpu=None):
    """Measure one batch, since the memory of a process does not shrink, and write what was found."""
    out, gpu = Path(out).resolve(), None if gpu is None else int(gpu)
    before = memory(gpu)
    caffe = importlib.import_module(module)
    if gpu is None:
        caffe.set_mode_cpu()
    else:
        caffe.set_device(gpu)
        caffe.set_mode_gpu()
    os.chdir(folder)
    out.write_text(json.dumps(measure(caffe, int(batch), gpu, before)))


if __name__ == "__main__":
    main(*sys.argv[1:])
