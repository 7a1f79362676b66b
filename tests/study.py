"""A small prepared data set and weights for it, as files: what tests of training stand on."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ftcaffe.nets import alexnet
from ftcaffe.nets.shapes import parameter_shapes
from ftcaffe.proto.blobs import write_layers
from ftcaffe.store import datum, lmdb, mean
from ftcaffe.training import dataset, plan

SIZE = alexnet.INPUT_SIZE["tiny"]
ENGINE = "torch" if find_spec("torch") else "caffe"
"""The engine of tests that need one, whichever it is."""


def image(label: int, random: np.random.Generator) -> np.ndarray:
    """Noise; a positive has a bright disc."""
    pixels = random.normal(110, 25, (3, SIZE, SIZE))
    if label:
        y, x = np.mgrid[:SIZE, :SIZE] - random.uniform(25, 42, (2, 1, 1))
        pixels += 70 * np.exp(-(x**2 + y**2) / 150)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def prepare(work: Path, records: int = 40, validation: int = 16) -> None:
    """Write ``data/polyp`` of a working folder."""
    random, folder = np.random.default_rng(0), work / "data" / "polyp"
    for split, count in (("train", records), ("val", validation)):
        pairs = ((f"{i:08d}".encode(), datum.encode(image(i % 2, random), i % 2)) for i in range(count))
        lmdb.write(folder / f"{split}.lmdb", pairs)
    mean.write(folder / "mean.binaryproto", mean.compute(lmdb.Records(folder / "train.lmdb")))
    record = {
        "classes": ["background", "polyp"],
        "positive": 1,
        "input": {"channels": 3, "size": SIZE},
        "fractions": {"1.0": {"lmdb": "data/polyp/train.lmdb", "records": records}},
        "mean": "data/polyp/mean.binaryproto",
        "digest": "0123",
    }
    (folder / "dataset.json").write_text(json.dumps(record))


def caffemodel(path: Path, scale: str = "tiny", leave_out: tuple[str, ...] = ()) -> Path:
    """Random weights of an AlexNet with a last layer of 1,000 classes, and the record beside them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random, net = np.random.default_rng(1), alexnet.deploy("imagenet", 1000, scale)
    shapes = parameter_shapes(net, 3, alexnet.INPUT_SIZE[scale])
    arrays = [
        [random.normal(0, 0.05, shape).astype(np.float32) for shape in shapes.get(layer.name, [])]
        if layer.name not in leave_out
        else []
        for layer in net.layer
    ]
    write_layers(path, net, arrays)
    path.with_suffix(".json").write_text(json.dumps({"mean": [100, 110, 120]}))
    return path


def settings(**values: object) -> plan.Settings:
    """Settings of three short epochs on the tiny net: 40 records in batches of 16 end them at 3, 5 and 8."""
    defaults = {"scale": "tiny", "batch": 16, "epochs": 3, "patience": 3, "engine": ENGINE, "device": "cpu"}
    return plan.Settings(**(defaults | values))  # type: ignore[arg-type]


def planned(work: Path, depth: str = "scratch", **values: object) -> Path:
    """Plan one run and return its folder."""
    chosen = settings(**values)
    runs = plan.plan(work, dataset.read(work, "polyp"), chosen, plan.combinations([depth], [1.0], ["xavier"], [0]))
    plan.write(work, "polyp", runs)
    return work / "runs" / "polyp" / runs[0].name
