"""What a run says of new images (``ftcaffe apply images``): probabilities, and a picture of sure and doubtful."""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.readers import image, labelled
from data_prep.readers.labelled import Labelled, View
from ftcaffe.application import Probabilities
from ftcaffe.errors import Error
from ftcaffe.store import atomic, table
from ftcaffe.store.subimages import SubImages

_log = logging.getLogger(__name__)

_SHOWN = 8  # images in a row of the picture
_ROWS = 6  # classes with a row of their own, the commonest


@dataclass(frozen=True, eq=False)
class Predictions:
    """Class probabilities of images.

    classes : their names. images : where each lies. probability : (images, classes), rows that add up to 1.
    """

    classes: tuple[str, ...]
    images: tuple[Labelled, ...]
    probability: np.ndarray

    @property
    def taken(self) -> np.ndarray:
        """(images,) the class of the highest probability."""
        return self.probability.argmax(axis=1)

    @property
    def certainty(self) -> np.ndarray:
        """(images,) the probability of that class."""
        return self.probability.max(axis=1)


def images_of(source: Path) -> tuple[Labelled, ...]:
    """An image file, or every image of a folder and of those within it; each is named by its path in the folder."""
    if source.is_file():
        return (Labelled("", source.name, "", source),)
    found = [Labelled("", path.relative_to(source).as_posix(), "", path) for path in image.images_under(source)]
    if not found:
        raise Error("holds no images", source, remedy="give an image file, or a folder of images")
    return tuple(found)


def predict(
    source: Path, view: View, classes: Sequence[str], probabilities: Probabilities, sub_images: SubImages | None
) -> Predictions:
    """Score the images of a file or a folder.

    Parameters
    ----------
    view : as the run's training images were read. classes : names in the order of the net's outputs.
    probabilities : from patches to class probabilities.
    sub_images : an image's probabilities are the mean over them; None: whole images are the patches.
    """
    images = images_of(source)

    def patches() -> Iterator[np.ndarray]:
        for number, (_, _, pixels) in enumerate(labelled.Files(images).read(view)):
            planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
            yield from [planes] if sub_images is None else sub_images.cut(planes, number)

    found = probabilities(patches()).astype(float)
    return Predictions(tuple(classes), images, found.reshape(len(images), -1, len(classes)).mean(axis=1))


def write(found: Predictions, view: View, out: Path) -> None:
    """Write ``probabilities.csv`` (a row an image: ``image,class``, then a column a class) and ``images.png``."""
    named = [found.classes[place] for place in found.taken]
    rows = (
        (one.image, name, *(f"{value:.6f}" for value in values))
        for one, name, values in zip(found.images, named, found.probability.tolist(), strict=True)
    )
    header = ("image", "class", *(f"probability of {name}" for name in found.classes))
    table.write(out / "probabilities.csv", header, rows)
    atomic.write_bytes(out / "images.png", _picture(found, view))
    told = ", ".join(f"{count} {name}" for name, count in Counter(named).most_common())
    _log.info("%s: %d images: %s", out / "probabilities.csv", len(named), told)


def shown(found: Predictions) -> list[tuple[str, np.ndarray]]:
    """Rows of the picture, each a heading and the places of its images: the surest of a class, then the doubtful."""
    certainty, taken = found.certainty, found.taken
    rows = []
    for label, _ in Counter(taken.tolist()).most_common(_ROWS):
        places = np.flatnonzero(taken == label)
        surest = places[np.argsort(-certainty[places], kind="stable")]
        rows.append((f"taken for {found.classes[label]}, the surest first", surest[:_SHOWN]))
    rows.append(("the most doubtful first", np.argsort(certainty, kind="stable")[:_SHOWN]))
    return rows


def _picture(found: Predictions, view: View) -> bytes:
    from matplotlib.figure import Figure

    rows = shown(found)
    figure = Figure(figsize=(1.25 * _SHOWN, 1.75 * len(rows)), layout="constrained")
    bands = figure.subfigures(len(rows), 1, squeeze=False)
    for band, (heading, places) in zip(bands[:, 0], rows, strict=True):
        band.suptitle(heading, fontsize=9, x=0.01, ha="left")
        chosen = labelled.Files(tuple(found.images[place] for place in places))
        axes = band.subplots(1, _SHOWN)
        for ax in axes:
            ax.set_axis_off()
        for ax, place, (_, name, pixels) in zip(axes, places, chosen.read(view), strict=False):
            ax.imshow(pixels[..., ::-1])
            short = name if len(name) <= 22 else f"…{name[-21:]}"
            said = f"{found.classes[found.taken[place]]} {found.certainty[place]:.2f}"
            ax.set_title(f"{said}\n{short}", fontsize=6.5, parse_math=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150)
    return stream.getvalue()
