"""``extract_features``: blobs of a net, batch after batch, into an LMDB each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ftcaffe.errors import Error
from ftcaffe.store import datum, lmdb

log = logging.getLogger(__name__)
_REPORT = 1000  # records between two lines of the log


def extract(
    caffe: Any, weights: str, net_file: str, blobs: Sequence[str], targets: Sequence[Path], batches: int
) -> None:
    """Run a net with a data layer, in phase TEST, and write each blob's values as a Datum of floats an image.

    Parameters
    ----------
    caffe : a module with pycaffe's face, its mode set.
    weights, net_file : caffemodel and prototxt.
    blobs, targets : names of blobs, and an LMDB for each, which must not exist.
    batches : how many to run.

    Raises
    ------
    Error : as many LMDBs as blobs are not given, one exists, or the net has no such blob.
    """
    if len(blobs) != len(targets):
        raise Error(f"{len(blobs)} blobs and {len(targets)} databases; one is needed for each")
    for target in targets:
        if target.exists():
            raise Error("exists already", target, remedy="remove it or give another name")
    net = caffe.Net(net_file, weights, caffe.TEST)
    for name in blobs:
        if name not in net.blobs:
            raise Error(f"has no blob '{name}'", net_file, remedy=f"there are: {', '.join(net.blobs)}")
    log.info("Extracting Features")
    with ExitStack() as stack:
        writers = [stack.enter_context(lmdb.writer(target)) for target in targets]
        for _ in range(batches):
            net.forward()
            for name, writer in zip(blobs, writers, strict=True):
                blob = net.blobs[name]
                values = blob.data.reshape(-1, blob.channels, blob.height, blob.width)
                for image in values:
                    writer.put(b"%010d" % writer.count, datum.encode_floats(image))
                    if writer.count % _REPORT == 0:
                        _tell(writer.count, name)
        for name, writer in zip(blobs, writers, strict=True):
            if writer.count % _REPORT:
                _tell(writer.count, name)
    log.info("Successfully extracted the features!")


def _tell(count: int, name: str) -> None:
    log.info("Extracted features of %d query images for feature blob %s", count, name)
