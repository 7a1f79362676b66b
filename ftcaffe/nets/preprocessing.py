"""What is done to a patch before the net sees it, read from the net that was trained.

Training, validation, scoring and applying must preprocess alike, so there is one record of it: the
``transform_param`` of the run's own ``train_val.prototxt``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ftcaffe.errors import Error
from ftcaffe.proto import read_net
from ftcaffe.store import mean


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Caffe's transform of a record: (image − mean) · scale.

    mean : float32, broadcast against channels × height × width.
    scale : factor.
    """

    mean: np.ndarray
    scale: float

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The net's input (float32, channels × height × width) of an image of that shape."""
        return (image.astype(np.float32) - self.mean) * np.float32(self.scale)


def read(train_val: str | Path, work: str | Path) -> Preprocessing:
    """The preprocessing of a train_val prototxt.

    Parameters
    ----------
    work : the folder that the paths in the prototxt are relative to.

    Raises
    ------
    Error : no data layer, or a transform that scoring cannot repeat patch by patch (crop, mirror, forced colour).
    """
    layers = [layer for layer in read_net(train_val).layer if layer.type == "Data"]
    if not layers:
        raise Error("has no Data layer", train_val)
    transform = layers[0].transform_param
    for layer in layers[1:]:
        if layer.transform_param != transform:
            raise Error("its Data layers transform differently", train_val, remedy="give both phases one transform")
    for field in ("crop_size", "mirror", "force_color", "force_gray"):
        if getattr(transform, field):
            raise Error(
                f"transform_param has {field}", train_val, remedy="augment explicitly, when the LMDB is written"
            )
    if transform.mean_file:
        subtracted = mean.read(Path(work) / transform.mean_file)
    else:
        subtracted = np.array(transform.mean_value or [0], np.float32).reshape(-1, 1, 1)
    return Preprocessing(subtracted, transform.scale)
