"""Classification of images with and without oversampling, and of windows of an image."""

import json

import caffe
import numpy as np

with open("classify.prototxt", "w", encoding="utf-8") as f:
    f.write(
        """
        input: "data" input_dim: 10 input_dim: 3 input_dim: 24 input_dim: 24
        layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
          convolution_param { num_output: 6 kernel_size: 7 stride: 3 weight_filler { type: "xavier" } } }
        layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
        layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc"
          inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
        layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
        """
    )
caffe.set_mode_cpu()
caffe.set_random_seed(8)
caffe.Net("classify.prototxt", caffe.TEST).save("classify.caffemodel")

net = caffe.Classifier(
    "classify.prototxt",
    "classify.caffemodel",
    mean=np.array([0.45, 0.42, 0.40]),
    channel_swap=(2, 1, 0),
    raw_scale=2,
    image_dims=(32, 36),
)
image = caffe.io.load_image("image.png")
images = [image, image[:40, 10:60], image[::-1]]
crops = net.predict(images)
centre = net.predict(images, oversample=False)

detector = caffe.Detector(
    "classify.prototxt", "classify.caffemodel", mean=np.array([0.45, 0.42, 0.40]), channel_swap=(2, 1, 0), raw_scale=2
)
windows = np.array([[0, 0, 30, 30], [5, 10, 40, 30], [20, 20, 47, 60]])
detections = detector.detect_windows([("image.png", windows), ("image.png", windows[:1])])

print(
    json.dumps(
        {
            "crops": crops.tolist(),
            "centre": centre.tolist(),
            "dims": [list(net.crop_dims), list(net.image_dims)] == [[24, 24], [32, 36]],
            "oversampled": caffe.io.oversample([image], (24, 24))[:, ::6, ::6].tolist(),
            "detections": [d["prediction"].tolist() for d in detections],
            "windows": [d["window"].tolist() for d in detections],
            "files": [d["filename"] for d in detections],
        }
    )
)
