"""Layers that move values about, each in a second pass with bottoms of another size."""

from __future__ import annotations

from parity.nets import Cases, one

SHAPE, OTHER = "x: 2 4 3 6", [{"x": [3, 4, 5, 6]}]


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    _views(found)
    _joined(found)
    _sliced(found)
    for axis, tiles in ((0, 2), (1, 3), (-1, 2), (2, 1)):
        found.add(
            f"tile-axis{axis}-{tiles}",
            one("Tile", f"tile_param {{ axis: {axis} tiles: {tiles} }}"),
            SHAPE,
            reshapes=OTHER,
        )
    found.add("split", one("Split", "", "x", "y z"))
    found.add("split-three", one("Split", "", "x", "u v w"), SHAPE, reshapes=OTHER)
    found.add("split-one-top", one("Split", "", "x", "y"), SHAPE, reshapes=OTHER)
    found.add(
        "split-tops-in-place", one("Split", "", "x", "y z") + one("ReLU", "", "y", "y", name="m"), reshapes=[{}]
    )
    found.add(
        "split-inserted",
        one("InnerProduct", "inner_product_param { num_output: 3 }", "x", "i")
        + one("Concat", "", "i i", "y", name="m")
        + one("Silence", "", "i", "", name="n"),
    )
    found.add(
        "silence-two", one("Silence", "", "x z", "") + one("ReLU", "", "w", "y", name="m"), "x: 2 3, z: 4, w: 2 2"
    )
    found.add(
        "parameter",
        one("Parameter", "parameter_param { shape { dim: 3 dim: 4 } }", "", "p")
        + one("InnerProduct", "inner_product_param { num_output: 2 }", "p", "y", "loss_weight: 0.5", "m"),
        "",
        loss=True,
        passes=2,
    )
    return found


def _views(found: Cases) -> None:
    """Flatten and Reshape: the top is the bottom's memory."""
    for name, text in {
        "plain": "",
        "axis0": "axis: 0",
        "axis2": "axis: 2",
        "to-axis2": "end_axis: 2",
        "negative": "axis: -3 end_axis: -2",
        "one-axis": "axis: 2 end_axis: 2",
        "end-before-axis-inserts-a-one": "axis: 2 end_axis: 1",
    }.items():
        found.add(f"flatten-{name}", one("Flatten", f"flatten_param {{ {text} }}"), SHAPE, reshapes=OTHER)
    for name, text in {
        "same": "shape { dim: 0 dim: 0 dim: 0 dim: 0 }",
        "flat": "shape { dim: 0 dim: -1 }",
        "infer-first": "shape { dim: -1 dim: 4 dim: 6 }",
        "infer-middle": "shape { dim: 0 dim: 2 dim: -1 dim: 3 }",
        "part": "shape { dim: 2 dim: 2 } axis: 1 num_axes: 1",
        "copies-from-axis": "shape { dim: 0 dim: -1 } axis: 1",
        "negative-axis-appends": "shape { dim: 1 } axis: -1 num_axes: 0",
        "inserts": "shape { dim: 1 dim: 1 } axis: 2 num_axes: 0",
        "negative-axis": "shape { dim: -1 } axis: -3 num_axes: 2",
        "nothing": "axis: 1 num_axes: 0",
    }.items():
        found.add(f"reshape-{name}", one("Reshape", f"reshape_param {{ {text} }}"), SHAPE, reshapes=OTHER)
    convolution = one("Convolution", "convolution_param { num_output: 3 kernel_size: 2 }", "x", "c", name="c")
    for name, view in {
        "flatten": one("Flatten", "", "c", "y"),
        "reshape": one("Reshape", "reshape_param { shape { dim: -1 dim: 3 } }", "c", "y"),
    }.items():
        found.add(f"{name}-of-convolution", convolution + view, SHAPE, reshapes=OTHER)
        found.add(
            f"{name}-then-relu-in-place-shares-memory",
            convolution + view + one("ReLU", "", "y", "y", name="m"),
            SHAPE,
            reshapes=OTHER,
        )
    for name, below in {
        "reshape": one("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 1 } }", "c", "r", name="r"),
        "slice": one("Slice", "", "c", "r", name="r"),
        "flatten": one("Flatten", "flatten_param { axis: 2 }", "c", "r", name="r"),
    }.items():
        found.add(
            f"flatten-of-{name}{'' if name == 'flatten' else '-takes-the-gradient-from-below'}",
            convolution + below + one("Flatten", "", "r", "y"),
            SHAPE,
            reshapes=OTHER,
        )
    found.add(
        "reshape-of-split",
        convolution
        + one("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }", "c", "y")
        + one("Flatten", "", "c", "z", name="m"),
        SHAPE,
        reshapes=OTHER,
    )


def _joined(found: Cases) -> None:
    for axis in (0, 1, 3, -2):
        found.add(
            f"concat-axis{axis}",
            one("Concat", f"concat_param {{ axis: {axis} }}", "x z"),
            "x: 2 3 4 5, z: 2 3 4 5",
            reshapes=[{"x": [2, 4, 4, 3], "z": [2, 4, 4, 3]}],
        )
    found.add("concat-dim", one("Concat", "concat_param { concat_dim: 2 }", "x z"), "x: 2 3 4 5, z: 2 3 1 5")
    found.add("concat-three", one("Concat", "", "x z w"), "x: 2 3, z: 2 1, w: 2 4", reshapes=[{"z": [2, 5]}])
    found.add("concat-one-bottom", one("Concat", "", "x"), SHAPE, reshapes=OTHER)
    found.add(
        "concat-of-convolutions",
        "".join(
            one("Convolution", f"convolution_param {{ num_output: {n} kernel_size: 1 }}", "x", f"c{n}", name=f"c{n}")
            for n in (2, 3)
        )
        + one("Concat", "", "c2 c3"),
        SHAPE,
        reshapes=OTHER,
    )


def _sliced(found: Cases) -> None:
    for name, text, tops in (
        ("axis0", "axis: 0", "u v"),
        ("axis1", "", "u v"),
        ("axis-1", "axis: -1", "u v w"),
        ("points", "slice_point: 1 slice_point: 3", "u v w"),
        ("point-axis3", "axis: 3 slice_point: 5", "u v"),
        ("dim", "slice_dim: 3 slice_point: 2", "u v"),
        ("one-top", "", "u"),
    ):
        found.add(
            f"slice-{name}",
            one("Slice", f"slice_param {{ {text} }}", "x", tops),
            SHAPE,
            reshapes=[{"x": [4, 4, 5, 6]}],
        )
    found.add(
        "slice-of-convolution-pooled",
        one("Convolution", "convolution_param { num_output: 4 kernel_size: 1 }", "x", "c", name="c")
        + one("Slice", "", "c", "u v")
        + one("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", "u", "y", name="m")
        + one("ReLU", "", "v", "v", name="n"),
        reshapes=[{"x": [3, 4, 5, 6]}],
    )
