"""Frames a second of `ftcaffe apply frames`: a video decoded, cropped, cut and scored, at both scales of the net.

    python benchmarks/procedure.py --scale full --seconds 20

The video repeats some frames of a synthetic procedure, 288×216; the net's weights are random: its speed does not
depend on them. An hour at a frame a second takes less than an hour where the rate is above 1.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data_prep import timeline
from data_prep.frames import FRAME
from data_prep.phantoms import procedure, video
from data_prep.readers.labelled import View
from ftcaffe import backend
from ftcaffe.nets import alexnet
from ftcaffe.nets.preprocessing import Preprocessing
from ftcaffe.proto import to_text
from ftcaffe.training.validate import probabilities

MADE = 10  # frames that are rendered
MEAN = np.array([104.0, 117.0, 123.0], np.float32)[:, None, None]


def rate(scale: str, seconds: int, sub_images: int, batch: int, engine: str | None) -> float:
    """Frames a second, one frame of each second of a video."""
    loaded, size = backend.load(engine), alexnet.INPUT_SIZE[scale]
    with tempfile.TemporaryDirectory() as folder:
        path, deploy = Path(folder) / "procedure.avi", Path(folder) / "deploy.prototxt"
        made = [pixels for pixels, _ in procedure.frames(0, 0, MADE)]
        video.write(path, (made[k % MADE] for k in range(seconds)), 1)
        deploy.write_text(to_text(alexnet.deploy("frames", 2, scale)))
        net = loaded.caffe.Net(str(deploy), loaded.caffe.TEST)
        rng = np.random.default_rng(0)
        for blobs in net.params.values():
            for blob in blobs:
                blob.data[...] = rng.normal(0, 0.01, blob.data.shape)
        view = View(tuple(round(side * size / alexnet.INPUT_SIZE["full"]) for side in FRAME), border=True)
        transform = Preprocessing(MEAN, 1.0)

        def predict(patches: Iterable[np.ndarray]) -> np.ndarray:
            return probabilities(net, patches, transform, batch)

        start = time.perf_counter()
        timeline.timeline(path, view, size, 1, predict, timeline.Settings(1.0, sub_images))
        return seconds / (time.perf_counter() - start)


def benchmark() -> None:
    """Print the rate of each scale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", choices=("tiny", "full", "both"), default="both")
    parser.add_argument("--seconds", type=int, help="of video (default: 120 at the tiny scale, 10 at the full one)")
    parser.add_argument("--sub-images", type=int, default=20)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--engine", choices=("auto", "caffe", "torch"))
    options = parser.parse_args()
    for scale, seconds in (("tiny", 120), ("full", 10)):
        if options.scale in (scale, "both"):
            found = rate(scale, options.seconds or seconds, options.sub_images, options.batch, options.engine)
            print(
                f"{scale}: {found:.1f} frames/s of {options.sub_images} sub-images; an hour in {60 / found:.1f} min"
            )


if __name__ == "__main__":
    benchmark()
