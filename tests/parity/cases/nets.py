"""Nets as people publish them, narrow but faithful in structure, trained from the seed alone.

Rates are gentle: what the two arithmetics round apart would grow to anything in a net that learns fast.
"""

from __future__ import annotations

from typing import Any

from ftcaffe.engine.coord_map import crop
from ftcaffe.engine.net_spec import NetSpec
from ftcaffe.engine.net_spec import layers as L
from ftcaffe.engine.net_spec import params as P

LEARN = [{"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2, "decay_mult": 0}]


def cases() -> dict[str, dict[str, Any]]:
    """Solvers by name."""
    return {
        f"nets-{name}": {
            "net": str(net.to_proto()),
            "rule": f"base_lr: {rate} {rule}",
            "iterations": 50,
            "keep_fillers": True,
        }
        for name, net, rate, rule in (
            (
                "lenet",
                lenet(),
                0.002,
                "lr_policy: 'inv' gamma: 0.0001 power: 0.75 momentum: 0.9 weight_decay: 0.0005",
            ),
            (
                "caffenet",
                caffenet(),
                0.002,
                "lr_policy: 'step' gamma: 0.1 stepsize: 30 momentum: 0.9 weight_decay: 0.0005",
            ),
            (
                "googlenet",
                googlenet(),
                0.001,
                "lr_policy: 'poly' power: 0.5 max_iter: 100 momentum: 0.9 weight_decay: 0.0002",
            ),
            (
                "resnet",
                resnet(),
                0.0005,
                "lr_policy: 'multistep' gamma: 0.1 stepvalue: 35 momentum: 0.9 weight_decay: 0.0001",
            ),
            ("siamese", siamese(), 0.001, "lr_policy: 'inv' gamma: 0.0001 power: 0.75 momentum: 0.9"),
            ("autoencoder", autoencoder(), 0.0005, "lr_policy: 'fixed' momentum: 0.9 weight_decay: 0.0005"),
            ("fcn", fcn(), 1e-6, "lr_policy: 'fixed' momentum: 0.99 weight_decay: 0.0005"),
        )
    }


def read(net: NetSpec, size: int, batch: int = 8, **transform: Any) -> None:
    """`data` and `label` from the records, in crops of a size."""
    net.data, net.label = L.Data(
        source="records.lmdb",
        backend=P.Data.LMDB,
        batch_size=batch,
        ntop=2,
        transform_param={"scale": 1 / 256, "crop_size": size, **transform},
    )


def conv(bottom: Any, outputs: int, kernel: int, **more: Any) -> Any:
    """A convolution; its filler is xavier unless given."""
    filler = more.pop("weight_filler", {"type": "xavier"})
    return L.Convolution(
        bottom, num_output=outputs, kernel_size=kernel, weight_filler=filler, **{"param": LEARN, **more}
    )


def fully(bottom: Any, outputs: int, **more: Any) -> Any:
    """A fully connected layer; its filler is xavier unless given."""
    filler = more.pop("weight_filler", {"type": "xavier"})
    return L.InnerProduct(bottom, num_output=outputs, weight_filler=filler, **{"param": LEARN, **more})


def pool(bottom: Any, kernel: int, stride: int, how: int = P.Pooling.MAX, **more: Any) -> Any:
    """Pooling, by the greatest value unless said otherwise."""
    return L.Pooling(bottom, pool=how, kernel_size=kernel, stride=stride, **more)


def lenet() -> NetSpec:
    """LeCun et al. 1998, as Caffe's MNIST example has it."""
    n = NetSpec()
    read(n, 28)
    n.conv1 = conv(n.data, 10, 5)
    n.pool1 = pool(n.conv1, 2, 2)
    n.conv2 = conv(n.pool1, 20, 5)
    n.pool2 = pool(n.conv2, 2, 2)
    n.ip1 = fully(n.pool2, 50)
    n.relu1 = L.ReLU(n.ip1, in_place=True)
    n.ip2 = fully(n.relu1, 2)
    n.loss = L.SoftmaxWithLoss(n.ip2, n.label)
    return n


def caffenet() -> NetSpec:
    """AlexNet with pooling before normalisation, groups, dropout and biases of 1."""
    n = NetSpec()
    read(n, 67, mirror=True)
    one = {"weight_filler": {"type": "gaussian", "std": 0.05}, "bias_filler": {"type": "constant", "value": 1}}
    zero = {"weight_filler": {"type": "gaussian", "std": 0.05}}
    n.conv1 = conv(n.data, 8, 11, stride=4, **zero)
    n.relu1 = L.ReLU(n.conv1, in_place=True)
    n.pool1 = pool(n.relu1, 3, 2)
    n.norm1 = L.LRN(n.pool1, local_size=5, alpha=1e-4, beta=0.75)
    n.conv2 = conv(n.norm1, 16, 5, pad=2, group=2, **one)
    n.relu2 = L.ReLU(n.conv2, in_place=True)
    n.pool2 = pool(n.relu2, 3, 2)
    n.norm2 = L.LRN(n.pool2, local_size=5, alpha=1e-4, beta=0.75)
    n.conv3 = conv(n.norm2, 24, 3, pad=1, **zero)
    n.relu3 = L.ReLU(n.conv3, in_place=True)
    n.conv4 = conv(n.relu3, 24, 3, pad=1, group=2, **one)
    n.relu4 = L.ReLU(n.conv4, in_place=True)
    n.conv5 = conv(n.relu4, 16, 3, pad=1, group=2, **one)
    n.relu5 = L.ReLU(n.conv5, in_place=True)
    n.pool5 = pool(n.relu5, 3, 2)
    n.fc6 = fully(n.pool5, 32, **one)
    n.relu6 = L.ReLU(n.fc6, in_place=True)
    n.drop6 = L.Dropout(n.relu6, dropout_ratio=0.5, in_place=True)
    n.fc7 = fully(n.drop6, 32, **one)
    n.relu7 = L.ReLU(n.fc7, in_place=True)
    n.drop7 = L.Dropout(n.relu7, dropout_ratio=0.5, in_place=True)
    n.fc8 = fully(n.drop7, 2, **zero)
    n.loss = L.SoftmaxWithLoss(n.fc8, n.label)
    return n


def biased(bottom: Any, outputs: int, kernel: int, **more: Any) -> Any:
    """A convolution whose biases begin at 0.2, as all of GoogLeNet's do."""
    return conv(bottom, outputs, kernel, bias_filler={"type": "constant", "value": 0.2}, **more)


def googlenet() -> NetSpec:
    """Szegedy et al. 2015: inception modules and an auxiliary loss of weight 0.3."""
    n = NetSpec()
    read(n, 64)
    n.conv1 = biased(n.data, 8, 7, stride=2, pad=3)
    n.relu1 = L.ReLU(n.conv1, in_place=True)
    n.pool1 = pool(n.relu1, 3, 2)
    n.norm1 = L.LRN(n.pool1, local_size=5, alpha=1e-4, beta=0.75)
    n.reduce2 = biased(n.norm1, 8, 1)
    n.relu_reduce2 = L.ReLU(n.reduce2, in_place=True)
    n.conv2 = biased(n.relu_reduce2, 16, 3, pad=1)
    n.relu2 = L.ReLU(n.conv2, in_place=True)
    n.norm2 = L.LRN(n.relu2, local_size=5, alpha=1e-4, beta=0.75)
    n.pool2 = pool(n.norm2, 3, 2)
    inception(n, "3a", n.pool2)
    inception(n, "3b", n["3a"])
    n.pool3 = pool(n["3b"], 3, 2)
    inception(n, "4a", n.pool3)
    n.pool_aux = pool(n["4a"], 3, 1, P.Pooling.AVE)
    n.conv_aux = biased(n.pool_aux, 8, 1)
    n.relu_conv_aux = L.ReLU(n.conv_aux, in_place=True)
    n.fc_aux = fully(n.relu_conv_aux, 16)
    n.relu_fc_aux = L.ReLU(n.fc_aux, in_place=True)
    n.drop_aux = L.Dropout(n.relu_fc_aux, dropout_ratio=0.7, in_place=True)
    n.classifier_aux = fully(n.drop_aux, 2)
    n.loss_aux = L.SoftmaxWithLoss(n.classifier_aux, n.label, loss_weight=0.3)
    inception(n, "4b", n["4a"])
    n.pool4 = L.Pooling(n["4b"], pool=P.Pooling.AVE, global_pooling=True)
    n.drop4 = L.Dropout(n.pool4, dropout_ratio=0.4, in_place=True)
    n.classifier = fully(n.drop4, 2)
    n.loss = L.SoftmaxWithLoss(n.classifier, n.label, loss_weight=1)
    return n


def inception(n: NetSpec, name: str, bottom: Any) -> None:
    """Four branches: 1×1; 3×3 and 5×5, each after a 1×1 of less width; pooling and 1×1."""

    def branch(what: str, below: Any, outputs: int, kernel: int, **more: Any) -> Any:
        n[f"{name}_{what}"] = biased(below, outputs, kernel, **more)
        n[f"{name}_relu_{what}"] = L.ReLU(n[f"{name}_{what}"], in_place=True)
        return n[f"{name}_relu_{what}"]

    first = branch("1x1", bottom, 6, 1)
    second = branch("3x3", branch("3x3_reduce", bottom, 6, 1), 8, 3, pad=1)
    third = branch("5x5", branch("5x5_reduce", bottom, 3, 1), 4, 5, pad=2)
    n[f"{name}_pool"] = pool(bottom, 3, 1, pad=1)
    fourth = branch("pool_proj", n[f"{name}_pool"], 4, 1)
    n[name] = L.Concat(first, second, third, fourth)


def resnet() -> NetSpec:
    """He et al. 2016: BatchNorm and Scale after each convolution; a block with a projection and one without."""
    n = NetSpec()
    read(n, 64, mirror=True)

    def unit(name: str, bottom: Any, outputs: int, kernel: int, relu: bool = True, **more: Any) -> Any:
        n[name] = conv(
            bottom, outputs, kernel, weight_filler={"type": "msra"}, bias_term=False, param=LEARN[:1], **more
        )
        n[f"bn_{name}"] = L.BatchNorm(n[name], in_place=True, param=[{"lr_mult": 0, "decay_mult": 0}] * 3)
        begun = {"type": "constant", "value": 0.2}  # biases that are not near zero, to which they are compared
        n[f"scale_{name}"] = L.Scale(n[f"bn_{name}"], bias_term=True, bias_filler=begun, in_place=True)
        if relu:
            n[f"relu_{name}"] = L.ReLU(n[f"scale_{name}"], in_place=True)
        return n[f"relu_{name}" if relu else f"scale_{name}"]

    n.pool1 = pool(unit("conv1", n.data, 8, 7, stride=2, pad=3), 3, 2)
    project = unit("2a_1", n.pool1, 16, 1, relu=False, stride=2)
    a = unit("2a_2a", n.pool1, 8, 1, stride=2)
    b = unit("2a_2b", a, 8, 3, pad=1)
    n["2a"] = L.Eltwise(project, unit("2a_2c", b, 16, 1, relu=False))
    n.relu_2a = L.ReLU(n["2a"], in_place=True)
    a = unit("2b_2a", n.relu_2a, 8, 1)
    b = unit("2b_2b", a, 8, 3, pad=1)
    n["2b"] = L.Eltwise(n.relu_2a, unit("2b_2c", b, 16, 1, relu=False))
    n.relu_2b = L.ReLU(n["2b"], in_place=True)
    n.pool5 = L.Pooling(n.relu_2b, pool=P.Pooling.AVE, global_pooling=True)
    n.fc = fully(n.pool5, 2, weight_filler={"type": "msra"})
    n.loss = L.SoftmaxWithLoss(n.fc, n.label)
    return n


def siamese() -> NetSpec:
    """Two LeNets of one set of parameters on a pair that comes as channels, as Caffe's siamese example."""
    n = NetSpec()
    read(n, 28)
    n.first, n.second, n.rest = L.Slice(n.data, axis=1, ntop=3, slice_point=[1, 2])
    n.silence = L.Silence(n.rest, ntop=0)

    def shared(name: str) -> list[dict[str, Any]]:
        return [{"name": f"{name}_w", "lr_mult": 1}, {"name": f"{name}_b", "lr_mult": 2}]

    for end, bottom in (("", n.first), ("_p", n.second)):
        n[f"conv1{end}"] = conv(bottom, 8, 5, param=shared("conv1"))
        n[f"pool1{end}"] = pool(n[f"conv1{end}"], 2, 2)
        n[f"conv2{end}"] = conv(n[f"pool1{end}"], 12, 5, param=shared("conv2"))
        n[f"pool2{end}"] = pool(n[f"conv2{end}"], 2, 2)
        n[f"ip1{end}"] = fully(n[f"pool2{end}"], 30, param=shared("ip1"))
        n[f"relu1{end}"] = L.ReLU(n[f"ip1{end}"], in_place=True)
        n[f"ip2{end}"] = fully(n[f"relu1{end}"], 10, param=shared("ip2"))
        n[f"feat{end}"] = fully(n[f"ip2{end}"], 2, param=shared("feat"))
    n.loss = L.ContrastiveLoss(n.feat, n.feat_p, n.label, margin=1)
    return n


def autoencoder() -> NetSpec:
    """Down by convolutions to a code, up by deconvolutions, held against the data by two losses."""
    n = NetSpec()
    read(n, 32)
    n.encode1 = conv(n.data, 8, 4, stride=2, pad=1)
    n.encode1neuron = L.Sigmoid(n.encode1)
    n.encode2 = conv(n.encode1neuron, 12, 4, stride=2, pad=1)
    n.encode2neuron = L.Sigmoid(n.encode2)
    n.code = fully(n.encode2neuron, 20, weight_filler={"type": "gaussian", "std": 1, "sparse": 15})
    n.decode3 = fully(n.code, 12 * 8 * 8)
    n.decode3neuron = L.Sigmoid(n.decode3)
    n.decode3maps = L.Reshape(n.decode3neuron, shape={"dim": [0, 12, 8, 8]})

    def up(bottom: Any, outputs: int) -> Any:
        parameter = {
            "num_output": outputs,
            "kernel_size": 4,
            "stride": 2,
            "pad": 1,
            "weight_filler": {"type": "xavier"},
        }
        return L.Deconvolution(bottom, convolution_param=parameter, param=LEARN)

    n.decode2 = up(n.decode3maps, 8)
    n.decode2neuron = L.Sigmoid(n.decode2)
    n.decode1 = up(n.decode2neuron, 3)
    n.loss = L.SigmoidCrossEntropyLoss(n.decode1, n.data, loss_weight=1)
    n.decode1neuron = L.Sigmoid(n.decode1)
    n.l2_error = L.EuclideanLoss(n.decode1neuron, n.data, loss_weight=0.5)
    n.silence = L.Silence(n.label, ntop=0)
    return n


def fcn() -> NetSpec:
    """Long et al. 2015: padded first, scores of two depths summed, enlarged by a frozen bilinear filter, cropped.

    The labels are where the first channel is bright; a loss for each pixel, not normalised.
    """
    n = NetSpec()
    read(n, 50, batch=4)
    n.red, n.others = L.Slice(n.data, axis=1, ntop=2, slice_point=1)
    n.silence = L.Silence(n.others, n.label, ntop=0)
    n.bright = L.Threshold(n.red, threshold=0.4)
    n.conv1 = conv(n.data, 8, 3, pad=20, weight_filler={"type": "gaussian", "std": 0.1})
    n.relu1 = L.ReLU(n.conv1, in_place=True)
    n.pool1 = pool(n.relu1, 2, 2)
    n.conv2 = conv(n.pool1, 12, 3, pad=1, weight_filler={"type": "gaussian", "std": 0.1})
    n.relu2 = L.ReLU(n.conv2, in_place=True)
    n.pool2 = pool(n.relu2, 2, 2)
    n.fc6 = conv(n.pool2, 16, 5, weight_filler={"type": "gaussian", "std": 0.1})
    n.relu6 = L.ReLU(n.fc6, in_place=True)
    n.drop6 = L.Dropout(n.relu6, dropout_ratio=0.5, in_place=True)
    n.score_fr = conv(n.drop6, 2, 1, weight_filler={"type": "gaussian", "std": 0.1})

    def up(bottom: Any) -> Any:
        bilinear = {"num_output": 2, "kernel_size": 4, "stride": 2, "bias_term": False, "group": 2}
        bilinear["weight_filler"] = {"type": "bilinear"}
        return L.Deconvolution(bottom, convolution_param=bilinear, param=[{"lr_mult": 0}])

    n.upscore2 = up(n.score_fr)
    n.score_pool1 = conv(n.pool1, 2, 1)
    n.score_pool1c = crop(n.score_pool1, n.upscore2)
    n.fuse = L.Eltwise(n.upscore2, n.score_pool1c, operation=P.Eltwise.SUM)
    n.upscore = up(n.fuse)
    n.score = crop(n.upscore, n.data)
    n.loss = L.SoftmaxWithLoss(n.score, n.bright, loss_param={"normalize": False, "ignore_label": 255})
    return n
