"""Losses on targets of the predictions' own size: Euclidean, contrastive, sigmoid cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Shape, register
from ftcaffe.engine.layers.loss import Loss, Normalization
from ftcaffe.proto import caffe_pb2


@register("EuclideanLoss")
class EuclideanLoss(Loss):
    """(1/2N) Σ (bottom₀ − bottom₁)²; both bottoms may learn."""

    forced_backward = None
    labels_at = 2

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value; the bottoms have as many values, in whatever axes."""
        if math.prod(bottoms[0][1:]) != math.prod(bottoms[1][1:]):
            raise self.fault(f"bottoms of shapes {bottoms[0]} and {bottoms[1]} differ in size")
        return super().shapes(bottoms)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Half the mean over the first axis."""
        first = bottoms[0].values.tensor
        self._difference = first - bottoms[1].values.tensor.reshape(first.shape)
        tops[0].values.replace(self._difference.square().sum() / (2 * len(first)))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """± the difference · loss_weight / N."""
        for bottom, wanted, sign in zip(bottoms, propagate, (1, -1), strict=True):
            if wanted:
                below = self._difference * (tops[0].gradient.tensor * sign / len(self._difference))
                bottom.gradient.replace(below.reshape(bottom.shape))


@register("ContrastiveLoss")
class ContrastiveLoss(Loss):
    """(1/2N) Σ (y d² + (1 − y) max(0, margin − d)²), with d = ‖bottom₀ − bottom₁‖ and the similarity y ∈ {0, 1}.

    `legacy_version` has max(0, margin − d²) for pairs that are not similar.
    """

    bottoms = (3, 3)
    forced_backward = (0, 1)
    labels_at = 2

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value, of N × channels twice and N."""
        first, second, similar = bottoms
        if len(first) < 1 or first[:2] != second[:2] or math.prod(first[2:]) != 1 or math.prod(second[2:]) != 1:
            raise self.fault(f"bottoms of shapes {first} and {second} are not both N × channels")
        if math.prod(similar[1:]) != 1 or math.prod(similar) < first[0]:
            raise self.fault(f"similarities of shape {similar} for {first[0]} pairs")
        return super().shapes(bottoms)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Half the mean over the pairs; the similarity is a whole number, its fraction cut off."""
        message = self.message.contrastive_loss_param
        count = bottoms[0].shape[0]
        first, second = (bottom.values.tensor.reshape(count, -1) for bottom in bottoms[:2])
        self._difference = first - second
        squared = self._difference.square().sum(1)
        self._similar = bottoms[2].values.tensor.flatten()[:count].trunc() != 0
        self._distance = squared.sqrt()
        self._gap = (message.margin - (squared if message.legacy_version else self._distance)).clamp_(min=0)
        apart = self._gap if message.legacy_version else self._gap.square()
        tops[0].values.replace(torch.where(self._similar, squared, apart).sum() / (2 * count))

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """± the difference · loss_weight / N, times −(margin − d) / (d + 1e-4), or −1 (legacy), for pairs apart."""
        self.check_propagation(propagate)
        if self.message.contrastive_loss_param.legacy_version:
            apart = (self._gap > 0).to(self._gap.dtype)
        else:
            apart = self._gap / (self._distance + 1e-4)
        weight = tops[0].gradient.tensor / len(self._difference)
        below = self._difference * (torch.where(self._similar, 1, -apart) * weight).unsqueeze(1)
        for bottom, wanted, sign in zip(bottoms, propagate, (1, -1, 0), strict=True):
            if wanted:
                bottom.gradient.replace((below * sign).view(bottom.shape))


@register("SigmoidCrossEntropyLoss")
class SigmoidCrossEntropyLoss(Loss):
    """−Σ t log σ(x) + (1 − t) log(1 − σ(x)), normalised: by BATCH_SIZE, N, unless `loss_param` says otherwise.

    A target is ignored whose whole part is `ignore_label`: with ignore_label 0, a target of 0.9 is.
    """

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """Normalisation, and the target to ignore."""
        super().setup(bottoms)
        self.normalization = Normalization(self.message.loss_param, caffe_pb2.LossParameter.BATCH_SIZE)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """One value; the bottoms have as many values, in whatever axes."""
        if math.prod(bottoms[0]) != math.prod(bottoms[1]):
            raise self.fault(f"bottoms of shapes {bottoms[0]} and {bottoms[1]} differ in size")
        return super().shapes(bottoms)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """max(0, x) − x t + log(1 + exp(−|x|)), which does not overflow."""
        message = self.message.loss_param
        x = bottoms[0].values.tensor
        self._targets = bottoms[1].values.tensor.reshape(x.shape)
        losses = functional.binary_cross_entropy_with_logits(x, self._targets, reduction="none")
        self._counted = None
        if message.HasField("ignore_label"):
            self._counted = self._targets.trunc() != message.ignore_label
            losses.masked_fill_(~self._counted, 0)
        self._divisor = self.normalization.of(len(x), x.numel(), self._counted)
        self._sigmoid = x.sigmoid()
        tops[0].values.replace(losses.sum() / self._divisor)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """(σ(x) − t) · loss_weight / normalisation, zero where the target is ignored."""
        self.check_propagation(propagate)
        if propagate[0]:
            below = self._sigmoid - self._targets
            if self._counted is not None:
                below.masked_fill_(~self._counted, 0)
            bottoms[0].gradient.replace(below.mul_(tops[0].gradient.tensor / self._divisor))
