"""Small real folders for the tests of evaluation: a data set's tables and trained runs, without any training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from evaluation.scoring import scores
from evaluation.scoring.scores import Images, Scores
from ftcaffe.nets import alexnet
from ftcaffe.nets.depths import LAYERS, rates
from ftcaffe.proto import to_text
from ftcaffe.proto.blobs import write_layers
from ftcaffe.store import datum, lmdb, table

SHAPES = {"conv1": (24, 3, 11, 11), "conv2": (64, 12, 5, 5), "conv3": (96, 64, 3, 3), "conv4": (96, 48, 3, 3)}
SHAPES |= {"conv5": (64, 48, 3, 3), "fc6": (64, 64), "fc7": (64, 64), "fc8_polyp": (2, 64)}


def made_scores(
    generator: np.random.Generator, ability: float = 1.5, units: int = 8, frames: int = 20, **header: str
) -> Scores:
    """Scores of a made-up detector; most videos show one lesion in most frames, and some of them are never hit.

    ability : how far the scores of hits lie above those of the others, in standard deviations.
    """
    images = [(f"v{unit:02d}", f"{frame:04d}") for unit in range(units) for frame in range(frames)]
    lesions = np.array([int(int(unit[1:]) % 4 != 3 and int(frame) % 3 != 2) for unit, frame in images])
    world = np.random.default_rng(7)  # the same images and candidates whatever the detector
    rows = []
    for (unit, image), lesion in zip(images, lesions, strict=True):
        hits = [str(1)] * int(lesion and world.random() < 0.85) * int(world.integers(1, 3))
        rows += [(unit, image, f"{n:02d}", hit) for n, hit in enumerate([*hits, *[""] * int(world.integers(0, 4))])]
    lesion = np.array([row[3] for row in rows])
    hard = np.random.default_rng(5).normal(size=units)  # some videos are harder than others, for every detector
    shift = ability * (lesion != "") + 0.6 * hard[[int(row[0][1:]) for row in rows]] * (lesion != "")
    return Scores(
        unit=np.array([row[0] for row in rows]),
        image=np.array([row[1] for row in rows]),
        candidate=np.array([row[2] for row in rows]),
        lesion=lesion,
        label=(lesion != "").astype(int),
        score=1 / (1 + np.exp(-(generator.normal(size=len(rows)) + shift - 1))),
        images=Images(np.array([row[0] for row in images]), np.array([row[1] for row in images]), lesions),
        **header,
    )


def made_patches(data: Path) -> np.ndarray:
    """Write a test set of five candidates in two videos, the first of them a hit, with two patches each.

    Returns the patches (10, 3, height, width), each of a colour of its own.
    """
    size = alexnet.INPUT_SIZE["tiny"]
    noise = np.random.default_rng(2).integers(60, size=(10, 3, size, size))
    patches = (noise + np.arange(30).reshape(10, 3, 1, 1) * 71 % 190).astype(np.uint8)
    names = [("a", "0", str(number), "1" if number == 0 else "") for number in range(4)] + [("b", "0", "0", "")]
    keys = [f"{number:08d}_{'/'.join(names[number // 2][:3])}" for number in range(10)]
    lmdb.write(
        data / "test.lmdb",
        ((key.encode(), datum.encode(patch, 0)) for key, patch in zip(keys, patches, strict=True)),
    )
    images = [("a", "0", "test", 1), ("b", "0", "test", 0), ("c", "0", "train", 1)]
    table.write(data / "images.csv", ("unit", "image", "split", "lesions"), images)
    candidates = [(*name[:3], "test", int(name[3] != ""), name[3]) for name in names] + [
        ("c", "0", "0", "train", 1, "1")
    ]
    header = ("unit", "image", "candidate", "split", "label", "lesion")
    table.write(data / "candidates.csv", header, candidates)
    manifest = [(key, 0, "test", *names[number // 2][:3]) for number, key in enumerate(keys)]
    table.write(data / "manifest.csv", ("key", "label", "split", "unit", "image", "candidate"), manifest)
    return patches


def made_weights(path: Path, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Write pre-trained weights with Gabor-like first-layer filters; returns them by layer."""
    y, x = np.mgrid[-1:1:11j, -1:1:11j]
    angle = np.linspace(0, np.pi, 24, endpoint=False)[:, None, None]
    waves = np.exp(-2 * (x**2 + y**2)) * np.cos(7 * (x * np.cos(angle) + y * np.sin(angle)))
    layers = {name: generator.normal(0, 0.05, shape).astype("f4") for name, shape in SHAPES.items()}
    layers["conv1"] = (waves[:, None] * generator.uniform(0.3, 1, (24, 3, 1, 1)) * 0.2).astype("f4")
    _write(path, {name: value for name, value in layers.items() if name != "fc8_polyp"})
    return layers


def _write(path: Path, layers: dict[str, np.ndarray]) -> None:
    net = alexnet.deploy("polyp", 2, "tiny")
    kept = [layer for layer in net.layer if layer.name in layers]
    del net.layer[:]
    net.layer.extend(kept)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_layers(path, net, [[layers[layer.name], np.zeros(len(layers[layer.name]), "f4")] for layer in net.layer])


def made_run(
    work: Path,
    depth: str,
    start: dict[str, np.ndarray],
    *,
    ability: float = 1.5,
    fraction: float = 1.0,
    status: str = "done",
    epochs: int = 8,
    per_epoch: int = 40,
    units: int = 8,
    scored: bool = True,
) -> Path:
    """Write a run's folder as the training driver leaves it; returns the folder."""
    generator = np.random.default_rng(len(depth) + int(100 * fraction))
    scratch = depth == "scratch"
    name = f"{depth}{'-gaussian' if scratch else ''}_f{100 * fraction:g}_s0_0123abcd"
    folder = work / "runs" / "polyp" / name
    folder.mkdir(parents=True)
    record = {
        "application": "polyp", "run": name, "identity": "0123abcd" * 8, "depth": depth, "init": "gaussian",
        "fraction": fraction, "seed": 0, "scale": "tiny", "engine": "torch", "engine_version": "ftcaffe 0.1",
        "device": "cpu", "dataset_digest": "d1", "settings": {"batch": 50, "epochs": epochs, "patience": 5},
        "weights": None if scratch else {"path": "weights/standin.caffemodel", "sha256": "ab" * 32},
        "versions": {"numpy": np.__version__}, "resumes": 0, "status": status,
        "error": "the loss is nan at iteration 12" if status == "failed" else None,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    if status != "done":
        return folder
    step = np.arange(epochs * per_epoch)
    loss = 0.25 + 0.45 * np.exp(-step / (90 / ability)) + generator.normal(0, 0.03, len(step))
    table.write(folder / "losses.csv", ("iteration", "loss", "rate"), ((i, v, 0.001) for i, v in enumerate(loss)))
    auc = 0.5 + 0.13 * ability * (1 - np.exp(-np.arange(1, epochs + 1) / 2)) + generator.normal(0, 0.006, epochs)
    rows = [
        (
            (e + 1) * per_epoch,
            e + 1,
            loss[e * per_epoch : (e + 1) * per_epoch].mean(),
            0.9 - auc[e] / 2,
            auc[e],
            0.001,
        )
        for e in range(epochs)
    ]
    header = ("iteration", "epoch", "train_loss", "val_loss", "val_auc", "rate", "seconds")
    table.write(folder / "log.csv", header, ((*row, 4.5 * row[1]) for row in rows))
    best = int(np.argmax(auc))
    snapshot = f"snapshots/run_iter_{rows[best][0]}.caffemodel"
    chosen = {"iteration": rows[best][0], "epoch": best + 1, "val_auc": auc[best], "snapshot": snapshot}
    (folder / "best.json").write_text(json.dumps(chosen))
    learning = dict(zip(SHAPES, (rates(depth)[layer] for layer in LAYERS), strict=True))
    end = {
        layer: generator.normal(0, 0.05, value.shape).astype("f4")
        if scratch
        else value + (learning[layer] > 0) * generator.normal(0, 0.01 * value.std() * 5, value.shape).astype("f4")
        for layer, value in start.items()
    }
    _write(folder / snapshot, end)
    (folder / "deploy.prototxt").write_text(to_text(alexnet.deploy("polyp", 2, "tiny")))
    if scored:
        header = {"application": "polyp", "run": name, "snapshot": snapshot}
        scores.write(folder / "scores.h5", made_scores(generator, ability, units=units, **header))
    return folder


def made_study(work: Path, units: int = 8, **abilities: float) -> list[Path]:
    """Pre-trained weights, a data set's description, and a run for each depth (``conv1_fc8=1.9``)."""
    start = made_weights(work / "weights" / "standin.caffemodel", np.random.default_rng(0))
    data = work / "data" / "polyp"
    data.mkdir(parents=True)
    description = {
        "application": "polyp", "classes": ["background", "polyp"], "positive": 1, "layout": "videos", "seed": 0,
        "source": "phantoms/polyp", "digest": "d1", "input": {"channels": 3, "size": 67},
        "counts": {"train": {"background": 2000, "polyp": 2000}, "test": {"background": 9000, "polyp": 3000}},
    }  # fmt: skip
    (data / "dataset.json").write_text(json.dumps(description))
    return [
        made_run(work, depth.replace("_", "-"), start, ability=value, units=units)
        for depth, value in abilities.items()
    ]
