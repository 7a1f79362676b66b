"""A solver and a net that are watched: what is called, and when; a gradient that a callback changes."""

import json

import caffe

with open("watched.prototxt", "w", encoding="utf-8") as f:
    f.write(
        """
        layer { name: "data" type: "Data" top: "data" top: "label" transform_param { scale: 0.004 crop_size: 20 }
          include { phase: TEST } data_param { source: "records.lmdb" batch_size: 5 backend: LMDB } }
        layer { name: "data" type: "Data" top: "data" top: "label" transform_param { scale: 0.004 crop_size: 20 }
          include { phase: TRAIN } data_param { source: "records.lmdb" batch_size: 8 backend: LMDB } }
        layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
          inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
        layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
          include { phase: TEST } }
        """
    )
with open("watched_solver.prototxt", "w", encoding="utf-8") as f:
    f.write(
        'net: "watched.prototxt" test_iter: 2 test_interval: 3 base_lr: 0.01 lr_policy: "step" gamma: 0.5 stepsize: 4'
        ' momentum: 0.9 iter_size: 2 random_seed: 7 solver_mode: CPU snapshot: 4 snapshot_prefix: "watched"'
        " max_iter: 10"
    )

caffe.set_mode_cpu()
solver = caffe.SGDSolver("watched_solver.prototxt")
seen, norms, rates = [], [], []


def on_start():
    seen.append("start")


def on_gradients_ready():
    blob = solver.net.params["ip"][0]
    norms.append(float((blob.diff**2).sum() ** 0.5))
    blob.diff[...] *= 0.5
    seen.append("ready")


solver.add_callback(on_start, on_gradients_ready)
names = list(solver.net._layer_names)
solver.net.before_forward(lambda i: seen.append("before forward " + names[i]))
solver.net.after_forward(lambda i: seen.append("after forward " + names[i]))
solver.net.before_backward(lambda i: seen.append("before backward " + names[i]))
solver.net.after_backward(lambda i: seen.append("after backward " + names[i]))
for _ in range(5):
    solver.step(1)
    rates.append(solver.lr)
at_five = solver.net.params["ip"][0].data[:, ::100].tolist()

resumed = caffe.SGDSolver("watched_solver.prototxt")
resumed.restore("watched_iter_4.solverstate")
restored = resumed.iter
weights = caffe.Net("watched.prototxt", "watched_iter_4.caffemodel", caffe.TEST).params["ip"][0].data[:, ::100]
solver.solve()

print(
    json.dumps(
        {
            "seen": seen[:26],
            "norms": norms[:5],
            "rates": rates,
            "at_five": at_five,
            "restored": restored,
            "weights": weights.tolist(),
            "iter": solver.iter,
            "after": solver.net.params["ip"][0].data[:, ::100].tolist(),
            "settings": [solver.param.max_iter, solver.param.base_lr],
        }
    )
)
