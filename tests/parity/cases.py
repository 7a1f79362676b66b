"""The cases in which the engine is held against BVLC Caffe, written as a folder of nets, solvers and an LMDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.nets import alexnet, depths
from ftcaffe.proto import read_text, to_text
from ftcaffe.proto.messages import caffe_pb2
from ftcaffe.store import atomic, datum, lmdb, mean

TRAIN, TEST = 0, 1
RECORDS = 40  # of the LMDB; five batches of eight


def layer_cases() -> dict[str, dict[str, Any]]:
    """Small nets by name: layers over a grid of their parameters."""
    cases: dict[str, dict[str, Any]] = {}

    def add(name: str, layers: str, inputs: str = "x: 2 4 7 6", phase: int = TRAIN, **more: Any) -> None:
        cases[name] = {"text": _net(inputs, layers), "phase": phase, **more}

    def one(kind: str, parameter: str, bottoms: str = "x", tops: str = "y", extra: str = "") -> str:
        return (
            f'layer {{ name: "l" type: "{kind}" '
            + " ".join(f'bottom: "{b}"' for b in bottoms.split())
            + " "
            + " ".join(f'top: "{t}"' for t in tops.split())
            + f" {parameter} {extra} }}"
        )

    for name, text in {
        "k3": "kernel_size: 3",
        "k1": "kernel_size: 1",
        "k5-s2-p2": "kernel_size: 5 stride: 2 pad: 2",
        "k3-group2": "kernel_size: 3 group: 2",
        "k3-s4-p1-group2": "kernel_size: 3 stride: 4 pad: 1 group: 2",
        "k3-dilation2": "kernel_size: 3 dilation: 2 pad: 2",
        "k3-nobias": "kernel_size: 3 bias_term: false",
        "kh2-kw4": "kernel_h: 2 kernel_w: 4",
        "kh3-kw1-sh2-pw1": "kernel_size: 3 kernel_size: 2 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 1",
    }.items():
        add(f"convolution-{name}", one("Convolution", f"convolution_param {{ num_output: 6 {text} }}"))
    add(
        "convolution-two-bottoms",
        one("Convolution", "convolution_param { num_output: 3 kernel_size: 3 }", "x z", "u v"),
        "x: 2 4 7 6, z: 2 4 7 6",
    )
    for nd, shape in {"1d": "x: 2 3 9", "3d": "x: 1 2 5 4 5"}.items():
        add(f"convolution-{nd}", one("Convolution", "convolution_param { num_output: 3 kernel_size: 3 }"), shape)
    for pool in ("MAX", "AVE"):
        for text in ("k2-s2", "k3-s2", "k3-s2-p1", "k3-s1-p1", "k2-s3", "k3-s3-p2", "k5-s2-p2", "k4-s3-p1"):
            words = {"k": "kernel_size", "s": "stride", "p": "pad"}
            fields = " ".join(f"{words[word[0]]}: {word[1:]}" for word in text.split("-"))
            for shape in ("7 8", "8 10"):
                add(
                    f"pooling-{pool}-{text}-{shape.replace(' ', 'x')}",
                    one("Pooling", f"pooling_param {{ pool: {pool} {fields} }}"),
                    f"x: 2 3 {shape}",
                )
        add(f"pooling-{pool}-global", one("Pooling", f"pooling_param {{ pool: {pool} global_pooling: true }}"))
        add(
            f"pooling-{pool}-hw",
            one(
                "Pooling",
                f"pooling_param {{ pool: {pool} kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 0 pad_w: 1 }}",
            ),
        )
    add("pooling-MAX-ties", one("Pooling", "pooling_param { kernel_size: 3 stride: 2 }"), whole_numbers=True)
    for name, text in {
        "across": "local_size: 5",
        "across-strong": "local_size: 3 alpha: 0.9 beta: 0.75",
        "across-beta-k": "local_size: 5 alpha: 0.5 beta: 0.6 k: 2",
        "within": "local_size: 3 alpha: 0.9 norm_region: WITHIN_CHANNEL",
        "within-beta": "local_size: 5 alpha: 0.5 beta: 0.4 norm_region: WITHIN_CHANNEL",
    }.items():
        add(f"lrn-{name}", one("LRN", f"lrn_param {{ {text} }}"), "x: 2 8 5 6")
    for name, text in {
        "plain": "",
        "nobias": "bias_term: false",
        "axis2": "axis: 2",
        "axis-1": "axis: -1",
        "transpose": "transpose: true",
    }.items():
        add(f"inner-product-{name}", one("InnerProduct", f"inner_product_param {{ num_output: 5 {text} }}"))
    for slope in (0, 0.2):
        parameter = f"relu_param {{ negative_slope: {slope} }}"
        add(f"relu-{slope}", one("ReLU", parameter))
        add(
            f"relu-{slope}-in-place",
            one("InnerProduct", "inner_product_param { num_output: 9 }", "x", "i")
            + one("ReLU", parameter, "i", "i")
            + one("InnerProduct", "inner_product_param { num_output: 4 }", "i", "y").replace('"l"', '"m"'),
        )
    for phase in (TRAIN, TEST):
        add(
            f"dropout-{('train', 'test')[phase]}",
            one("Dropout", "dropout_param { dropout_ratio: 0.3 }"),
            phase=phase,
            seed=7,
            forwards=2,
        )
    add("dropout-0", one("Dropout", "dropout_param { dropout_ratio: 0 }"), seed=7)
    for axis in (1, 2, -1):
        add(f"softmax-axis{axis}", one("Softmax", f"softmax_param {{ axis: {axis} }}"))
    _losses(add, one)
    for axis in (0, 1, 3):
        add(
            f"concat-axis{axis}",
            one("Concat", f"concat_param {{ axis: {axis} }}", "x z"),
            "x: 2 3 4 5, z: 2 3 4 5",
        )
    add("concat-dim", one("Concat", "concat_param { concat_dim: 2 }", "x z"), "x: 2 3 4 5, z: 2 3 1 5")
    add("split", one("Split", "", "x", "y z"))
    add(
        "split-inserted",
        one("InnerProduct", "inner_product_param { num_output: 3 }", "x", "i")
        + one("Concat", "", "i x", "y").replace('"l"', '"m"').replace('"x"', '"i"')
        + one("Silence", "", "i", "").replace('"l"', '"n"').replace('top: ""', ""),
    )
    shared = 'param { name: "w" } param { name: "b" }'
    add(
        "shared-parameters",
        one("InnerProduct", "inner_product_param { num_output: 3 }", "x", "u", shared)
        + one("InnerProduct", "inner_product_param { num_output: 3 }", "z", "v", shared).replace('"l"', '"m"'),
        "x: 4 5, z: 3 5",
    )
    for filler in ('type: "constant" value: 0.25', 'type: "xavier"', 'type: "xavier" variance_norm: AVERAGE'):
        name = filler.replace('type: "', "").replace('"', "").replace(":", "").replace(" ", "-").lower()
        add(
            f"filler-{name}",
            one("InnerProduct", f"inner_product_param {{ num_output: 7 weight_filler {{ {filler} }} }}"),
            seed=3,
            keep_fillers=True,
        )
    for name, transform, phase in (
        ("plain", "", TEST),
        ("scale-mean-file", 'scale: 0.5 mean_file: "mean.binaryproto"', TRAIN),
        ("mean-values", "mean_value: 10 mean_value: 20 mean_value: 30", TRAIN),
        ("mean-value-crop-test", "mean_value: 100 crop_size: 60", TEST),
        ("crop-mirror-train", 'mean_file: "mean.binaryproto" crop_size: 61 mirror: true', TRAIN),
        ("mirror-test", "mirror: true", TEST),
    ):
        cases[f"data-{name}"] = {
            "text": f'layer {{ name: "data" type: "Data" top: "data" top: "label" transform_param {{ {transform} }} '
            'data_param { source: "records.lmdb" batch_size: 12 backend: LMDB prefetch: 2 } }',
            "phase": phase,
            "seed": 5,
            "forwards": 5,
            "backward": False,
        }
    return cases


def _losses(add: Any, one: Any) -> None:
    """SoftmaxWithLoss and Accuracy."""
    spatial, flat = "x: 3 4 2 5, label: 3 1 2 5", "x: 6 4, label: 6"
    for normalization in ("VALID", "FULL", "BATCH_SIZE", "NONE"):
        add(
            f"softmax-loss-{normalization}",
            one("SoftmaxWithLoss", f"loss_param {{ normalization: {normalization} ignore_label: 1 }}", "x label"),
            spatial,
            classes={"label": 4},
            loss=True,
        )
    for name, parameter, inputs in (
        ("plain", "", flat),
        ("weight", "loss_weight: 2.5", flat),
        ("normalize-false", "loss_param { normalize: false }", spatial),
        ("normalize-true", "loss_param { normalize: true }", spatial),
        ("axis2", "softmax_param { axis: 2 }", "x: 3 5 4 2, label: 3 5 2"),
    ):
        add(
            f"softmax-loss-{name}",
            one("SoftmaxWithLoss", parameter, "x label"),
            inputs,
            classes={"label": 4},
            loss=True,
        )
    for name, parameter, tops in (
        ("top1", "", "y"),
        ("top2", "top_k: 2", "y"),
        ("ignore", "ignore_label: 2", "y"),
        ("each-class", "", "y each"),
    ):
        for inputs in (flat, spatial):
            add(
                f"accuracy-{name}-{'flat' if inputs == flat else 'spatial'}",
                one("Accuracy", f"accuracy_param {{ {parameter} }}", "x label", tops),
                inputs.replace("6 4", "30 4").replace("label: 6", "label: 30"),
                TEST,
                classes={"label": 4},
                backward=False,
                whole_numbers=True,
            )


def training_cases() -> dict[str, dict[str, Any]]:
    """Solvers by name: AlexNet and its tiny sibling at three depths, and a small net under every policy.

    Dropout is off in the plain cases; a case with it shows that the masks are Caffe's own.
    """
    cases: dict[str, dict[str, Any]] = {}
    usual = "momentum: 0.9 weight_decay: 0.0005"
    for scale, rate in (("tiny", 1e-4), ("full", 5e-6)):  # gentle: chaos would magnify the last digit
        for depth in ("scratch", "conv3-fc8", "fc8"):
            cases[f"alexnet-{scale}-{depth}"] = {
                "net": _alexnet(scale, depth, 0.0),
                "rule": f"base_lr: {rate} lr_policy: 'step' gamma: 0.95 stepsize: 5 {usual}",
                "iterations": 50,
                "start": f"alexnet-{scale}",
            }
    cases["alexnet-tiny-dropout"] = {
        "net": _alexnet("tiny", "conv1-fc8", 0.5),
        "rule": f"base_lr: 1e-4 lr_policy: 'fixed' {usual}",
        "iterations": 20,
    }
    for name, rule in {
        "fixed": 'lr_policy: "fixed"',
        "step": 'lr_policy: "step" gamma: 0.5 stepsize: 3 momentum: 0.9',
        "exp": 'lr_policy: "exp" gamma: 0.9 momentum: 0.5',
        "inv": 'lr_policy: "inv" gamma: 0.1 power: 0.75 momentum: 0.9',
        "multistep": 'lr_policy: "multistep" gamma: 0.5 stepvalue: 3 stepvalue: 7 momentum: 0.9',
        "poly": 'lr_policy: "poly" power: 2 max_iter: 20 momentum: 0.9',
        "sigmoid": 'lr_policy: "sigmoid" gamma: 0.5 stepsize: 5 momentum: 0.9',
        "decay-l1": 'lr_policy: "fixed" weight_decay: 0.05 regularization_type: "L1" momentum: 0.9',
        "decay-l2": 'lr_policy: "fixed" weight_decay: 0.05 momentum: 0.9',
        "iter-size": 'lr_policy: "fixed" momentum: 0.9 iter_size: 3 weight_decay: 0.01',
        "clip": 'lr_policy: "fixed" momentum: 0.9 clip_gradients: 0.5',
    }.items():
        cases[f"solver-{name}"] = {"net": _small(), "rule": f"base_lr: 0.01 {rule}", "iterations": 12}
    return cases


def write(folder: Path, cases: dict[str, dict[str, Any]]) -> None:
    """Write nets, solvers, the LMDB, its mean and ``cases.json`` to a folder for `record.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.RandomState(0)
    records = []
    for number in range(RECORDS):
        label = number % 2
        image = rng.randint(0, 200, (3, 67, 67)) + 50 * label * (np.arange(67) % 7 < 3)
        records.append((b"%08d" % number, datum.encode(image.astype(np.uint8), label)))
    lmdb.write(folder / "records.lmdb", records)
    mean.write(folder / "mean.binaryproto", mean.compute(lmdb.Records(folder / "records.lmdb")))
    big = [
        (key, datum.encode(np.tile(datum.decode(record)[0], (1, 4, 4))[:, :227, :227].copy(), number % 2))
        for number, (key, record) in enumerate(records)
    ]
    lmdb.write(folder / "records227.lmdb", big)
    ready: dict[str, dict[str, Any]] = {}
    for name, case in cases.items():
        case = dict(case)
        if "rule" in case:
            atomic.write_text(folder / f"{name}.net.prototxt", case.pop("net"))
            base = "" if "base_lr" in case["rule"] else "base_lr: 0.001 "
            atomic.write_text(
                folder / f"{name}.solver.prototxt",
                f'net: "{name}.net.prototxt" {base}{case.pop("rule")} random_seed: 1 '
                f'snapshot_prefix: "{name}" snapshot_after_train: false {case.pop("more", "")}\n',
            )
            case["solver"] = f"{name}.solver.prototxt"
        else:
            atomic.write_text(folder / f"{name}.prototxt", case.pop("text"))
            case["net"] = f"{name}.prototxt"
        ready[name] = case
    atomic.write_text(folder / "cases.json", json.dumps(ready, indent=1))


def _net(inputs: str, layers: str) -> str:
    """A prototxt of Input layers, ``name: shape`` each, and the layers; gradients reach the inputs."""
    text = "force_backward: true\n"
    for given in inputs.split(", "):
        name, shape = given.split(": ")
        dims = " ".join(f"dim: {n}" for n in shape.split())
        text += f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'
    return text + layers + "\n"


def _alexnet(scale: str, depth: str, dropout: float) -> str:
    batch = 8 if scale == "tiny" else 2
    lmdb_name = "records.lmdb" if scale == "tiny" else "records227.lmdb"
    net = alexnet.train_val("polyp", 2, alexnet.Source(lmdb_name, lmdb_name, batch), depths.rates(depth), scale=scale)
    for layer in net.layer:
        if layer.type == "Data":
            layer.transform_param.scale = 0.02  # a well-conditioned start
        elif layer.type == "Dropout":
            layer.dropout_param.dropout_ratio = dropout
    return to_text(net)


def _small() -> str:
    net = read_text(Path(__file__).with_name("small.prototxt"), caffe_pb2.NetParameter)
    return to_text(net)
