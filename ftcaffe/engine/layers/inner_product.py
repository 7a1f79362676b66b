"""InnerProduct: the fully connected layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, axis_of, register


@register("InnerProduct")
class InnerProduct(Layer):
    """top = bottom · weightᵀ + bias, all axes from `axis` on flattened; `transpose` stores the weight transposed."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Weights output × inputs (inputs × output when transposed), biases output."""
        message = self.message.inner_product_param
        self.axis = axis_of(self, message.axis, bottoms[0].shape)
        self.inputs = math.prod(bottoms[0].shape[self.axis :])
        self.output = message.num_output
        self.transposed = message.transpose
        if self.output < 1:
            raise self.fault("num_output is at least 1")
        shape = (self.inputs, self.output) if self.transposed else (self.output, self.inputs)
        self.add_parameter(shape, message.weight_filler)
        if message.bias_term:
            self.add_parameter((self.output,), message.bias_filler)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The axes before `axis`, then the outputs."""
        (bottom,) = bottoms
        if math.prod(bottom[self.axis :]) != self.inputs:
            raise self.fault(f"made for {self.inputs} inputs, the bottom has shape {bottom}")
        return [(*bottom[: self.axis], self.output)]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """A matrix product."""
        rows = self._rows(bottoms[0].values.tensor)
        weight = self._weight()
        tops[0].values.release()
        if len(self.blobs) > 1:
            product = torch.addmm(self.blobs[1].values.tensor, rows, weight.t())
        else:
            product = rows @ weight.t()
        tops[0].values.replace(product.view(tops[0].shape))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """The weight's gradient goes straight to its memory: it is by far the largest array of AlexNet's."""
        above = tops[0].gradient.tensor.reshape(-1, self.output)
        rows = self._rows(bottoms[0].values.tensor)
        if self.propagate[0]:
            left, right = (rows, above) if self.transposed else (above, rows)
            self.blobs[0].gradient.add_product(left.t(), right)
        if len(self.blobs) > 1 and self.propagate[1]:
            self.blobs[1].gradient.add(above.sum(0))
        if propagate[0]:
            bottoms[0].gradient.release()
            bottoms[0].gradient.replace((above @ self._weight()).view(bottoms[0].shape))

    def _rows(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.contiguous().view(-1, self.inputs)

    def _weight(self) -> torch.Tensor:
        weight = self.blobs[0].values.tensor
        return weight.t() if self.transposed else weight
