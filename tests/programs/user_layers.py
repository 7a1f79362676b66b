"""Layers that the programs of this folder use."""

import caffe
import numpy as np


class Waves(caffe.Layer):
    """Batches of noisy sine waves and their frequencies; settings come as the text of a dictionary."""

    def setup(self, bottom, top):
        params = eval(self.param_str)
        self.batch, self.length = params["batch"], params["length"]
        self.random = np.random.RandomState(params["seed"])
        if len(top) != 2:
            raise Exception("must have exactly two outputs")
        if len(bottom) != 0:
            raise Exception("cannot have bottoms")

    def reshape(self, bottom, top):
        top[0].reshape(self.batch, 1, 1, self.length)
        top[1].reshape(self.batch, 1)

    def forward(self, bottom, top):
        for i in range(self.batch):
            frequency = self.random.uniform(1, 4)
            wave = np.sin(np.arange(self.length) / float(self.length) * 2 * np.pi * frequency)
            top[0].data[i, 0, 0] = wave + 0.1 * self.random.randn(self.length)
            top[1].data[i] = frequency

    def backward(self, top, propagate_down, bottom):
        pass


class EuclideanLoss(caffe.Layer):
    """Half the mean squared distance, as caffe's own."""

    def setup(self, bottom, top):
        if len(bottom) != 2:
            raise Exception("need two inputs to compute a distance")

    def reshape(self, bottom, top):
        if bottom[0].count != bottom[1].count:
            raise Exception("inputs must have the same dimension")
        self.diff = np.zeros_like(bottom[0].data, dtype=np.float32)
        top[0].reshape(1)

    def forward(self, bottom, top):
        self.diff[...] = bottom[0].data - bottom[1].data
        top[0].data[...] = np.sum(self.diff**2) / bottom[0].num / 2.0

    def backward(self, top, propagate_down, bottom):
        for i in range(2):
            if not propagate_down[i]:
                continue
            sign = 1 if i == 0 else -1
            bottom[i].diff[...] = sign * self.diff / bottom[i].num


class Gain(caffe.Layer):
    """Multiplies each channel by a number that is learnt; in place or not."""

    def setup(self, bottom, top):
        self.blobs.add_blob(bottom[0].channels)
        self.blobs[0].data[...] = float(self.param_str or 1)

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        self.seen = bottom[0].data.copy()
        top[0].data[...] = bottom[0].data * self.blobs[0].data[None, :, None, None]

    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[...] += (top[0].diff * self.seen).sum(axis=(0, 2, 3))
        if propagate_down[0]:
            bottom[0].diff[...] = top[0].diff * self.blobs[0].data[None, :, None, None]
