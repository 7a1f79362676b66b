"""Shapes of a net's parameters, from its message alone."""

from __future__ import annotations

from typing import Any

Shape = tuple[int, ...]


def parameter_shapes(net: Any, channels: int, size: int) -> dict[str, list[Shape]]:
    """Shapes of weights and bias by layer name, of a chain such as AlexNet.

    Parameters
    ----------
    net : NetParameter whose layers stand on one another in order.
    channels, size : of the input, which is square.
    """
    shapes: dict[str, list[Shape]] = {}
    for layer in net.layer:
        if layer.type == "Convolution":
            parameter = layer.convolution_param
            kernel, outputs = parameter.kernel_size[0], parameter.num_output
            shapes[layer.name] = [(outputs, channels // parameter.group, kernel, kernel), (outputs,)]
            channels, size = outputs, (size + 2 * sum(parameter.pad) - kernel) // (sum(parameter.stride) or 1) + 1
        elif layer.type == "Pooling":
            size = -(-(size - layer.pooling_param.kernel_size) // layer.pooling_param.stride) + 1
        elif layer.type == "InnerProduct":
            outputs = layer.inner_product_param.num_output
            shapes[layer.name] = [(outputs, channels * size * size), (outputs,)]
            channels, size = outputs, 1
    return shapes
