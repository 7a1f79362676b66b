"""``ftcaffe time``: how long each layer takes forward and backward, as ``caffe time`` shows it."""

from __future__ import annotations

from ftcaffe.engine import TEST, TRAIN, Net, Timer, glog
from ftcaffe.errors import Error
from ftcaffe.tools import device_query as devices

_PHASES = {"": TRAIN, "TRAIN": TRAIN, "TEST": TEST}


def time(model: str, iterations: int, gpu: str, phase: str, level: int, stage: str) -> None:
    """Measure a net of random weights; times are in milliseconds.

    Parameters
    ----------
    phase : ``TRAIN`` (the default) or ``TEST``.
    level, stage : what the net's rules are held against; stages are separated by commas.
    """
    if not model:
        raise Error("a model definition is needed to time", remedy="--model FILE")
    if phase not in _PHASES:
        raise Error(f"--phase {phase}: the phase is TRAIN or TEST")
    if iterations < 1:
        raise Error("--iterations is at least 1")
    devices.use(devices.chosen(gpu)[:1], ("caffe.cpp:343", "caffe.cpp:338"))
    net = Net(model, _PHASES[phase], level=level, stages=stage.split(","))
    numbers = range(len(net.layers))
    glog.info("caffe.cpp:351", "Performing Forward")
    glog.info("caffe.cpp:356", "Initial loss: %g", net._forward(0, numbers[-1]))
    glog.info("caffe.cpp:357", "Performing Backward")
    net._backward(numbers[-1], 0)
    glog.info("caffe.cpp:365", "*** Benchmark begins ***")
    glog.info("caffe.cpp:366", "Testing for %d iterations.", iterations)
    forward, backward = [0.0] * len(numbers), [0.0] * len(numbers)
    total, whole, one = Timer(), 0.0, Timer()
    for iteration in range(1, iterations + 1):
        total.start()
        for number in numbers:
            one.start()
            net._forward(number, number)
            forward[number] += one.ms
        for number in reversed(numbers):
            one.start()
            net._backward(number, number)
            backward[number] += one.ms
        whole += total.ms
        glog.info("caffe.cpp:394", "Iteration: %d forward-backward time: %g ms.", iteration, int(total.ms))
    glog.info("caffe.cpp:397", "Average time per layer: ")
    for number, layer in enumerate(net.message.layer):
        glog.info("caffe.cpp:400", "%10s\tforward: %g ms.", layer.name, forward[number] / iterations)
        glog.info("caffe.cpp:403", "%10s\tbackward: %g ms.", layer.name, backward[number] / iterations)
    glog.info("caffe.cpp:408", "Average Forward pass: %g ms.", sum(forward) / iterations)
    glog.info("caffe.cpp:410", "Average Backward pass: %g ms.", sum(backward) / iterations)
    glog.info("caffe.cpp:412", "Average Forward-Backward: %g ms.", whole / iterations)
    glog.info("caffe.cpp:414", "Total Time: %g ms.", whole)
    glog.info("caffe.cpp:415", "*** Benchmark ends ***")
