"""Sharpness alone does not tell an informative frame of a synthetic procedure; a small net that has learned does."""

import numpy as np
import pytest
from scipy import ndimage
from study import ENGINE

from data_prep.phantoms import colon, mucosa, spoiled
from ftcaffe import backend
from ftcaffe.training.validate import auc

SIDE, CROP, BATCH = 96, 67, 32
FOAM = ("bubbles", "debris", "jet")


def views(seed, walls, poses):
    """Cause and sub-images (count × 3 × CROP × CROP) of clear and spoiled views of colons of their own."""
    rng = np.random.default_rng(seed)
    causes, pixels = [], []
    for _ in range(walls):
        wall = mucosa.wall(rng, colon.FARTHEST + 4, 0)
        for _ in range(poses):
            tilt, bend = rng.normal(0, 0.3, 2), rng.normal(0, 0.2, 2)
            pose = colon.Pose(rng.uniform(0, 3), tuple(tilt), rng.uniform(0, 6), tuple(bend), rng.uniform(1.2, 1.7))
            light = colon.render(wall, pose, SIDE)[0]
            for cause in ("clear", spoiled.CAUSES[len(causes) // 4 % len(spoiled.CAUSES)]):
                view = spoiled.spoil(light, cause, rng.uniform(0.6, 1), rng)
                seen = spoiled.camera(view, rng.uniform(0.4, 1.3) * SIDE / 240, rng.uniform(1, 4), rng)
                for x, y in rng.integers(0, SIDE - CROP + 1, (2, 2)):
                    causes.append(cause)
                    pixels.append(seen[y : y + CROP, x : x + CROP].transpose(2, 0, 1))
    return np.array(causes), np.stack(pixels)


@pytest.fixture(scope="module")
def test_views():
    return views(2, 3, 16)


def sharpness(pixels):
    """Variance of the Laplacian of each image's grey levels."""
    return np.array([ndimage.laplace(one.mean(axis=0)).var() for one in pixels])


def test_foam_is_as_sharp_as_a_good_view(test_views):
    causes, pixels = test_views
    sharp = sharpness(pixels)
    assert np.median(sharp[np.isin(causes, FOAM)]) > np.median(sharp[causes == "clear"])


def test_a_small_net_tells_what_sharpness_does_not(test_views, tmp_path):
    causes, pixels = test_views
    clear = causes == "clear"
    alone = auc(sharpness(pixels), clear)
    learned = auc(trained(tmp_path, *views(1, 4, 18))(pixels), clear)
    assert 0.6 < alone < 0.88
    assert learned > alone + 0.08


def trained(folder, causes, pixels):
    """A function from images to the probability of a clear view, of a net of three convolutions."""
    caffe = backend.load(ENGINE).caffe
    net = caffe.NetSpec()
    net.data = caffe.layers.Input(shape={"dim": [BATCH, 3, CROP, CROP]})
    net.label = caffe.layers.Input(shape={"dim": [BATCH]})
    top = net.data
    for outputs, size, stride in ((16, 5, 2), (32, 3, 1), (48, 3, 1)):
        top = caffe.layers.Convolution(
            top, num_output=outputs, kernel_size=size, stride=stride, weight_filler={"type": "msra"}
        )
        top = caffe.layers.Pooling(caffe.layers.ReLU(top, in_place=True), kernel_size=2, stride=2)
    top = caffe.layers.Pooling(top, pool=caffe.params.Pooling.AVE, global_pooling=True)
    score = caffe.layers.InnerProduct(top, num_output=2, weight_filler={"type": "xavier"})
    net.prob = caffe.layers.Softmax(score)
    net.loss = caffe.layers.SoftmaxWithLoss(score, net.label)
    (folder / "net.prototxt").write_text(str(net.to_proto()))
    (folder / "solver.prototxt").write_text(
        f'net: "{folder}/net.prototxt" type: "Adam" base_lr: 0.002 momentum: 0.9 lr_policy: "fixed" random_seed: 1'
    )
    solver, rng = caffe.get_solver(str(folder / "solver.prototxt")), np.random.default_rng(0)
    images, label = pixels / 64.0 - 2, causes == "clear"
    blobs = solver.net.blobs
    for _ in range(150):
        chosen = rng.choice(len(images), BATCH)
        blobs["data"].data[...], blobs["label"].data[...] = images[chosen], label[chosen]
        solver.step(1)

    def probability(of):
        found = []
        for first in range(0, len(of), BATCH):
            part = of[first : first + BATCH]
            blobs["data"].data[: len(part)] = part / 64.0 - 2
            solver.net.forward()
            found.append(blobs["prob"].data[: len(part), 1].copy())
        return np.concatenate(found)

    return probability
