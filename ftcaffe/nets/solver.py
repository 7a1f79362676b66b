"""The solver of Table II: momentum 0.9, and a rate that falls by gamma 0.95 at the end of every epoch.

The paper gives neither weight decay nor batch size: 0.0005 is bvlc_alexnet's, and 128 is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ftcaffe.errors import Error
from ftcaffe.nets.depths import BASE_RATE
from ftcaffe.proto import caffe_pb2

MOMENTUM, GAMMA, WEIGHT_DECAY = 0.9, 0.95, 0.0005
MODES = ("cpu", "gpu")


@dataclass(frozen=True)
class Schedule:
    """When epochs end and what the rate is then.

    records : training patches, the paper's |X|.
    batch : patches an iteration, the paper's N; at most `records`.
    epochs : how many.
    base_rate : the rate of the first epoch.
    """

    records: int
    batch: int
    epochs: int
    base_rate: float = BASE_RATE

    def __post_init__(self) -> None:
        if min(self.records, self.batch, self.epochs) < 1:
            raise Error("records, batch and epochs must be at least 1")
        if self.batch > self.records:
            raise Error(
                f"a batch of {self.batch} is larger than the {self.records} training patches",
                remedy="choose a smaller --batch",
            )

    def epoch_end(self, epoch: int) -> int:
        """Iterations done when epoch `epoch` (from 1) ends: ⌈epoch · records / batch⌉."""
        return -(-epoch * self.records // self.batch)

    @property
    def iterations(self) -> int:
        """Iterations in all."""
        return self.epoch_end(self.epochs)

    def epoch(self, iteration: int) -> int:
        """Epochs that have ended after `iteration` iterations."""
        return iteration * self.batch // self.records

    def rate(self, iteration: int) -> float:
        """Rate of iteration `iteration` (from 0), before a layer's own `lr_mult`."""
        return self.base_rate * GAMMA ** self.epoch(iteration)


def solver(
    schedule: Schedule,
    *,
    net: str,
    prefix: str,
    seed: int,
    weights: str | None = None,
    snapshot: int | None = None,
    mode: str = "cpu",
) -> Any:
    """The SolverParameter of a run.

    Parameters
    ----------
    net : path of the train_val prototxt.
    prefix : path that snapshots' names begin with.
    seed : of fillers and dropout.
    weights : path of the pre-trained caffemodel, or None.
    snapshot : iterations between snapshots; None is once an epoch (rounded up).
    mode : ``cpu`` or ``gpu``.
    """
    message = caffe_pb2.SolverParameter(net=net, type="SGD")
    if weights is not None:
        message.weights.append(weights)
    message.base_lr, message.momentum, message.weight_decay = schedule.base_rate, MOMENTUM, WEIGHT_DECAY
    message.gamma = GAMMA
    if schedule.records % schedule.batch == 0:
        message.lr_policy, message.stepsize = "step", schedule.epoch_end(1)
    else:  # an epoch is no whole number of iterations: a fixed step would drift away from the epochs' ends
        message.lr_policy = "multistep"
        message.stepvalue.extend(schedule.epoch_end(epoch) for epoch in range(1, schedule.epochs))
    message.max_iter, message.display = schedule.iterations, 0
    message.snapshot, message.snapshot_prefix = snapshot or schedule.epoch_end(1), prefix
    message.random_seed = seed
    message.solver_mode = message.GPU if mode == "gpu" else message.CPU
    return message
