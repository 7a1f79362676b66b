"""A classifier cast to a fully convolutional net: its fully connected weights become convolutions."""

import json

import caffe
import numpy as np

HEAD = """
input: "data" input_dim: 1 input_dim: 3 input_dim: %d input_dim: %d
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_size: 5 stride: 2 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
"""
CLASSIFIER = """
layer { name: "fc2" type: "InnerProduct" bottom: "pool1" top: "fc2"
  inner_product_param { num_output: 12 weight_filler { type: "xavier" }
    bias_filler { type: "constant" value: 0.1 } } }
layer { name: "relu2" type: "ReLU" bottom: "fc2" top: "fc2" }
layer { name: "fc3" type: "InnerProduct" bottom: "fc2" top: "fc3"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "fc3" top: "prob" }
"""
CONVOLUTIONAL = """
layer { name: "fc2-conv" type: "Convolution" bottom: "pool1" top: "fc2-conv"
  convolution_param { num_output: 12 kernel_size: 6 } }
layer { name: "relu2" type: "ReLU" bottom: "fc2-conv" top: "fc2-conv" }
layer { name: "fc3-conv" type: "Convolution" bottom: "fc2-conv" top: "fc3-conv"
  convolution_param { num_output: 5 kernel_size: 1 } }
layer { name: "prob" type: "Softmax" bottom: "fc3-conv" top: "prob" }
"""
with open("classifier.prototxt", "w", encoding="utf-8") as f:
    f.write(HEAD % (29, 29) + CLASSIFIER)
with open("convolutional.prototxt", "w", encoding="utf-8") as f:
    f.write(HEAD % (61, 53) + CONVOLUTIONAL)

caffe.set_mode_cpu()
caffe.set_random_seed(11)
net = caffe.Net("classifier.prototxt", caffe.TEST)
net.save("classifier.caffemodel")

net = caffe.Net("classifier.prototxt", "classifier.caffemodel", caffe.TEST)
params = ["fc2", "fc3"]
fc_params = {pr: (net.params[pr][0].data, net.params[pr][1].data) for pr in params}

net_full_conv = caffe.Net("convolutional.prototxt", "classifier.caffemodel", caffe.TEST)
params_full_conv = ["fc2-conv", "fc3-conv"]
conv_params = {pr: (net_full_conv.params[pr][0].data, net_full_conv.params[pr][1].data) for pr in params_full_conv}
shapes = [list(conv_params[pr][0].shape) for pr in params_full_conv]

for pr, pr_conv in zip(params, params_full_conv):
    conv_params[pr_conv][0].flat = fc_params[pr][0].flat  # flat unrolls the arrays
    conv_params[pr_conv][1][...] = fc_params[pr][1]
net_full_conv.save("convolutional.caffemodel")

image = np.random.RandomState(0).uniform(-1, 1, (3, 61, 53))
out = net_full_conv.forward_all(data=np.asarray([image]))
again = caffe.Net("convolutional.prototxt", "convolutional.caffemodel", caffe.TEST)
again.blobs["data"].data[...] = image
corner = net.forward(data=image[None, :, :29, :29])["prob"]

print(
    json.dumps(
        {
            "shapes": shapes,
            "map": out["prob"][0].argmax(axis=0).tolist(),
            "prob": out["prob"].tolist(),
            "again": again.forward()["prob"].tolist(),
            "corner": corner.tolist(),
        }
    )
)
