"""Training from `random_seed` alone: fillers, crops, mirrors, dropout masks and drawn data are the original's."""

from __future__ import annotations

from typing import Any

LENET = """
layer {
  name: "data" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.01 mean_value: 100 crop_size: 60 mirror: true }
  data_param { source: "records.lmdb" batch_size: 8 backend: LMDB }
}
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_size: 5 stride: 3 weight_filler { type: "gaussian" std: 0.05 } }
}
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }
layer {
  name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
  convolution_param { num_output: 12 kernel_size: 3 weight_filler { type: "msra" } }
}
layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2" pooling_param { kernel_size: 2 stride: 2 } }
layer {
  name: "ip1" type: "InnerProduct" bottom: "pool2" top: "ip1"
  inner_product_param {
    num_output: 30 weight_filler { type: "gaussian" std: 0.1 sparse: 15 } bias_filler { type: "uniform" max: 0.1 }
  }
}
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "drop1" type: "Dropout" bottom: "ip1" top: "ip1" dropout_param { dropout_ratio: 0.4 } }
layer {
  name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" variance_norm: AVERAGE } }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""

DRAWN = """
layer {
  name: "data" type: "DummyData" top: "data" top: "wanted"
  dummy_data_param {
    shape { dim: 9 dim: 7 } shape { dim: 9 dim: 3 } data_filler { type: "gaussian" } data_filler { type: "uniform" }
  }
}
layer {
  name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 20 weight_filler { type: "msra" } bias_filler { type: "positive_unitball" } }
}
layer { name: "drop1" type: "Dropout" bottom: "ip1" top: "ip1" }
layer {
  name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" variance_norm: FAN_OUT } }
}
layer { name: "loss" type: "EuclideanLoss" bottom: "ip2" bottom: "wanted" top: "loss" }
"""


def cases() -> dict[str, dict[str, Any]]:
    """Solvers by name."""
    rule = 'base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.001'
    test = "test_iter: 2 test_interval: 7"
    seeded = {"rule": rule, "iterations": 20, "keep_fillers": True}
    return {
        "seeded-lenet": {"net": LENET, **seeded},
        "seeded-lenet-with-a-test-net": {"net": LENET, **seeded, "more": test},
        "seeded-drawn-data": {"net": DRAWN, **seeded},
    }
