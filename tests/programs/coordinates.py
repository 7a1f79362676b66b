"""How the coordinates of feature maps lie on each other, and crops that follow from it."""

import json

import caffe
import numpy as np
from caffe import layers as L
from caffe.coord_map import UndefinedMapException, compose, coord_map_from_to, crop, inverse


def net(ks=3, stride=1, pad=0, dilation=1, pool=2, dstride=2, dpad=0):
    n = caffe.NetSpec()
    n.data = L.Input(shape=dict(dim=[2, 1, 100, 100]))
    n.aux = L.Input(shape=dict(dim=[2, 1, 20, 20]))
    n.conv = L.Convolution(n.data, num_output=10, kernel_size=ks, stride=stride, pad=pad, dilation=dilation)
    n.pool = L.Pooling(n.conv, pool=0, kernel_size=pool, stride=pool, pad=0)
    n.relu = L.ReLU(n.pool)
    n.up = L.Deconvolution(
        n.relu, convolution_param=dict(num_output=10, kernel_size=dstride * 2, stride=dstride, pad=dpad)
    )
    return n


def shown(mapping):
    ax, a, b = mapping
    return [ax, np.array(a, float).ravel().tolist(), np.array(b, float).ravel().tolist()]


found = {}
for settings in (
    dict(),
    dict(ks=5, pad=2),
    dict(ks=5, stride=2, pad=[1, 3]),
    dict(ks=[3, 7], dilation=2),
    dict(pool=4, dstride=4, dpad=1, pad=100),
):
    n = net(**settings)
    key = json.dumps(settings, sort_keys=True)
    found[key] = [
        shown(coord_map_from_to(n.up, n.data)),
        shown(coord_map_from_to(n.data, n.up)),
        shown(coord_map_from_to(n.relu, n.pool)),
        shown(inverse(coord_map_from_to(n.pool, n.data))),
    ]
crops = []
for settings in (dict(), dict(pad=[8, 2]), dict(ks=1, pad=1), dict(ks=2), dict(ks=2, dpad=0, pad=3), dict(stride=2)):
    n = net(**settings)
    try:
        n.crop = crop(n.up, n.data)
        crops.append(n.to_proto().SerializeToString().hex())
        n.again = crop(n.crop, n.data)
        crops.append([shown(coord_map_from_to(n.again, n.data)), shown(coord_map_from_to(n.up, n.crop))])
    except Exception as error:
        crops.append([kind.__name__ for kind in (AssertionError, RuntimeError) if isinstance(error, kind)][:1])

faults = []
n = net()
n.elsewhere = L.Convolution(n.aux, num_output=1, kernel_size=1)
n.ip = L.InnerProduct(n.conv, num_output=10)
n.legacy = L.Convolution(n.data, num_output=1, kernel_size=1, pad_h=1)
for top, other in ((n.up, n.elsewhere), (n.ip, n.data), (n.legacy, n.data)):
    try:
        faults.append(shown(coord_map_from_to(top, other)))
    except Exception as error:
        faults.append([kind.__name__ for kind in (AssertionError, RuntimeError) if isinstance(error, kind)][:1])
try:
    caffe.coord_map.coord_map(n.ip.fn)
except UndefinedMapException:
    faults.append("undefined")

print(
    json.dumps(
        {
            "maps": found,
            "crops": crops,
            "faults": faults,
            "composed": shown(compose((None, 2, 1), (1, 0.5, -3))),
            "passing": caffe.coord_map.PASS_THROUGH_LAYERS,
        }
    )
)
