"""Image classification with crops, as pycaffe's ``Classifier``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ftcaffe.engine import io
from ftcaffe.engine.preprocessed import PreprocessedNet


class Classifier(PreprocessedNet):
    """A net that classifies images, each resized to `image_dims` (by default the net's input) and cropped to it.

    Parameters
    ----------
    image_dims : height and width; the other parameters are those of `PreprocessedNet`.
    """

    def __init__(
        self,
        model_file: str | Path,
        pretrained_file: str | Path,
        image_dims: Sequence[int] | None = None,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(model_file, pretrained_file, mean, input_scale, raw_scale, channel_swap)
        self.crop_dims = np.array(self.blobs[self.inputs[0]].shape[2:])
        self.image_dims = self.crop_dims if image_dims is None else image_dims

    def predict(self, inputs: Sequence[np.ndarray], oversample: bool = True) -> np.ndarray:
        """Probabilities, images × classes, of images H×W×K.

        They are the mean of ten crops, the corners and the centre and their mirror images, or those of the centre
        alone; a net with more than a number for each class gives them in one row for an image.
        """
        images = np.stack([io.resize_image(image, tuple(self.image_dims)) for image in inputs]).astype(np.float32)
        if oversample:
            found = self.predictions(list(io.oversample(list(images), tuple(self.crop_dims))))
            return found.reshape(len(found) // 10, 10, -1).mean(1)
        top, left = ((np.array(self.image_dims) - self.crop_dims) / 2.0).astype(int)
        height, width = self.crop_dims
        return self.predictions(list(images[:, top : top + height, left : left + width]))
