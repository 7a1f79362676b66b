"""Pictures of nets, as pycaffe's ``caffe.draw``: layers are boxes and blobs octagons.

`dot` writes the graph in Graphviz's language; `draw_net` needs Graphviz's program of that name to make an image, and
`get_pydot_graph` the package pydot.
"""

from __future__ import annotations

import importlib
import subprocess
from pathlib import Path
from typing import Any

from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2

BLOB_STYLE = {"shape": "octagon", "fillcolor": "#E0E0E0", "style": "filled"}
NEURON_LAYER_STYLE = {"shape": "record", "fillcolor": "#90EE90", "style": "filled"}  # a layer in place
LAYER_STYLE_DEFAULT = {"shape": "record", "fillcolor": "#6495ED", "style": "filled"}
_COLOURS = {"Convolution": "#FF5050", "Deconvolution": "#FF5050", "Pooling": "#FF9900", "InnerProduct": "#CC33FF"}
_LEARNING = ("Convolution", "Deconvolution", "InnerProduct")
_PLAIN = ("dot", "gv", "raw")


def get_pooling_types_dict() -> dict[int, str]:
    """Names of pooling methods by number."""
    return {value.number: value.name for value in caffe_pb2.PoolingParameter.PoolMethod.DESCRIPTOR.values}


def get_edge_label(layer: Any) -> str:
    """What stands at the edge from a layer to its top: its batch size or number of outputs, if it has one."""
    if layer.type == "Data":
        return f"Batch {layer.data_param.batch_size}"
    if layer.type in ("Convolution", "Deconvolution"):
        return str(layer.convolution_param.num_output)
    if layer.type == "InnerProduct":
        return str(layer.inner_product_param.num_output)
    return '""'


def get_layer_lr_mult(layer: Any) -> tuple[float, float]:
    """The multipliers of the rate of a layer's weights and biases; ValueError for a layer that has no such pair."""
    if layer.type not in _LEARNING:
        raise ValueError(f"{layer.type} layers do not have a learning rate multiplier")
    if len(layer.param) > 2:
        raise ValueError(f"layer '{layer.name}' has {len(layer.param)} params, which are no weights and biases")
    weights, biases = ([param.lr_mult for param in layer.param] + [1.0, 1.0])[:2]
    return weights, biases


def get_layer_label(layer: Any, rankdir: str, display_lrm: bool = False) -> str:
    """Name, type and what matters most of a layer, in quotes; on one line where the graph runs downwards."""
    between = " " if rankdir in ("TB", "BT") else r"\n"
    parts = [layer.name, f"({layer.type})"]
    if layer.type == "Pooling":
        param = layer.pooling_param
        parts[1] = f"(Pooling {get_pooling_types_dict()[param.pool]})"
        parts += [f"kernel size: {param.kernel_size}", f"stride: {param.stride}", f"pad: {param.pad}"]
    elif layer.type in ("Convolution", "Deconvolution"):
        param = layer.convolution_param
        kernel, stride, pad = (
            next(iter(values), default)
            for values, default in ((param.kernel_size, 1), (param.stride, 1), (param.pad, 0))
        )
        parts += [f"kernel size: {kernel}", f"stride: {stride}", f"pad: {pad}"]
    if display_lrm and layer.type in _LEARNING and any(get_layer_lr_mult(layer)):
        parts.append("lr mult: {:.1f}, {:.1f}".format(*get_layer_lr_mult(layer)))
    return f'"{between.join(parts)}"'


def choose_color_by_layertype(layertype: str) -> str:
    """Colour of the box of a layer type."""
    return _COLOURS.get(layertype, LAYER_STYLE_DEFAULT["fillcolor"])


class _Graph:
    """Nodes by key, each a label and a style, and edges, each two keys and a label."""

    def __init__(self, net: Any, rankdir: str, label_edges: bool, phase: int | None, display_lrm: bool) -> None:
        self.name = net.name or "Net"
        self.nodes: dict[str, tuple[str, dict[str, str]]] = {}
        self.edges: list[tuple[str, str, str]] = []
        for layer in net.layer:
            if phase is not None and not _is_in_phase(layer, phase):
                continue
            key = f"{layer.name}_{layer.type}"
            self.nodes[key] = (get_layer_label(layer, rankdir, display_lrm), _style(layer))
            for bottom in layer.bottom:
                self.nodes[f"{bottom}_blob"] = (bottom, BLOB_STYLE)
                self.edges.append((f"{bottom}_blob", key, '""'))
            for top in layer.top:
                self.nodes[f"{top}_blob"] = (top, {})
                self.edges.append((key, f"{top}_blob", get_edge_label(layer) if label_edges else '""'))


def _is_in_phase(layer: Any, phase: int) -> bool:
    if layer.include and layer.exclude:
        raise ValueError(f"layer {layer.name} has both include and exclude specified.")
    included = not layer.include or any(rule.phase == phase for rule in layer.include)
    return included and all(rule.phase != phase for rule in layer.exclude)


def _style(layer: Any) -> dict[str, str]:
    if len(layer.bottom) == len(layer.top) == 1 and layer.bottom[0] == layer.top[0]:
        return NEURON_LAYER_STYLE
    return {**LAYER_STYLE_DEFAULT, "fillcolor": choose_color_by_layertype(layer.type)}


def dot(
    caffe_net: Any, rankdir: str = "LR", label_edges: bool = True, phase: int | None = None, display_lrm: bool = False
) -> str:
    """The graph in Graphviz's language.

    Parameters
    ----------
    caffe_net : NetParameter.
    rankdir : ``LR``, ``TB`` or ``BT``: from left to right, downwards, upwards.
    label_edges : whether numbers of outputs stand at the edges.
    phase : leave out layers of the other phase; None draws all.
    display_lrm : whether layers show the multipliers of their rates.
    """
    graph = _Graph(caffe_net, rankdir, label_edges, phase, display_lrm)
    lines = [f"digraph {_quoted(graph.name)} {{", f"rankdir={rankdir};"]
    for key, (label, style) in graph.nodes.items():
        settings = {"label": label, **style}
        lines.append(f"{_quoted(key)} [{', '.join(f'{k}={_quoted(v)}' for k, v in settings.items())}];")
    lines += [f"{_quoted(a)} -> {_quoted(b)} [label={_quoted(label)}];" for a, b, label in graph.edges]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return text if text.startswith('"') else '"' + text.replace('"', r"\"") + '"'


def get_pydot_graph(
    caffe_net: Any, rankdir: str, label_edges: bool = True, phase: int | None = None, display_lrm: bool = False
) -> Any:
    """The graph as pydot's ``Dot``; parameters as those of `dot`."""
    pydot = _pydot()
    graph = _Graph(caffe_net, rankdir, label_edges, phase, display_lrm)
    drawn = pydot.Dot(graph.name, graph_type="digraph", rankdir=rankdir)
    nodes = {key: pydot.Node(label, **style) for key, (label, style) in graph.nodes.items()}
    for node in nodes.values():
        drawn.add_node(node)
    for first, second, label in graph.edges:
        drawn.add_edge(pydot.Edge(nodes[first], nodes[second], label=label))
    return drawn


def _pydot() -> Any:
    for name in ("pydotplus", "pydot"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise Error("pydot is not installed", remedy="pip install pydot, or use caffe.draw.dot, which needs nothing")


def draw_net(
    caffe_net: Any, rankdir: str, ext: str = "png", phase: int | None = None, display_lrm: bool = False
) -> bytes:
    """The picture in a format of Graphviz's (``png``, ``svg`` …); ``dot``, ``gv`` and ``raw`` are its text."""
    text = dot(caffe_net, rankdir, phase=phase, display_lrm=display_lrm).encode()
    if ext in _PLAIN:
        return text
    try:
        done = subprocess.run(["dot", f"-T{ext}"], input=text, capture_output=True, check=True)
    except FileNotFoundError:
        raise Error(
            "Graphviz's program dot is not installed", remedy=f"install graphviz, or write .dot instead of .{ext}"
        ) from None
    except subprocess.CalledProcessError as error:
        raise Error(f"Graphviz: {error.stderr.decode(errors='replace').strip()}") from None
    return done.stdout


def draw_net_to_file(
    caffe_net: Any, filename: str, rankdir: str = "LR", phase: int | None = None, display_lrm: bool = False
) -> None:
    """Write the picture in the format that the file's name ends with."""
    picture = draw_net(caffe_net, rankdir, Path(filename).suffix[1:], phase, display_lrm)
    Path(filename).write_bytes(picture)
