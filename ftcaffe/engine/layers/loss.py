"""Losses on labels, Softmax and Accuracy; `losses` has those on targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, axis_of, register
from ftcaffe.proto import caffe_pb2, read_binary

LEAST_PROBABILITY = 1e-20  # below which InfogainLoss and MultinomialLogisticLoss take no logarithm


class Loss(Layer):
    """A value to make small, of predictions and labels or targets. Its weight in the net's loss is 1 unless given."""

    bottoms: tuple[int, int | None] = (2, 2)
    loss_weights = (1.0,)
    automatic_tops = True
    forced_backward: tuple[int, ...] | None = (0,)
    labels_at = 1  # the first bottom that no gradient flows to

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Caffe wants the weight of each top as soon as there are two."""
        if len(self.message.top) > 1 and not self.message.loss_weight:
            raise self.fault(f"loss_weight is needed for each of {len(self.message.top)} tops: 1 and 0 are usual")

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value."""
        if not bottoms[0] or not bottoms[1]:
            raise self.fault(f"bottoms of shapes {bottoms[0]} and {bottoms[1]}, and the first axis is the batch")
        if bottoms[0][:1] != bottoms[1][:1]:
            raise self.fault(f"bottoms of shapes {bottoms[0]} and {bottoms[1]} differ in their first axis")
        return [()]

    def check_propagation(self, propagate: Sequence[bool]) -> None:
        """`Error` where a gradient is wanted below labels."""
        for name, wanted in list(zip(self.message.bottom, propagate, strict=True))[self.labels_at :]:
            if wanted:
                raise self.fault(
                    f"cannot send a gradient to '{name}'; propagate_down: false for that bottom spares it"
                )


class Normalization:
    """What a sum over places is divided by: `LossParameter.normalization`, at least 1.

    VALID counts the places that are not ignored, FULL all, BATCH_SIZE the axes before the classes, NONE is 1. The
    old `normalize` says VALID or, when false, BATCH_SIZE; `normalization` overrules it.
    """

    def __init__(self, message: Any, default: int = caffe_pb2.LossParameter.VALID) -> None:
        self.mode = message.normalization if message.HasField("normalization") else default
        if not message.HasField("normalization") and message.HasField("normalize"):
            self.mode = message.VALID if message.normalize else message.BATCH_SIZE

    def of(self, outer: int, places: int, counted: torch.Tensor | None) -> float:
        """The divisor for `outer` of the axes before the classes, and which of the places count (None: all)."""
        if self.mode == caffe_pb2.LossParameter.VALID and counted is not None:
            return max(1.0, float(counted.sum()))
        if self.mode == caffe_pb2.LossParameter.BATCH_SIZE:
            return max(1.0, float(outer))
        return 1.0 if self.mode == caffe_pb2.LossParameter.NONE else max(1.0, float(places))


def check_places(layer: Layer, scores: Shape, axis: int, labels: Shape) -> None:
    """`Error` unless there is a label for each place of the scores."""
    wanted = math.prod(scores) // max(1, scores[axis])
    if math.prod(labels) != wanted:
        raise layer.fault(f"{wanted} labels are needed for scores of shape {scores}, not {labels}")


def read_labels(
    layer: Layer, labels: torch.Tensor, scores: torch.Tensor, axis: int, ignored: int | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Labels as integers, of the scores' shape but 1 at `axis`, and which count (None: all); those that do not are 0.

    Caffe cuts the fraction off, and reads beyond its memory for a label out of range: here that is an `Error`.
    """
    shape = list(scores.shape)
    classes, shape[axis] = shape[axis], 1
    labels = labels.reshape(shape).long()
    counted = None
    if ignored is not None:
        counted = labels != ignored
        labels = labels.where(counted, 0)
    if labels.numel():
        for label in map(int, labels.aminmax()):
            if not 0 <= label < classes:
                raise layer.fault(f"a label is {label}, and the {classes} classes have labels 0 to {classes - 1}")
    return labels, counted


@register("Softmax")
class Softmax(Layer):
    """top = exp(bottom) / Σ exp(bottom) along `axis`."""

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The axis."""
        self.axis = axis_of(self, self.message.softmax_param.axis, bottoms[0].shape)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """The bottom's."""
        return bottoms

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """PyTorch's, which subtracts the maximum first, as Caffe does."""
        tops[0].values.replace(torch.softmax(bottoms[0].values.tensor, self.axis))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """p · (g − Σ g · p), from the top as it stands."""
        if propagate[0]:
            p, above = tops[0].values.tensor, tops[0].gradient.tensor
            bottoms[0].gradient.replace((above - (above * p).sum(self.axis, keepdim=True)).mul_(p))


class SoftmaxLoss(Loss):
    """Losses of the softmax p of scores along an axis, with a label for each place; a second top is p."""

    tops = (1, 2)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Normalisation, and the label to ignore."""
        super().setup(bottoms)
        message = self.message.loss_param
        self.ignored = message.ignore_label if message.HasField("ignore_label") else None
        self.normalization = Normalization(message)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value, and the scores' shape."""
        self.axis = axis_of(self, self.class_axis(), bottoms[0])
        check_places(self, bottoms[0], self.axis, bottoms[1])
        return [*super().shapes(bottoms), bottoms[0]]

    def class_axis(self) -> int:
        """The axis of the classes."""
        raise NotImplementedError

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The sum of `losses` over the places that count, normalised."""
        scores = bottoms[0].values.tensor
        self._labels, self._counted = read_labels(self, bottoms[1].values.tensor, scores, self.axis, self.ignored)
        self._probability = torch.softmax(scores, self.axis)
        losses = self.losses(bottoms)
        if self._counted is not None:
            losses.masked_fill_(~self._counted, 0)
        outer = math.prod(scores.shape[: self.axis])
        self._divisor = self.normalization.of(outer, self._labels.numel(), self._counted)
        tops[0].values.replace(losses.sum() / self._divisor)
        if len(tops) > 1:
            tops[1].values.replace(self._probability.clone())

    def losses(self, bottoms: Sequence[Blob]) -> torch.Tensor:
        """The loss of each place, of the labels' shape."""
        raise NotImplementedError

    def slopes(self, bottoms: Sequence[Blob]) -> torch.Tensor:
        """The gradient of each score, in a tensor of its own."""
        raise NotImplementedError

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """`slopes` · loss_weight / normalisation, zero where the label is ignored; none from the second top."""
        self.check_propagation(propagate)
        if propagate[0]:
            below = self.slopes(bottoms)
            if self._counted is not None:
                below.masked_fill_(~self._counted, 0)
            bottoms[0].gradient.replace(below.mul_(tops[0].gradient.tensor / self._divisor))


@register("SoftmaxWithLoss")
class SoftmaxWithLoss(SoftmaxLoss):
    """−Σ log p[label], normalised; p is not let below the least normal float."""

    def class_axis(self) -> int:
        """That of `softmax_param`."""
        return self.message.softmax_param.axis

    def losses(self, bottoms: Sequence[Blob]) -> torch.Tensor:
        """−log p[label]."""
        own = self._probability.gather(self.axis, self._labels)
        return own.clamp_(min=torch.finfo(torch.float32).tiny).log_().neg_()

    def slopes(self, bottoms: Sequence[Blob]) -> torch.Tensor:
        """p − one-hot."""
        return self._probability.scatter_add(
            self.axis, self._labels, self._probability.new_full((), -1.0).expand(self._labels.shape)
        )


@register("InfogainLoss")
class InfogainLoss(SoftmaxLoss):
    """−Σ Σⱼ H[label, j] log pⱼ, normalised; H is read from the BlobProto `source`, or is the third bottom.

    p is the softmax of the scores, as since 2016; before, the bottom was p itself.
    """

    bottoms = (2, 3)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The matrix of the file."""
        super().setup(bottoms)
        if self.message.loss_param.HasField("normalize"):
            raise self.fault("does not know the old 'normalize'; use 'normalization'")
        if len(bottoms) < 3:
            message = self.message.infogain_loss_param
            if not message.HasField("source"):
                raise self.fault("needs the matrix H: a third bottom or infogain_loss_param { source: FILE }")
            blob = read_binary(message.source, caffe_pb2.BlobProto)
            self._matrix = torch.tensor(blob.double_data or blob.data, dtype=torch.float32)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value, and the scores' shape; H has classes × classes values, of any shape."""
        tops = super().shapes(bottoms)
        classes = bottoms[0][self.axis]
        shape = bottoms[2] if len(bottoms) > 2 else tuple(self._matrix.shape)
        if math.prod(shape) != classes**2:
            raise self.fault(f"the matrix H has shape {shape}, and there are {classes} classes")
        return tops

    def class_axis(self) -> int:
        """That of `infogain_loss_param`."""
        return self.message.infogain_loss_param.axis

    def losses(self, bottoms: Sequence[Blob]) -> torch.Tensor:
        """−Σⱼ H[label, j] log pⱼ."""
        gains = self._gains(bottoms)
        return gains.mul_(self._probability.clamp(min=LEAST_PROBABILITY).log_()).sum(self.axis, keepdim=True).neg_()

    def slopes(self, bottoms: Sequence[Blob]) -> torch.Tensor:
        """p · Σⱼ H[label, j] − H[label]."""
        gains = self._gains(bottoms)
        return self._probability * gains.sum(self.axis, keepdim=True) - gains

    def _gains(self, bottoms: Sequence[Blob]) -> torch.Tensor:
        """H's row of each label, along the axis of the classes."""
        classes = self._probability.shape[self.axis]
        matrix = bottoms[2].values.tensor if len(bottoms) > 2 else self._matrix.to(self._labels.device)
        return matrix.reshape(classes, classes)[self._labels.squeeze(self.axis)].movedim(-1, self.axis)


def _rows(tensor: torch.Tensor) -> torch.Tensor:
    """N × all other axes."""
    return tensor.reshape(len(tensor), -1)


class FlatLoss(Loss):
    """Losses of N × all other axes, with a label for each of N."""

    def labels(self, bottoms: Sequence[Blob]) -> tuple[torch.Tensor, torch.Tensor]:
        """Predictions N × classes, and labels N × 1; of more labels the first N are read, as in Caffe."""
        scores = _rows(bottoms[0].values.tensor)
        labels, _ = read_labels(self, bottoms[1].values.tensor.flatten()[: len(scores)], scores, 1, None)
        return scores, labels


@register("MultinomialLogisticLoss")
class MultinomialLogisticLoss(FlatLoss):
    """−(1/N) Σ log max(bottom[label], 1e-20): the bottom is probabilities already."""

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value."""
        if math.prod(bottoms[1][1:]) != 1:
            raise self.fault(f"labels of shape {bottoms[1]}: one is needed for each of {bottoms[0][0]}")
        return super().shapes(bottoms)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The mean over the first axis."""
        scores, self._labels = self.labels(bottoms)
        self._own = scores.gather(1, self._labels).clamp_(min=LEAST_PROBABILITY)
        tops[0].values.replace(self._own.log().sum() / -len(scores))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """−loss_weight / (N · p) at the label, also where p stood below the threshold; zero elsewhere."""
        self.check_propagation(propagate)
        if propagate[0]:
            slopes = (tops[0].gradient.tensor / -len(self._own)) / self._own
            below = torch.zeros_like(_rows(bottoms[0].values.tensor)).scatter_(1, self._labels, slopes)
            bottoms[0].gradient.replace(below.view(bottoms[0].shape))


@register("HingeLoss")
class HingeLoss(FlatLoss):
    """(1/N) Σ m (`norm` L1) or (1/N) Σ m² (L2), with m = max(0, 1 − δ · bottom), δ = 1 at the label and −1 elsewhere.

    The margins m are kept in the bottom's gradient from the forward pass on, as in Caffe.
    """

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The norm of the margins."""
        scores, self._labels = self.labels(bottoms)
        margins = self._flip(scores.clone()).add_(1).clamp_(min=0)
        squared = self.message.hinge_loss_param.norm == caffe_pb2.HingeLossParameter.L2
        tops[0].values.replace((margins.square() if squared else margins).sum() / len(scores))
        bottoms[0].gradient.replace(margins.view(bottoms[0].shape))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """−δ where the margin is not zero (L1), −2 δ m (L2), times loss_weight / N."""
        self.check_propagation(propagate)
        if propagate[0]:
            margins = self._flip(_rows(bottoms[0].gradient.tensor))
            weight = tops[0].gradient.tensor / len(margins)
            squared = self.message.hinge_loss_param.norm == caffe_pb2.HingeLossParameter.L2
            below = margins * (weight * 2) if squared else margins.sign() * weight
            bottoms[0].gradient.replace(below.view(bottoms[0].shape))

    def _flip(self, values: torch.Tensor) -> torch.Tensor:
        """The sign changed at the labels, in place."""
        return values.scatter_(1, self._labels, -values.gather(1, self._labels))


@register("Accuracy")
class Accuracy(Layer):
    """The share of places whose label is among the `top_k` best scores; a second top has it for each class.

    An equal score counts against the label, so that a constant net is right nowhere (unless top_k covers the ties).
    Where no place counts, the share is 0.
    """

    bottoms = (2, 2)
    tops = (1, 2)

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """The label to ignore."""
        message = self.message.accuracy_param
        self.ignored = message.ignore_label if message.HasField("ignore_label") else None

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value, and one a class."""
        message = self.message.accuracy_param
        self.axis = axis_of(self, message.axis, bottoms[0])
        check_places(self, bottoms[0], self.axis, bottoms[1])
        if message.top_k > bottoms[0][self.axis]:
            raise self.fault(f"top_k {message.top_k} is more than the classes of {bottoms[0]}")
        return [(), (bottoms[0][self.axis],)]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Counts those whose score is at least the label's, the label's own among them."""
        scores = bottoms[0].values.tensor
        labels, counted = read_labels(self, bottoms[1].values.tensor, scores, self.axis, self.ignored)
        best = (scores >= scores.gather(self.axis, labels)).sum(self.axis, keepdim=True)
        right = best <= self.message.accuracy_param.top_k
        if counted is not None:
            labels, right = labels[counted], right[counted]
        tops[0].values.replace(right.sum(dtype=torch.float32) / max(1, labels.numel()))
        if len(tops) > 1:
            classes = scores.shape[self.axis]
            all_of, right_of = (torch.bincount(of.flatten(), minlength=classes) for of in (labels, labels[right]))
            tops[1].values.replace(right_of / all_of.clamp(min=1))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """There is none."""
        if any(propagate):
            raise self.fault("has no gradient")
