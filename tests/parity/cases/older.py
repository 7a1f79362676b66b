"""Nets of older forms: V0 with padding layers, V1, input fields, BatchNorm that names its sums."""

from __future__ import annotations

from parity.nets import TEST, TRAIN, Cases

INPUT = 'force_backward: true input: "x" input_dim: 2 input_dim: 3 input_dim: 9 input_dim: 8\n'
V0 = (
    INPUT
    + """
layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "x" top: "p" }
layers { layer { name: "conv" type: "conv" num_output: 4 kernelsize: 5 stride: 2 group: 1 blobs_lr: 1 blobs_lr: 2
  weight_filler { type: "gaussian" std: 0.1 } } bottom: "p" top: "c" }
layers { layer { name: "relu" type: "relu" } bottom: "c" top: "c" }
layers { layer { name: "pool" type: "pool" pool: AVE kernelsize: 3 stride: 2 } bottom: "c" top: "m" }
layers { layer { name: "norm" type: "lrn" local_size: 3 alpha: 0.01 beta: 0.5 } bottom: "m" top: "n" }
layers { layer { name: "ip" type: "innerproduct" num_output: 3 biasterm: false } bottom: "n" top: "i" }
layers { layer { name: "prob" type: "softmax" } bottom: "i" top: "y" }
"""
)
V1 = (
    INPUT
    + """
layers { name: "conv" type: CONVOLUTION bottom: "x" top: "c" blobs_lr: 0 blobs_lr: 1 weight_decay: 1
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layers { name: "drop" type: DROPOUT bottom: "c" top: "c" include { phase: TRAIN } }
layers { name: "a" type: INNER_PRODUCT bottom: "c" top: "a" param: "w" param: "b"
  inner_product_param { num_output: 5 } }
layers { name: "b" type: INNER_PRODUCT bottom: "c" top: "b" param: "w" param: "b"
  inner_product_param { num_output: 5 } }
layers { name: "sum" type: ELTWISE bottom: "a" bottom: "b" top: "s" eltwise_param { coeff: 1 coeff: -0.5 } }
layers { name: "tanh" type: TANH bottom: "s" top: "y" }
"""
)
BATCH_NORM = (
    INPUT
    + """
layer { name: "norm" type: "BatchNorm" bottom: "x" top: "y" param { lr_mult: 1 }
  param { lr_mult: 1 } param { lr_mult: 1 } }
"""
)


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    # The rounding of float32 adds up over seven layers, and over two of the same weights that all but cancel.
    for name, text, tolerance in (("v0", V0, 1e-5), ("v1", V1, 1e-5), ("batch-norm", BATCH_NORM, 1e-6)):
        for phase in (TRAIN, TEST):
            case = {"text": text, "phase": phase, "seed": 1, "tolerance": tolerance}
            found[f"{name}-{'test' if phase else 'train'}"] = case
    return found
