"""What `Classifier` and `Detector` share: a net for testing whose images pass through a Transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.engine import io
from ftcaffe.engine.net import Net
from ftcaffe.errors import Error

TEST = 1


class PreprocessedNet(Net):
    """A net with one input that takes images, H×W×K as `io.load_image` gives them.

    Parameters
    ----------
    model_file, pretrained_file : prototxt and caffemodel.
    mean, input_scale, raw_scale, channel_swap : what the `transformer` does with images (see `io.Transformer`).
    """

    def __init__(
        self,
        model_file: str | Path,
        pretrained_file: str | Path,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        if not self.inputs:
            raise Error("has no input for images", model_file, remedy="add an Input layer")
        name = self.inputs[0]
        self.transformer = io.Transformer({name: self.blobs[name].data.shape})
        self.transformer.set_transpose(name, (2, 0, 1))
        settings: tuple[tuple[str, Any], ...] = (
            ("mean", mean),
            ("input_scale", input_scale),
            ("raw_scale", raw_scale),
            ("channel_swap", channel_swap),
        )
        for what, value in settings:
            if value is not None:
                getattr(self.transformer, f"set_{what}")(name, value)

    def predictions(self, images: list[np.ndarray]) -> np.ndarray:
        """The net's first output for each image, whatever their number."""
        name = self.inputs[0]
        ready = np.stack([self.transformer.preprocess(name, image) for image in images])
        return self.forward_all(**{name: ready})[self.outputs[0]]
