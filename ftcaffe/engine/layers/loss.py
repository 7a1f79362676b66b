"""Softmax, the loss on it, and Accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, axis_of, register


@register("Softmax")
class Softmax(Layer):
    """top = exp(bottom) / Σ exp(bottom) along `axis`."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The axis."""
        self.axis = axis_of(self, self.message.softmax_param.axis, bottoms[0].shape)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's."""
        return bottoms

    def compute(self, *bottoms: torch.Tensor) -> torch.Tensor:
        """PyTorch's, which subtracts the maximum first, as Caffe does."""
        return torch.softmax(bottoms[0], self.axis)


class Labelled(Layer):
    """A layer of scores and labels: the labels have the scores' shape without the axis of classes."""

    bottoms = (2, 2)

    def places(self, shapes: Sequence[Shape], axis: int) -> None:
        """Check that there is one label for each place."""
        scores, labels = shapes
        wanted = math.prod(scores) // scores[axis]
        if math.prod(labels) != wanted:
            raise self.fault(f"{wanted} labels are needed for scores of shape {scores}, not {labels}")

    def labels(self, blob: Blob, scores: torch.Tensor, ignored: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Labels as integers, N × 1 × the places, and which of them count; `Error` for one out of range."""
        shape = list(scores.shape)
        classes, shape[self.axis] = shape[self.axis], 1
        labels = blob.values.tensor.reshape(shape).long()
        counted = labels != ignored if ignored is not None else torch.ones_like(labels, dtype=torch.bool)
        wrong = counted & ((labels < 0) | (labels >= classes))
        if wrong.any():
            raise self.fault(
                f"a label is {int(labels[wrong][0])}, and the {classes} classes have labels 0 to {classes - 1}"
            )
        return torch.where(counted, labels, 0), counted

    axis: int


@register("SoftmaxWithLoss")
class SoftmaxWithLoss(Labelled):
    """−(1/M) Σ log p[label]; a second top is p.

    M by `normalization`: VALID (default) the labels that are not `ignore_label`, FULL all places, BATCH_SIZE the
    first axis, NONE 1; at least 1. The old `normalize: false` means BATCH_SIZE.
    """

    tops = (1, 2)
    loss_weights = (1.0,)
    automatic_tops = True
    forced_backward = (0,)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Axis, normalisation, the label to ignore."""
        message = self.message.loss_param
        self.axis = axis_of(self, self.message.softmax_param.axis, bottoms[0].shape)
        self.ignored = message.ignore_label if message.HasField("ignore_label") else None
        self.normalization = message.normalization
        if not message.HasField("normalization") and message.HasField("normalize"):
            self.normalization = message.VALID if message.normalize else message.BATCH_SIZE

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value, and the scores' shape."""
        self.places(bottoms, self.axis)
        return [(), bottoms[0]]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The probability of the label is not let below the least normal float, as in Caffe."""
        scores = bottoms[0].values.tensor
        self._labels, self._counted = self.labels(bottoms[1], scores, self.ignored)
        self._probability = torch.softmax(scores, self.axis)
        own = self._probability.gather(self.axis, self._labels)
        losses = own.clamp(min=torch.finfo(torch.float32).tiny).log_().neg_() * self._counted
        tops[0].values.replace(losses.sum() / self._normalizer())
        if len(tops) > 1:
            tops[1].values.replace(self._probability.clone())

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """(p − one-hot) · loss_weight / M, zero where the label is ignored."""
        if propagate[1]:
            raise self.fault("there is no gradient of labels")
        if propagate[0]:
            below = self._probability.clone()
            below.scatter_add_(self.axis, self._labels, -torch.ones_like(self._labels, dtype=below.dtype))
            below.mul_(self._counted).mul_(tops[0].gradient.tensor / self._normalizer())
            bottoms[0].gradient.replace(below)

    def _normalizer(self) -> float:
        message = self.message.loss_param
        count = {
            message.FULL: self._labels.numel(),
            message.BATCH_SIZE: len(self._labels),
            message.NONE: 1,
        }.get(self.normalization)
        return max(1.0, float(count if count is not None else self._counted.sum()))


@register("Accuracy")
class Accuracy(Labelled):
    """The share of places whose label is among the `top_k` best scores; a second top has it for each class.

    An equal score counts against the label, so that a constant net is right nowhere (unless top_k covers the ties).
    """

    tops = (1, 2)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Axis, top_k, the label to ignore."""
        message = self.message.accuracy_param
        self.axis = axis_of(self, message.axis, bottoms[0].shape)
        self.ignored = message.ignore_label if message.HasField("ignore_label") else None
        if message.top_k > bottoms[0].shape[self.axis]:
            raise self.fault(f"top_k {message.top_k} is more than the classes of {bottoms[0].shape}")

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value, and one a class."""
        self.places(bottoms, self.axis)
        return [(), (bottoms[0][self.axis],)]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Counts those whose score is at least the label's, the label's own among them."""
        scores = bottoms[0].values.tensor
        labels, counted = self.labels(bottoms[1], scores, self.ignored)
        best = (scores >= scores.gather(self.axis, labels)).sum(self.axis, keepdim=True)
        right = (best <= self.message.accuracy_param.top_k) & counted
        tops[0].values.replace((right.sum() / counted.sum()).to(torch.float32))
        if len(tops) > 1:
            classes = scores.shape[self.axis]
            all_of, right_of = (torch.bincount(labels[which], minlength=classes) for which in (counted, right))
            tops[1].values.replace(torch.where(all_of > 0, right_of / all_of, 0.0))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """There is none."""
        if any(propagate):
            raise self.fault("has no gradient")
