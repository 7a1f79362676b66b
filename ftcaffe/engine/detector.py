"""Classification of windows of images, as pycaffe's ``Detector``; R-CNN's way of detecting (arXiv 1311.2524)."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ftcaffe.engine import io
from ftcaffe.engine.preprocessed import PreprocessedNet
from ftcaffe.errors import Error


class Detector(PreprocessedNet):
    """A net that classifies windows, each warped to its input.

    Parameters
    ----------
    context_pad : width in pixels of the border of the net's input that shows what surrounds a window; beyond the
        image it shows the mean. The other parameters are those of `PreprocessedNet`.
    """

    def __init__(
        self,
        model_file: str | Path,
        pretrained_file: str | Path,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: tuple[int, ...] | None = None,
        context_pad: int | None = None,
    ) -> None:
        super().__init__(model_file, pretrained_file, mean, input_scale, raw_scale, channel_swap)
        self.configure_crop(context_pad)

    def configure_crop(self, context_pad: int | None) -> None:
        """Set `context_pad`, and with it `crop_mean`, the mean as it stands in unprocessed images."""
        name, transformer = self.inputs[0], self.transformer
        order = np.argsort(transformer.transpose[name])
        self.crop_dims = np.array(self.blobs[name].shape[1:])[order]
        self.context_pad = context_pad
        mean = transformer.mean.get(name)
        if mean is None:
            self.crop_mean = np.zeros(self.crop_dims, np.float32)
            return
        self.crop_mean = mean.copy().transpose(order)
        swap, scale = transformer.channel_swap.get(name), transformer.raw_scale.get(name)
        if swap is not None:
            self.crop_mean = self.crop_mean[:, :, np.argsort(swap)]
        if scale is not None:
            self.crop_mean = self.crop_mean / scale

    def detect_windows(self, images_windows: Iterable[tuple[str, Sequence[Any]]]) -> list[dict[str, Any]]:
        """Window, prediction and filename of every window (ymin, xmin, ymax, xmax) of pairs (image file, windows)."""
        files, windows, crops = [], [], []
        for file, of_image in images_windows:
            image = io.load_image(file).astype(np.float32)
            for window in of_image:
                files.append(file)
                windows.append(window)
                crops.append(self.crop(image, window))
        if not crops:
            return []
        return [
            {"window": window, "prediction": prediction, "filename": file}
            for file, window, prediction in zip(files, windows, self.predictions(crops), strict=True)
        ]

    def detect_selective_search(self, image_fnames: Sequence[str]) -> list[dict[str, Any]]:
        """`detect_windows` of the windows that Selective Search proposes.

        Needs the package selective_search_ijcv_with_python, and MATLAB, on which it stands; else `Error`.
        """
        try:
            search = importlib.import_module("selective_search_ijcv_with_python")
        except ImportError:
            raise Error(
                "selective_search_ijcv_with_python is not installed", remedy="propose windows for detect_windows"
            ) from None
        files = [str(Path(file).absolute()) for file in image_fnames]
        return self.detect_windows(zip(files, search.get_windows(files, cmd="selective_search_rcnn"), strict=True))

    def crop(self, im: np.ndarray, window: Any) -> np.ndarray:
        """A window of an image H×W×K; with `context_pad` its surroundings too, in the size of the net's input."""
        if not self.context_pad:
            return im[window[0] : window[2], window[1] : window[3]]
        size = self.blobs[self.inputs[0]].width  # of a square input
        scale = size / (size - 2.0 * self.context_pad)
        low, high = np.array(window[:2], float), np.array(window[2:], float)
        half = (high - low + 1) / 2
        centre = low + half
        low, high = np.round(centre - scale * half), np.round(centre + scale * half)
        factor = size / (high - low + 1)
        pad = np.round(np.maximum(0, -low) * factor).astype(int)
        limits = np.array(im.shape[:2])
        low, high = np.clip(low, 0, limits).astype(int), np.clip(high, 0, limits).astype(int)
        extent = np.minimum(np.round((high - low + 1) * factor).astype(int), size - pad)
        inside = io.resize_image(im[low[0] : high[0], low[1] : high[1]], tuple(extent))
        crop = np.ones(self.crop_dims, np.float32) * self.crop_mean
        crop[pad[0] : pad[0] + extent[0], pad[1] : pad[1] + extent[1]] = inside
        return crop
