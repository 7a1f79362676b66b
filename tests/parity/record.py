"""Runs the parity cases of a folder under a Caffe and records what it computes.

    python record.py FOLDER OUT.npz [MODULE [GPU]]

MODULE is the Caffe to import: `caffe` (the original, the default) or `ftcaffe.engine`; GPU is a number, and the CPU
without one. Stands alone, so that it also runs where the toolkit cannot: it needs NumPy and the module, from Python
3.9 on. `folder.py` writes the folder.
"""

import importlib
import json
import os
import sys
import zlib
from pathlib import Path

import numpy as np

os.environ.setdefault("GLOG_minloglevel", "2")
SAMPLES = 500  # of a large array, so many values are kept, evenly spread


def seeded(name):
    """Random numbers that depend on the name alone, the same under every NumPy."""
    return np.random.RandomState(zlib.crc32(name.encode()))


def sampled(array):
    """A copy of a small array; of a large one, evenly spread values."""
    flat = np.array(array, dtype=np.float32).ravel()
    return flat if flat.size <= SAMPLES else flat[:: flat.size // SAMPLES].copy()


def set_parameters(net, rng, scale):
    """Fill every parameter with normal numbers; `scale` is the deviation, None is √(1 / inputs)."""
    for name in net.params:
        for blob in net.params[name]:
            fan = blob.data[0].size if blob.data.ndim > 1 else 100
            deviation = (1.0 / fan) ** 0.5 if scale is None else scale
            blob.data[...] = rng.standard_normal(blob.data.shape).astype(np.float32) * np.float32(deviation)


def set_inputs(net, rng, case):
    """Fill the inputs as the case says."""
    for key in net.inputs:
        blob = net.blobs[key]
        if key in case.get("classes", {}):
            blob.data[...] = rng.randint(0, case["classes"][key], blob.data.shape)
        elif key in case.get("ranges", {}):
            blob.data[...] = rng.uniform(*case["ranges"][key], size=blob.data.shape)
        elif key in case.get("values", {}):
            blob.data[...] = np.reshape(case["values"][key], blob.data.shape)
        elif case.get("whole_numbers"):
            blob.data[...] = rng.randint(-2, 3, blob.data.shape)
        else:
            blob.data[...] = rng.standard_normal(blob.data.shape)


def backward(net, rng, case):
    """A backward pass, from random gradients of the outputs unless the net has a loss of its own."""
    for key in net.outputs:
        if not case.get("loss"):
            net.blobs[key].diff[...] = rng.standard_normal(net.blobs[key].diff.shape)
    net.backward()


def gradients(net, case, mark=""):
    """The gradients of inputs and parameters."""
    found = {}
    for key in net.inputs:
        if key not in case.get("classes", {}) and key not in case.get("values", {}):
            found[f"bottom/{key}{mark}"] = sampled(net.blobs[key].diff)
    for key in net.params:
        for index, blob in enumerate(net.params[key]):
            found[f"parameter/{key}/{index}{mark}"] = sampled(blob.diff)
    return found


def layer(caffe, name, case):
    """Forward and backward of a small net whose inputs, parameters and top gradients are set from the name."""
    rng = seeded(name)
    if "seed" in case:
        caffe.set_random_seed(case["seed"])
    net = caffe.Net(case["net"], case["phase"])
    found = {}
    if case.get("keep_fillers"):
        for key in net.params:
            for index, blob in enumerate(net.params[key]):
                found[f"filled/{key}/{index}"] = sampled(blob.data)
    else:
        set_parameters(net, rng, 0.5)
        if case.get("statistics"):
            for blob in (blob for key in net.params for blob in net.params[key]):
                np.abs(blob.data, out=blob.data)
    set_inputs(net, rng, case)
    if "memory" in case:
        data = rng.standard_normal(case["memory"]).astype(np.float32)
        net.set_input_arrays(data, np.arange(len(data), dtype=np.float32))
    for turn in range(case.get("forwards", 1)):
        for key, value in net.forward().items():
            found[f"top/{key}/{turn}"] = sampled(value)
    if case.get("backward", True):
        for turn in range(case.get("passes", 1)):
            if turn:
                net.forward()
            backward(net, rng, case)
        found.update(gradients(net, case))
    for number, shapes in enumerate(case.get("reshapes", [])):
        for key, shape in shapes.items():
            net.blobs[key].reshape(*shape)
        set_inputs(net, rng, case)
        for key, value in net.forward().items():
            found[f"top/{key}/reshaped/{number}"] = sampled(value)
            found[f"shape/{key}/reshaped/{number}"] = np.array(value.shape, np.float32)
        if case.get("backward", True):
            backward(net, rng, case)
            found.update(gradients(net, case, f"/reshaped/{number}"))
    if case.get("statistics"):
        for key in net.params:
            for index, blob in enumerate(net.params[key]):
                found[f"statistics/{key}/{index}"] = sampled(blob.data)
    return found


def training(caffe, name, case):
    """Losses of a number of iterations, and the weights before and after."""
    solver = caffe.get_solver(case["solver"])
    filled = case.get("keep_fillers")  # then everything comes from the solver's random_seed
    if not filled:
        set_parameters(solver.net, seeded(case.get("start", name)), None)
    if "restore" in case:
        solver.restore(case["restore"])
    if not filled:
        caffe.set_random_seed(1)
    found = {}
    for key in solver.net.params:
        found[f"before/{key}"] = sampled(solver.net.params[key][0].data)
    losses = []
    for _ in range(case["iterations"]):
        solver.step(1)
        losses.append(float(solver.net.blobs["loss"].data))
    found["losses"] = np.array(losses, np.float32)
    for key in solver.net.params:
        for index, blob in enumerate(solver.net.params[key]):
            found[f"after/{key}/{index}"] = sampled(blob.data)
    return found


def main(folder, out, module="caffe", gpu=None):
    """Run every case and write the arrays by `case:what`."""
    caffe = importlib.import_module(module)
    if gpu is None:
        caffe.set_mode_cpu()
    else:
        caffe.set_device(int(gpu))
        caffe.set_mode_gpu()
    out = Path(out).resolve()
    os.chdir(folder)
    cases = json.loads(Path("cases.json").read_text(encoding="utf-8"))
    arrays = {}
    for name in cases:
        run = training if "solver" in cases[name] else layer
        for what, array in run(caffe, name, cases[name]).items():
            arrays[f"{name}:{what}"] = array
    np.savez_compressed(out, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
