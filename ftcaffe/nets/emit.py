"""Writes the nets and solvers of an application: ``prototxt/<app>`` and ``solvers/<app>``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ftcaffe.nets import alexnet
from ftcaffe.nets.depths import DEPTHS, pretrained, rates
from ftcaffe.nets.solver import Schedule, solver
from ftcaffe.proto import to_text
from ftcaffe.store import atomic


@dataclass(frozen=True)
class TrainingSet:
    """What the files depend on: the number of classes, and of training patches (an epoch's length).

    region : height and width in pixels where every pixel of a region is classified; None elsewhere.
    """

    classes: int
    records: int
    region: tuple[int, int] | None = None


PAPER = {  # 80 % of the patches that the paper gives; the other 20 % validate
    "polyp": TrainingSet(classes=2, records=80_000),
    "pe": TrainingSet(classes=2, records=64_800),
    "frames": TrainingSet(classes=2, records=32_000),
    "cimt": TrainingSet(classes=3, records=160_000, region=(60, 92)),
}


@dataclass(frozen=True)
class Options:
    """Choices that hold for every file of an application."""

    scale: str = "full"
    batch: int = 128
    epochs: int = 30
    seed: int = 0
    transform: alexnet.Transform = alexnet.IMAGENET
    snapshot: int | None = None
    mode: str = "cpu"
    weights: str = "weights/bvlc_alexnet.caffemodel"
    inits: tuple[str, ...] = alexnet.INITS


def variants(inits: tuple[str, ...] = alexnet.INITS) -> dict[str, tuple[str, str]]:
    """Name, depth and init of each row: the initialiser is an axis of scratch alone."""
    tuned = {depth: (depth, "gaussian") for depth in DEPTHS if pretrained(depth)}
    return tuned | {f"scratch-{init}": ("scratch", init) for init in inits}


def files(application: str, data: TrainingSet, options: Options) -> dict[str, str]:
    """Path (relative to the working folder) and text of each file."""
    folder, solvers = f"prototxt/{application}", f"solvers/{application}"
    source = alexnet.Source(
        f"data/{application}/train.lmdb", f"data/{application}/val.lmdb", options.batch, options.transform
    )
    schedule = Schedule(data.records, options.batch, options.epochs)
    deploy = alexnet.deploy(application, data.classes, options.scale)
    texts = {f"{folder}/deploy.prototxt": to_text(deploy)}
    if data.region:
        from ftcaffe.nets.dense import ENLARGEMENT, dense

        texts[f"{folder}/deploy_dense.prototxt"] = to_text(
            dense(deploy, ENLARGEMENT[options.scale], *data.region).net
        )
    for name, (depth, init) in variants(options.inits).items():
        net = f"{folder}/train_val_{name}.prototxt"
        texts[net] = to_text(alexnet.train_val(application, data.classes, source, rates(depth), init, options.scale))
        texts[f"{solvers}/{name}.prototxt"] = to_text(
            solver(
                schedule,
                net=net,
                prefix=f"{solvers}/{name}",
                seed=options.seed,
                weights=options.weights if pretrained(depth) else None,
                snapshot=options.snapshot,
                mode=options.mode,
            )
        )
    return texts


def write(application: str, data: TrainingSet, options: Options, out: Path) -> list[Path]:
    """Write every file of an application below `out`; returns their paths."""
    texts = files(application, data, options)
    for path, text in texts.items():
        atomic.write_text(out / path, text)
    return [out / path for path in texts]
