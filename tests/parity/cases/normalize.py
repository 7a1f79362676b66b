"""LRN, MVN and BatchNorm."""

from __future__ import annotations

from parity.nets import TEST, TRAIN, Cases, one


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for name, text in {
        "default": "",
        "across": "local_size: 5",
        "across-strong": "local_size: 3 alpha: 0.9 beta: 0.75",
        "across-beta-k": "local_size: 5 alpha: 0.5 beta: 0.6 k: 2",
        "across-wider-than-channels": "local_size: 19 alpha: 0.9",
        "across-one": "local_size: 1 alpha: 0.9 engine: CAFFE",
        "within": "local_size: 3 alpha: 0.9 norm_region: WITHIN_CHANNEL",
        "within-beta": "local_size: 5 alpha: 0.5 beta: 0.4 norm_region: WITHIN_CHANNEL",
        "within-ignores-k": "local_size: 3 alpha: 0.9 k: 3 norm_region: WITHIN_CHANNEL",
        "within-wider-than-image": "local_size: 7 alpha: 0.9 norm_region: WITHIN_CHANNEL",
        "within-alpha-0": "local_size: 3 alpha: 0 norm_region: WITHIN_CHANNEL",
    }.items():
        found.add(f"lrn-{name}", one("LRN", f"lrn_param {{ {text} }}"), "x: 2 8 5 6")
    for name, text in {
        "within": "local_size: 3 alpha: 0.9 norm_region: WITHIN_CHANNEL",
    }.items():
        found.add(f"lrn-{name}-in-place", one("LRN", f"lrn_param {{ {text} }}", tops="x"), "x: 2 8 5 6")
    _mvn(found)
    _batch_norm(found)
    return found


def _mvn(found: Cases) -> None:
    for name, text in {
        "default": "",
        "mean-only": "normalize_variance: false",
        "across": "across_channels: true",
        "across-mean-only": "across_channels: true normalize_variance: false",
        "eps-is-added-to-the-deviation": "eps: 0.5",
    }.items():
        layer = ("MVN", f"mvn_param {{ {text} }}")
        found.add(f"mvn-{name}", one(*layer), "x: 2 3 4 5")
        found.add(f"mvn-{name}-in-place", one(*layer, tops="x"), "x: 2 3 4 5")
        found.add(f"mvn-{name}-rows", one(*layer), "x: 3 5 7")
    found.add("mvn-across-row", one("MVN", "mvn_param { across_channels: true }"), "x: 3 5")
    found.add("mvn-across-vector", one("MVN", "mvn_param { eps: 1 }"), "x: 3")


def _batch_norm(found: Cases) -> None:
    for name, text in {
        "default": "",
        "eps": "eps: 0.5",
        "fraction": "moving_average_fraction: 0.5",
        "running": "use_global_stats: true",
        "batch": "use_global_stats: false",
    }.items():
        for phase in (TRAIN, TEST):
            for place, top in (("", "y"), ("-in-place", "x")):
                found.add(
                    f"batch-norm-{name}-{('train', 'test')[phase]}{place}",
                    one("BatchNorm", f"batch_norm_param {{ {text} }}", tops=top),
                    "x: 4 3 4 5",
                    phase=phase,
                    statistics=True,
                    passes=2,
                )
    for name, inputs in (
        ("rows", "x: 6 3"),
        ("volume", "x: 2 3 2 3 2"),
        ("batch-of-one", "x: 1 3 4 5"),
    ):
        found.add(f"batch-norm-{name}", one("BatchNorm", ""), inputs, statistics=True)
    found.add("batch-norm-two-values", one("BatchNorm", "batch_norm_param { eps: 0.5 }"), "x: 2 3", statistics=True)
    found.add("batch-norm-one-value", one("BatchNorm", ""), "x: 1 3", statistics=True)
    found.add("batch-norm-without-statistics", one("BatchNorm", ""), "x: 4 3 4 5", TEST, keep_fillers=True)
    found.add("batch-norm-running-sums", one("BatchNorm", ""), "x: 4 3 4 5", keep_fillers=True, statistics=True)
    _chains(found)


def _chains(found: Cases) -> None:
    """In place one after the other, as residual nets have them."""
    convolution = "convolution_param { num_output: 6 kernel_size: 3 bias_term: false }"
    norm, relu = one("BatchNorm", "", "i", "i", name="b"), one("ReLU", "", "i", "i", name="r")
    scale = one("Scale", "scale_param { bias_term: true }", "i", "i", name="s")
    last = one("InnerProduct", "inner_product_param { num_output: 4 }", "i", "y", name="n")
    for name, chain in (("scale-relu", norm + scale + relu), ("relu", norm + relu), ("relu-first", relu + norm)):
        for phase in (TRAIN, TEST):
            found.add(
                f"batch-norm-{name}-chained-{('train', 'test')[phase]}",
                one("Convolution", convolution, "x", "i", name="c") + chain + last,
                "x: 3 2 7 6",
                phase=phase,
                statistics=True,
                passes=2,
            )
