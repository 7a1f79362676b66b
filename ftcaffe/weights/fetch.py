"""Published weights: a download that goes on where it stopped, is checked, and is whole or absent."""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ftcaffe.errors import Error
from ftcaffe.nets.alexnet import IMAGENET_MEAN
from ftcaffe.store import atomic

CHUNK = 1 << 18
TIMEOUT = 60.0
ATTEMPTS = 5


@dataclass(frozen=True)
class Published:
    """A caffemodel on the web: its address, SHA-1, and the mean (B, G, R) that its inputs had subtracted."""

    name: str
    url: str
    sha1: str
    mean: tuple[float, ...]


PUBLISHED = {
    "bvlc_alexnet": Published(
        "bvlc_alexnet",
        "http://dl.caffe.berkeleyvision.org/bvlc_alexnet.caffemodel",
        "9116a64c0fbe4459d18f4bb6b56d647b63920377",
        IMAGENET_MEAN,
    )
}


def fetch(
    published: Published, folder: Path, url: str | None = None, watch: Callable[[int, int], None] | None = None
) -> Path:
    """Download weights to ``<folder>/<name>.caffemodel``, with their record in ``<name>.json``.

    What is there with the right checksum is not fetched again.

    Parameters
    ----------
    url : where to fetch from in place of the published address.
    watch : called with the bytes that are there and the bytes in all (0 when the server does not say).

    Raises
    ------
    Error : the server does not answer, refuses, breaks off `ATTEMPTS` times in a row without a byte of progress, or
        sends a file of another checksum.
    """
    path, address = folder / f"{published.name}.caffemodel", url or published.url
    if not (path.exists() and _sha1(path) == published.sha1):
        part = path.with_name(f".{path.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        _download(address, part, watch or (lambda done, total: None))
        found = _sha1(part)
        if found != published.sha1:
            part.unlink()
            raise Error(
                f"the file from {address} has SHA-1 {found}, not {published.sha1}",
                path,
                remedy="try again, or give another --url",
            )
        part.replace(path)
    record = {"name": published.name, "source": address, "sha1": published.sha1, "mean": list(published.mean)}
    atomic.write_text(path.with_suffix(".json"), json.dumps(record, indent=2) + "\n")
    return path


def _download(address: str, part: Path, watch: Callable[[int, int], None]) -> None:
    """Bring `part` up to the whole file, asking for what is missing after each break."""
    failures = 0
    while True:
        before = _size(part)
        try:
            if _attempt(address, part, watch):
                return
            reason = "the connection was cut"
        except urllib.error.HTTPError as error:
            raise Error(
                f"the server answers {error.code} {error.reason}", address, remedy="give another --url"
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = str(getattr(error, "reason", error))
        failures = 0 if _size(part) > before else failures + 1
        if failures == ATTEMPTS:
            raise Error(f"cannot be fetched: {reason}", address, remedy="run again to go on, or give another --url")


def _attempt(address: str, part: Path, watch: Callable[[int, int], None]) -> bool:
    """One request; returns whether the file is whole. A server that ignores the range sends it from the start."""
    start = _size(part)
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        return True  # nothing is missing: the checksum will tell whether what is there is right
    with response:
        if getattr(response, "status", None) != http.client.PARTIAL_CONTENT:
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else 0
        with part.open("ab" if start else "wb") as stream:
            while chunk := response.read(CHUNK):
                stream.write(chunk)
                watch(stream.tell(), total)
    return not total or _size(part) >= total


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha1(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha1").hexdigest()
