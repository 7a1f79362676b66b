"""Table II: how deep each row tunes, as a learning rate for the weights of every layer.

Source: Tajbakhsh et al., IEEE TMI 35(5), 2016, Table II. Biases learn at twice the rate of the weights.
"""

from __future__ import annotations

from ftcaffe.errors import Error

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")

# fmt: off
DEPTHS: dict[str, tuple[float, ...]] = {
    #            conv1  conv2  conv3  conv4  conv5  fc6    fc7    fc8
    "conv1-fc8": (.001,  .001,  .001,  .001,  .001,  .001,  .001,  .001),
    "conv2-fc8": (.0,    .001,  .001,  .001,  .001,  .001,  .001,  .001),
    "conv3-fc8": (.0,    .0,    .001,  .001,  .001,  .001,  .001,  .001),
    "conv4-fc8": (.0,    .0,    .0,    .001,  .001,  .001,  .001,  .001),
    "conv5-fc8": (.0,    .0,    .0,    .0,    .001,  .001,  .001,  .001),
    "fc6-fc8":   (.0,    .0,    .0,    .0,    .0,    .001,  .001,  .01),
    "fc7-fc8":   (.0,    .0,    .0,    .0,    .0,    .0,    .001,  .01),
    "fc8":       (.0,    .0,    .0,    .0,    .0,    .0,    .0,    .01),
    "scratch":   (.001,  .001,  .001,  .001,  .001,  .001,  .001,  .001),
}
# fmt: on

BASE_RATE = 0.001
"""The solver's `base_lr`; a layer's `lr_mult` is its rate in Table II over this."""

BIAS_RATE = 2.0
"""Rate of a bias over that of its layer's weights."""


def rates(depth: str) -> dict[str, float]:
    """Learning rate of the weights of each layer at a depth; `Error` naming the depths when it is none."""
    if depth not in DEPTHS:
        raise Error(f"no depth '{depth}'", remedy=f"there are: {', '.join(DEPTHS)}")
    return dict(zip(LAYERS, DEPTHS[depth], strict=True))


def pretrained(depth: str) -> bool:
    """Whether a depth starts from pre-trained weights."""
    return depth != "scratch"
