"""Features of an image at several layers, prepared by a Transformer."""

import json

import caffe
import numpy as np

NET = """
name: "features"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 10 dim: 3 dim: 27 dim: 31 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 6 kernel_size: 5 pad: 2 stride: 2 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1" lrn_param { local_size: 3 alpha: 0.01 beta: 0.75 } }
layer { name: "pool1" type: "Pooling" bottom: "norm1" top: "pool1"
  pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool1" top: "fc"
  inner_product_param { num_output: 7 weight_filler { type: "xavier" } } }
layer { name: "drop" type: "Dropout" bottom: "fc" top: "fc" }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
with open("features.prototxt", "w", encoding="utf-8") as f:
    f.write(NET)

caffe.set_mode_cpu()
caffe.set_random_seed(2)
net = caffe.Net("features.prototxt", caffe.TEST)

mu = np.array([104.0, 117.0, 123.0])
transformer = caffe.io.Transformer({"data": net.blobs["data"].data.shape})
transformer.set_transpose("data", (2, 0, 1))
transformer.set_mean("data", mu)
transformer.set_raw_scale("data", 255)
transformer.set_channel_swap("data", (2, 1, 0))
transformer.set_input_scale("data", 0.02)

image = caffe.io.load_image("image.png")
net.blobs["data"].reshape(2, 3, 27, 31)
net.blobs["data"].data[...] = transformer.preprocess("data", image)
net.blobs["data"].data[1] = transformer.preprocess("data", image[:, ::-1])
output = net.forward()
shown = transformer.deprocess("data", net.blobs["data"].data[0])

print(
    json.dumps(
        {
            "image": image[::7, ::9].tolist(),
            "input": net.blobs["data"].data[:, :, ::3, ::3].tolist(),
            "shown": shown[::3, ::3].tolist(),
            "prob": output["prob"].tolist(),
            "best": int(output["prob"][0].argmax()),
            "pool1": net.blobs["pool1"].data[0].tolist(),
            "fc": net.blobs["fc"].data.tolist(),
            "shapes": [(k, list(v.data.shape)) for k, v in net.blobs.items()],
        }
    )
)
