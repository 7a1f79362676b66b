"""A net trained on data from a Python layer, by the loss of another, with a third that learns."""

import json

import caffe
from caffe import layers as L

n = caffe.NetSpec()
n.data, n.target = L.Python(
    module="user_layers", layer="Waves", param_str=str(dict(batch=4, length=30, seed=1)), ntop=2
)
n.conv = L.Convolution(n.data, kernel_h=1, kernel_w=7, num_output=5, weight_filler=dict(type="xavier"))
n.gain = L.Python(n.conv, module="user_layers", layer="Gain", param_str="0.5", param=[dict(name="g", lr_mult=2)])
n.relu = L.ReLU(n.gain, in_place=True)
n.again = L.Python(n.relu, module="user_layers", layer="Gain", in_place=True, param=[dict(name="g")])
n.out = L.InnerProduct(n.relu, num_output=1, weight_filler=dict(type="xavier"))
n.loss = L.Python(n.out, n.target, module="user_layers", layer="EuclideanLoss", loss_weight=1)
with open("waves.prototxt", "w", encoding="utf-8") as f:
    f.write(str(n.to_proto()))
with open("waves_solver.prototxt", "w", encoding="utf-8") as f:
    f.write(
        'train_net: "waves.prototxt" base_lr: 0.02 lr_policy: "fixed" momentum: 0.9 random_seed: 5 '
        'solver_mode: CPU snapshot_prefix: "waves"'
    )

caffe.set_mode_cpu()
solver = caffe.get_solver("waves_solver.prototxt")
losses = []
for _ in range(25):
    solver.step(1)
    losses.append(float(solver.net.blobs["loss"].data[0]))
layer = solver.net.layers[0]

print(
    json.dumps(
        {
            "losses": losses,
            "gain": solver.net.params["gain"][0].data.tolist(),
            "gain_diff": solver.net.params["gain"][0].diff.tolist(),
            "weights": solver.net.params["conv"][0].data.tolist(),
            "layer": [type(layer).__name__, layer.batch, layer.type, layer.param_str],
            "types": [one.type for one in solver.net.layers],
            "parameters": [(k, [list(b.data.shape) for b in v]) for k, v in solver.net.params.items()],
        }
    )
)
