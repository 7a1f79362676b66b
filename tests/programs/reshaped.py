"""A net whose input changes its size from image to image, forward and backward, part by part."""

import json

import caffe
import numpy as np

with open("reshaped.prototxt", "w", encoding="utf-8") as f:
    f.write(
        """
        name: "reshaped" force_backward: true
        input: "data" input_shape { dim: 1 dim: 3 dim: 20 dim: 20 }
        layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
          convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "msra" } } }
        layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
        layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
          pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
        layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
          convolution_param { num_output: 5 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
        layer { name: "up" type: "Deconvolution" bottom: "conv2" top: "up"
          convolution_param { num_output: 5 kernel_size: 4 stride: 2 group: 5 bias_term: false
            weight_filler { type: "bilinear" } } }
        layer { name: "crop" type: "Crop" bottom: "up" bottom: "data" top: "score"
          crop_param { axis: 2 offset: 1 } }
        """
    )
caffe.set_mode_cpu()
caffe.set_random_seed(4)
net = caffe.Net("reshaped.prototxt", caffe.TEST)
random = np.random.RandomState(2)
found = {}
for height, width, batch in ((20, 20, 1), (14, 31, 2), (40, 22, 1)):
    image = random.uniform(-1, 1, (batch, 3, height, width))
    net.blobs["data"].reshape(*image.shape)
    net.reshape()
    net.blobs["data"].data[...] = image
    out = net.forward()["score"]
    before = net.blobs["pool1"].data.copy()
    net.blobs["score"].diff[...] = (out == out.max(axis=1, keepdims=True)) * 1.0
    net.backward()
    diff = net.blobs["data"].diff.copy()
    # From the middle: the objective is what the layer shows itself.
    net.forward(end="conv2")
    net.blobs["conv2"].diff[...] = net.blobs["conv2"].data
    ascent = net.backward(start="conv2", diffs=["pool1"])
    net.blobs["pool1"].data[...] = before * 0.5
    part = net.forward(start="conv2", end="conv2", blobs=["up"])
    found["%dx%d" % (height, width)] = {
        "shape": list(out.shape),
        "score": out[:, :, ::4, ::4].tolist(),
        "diff": diff[:, :, ::4, ::4].tolist(),
        "ascent": ascent["data"][:, :, ::4, ::4].tolist(),
        "keys": [sorted(ascent), sorted(part)],
        "pool1": ascent["pool1"][:, :, ::3, ::3].tolist(),
        "part": part["conv2"][:, :, ::4, ::4].tolist(),
        "parameter": net.params["conv1"][0].diff.ravel()[:20].tolist(),
    }
    net.clear_param_diffs()

print(json.dumps(found))
