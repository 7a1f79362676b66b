"""Arrays given to a MemoryData layer; a net's loss and gradients over all of them."""

import json

import caffe
import numpy as np

with open("memory.prototxt", "w", encoding="utf-8") as f:
    f.write(
        """
        layer { name: "data" type: "MemoryData" top: "data" top: "label"
          memory_data_param { batch_size: 4 channels: 2 height: 3 width: 5 } }
        layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
          inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
        """
    )
caffe.set_mode_cpu()
caffe.set_random_seed(6)
net = caffe.Net("memory.prototxt", caffe.TRAIN)
random = np.random.RandomState(5)
data = random.randn(8, 2, 3, 5).astype(np.float32)
labels = random.randint(0, 3, 8).astype(np.float32)
net.set_input_arrays(data, labels)
losses, gradients = [], []
for _ in range(3):
    losses.append(float(net.forward()["loss"]))
    net.backward()
    gradients.append(net.params["ip"][0].diff.ravel()[::7].tolist())

print(
    json.dumps(
        {
            "losses": losses,
            "gradients": gradients,
            "labels": net.blobs["label"].data.tolist(),
            "weights": list(net.blob_loss_weights.items()),
            "inputs": [net.inputs, net.outputs],
        }
    )
)
