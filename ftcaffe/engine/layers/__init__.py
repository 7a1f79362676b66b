"""Caffe's layer types, a file for each family."""

from ftcaffe.engine.layers import data, inner_product, loss, neuron, normalize, pooling, shape, vision
from ftcaffe.engine.layers.base import Layer, layer_class, layer_type_list

__all__ = [
    "Layer",
    "data",
    "inner_product",
    "layer_class",
    "layer_type_list",
    "loss",
    "neuron",
    "normalize",
    "pooling",
    "shape",
    "vision",
]
