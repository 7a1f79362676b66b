"""Sums for each channel, axis 1, over all other axes."""

from __future__ import annotations

import math

import torch

# Values of a channel that are summed one after the other on a CPU, so that float32 keeps the sums to six digits.
_RUN = 4096


def products(left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Σ left · right and Σ left of each channel, in one pass over both and without an array of products.

    It is the gradient of a scale and of a bias that PyTorch's batch normalisation takes here, of mean 0 and
    deviation 1. It adds up rows of a channels-last array one by one, hence the runs.
    """
    zero, one = left.new_zeros(left.shape[1]), left.new_ones(left.shape[1])
    images = max(1, _RUN // math.prod(left.shape[2:])) if left.device.type == "cpu" else len(left)
    sums = [
        torch.ops.aten.native_batch_norm_backward(
            above, x, one, zero, one, zero, one, False, 0.0, (False, True, True)
        )[1:]
        for above, x in zip(left.split(images), right.split(images), strict=True)
    ]
    if len(sums) == 1:
        return sums[0]
    of_products, of_left = (torch.stack(column).sum(0) for column in zip(*sums, strict=True))
    return of_products, of_left


def spread(channels: torch.Tensor, axes: int) -> torch.Tensor:
    """A value a channel, shaped to broadcast over an array of so many axes."""
    return channels.view(-1, *(1,) * (axes - 2))
