"""What each layer's learning rate really is: the question that base_lr and lr_mult leave open."""

from __future__ import annotations

from typing import Any


def table(solver: Any, net: Any, live: Any) -> str:
    """Rate and decay of each layer's weights and biases as they act in the first epoch, and what is trainable.

    Parameters
    ----------
    solver, net : SolverParameter and NetParameter.
    live : the net as pycaffe holds it, for the counts of parameters.
    """
    specs = {layer.name: layer.param for layer in net.layer}
    lines = [f"{'layer':<16}{'parameters':>12}{'rate':>10}{'decay':>10}{'bias rate':>12}{'bias decay':>12}"]
    trainable = total = 0
    for name, blobs in live.params.items():
        counts = [blob.count for blob in blobs]
        cells = []
        for index, count in enumerate(counts):
            rate_multiple = specs[name][index].lr_mult if index < len(specs[name]) else 1.0
            decay_multiple = specs[name][index].decay_mult if index < len(specs[name]) else 1.0
            cells += [solver.base_lr * rate_multiple, solver.weight_decay * decay_multiple]
            total += count
            trainable += count if rate_multiple else 0
        widths = (10, 10, 12, 12)
        row = "".join(f"{cell:>{width}.4g}" for cell, width in zip(cells, widths, strict=False))
        lines.append(f"{name:<16}{sum(counts):>12,}{row}")
    lines.append(f"{trainable:,} of {total:,} parameters are trained")
    return "\n".join(lines)
