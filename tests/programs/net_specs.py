"""Nets written in Python in the ways that caffe.net_spec has; each is printed as the bytes of its message."""

import json

import caffe
from caffe import layers as L
from caffe import params as P
from caffe import to_proto


def conv_relu(bottom, ks, nout, stride=1, pad=0, group=1):
    conv = L.Convolution(bottom, kernel_size=ks, stride=stride, num_output=nout, pad=pad, group=group)
    return conv, L.ReLU(conv, in_place=True)


def max_pool(bottom, ks, stride=1):
    return L.Pooling(bottom, pool=P.Pooling.MAX, kernel_size=ks, stride=stride)


def unnamed(lmdb, batch_size=256, include_acc=False):
    data, label = L.Data(
        source=lmdb,
        backend=P.Data.LMDB,
        batch_size=batch_size,
        ntop=2,
        transform_param=dict(crop_size=227, mean_value=[104, 117, 123], mirror=True),
    )
    _, relu1 = conv_relu(data, 11, 96, stride=4)
    pool1 = max_pool(relu1, 3, stride=2)
    norm1 = L.LRN(pool1, local_size=5, alpha=1e-4, beta=0.75)
    _, relu2 = conv_relu(norm1, 5, 256, pad=2, group=2)
    fc = L.InnerProduct(relu2, num_output=10, weight_filler=dict(type="gaussian", std=0.01))
    drop = L.Dropout(fc, in_place=True, dropout_ratio=0.4)
    loss = L.SoftmaxWithLoss(drop, label)
    if include_acc:
        return to_proto(loss, L.Accuracy(drop, label, top_k=5))
    return to_proto(loss)


def named():
    n = caffe.NetSpec()
    n.data, n.label = L.DummyData(shape=[dict(dim=[8, 1, 28, 28]), dict(dim=[8])], ntop=2)
    n.conv1, n["relu1"] = conv_relu(n.data, [5, 3], 20, pad=[1, 2])
    n.bn = L.BatchNorm(n["relu1"], use_global_stats=False, param=[dict(lr_mult=0)] * 3)
    n.scale = L.Scale(n.bn, scale_param=dict(bias_term=True, filler=dict(value=0.5)), in_place=True)
    n.a, n.b, n.c = L.Slice(n.scale, slice_param=dict(axis=1, slice_point=[5, 9]), ntop=3)
    n.sum = L.Eltwise(n.a, n.a, operation=P.Eltwise.SUM, coeff=[1, -0.5])
    n.cat = L.Concat(n.sum, n.b, name="joined")
    n.score = L.InnerProduct(
        n.cat, num_output=10, param=[dict(lr_mult=1, decay_mult=1), dict(lr_mult=2, decay_mult=0)], axis=1
    )
    n.loss = L.SoftmaxWithLoss(n.score, n.label, loss_weight=0.3, loss_param=dict(ignore_label=255, normalize=True))
    n.accuracy = L.Accuracy(n.score, n.label, include=dict(phase=caffe.TEST))
    n.silence = L.Silence(n.c, ntop=0)
    return n.to_proto()


def reassigned():
    n = caffe.NetSpec()
    n.data = L.Input(input_param=dict(shape=[dict(dim=[1, 3, 4, 4]), dict(dim=[2])]))
    n.x = L.Power(n.data, power=2.0, scale=1e-3)
    n.y = L.Power(n.x, power=2.0)
    n.x = L.ReLU(n.y, negative_slope=0.1)
    return n.to_proto()


def nameless_tops():
    n = caffe.NetSpec()
    data, _ = L.Data(source="x", batch_size=3, backend=P.Data.LMDB, ntop=2, rand_skip=2)
    n.out = L.TanH(L.Sigmoid(L.Power(data)))
    return n.to_proto()


def every_parameter_home():
    n = caffe.NetSpec()
    n.data = L.HDF5Data(source="a.txt", batch_size=7, hdf5_data_param=dict(shuffle=True))
    n.up = L.Deconvolution(
        n.data, convolution_param=dict(kernel_size=4, stride=2, num_output=2, weight_filler=dict(type="bilinear"))
    )
    n.py = L.Python(n.up, module="m", layer="l", param_str="{'a': 1}", propagate_down=[True])
    n.lstm = L.LSTM(n.py, recurrent_param=dict(num_output=3))
    n.reshaped = L.Reshape(n.lstm, reshape_param={"shape": {"dim": [0, -1]}})
    n.crop = L.Crop(n.reshaped, n.py, crop_param=dict(axis=2, offset=[1, 2]))
    n.mvn = L.MVN(n.crop, normalize_variance=False, eps=1e-6)
    n.loss = L.EuclideanLoss(n.mvn, n.mvn, loss_weight=[2.0], phase=caffe.TRAIN)
    return n.to_proto()


tops = unnamed("a.lmdb", 4)
one = caffe.net_spec.Function("Foo", (), dict(ntop=2))
nets = {
    "unnamed": tops,
    "with accuracy": unnamed("b.lmdb", 3, True),
    "named": named(),
    "reassigned": reassigned(),
    "nameless": nameless_tops(),
    "parameters": every_parameter_home(),
    "top": L.ReLU(L.Input(shape=dict(dim=[1]))).to_proto(),
    "two": to_proto(*one.tops),
}
message = caffe.proto.caffe_pb2.LayerParameter()
caffe.net_spec.assign_proto(message, "convolution_param", dict(kernel_size=3, weight_filler=dict(type="x")))
caffe.net_spec.assign_proto(message, "bottom", "a")
faults = []
for fault in (
    lambda: L.Convolution("data"),
    lambda: to_proto(L.Convolution(kernel_size="big")),
    lambda: to_proto(L.ReLU(nonsense=1)),
    lambda: caffe.NetSpec().absent,
    lambda: P.Pooling.AVERAGE,
):
    try:
        fault()
        faults.append("none")
    except Exception as error:
        faults.append(
            [kind for kind in ("TypeError", "AttributeError", "KeyError") if isinstance(error, eval(kind))][-1]
        )

print(
    json.dumps(
        {
            "nets": {name: net.SerializeToString().hex() for name, net in nets.items()},
            "message": message.SerializeToString().hex(),
            "faults": faults,
            "enumerations": [P.Pooling.AVE, P.Eltwise.MAX, P.Loss.VALID, P.Data.LMDB],
            "names": sorted(caffe.net_spec.param_name_dict().items()),
        }
    )
)
