"""Filters edited by hand: an edge detector put into a net, tried on an image, saved and read again."""

import json

import caffe
import numpy as np

with open("conv.prototxt", "w", encoding="utf-8") as f:
    f.write(
        """
        name: "convolution"
        input: "data"
        input_dim: 1
        input_dim: 1
        input_dim: 24
        input_dim: 26
        layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
          convolution_param { num_output: 3 kernel_size: 5 stride: 1
            weight_filler { type: "gaussian" std: 0.01 } bias_filler { type: "constant" value: 0 } } }
        """
    )
caffe.set_mode_cpu()
net = caffe.Net("conv.prototxt", caffe.TEST)
described = [list(net.blobs), list(net.params), net.inputs, net.outputs]

image = caffe.io.load_image("image.png", color=False)[:24, :26].squeeze()
net.blobs["data"].reshape(*image[np.newaxis, np.newaxis].shape)
net.blobs["data"].data[...] = image[np.newaxis, np.newaxis]

ksize = net.params["conv"][0].data.shape[2:]
sigma = 1.0
y, x = np.mgrid[-ksize[0] // 2 + 1 : ksize[0] // 2 + 1, -ksize[1] // 2 + 1 : ksize[1] // 2 + 1]
g = np.exp(-((x**2 + y**2) / (2.0 * sigma**2)))
net.params["conv"][0].data[0] = g / g.sum()
net.params["conv"][0].data[1:] = 0
net.params["conv"][0].data[1, 0, :, 1] = -1.0
net.params["conv"][0].data[1, 0, :, -2] = 1.0
net.params["conv"][0].data[2].T[...] = net.params["conv"][0].data[1].T.swapaxes(0, 1)
net.forward()
plain = net.blobs["conv"].data[0, :, ::5, ::5].tolist()
low, high = net.blobs["conv"].data.min(), net.blobs["conv"].data.max()
net.params["conv"][1].data[0] = 1.0
net.forward()
shifted = float(net.blobs["conv"].data.max())
net.save("conv.caffemodel")
again = caffe.Net("conv.prototxt", caffe.TEST, weights="conv.caffemodel")
message = caffe.proto.caffe_pb2.NetParameter()
with open("conv.caffemodel", "rb") as f:
    message.ParseFromString(f.read())
stored = caffe.io.blobproto_to_array(message.layer[1].blobs[0])

print(
    json.dumps(
        {
            "described": described,
            "plain": plain,
            "range": [float(low), float(high), shifted],
            "again": again.params["conv"][0].data.tolist(),
            "stored": stored.tolist(),
            "names": [layer.name for layer in message.layer],
        }
    )
)
