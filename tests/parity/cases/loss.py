"""Softmax, Accuracy and the losses, forward and backward."""

from __future__ import annotations

from parity.nets import TEST, Cases, one

SPATIAL, FLAT = "x: 3 4 2 5, label: 3 1 2 5", "x: 6 4, label: 6"
MODES = ("VALID", "FULL", "BATCH_SIZE", "NONE")


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    _softmax(found)
    _accuracy(found)
    _infogain(found)
    _flat(found)
    _targets(found)
    _nets(found)
    return found


def _softmax(found: Cases) -> None:
    for axis in (1, 2, -1):
        found.add(f"softmax-axis{axis}", one("Softmax", f"softmax_param {{ axis: {axis} }}"))
    found.add(
        "softmax-in-place",
        one("InnerProduct", "inner_product_param { num_output: 5 }", "x", "i")
        + one("Softmax", "", "i", "i", name="m")
        + one("InnerProduct", "inner_product_param { num_output: 3 }", "i", "y", name="n"),
        "x: 3 6",
    )
    for normalization in MODES:
        parameter = f"loss_param {{ normalization: {normalization} ignore_label: 1 }}"
        _loss(found, f"softmax-loss-{normalization}", "SoftmaxWithLoss", parameter, SPATIAL, 4)
        axis2 = f"{parameter} softmax_param {{ axis: 2 }}"
        _loss(found, f"softmax-loss-axis2-{normalization}", "SoftmaxWithLoss", axis2, "x: 3 5 4 2, label: 3 5 2", 4)
    for name, parameter, inputs in (
        ("plain", "", FLAT),
        ("weight", "loss_weight: 2.5", FLAT),
        ("weight-0", "loss_weight: 0", FLAT),
        ("normalize-false", "loss_param { normalize: false }", SPATIAL),
        ("normalize-true", "loss_param { normalize: true }", SPATIAL),
        ("normalization-overrules-normalize", "loss_param { normalize: true normalization: FULL }", SPATIAL),
        ("axis2", "softmax_param { axis: 2 }", "x: 3 5 4 2, label: 3 5 2"),
        ("axis-last", "softmax_param { axis: -1 }", "x: 3 5 4, label: 3 5"),
        ("ignore-label-of-no-class", "loss_param { ignore_label: -1 }", FLAT),
    ):
        _loss(found, f"softmax-loss-{name}", "SoftmaxWithLoss", parameter, inputs, 4)
    found.add(
        "softmax-loss-nothing-counts",
        one("SoftmaxWithLoss", "loss_param { ignore_label: 2 }", "x label"),
        FLAT,
        values={"label": [2] * 6},
        loss=True,
    )
    found.add(
        "softmax-loss-of-impossible-labels",
        one("SoftmaxWithLoss", "", "x label"),
        "x: 2 3, label: 2",
        values={"x": [300, 0, -300, 0, 200, 0], "label": [2, 0]},
        loss=True,
    )


def _accuracy(found: Cases) -> None:
    for name, parameter, tops in (
        ("top1", "", "y"),
        ("top2", "top_k: 2", "y"),
        ("ignore", "ignore_label: 2", "y"),
        ("each-class", "", "y each"),
        ("each-class-ignore-top2", "ignore_label: 1 top_k: 2", "y each"),
    ):
        for inputs in (FLAT, SPATIAL):
            found.add(
                f"accuracy-{name}-{'flat' if inputs == FLAT else 'spatial'}",
                one("Accuracy", f"accuracy_param {{ {parameter} }}", "x label", tops),
                inputs.replace("6 4", "30 4").replace("label: 6", "label: 30"),
                TEST,
                classes={"label": 4},
                backward=False,
                whole_numbers=True,
            )
    for name, parameter, inputs, values in (
        (
            "ties-count-against-the-label",
            "",
            "x: 3 4, label: 3",
            {"x": [1] * 4 + [1, 1, 0, 0] * 2, "label": [0, 1, 0]},
        ),
        ("ties-that-top-k-covers", "top_k: 2", "x: 2 4, label: 2", {"x": [1] * 4 + [1, 1, 0, 0], "label": [0, 1]}),
        ("nothing-counts", "ignore_label: 3", "x: 3 4, label: 3", {"label": [3, 3, 3]}),
        ("label-is-cut-to-a-whole-number", "", "x: 2 4, label: 2", {"label": [1.9, 0.2]}),
        (
            "a-score-that-is-no-number",
            "",
            "x: 2 2, label: 2",
            {"x": [float("nan"), 1, 1, float("nan")], "label": [0, 0]},
        ),
    ):
        layer = one("Accuracy", f"accuracy_param {{ {parameter} }}", "x label", "y each")
        found.add(f"accuracy-{name}", layer, inputs, TEST, values=values, backward=False)
    for axis, inputs in {2: "x: 3 5 4 2, label: 3 5 2", 0: "x: 4 5, label: 5", -1: "x: 3 5 4, label: 15"}.items():
        layer = one("Accuracy", f"accuracy_param {{ axis: {axis} }}", "x label", "y each")
        found.add(f"accuracy-axis{axis}", layer, inputs, TEST, classes={"label": 4}, backward=False)


def _infogain(found: Cases) -> None:
    source = 'infogain_loss_param { source: "infogain.binaryproto" }'
    _loss(found, "infogain-file", "InfogainLoss", source, FLAT, 4)
    _loss(found, "infogain-file-spatial", "InfogainLoss", source, SPATIAL, 4)
    _loss(found, "infogain-weight", "InfogainLoss", f"{source} loss_weight: 3", FLAT, 4)
    second = f"{source} loss_weight: 1 loss_weight: 0"
    _loss(found, "infogain-second-top", "InfogainLoss", second, SPATIAL, 4, "y p")
    for axis, inputs in {2: "x: 3 5 4 2, label: 3 5 2", -1: "x: 3 5 4, label: 3 5"}.items():
        parameter = source.replace("source", f"axis: {axis} source")
        _loss(found, f"infogain-axis{axis}", "InfogainLoss", parameter, inputs, 4)
    for normalization in MODES:
        parameter = f"{source} loss_param {{ normalization: {normalization} ignore_label: 2 }}"
        _loss(found, f"infogain-{normalization}", "InfogainLoss", parameter, SPATIAL, 4)
    # force_backward would reach for the matrix, which stops Caffe.
    found.add(
        "infogain-bottom",
        one("InnerProduct", "inner_product_param { num_output: 4 }", "x", "i")
        + one("InfogainLoss", "", "i label h", name="m"),
        "x: 5 3, label: 5, h: 4 4",
        classes={"label": 4},
        values={"h": [[1, 0.5, 0, 0], [0.2, 2, 0, 0.1], [0, 0, 1, 0], [0, 0.3, 0.4, 1.5]]},
        loss=True,
        forwards=2,
        force=False,
    )


def _flat(found: Cases) -> None:
    probabilities = {"x": (0.05, 1)}
    for name, inputs in {"flat": FLAT, "of-more-axes": "x: 3 2 2, label: 3 1"}.items():
        _loss(found, f"multinomial-{name}", "MultinomialLogisticLoss", "", inputs, 4, ranges=probabilities)
    _loss(found, "multinomial-weight", "MultinomialLogisticLoss", "loss_weight: 2", FLAT, 4, ranges=probabilities)
    found.add(
        "multinomial-below-the-threshold",
        one("MultinomialLogisticLoss", "", "x label"),
        "x: 2 2, label: 2",
        values={"x": [1e-30, 1, 0.5, 0.25], "label": [0, 1]},
        loss=True,
    )
    for norm in ("L1", "L2"):
        parameter = f"hinge_loss_param {{ norm: {norm} }}"
        for name, inputs in {"flat": FLAT, "of-more-axes": "x: 3 2 2 1, label: 3"}.items():
            _loss(found, f"hinge-{norm}-{name}", "HingeLoss", f"{parameter} loss_weight: 0.5", inputs, 4)
        found.add(
            f"hinge-{norm}-margin-of-zero",
            one("HingeLoss", parameter, "x label"),
            "x: 2 3, label: 2",
            values={"x": [1, -1, -1, 0, 1, 2], "label": [0, 2]},
            loss=True,
        )
    _loss(found, "hinge-reads-the-first-labels-only", "HingeLoss", "", "x: 3 4, label: 3 2", 4)


def _targets(found: Cases) -> None:
    for name, parameter, inputs in (
        ("plain", "", "x: 3 4 2, t: 3 4 2"),
        ("weight", "loss_weight: 0.3", "x: 3 4, t: 3 4"),
        ("of-other-axes", "", "x: 3 4 1 1, t: 3 2 2"),
        ("of-values", "", "x: 5, t: 5"),
    ):
        found.add(f"euclidean-{name}", one("EuclideanLoss", parameter, "x t"), inputs, loss=True)
    similar = [0, 1, 0, 1, 0, 0, 1, 0]
    for legacy in ("false", "true"):
        for margin in (1, 4.5):
            text = f"margin: {margin} legacy_version: {legacy}"
            found.add(
                f"contrastive-margin{margin}-legacy-{legacy}",
                one("ContrastiveLoss", f"contrastive_loss_param {{ {text} }} loss_weight: 2", "x z s"),
                "x: 8 3, z: 8 3, s: 8",
                values={"s": similar},
                ranges={"x": (-1, 1), "z": (-1, 1)},
                loss=True,
            )
    found.add(
        "contrastive-of-equal-pairs",
        one("ContrastiveLoss", "", "x z s"),
        "x: 2 2 1 1, z: 2 2 1 1, s: 2 1 1 1",
        values={"x": [1, 2, 3, 4], "z": [1, 2, 3, 4], "s": [0, 1]},
        loss=True,
    )
    found.add(
        "contrastive-similarity-is-cut-to-a-whole-number",
        one("ContrastiveLoss", "", "x z s"),
        "x: 4 3, z: 4 3, s: 4",
        values={"s": [0.9, 1.2, -0.5, -1]},
        loss=True,
    )
    cross = {"x": (-4, 4), "t": (0, 1)}
    for name, parameter in (
        ("plain-is-by-batch-size", ""),
        ("weight", "loss_weight: 3"),
        ("normalize-true", "loss_param { normalize: true }"),
        ("normalize-false", "loss_param { normalize: false }"),
        *((mode, f"loss_param {{ normalization: {mode} }}") for mode in MODES),
    ):
        layer = one("SigmoidCrossEntropyLoss", parameter, "x t")
        found.add(f"sigmoid-cross-entropy-{name}", layer, "x: 3 4 2, t: 3 8", ranges=cross, loss=True)
    for mode in MODES:
        parameter = f"loss_param {{ normalization: {mode} ignore_label: 2 }}"
        layer = one("SigmoidCrossEntropyLoss", parameter, "x label")
        found.add(
            f"sigmoid-cross-entropy-ignore-{mode}", layer, "x: 5 4, label: 5 4", classes={"label": 3}, loss=True
        )
    found.add(
        "sigmoid-cross-entropy-ignores-by-the-whole-part",
        one("SigmoidCrossEntropyLoss", "loss_param { ignore_label: 0 }", "x t"),
        "x: 2 3, t: 2 3",
        values={"t": [0.9, 1, -0.5, 0, 1.5, 1]},
        loss=True,
    )
    found.add(
        "sigmoid-cross-entropy-does-not-overflow",
        one("SigmoidCrossEntropyLoss", "", "x t"),
        "x: 2 3, t: 2 3",
        values={"x": [200, -200, 0, 90, -90, 50], "t": [1, 0, 1, 0, 1, 0.5]},
        loss=True,
    )


def _nets(found: Cases) -> None:
    """Losses in company."""
    inner = "inner_product_param { num_output: 4 }"
    found.add(
        "losses-of-one-net-are-weighed",
        one("InnerProduct", inner, "x", "i")
        + one("SoftmaxWithLoss", "loss_weight: 0.3", "i label", "a", name="m")
        + one("EuclideanLoss", "loss_weight: 0.7", "i t", "b", name="n")
        + one("HingeLoss", "loss_weight: 0", "i label", "c", name="o"),
        "x: 5 3, label: 5, t: 5 4",
        classes={"label": 4},
        loss=True,
    )
    found.add(
        "loss-without-a-top",
        one("InnerProduct", inner, "x", "i") + one("SoftmaxWithLoss", "", "i label", "", name="m"),
        "x: 5 3, label: 5",
        classes={"label": 4},
        loss=True,
    )
    found.add(
        "loss-spared-by-propagate-down",
        one("InnerProduct", inner, "x", "i")
        + one("InnerProduct", inner, "x", "j", name="k")
        + one("EuclideanLoss", "", "i j", "y", "propagate_down: true propagate_down: false", name="m"),
        "x: 5 3",
        loss=True,
        force=False,
    )
    for kind in ("SoftmaxWithLoss", "MultinomialLogisticLoss", "HingeLoss"):
        _loss(found, f"reshape-{kind}", kind, "", FLAT, 4, ranges={"x": (0.1, 1)}, reshapes=_batches("x", "label"))
    for kind in ("EuclideanLoss", "SigmoidCrossEntropyLoss"):
        found.add(
            f"reshape-{kind}", one(kind, "", "x t"), "x: 6 4, t: 6 4", loss=True, reshapes=_batches("x", "t", 4)
        )


def _batches(first: str, second: str, *second_axes: int) -> list[dict[str, list[int]]]:
    """Other batch sizes, for `reshapes`."""
    return [{first: [size, 4], second: [size, *second_axes]} for size in (9, 2)]


def _loss(
    found: Cases,
    name: str,
    kind: str,
    parameter: str,
    inputs: str,
    classes: int,
    tops: str = "y",
    **more: object,
) -> None:
    found.add(name, one(kind, parameter, "x label", tops), inputs, classes={"label": classes}, loss=True, **more)
