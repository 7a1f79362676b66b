"""Weights of losses: shown, kept in the gradients of tops, changed there, and overwritten by a layer in place."""

import json

import caffe
import numpy as np

DATA = """
force_backward: true
layer { name: "x" type: "Input" top: "x" top: "y" input_param { shape { dim: 4 dim: 5 } shape { dim: 4 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
"""
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "y" top: "loss" }'
POWER = 'layer { name: "%s" type: "Power" bottom: "loss" top: "%s" power_param { scale: %g } %s }'
NETS = {
    "implied": LOSS,
    "values": 'layer { name: "tanh" type: "TanH" bottom: "ip" top: "t" loss_weight: 0.5 }'
    ' layer { name: "quiet" type: "Silence" bottom: "y" }',
    "in_place": LOSS + POWER % ("double", "loss", 2, ""),
    "weighted_in_place": LOSS + POWER % ("double", "loss", 2, "loss_weight: 5"),
    "above_in_place": LOSS + POWER % ("double", "loss", 2, "") + POWER % ("triple", "z", 3, "loss_weight: 7"),
}

caffe.set_mode_cpu()
random = np.random.RandomState(3)
x, y = random.randn(4, 5), random.randint(0, 3, 4)
found = {}
for name, layers in NETS.items():
    with open("weighted.prototxt", "w", encoding="utf-8") as f:
        f.write(DATA + layers)
    caffe.set_random_seed(4)
    net = caffe.Net("weighted.prototxt", caffe.TRAIN)
    net.blobs["x"].data[...], net.blobs["y"].data[...] = x, y
    last, top = len(net.layers) - 1, list(net.blobs)[-1]
    passes = [net.blobs[top].diff.tolist()]
    for step in range(4):
        if step == 3:
            net.blobs[top].diff[...] = 11
        loss = net._forward(0, last)
        weights = net.blobs[top].diff.tolist()
        net._backward(last, 0)
        passes.append([loss, weights, net.blobs[top].diff.tolist(), net.blobs["x"].diff.tolist()])
    found[name] = {"shown": list(net.blob_loss_weights.items()), "passes": passes}

print(json.dumps(found))
