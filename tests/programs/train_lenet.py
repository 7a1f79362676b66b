"""A net and a solver written in Python, trained step by step, tested on the way."""

import json

import caffe
import numpy as np
from caffe import layers as L
from caffe import params as P


def lenet(lmdb, batch_size):
    n = caffe.NetSpec()
    n.data, n.label = L.Data(
        batch_size=batch_size, backend=P.Data.LMDB, source=lmdb, transform_param=dict(scale=1.0 / 255), ntop=2
    )
    n.conv1 = L.Convolution(n.data, kernel_size=5, num_output=6, stride=2, weight_filler=dict(type="xavier"))
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    n.conv2 = L.Convolution(n.pool1, kernel_size=5, num_output=8, weight_filler=dict(type="xavier"))
    n.pool2 = L.Pooling(n.conv2, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    n.fc1 = L.InnerProduct(n.pool2, num_output=16, weight_filler=dict(type="xavier"))
    n.relu1 = L.ReLU(n.fc1, in_place=True)
    n.score = L.InnerProduct(n.relu1, num_output=2, weight_filler=dict(type="xavier"))
    n.loss = L.SoftmaxWithLoss(n.score, n.label)
    return n.to_proto()


with open("lenet_train.prototxt", "w", encoding="utf-8") as f:
    f.write(str(lenet("records.lmdb", 8)))
with open("lenet_test.prototxt", "w", encoding="utf-8") as f:
    f.write(str(lenet("records.lmdb", 10)))
with open("lenet_solver.prototxt", "w", encoding="utf-8") as f:
    f.write(
        """
        train_net: "lenet_train.prototxt"
        test_net: "lenet_test.prototxt"
        test_iter: 4
        test_interval: 1000
        base_lr: 0.01
        momentum: 0.9
        weight_decay: 0.0005
        lr_policy: "inv"
        gamma: 0.0001
        power: 0.75
        random_seed: 3
        solver_mode: CPU
        snapshot_prefix: "lenet"
        """
    )

caffe.set_mode_cpu()
solver = caffe.SGDSolver("lenet_solver.prototxt")
shapes = [(k, list(v.data.shape)) for k, v in solver.net.blobs.items()]
weights = [(k, list(v[0].data.shape)) for k, v in solver.net.params.items()]

solver.net.forward()
solver.test_nets[0].forward()
first = solver.net.blobs["label"].data[:8].tolist()

niter, test_interval = 20, 10
train_loss = np.zeros(niter)
test_acc = np.zeros(int(np.ceil(niter / float(test_interval))))
output = np.zeros((niter, 8, 2))
for it in range(niter):
    solver.step(1)
    train_loss[it] = solver.net.blobs["loss"].data
    solver.test_nets[0].forward(start="conv1")
    output[it] = solver.test_nets[0].blobs["score"].data[:8]
    if it % test_interval == 0:
        correct = 0
        for _ in range(4):
            solver.test_nets[0].forward()
            correct += sum(
                solver.test_nets[0].blobs["score"].data.argmax(1) == solver.test_nets[0].blobs["label"].data
            )
        test_acc[it // test_interval] = correct / 40.0

print(
    json.dumps(
        {
            "shapes": shapes,
            "weights": weights,
            "first": first,
            "train_loss": train_loss.tolist(),
            "test_acc": test_acc.tolist(),
            "output": output.tolist(),
            "filters": solver.net.params["conv1"][0].data[:, 0].tolist(),
            "diff": solver.net.params["conv1"][0].diff[:, 0].tolist(),
            "iter": solver.iter,
        }
    )
)
