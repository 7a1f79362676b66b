"""The labelling page: one HTML file with the frames in it, for any browser, without a server or a network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path

from PIL import Image

from data_prep.readers import quality
from data_prep.readers.image import entries, images_in, read_bgr
from ftcaffe.errors import Error
from ftcaffe.store import atomic

_QUALITY = 80  # of the JPEG in the page


def write(folder: Path, out: Path, width: int, review: Path | None = None) -> int:
    """Write the page of the frames ``<unit>/<image>.png`` in a folder.

    Parameters
    ----------
    width : of the frames in the page, pixels.
    review : the labels of a first reader (CSV ``unit,image,label``), for a second reader to confirm or correct; the
        page then has the frames that these label.

    Returns
    -------
    How many frames the page has.

    Raises
    ------
    Error : no frames, or the first reader labelled a frame that is not there.
    """
    first = quality.labels(review) if review else None
    units = [path for path in entries(folder) if path.is_dir()] if folder.is_dir() else []
    paths = {(unit.name, path.stem): path for unit in units for path in images_in(unit)}
    if not paths:
        raise Error("holds no frames (<unit>/<image>.png)", folder, remedy="take some: ftcaffe extract VIDEOS FRAMES")
    for unit, image in first or ():
        if (unit, image) not in paths:
            raise Error(
                f"labels frame '{image}' of '{unit}', which is not in {folder}", review, remedy="mend the row"
            )
    shown = [key for key in paths if first is None or key in first]
    frames = [
        {"unit": unit, "image": image, "first": None if first is None else _word(first[unit, image])}
        for unit, image in shown
    ]
    pictures = [_jpeg(paths[key], width) for key in shown]
    # Labels are kept in the browser under the frames' own name, so that pages do not mix theirs.
    named = json.dumps([frames, width], ensure_ascii=True)
    content = {"name": hashlib.sha256(named.encode()).hexdigest()[:16], "review": first is not None, "frames": frames}
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    text = template.replace("/*CONTENT*/null", _script(content)).replace("/*PICTURES*/[]", _script(pictures))
    atomic.write_text(out, text)
    return len(frames)


def _word(label: int) -> str:
    return quality.INFORMATIVE if label else quality.UNINFORMATIVE


def _script(content: object) -> str:
    """JSON that is safe within a script of the page."""
    return json.dumps(content, ensure_ascii=True).replace("</", "<\\/")


def _jpeg(path: Path, width: int) -> str:
    picture = Image.fromarray(read_bgr(path)[..., ::-1])
    if picture.width > width:
        height = max(1, round(picture.height * width / picture.width))
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY)
    return base64.b64encode(stream.getvalue()).decode()
