"""Two towers with shared parameters and a contrastive loss; a deploy net that shares the trained ones."""

import json

import caffe
import numpy as np
from caffe import layers as L


def tower(n, bottom, suffix):
    shared = [dict(name="w1", lr_mult=1), dict(name="b1", lr_mult=2)]
    n["ip1" + suffix] = L.InnerProduct(bottom, num_output=12, weight_filler=dict(type="xavier"), param=shared)
    n["relu1" + suffix] = L.ReLU(n["ip1" + suffix], in_place=True)
    shared = [dict(name="w2"), dict(name="b2")]
    n["feat" + suffix] = L.InnerProduct(
        n["relu1" + suffix], num_output=2, weight_filler=dict(type="xavier"), param=shared
    )
    return n["feat" + suffix]


n = caffe.NetSpec()
n.pair_data = L.Input(shape=dict(dim=[6, 2, 4, 4]))
n.sim = L.Input(shape=dict(dim=[6]))
n.data, n.data_p = L.Slice(n.pair_data, slice_dim=1, slice_point=1, ntop=2)
n.loss = L.ContrastiveLoss(tower(n, n.data, ""), tower(n, n.data_p, "_p"), n.sim, margin=1)
with open("siamese.prototxt", "w", encoding="utf-8") as f:
    f.write(str(n.to_proto()))
with open("siamese_solver.prototxt", "w", encoding="utf-8") as f:
    f.write(
        'train_net: "siamese.prototxt" base_lr: 0.05 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.001 '
        'random_seed: 9 solver_mode: CPU snapshot_prefix: "siamese"'
    )
d = caffe.NetSpec()
d.data = L.Input(shape=dict(dim=[3, 1, 4, 4]))
tower(d, d.data, "")
with open("siamese_deploy.prototxt", "w", encoding="utf-8") as f:
    f.write(str(d.to_proto()))

caffe.set_mode_cpu()
solver = caffe.SGDSolver("siamese_solver.prototxt")
random = np.random.RandomState(3)
losses = []
for _ in range(15):
    solver.net.blobs["pair_data"].data[...] = random.randn(6, 2, 4, 4)
    solver.net.blobs["sim"].data[...] = random.randint(0, 2, 6)
    solver.step(1)
    losses.append(float(solver.net.blobs["loss"].data))
equal = all(
    (solver.net.params["ip1"][i].data == solver.net.params["ip1_p"][i].data).all()
    and (solver.net.params["ip1"][i].diff == solver.net.params["ip1_p"][i].diff).all()
    for i in range(2)
)

deploy = caffe.Net("siamese_deploy.prototxt", caffe.TEST)
deploy.share_with(solver.net)
points = random.randn(8, 1, 4, 4)
feat = deploy.forward_all(data=points)["feat"]
solver.net.params["feat"][1].data[...] += 1  # is seen by the deploy net, which holds the same memory
moved = deploy.forward_all(data=points, blobs=["ip1"])
solver.net.save("siamese.caffemodel")
solver.net.save_hdf5("siamese.caffemodel.h5")
from_hdf5 = caffe.Net("siamese_deploy.prototxt", caffe.TEST)
from_hdf5.load_hdf5("siamese.caffemodel.h5")
from_both = caffe.Net("siamese.prototxt", caffe.TRAIN, weights="siamese.caffemodel.h5")

print(
    json.dumps(
        {
            "losses": losses,
            "equal": bool(equal),
            "feat": feat.tolist(),
            "moved": moved["feat"].tolist(),
            "ip1": moved["ip1"].tolist(),
            "from_hdf5": from_hdf5.params["feat"][1].data.tolist(),
            "from_both": from_both.params["ip1_p"][0].data.ravel()[:10].tolist(),
            "layers": list(solver.net._layer_names),
            "blobs": list(solver.net.blobs),
            "tops": list(solver.net.top_names.items()),
            "bottoms": list(solver.net.bottom_names.items()),
        }
    )
)
