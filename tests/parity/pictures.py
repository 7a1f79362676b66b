"""What the cases of data layers read: pictures in many formats, lists, window files, HDF5 files and LMDBs of them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from ftcaffe.proto import caffe_pb2
from ftcaffe.store import datum, lmdb

HEIGHT, WIDTH = 57, 44
SAVED = {  # by file name: the mode, and how it is saved
    "color.png": ("RGB", {}),
    "plain.jpg": ("RGB", {"quality": 85}),
    "full.jpg": ("RGB", {"quality": 92, "subsampling": 0}),
    "wide.jpg": ("RGB", {"quality": 80, "subsampling": 1}),
    "progressive.jpg": ("RGB", {"quality": 70, "progressive": True}),
    "color.bmp": ("RGB", {}),
    "color.tif": ("RGB", {}),
    "gray.png": ("L", {}),
    "gray.jpg": ("L", {"quality": 85}),
    "alpha.png": ("RGBA", {}),
    "palette.png": ("P", {}),
    "one bit.png": ("1", {}),
    "ink.jpg": ("CMYK", {"quality": 90}),
}


def write(folder: Path) -> None:
    """Write everything to a folder."""
    place = folder / "pictures"
    place.mkdir(exist_ok=True)
    for name, (mode, how) in SAVED.items():
        _picture(name).convert(mode).save(place / name, **how)
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = turn
        size = (HEIGHT, WIDTH) if turn > 4 else (WIDTH, HEIGHT)  # all are of one size when turned
        _picture(f"turned{turn}", size).save(place / f"turned{turn}.jpg", exif=exif)
    for number in range(4):
        _picture(f"size{number}", (40 + 9 * number, 50 - 3 * number)).save(place / f"size{number}.png")
    names = [*SAVED, *(f"turned{turn}.jpg" for turn in range(1, 9))]
    (folder / "pictures.txt").write_text("".join(f"{name} {number}\n" for number, name in enumerate(names)))
    (folder / "sizes.txt").write_text("".join(f"pictures/size{n}.png {n}\n" for n in range(4)))
    (folder / "odd.txt").write_text("pictures/color.png \t7\npictures/one bit.png x\npictures/gray.png -3b")
    _windows(folder)
    _hdf5(folder)
    _lmdbs(folder)


def _picture(name: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    """Smooth colours and some noise, so that neither compression nor resizing is trivial."""
    rng = np.random.RandomState(sum(name.encode()))
    y, x = np.mgrid[: size[1], : size[0]]
    waves = [np.sin(x / rng.uniform(3, 12) + y / rng.uniform(3, 12)) for _ in range(3)]
    pixels = 128 + 90 * np.stack(waves, axis=-1) + rng.uniform(-30, 30, (size[1], size[0], 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _windows(folder: Path) -> None:
    rng = np.random.RandomState(3)
    text = ""
    for number in range(4):
        width, height = 40 + 9 * number, 50 - 3 * number
        boxes = ["1 0.9 0 0 5 9"]
        for _ in range(8):
            x1, y1 = rng.randint(0, width - 6), rng.randint(0, height - 6)
            x2, y2 = rng.randint(x1, width), rng.randint(y1, height)
            boxes.append(f"{rng.randint(1, 4)} {rng.uniform():.3f} {x1} {y1} {x2} {y2}")
        text += (
            f"# {number}\npictures/size{number}.png\n3\n{height}\n{width}\n{len(boxes)}\n" + "\n".join(boxes) + "\n"
        )
    (folder / "windows.txt").write_text(text)
    (folder / "windows-rooted.txt").write_text(text.replace("pictures/", ""))


def _hdf5(folder: Path) -> None:
    rng = np.random.RandomState(4)
    for number, rows in enumerate((5, 3, 4)):
        with h5py.File(folder / f"rows{number}.h5", "w") as file:
            file["data"] = rng.standard_normal((rows, 2, 3)).astype(np.float32)
            file["label"] = np.arange(rows) + 10 * number
            file["double"] = rng.standard_normal((rows, 1, 2, 2))
            file["byte"] = rng.randint(0, 255, rows).astype(np.uint8)
    (folder / "rows.txt").write_text("rows0.h5\nrows1.h5 rows2.h5\n")
    (folder / "row.txt").write_text("rows0.h5\n")


def _lmdbs(folder: Path) -> None:
    for name, formats in (
        ("encoded", ("color.png", "plain.jpg", "ink.jpg", "palette.png", "turned6.jpg", "turned3.jpg")),
        ("encoded-gray", ("gray.png", "gray.jpg", "one bit.png")),
        ("encoded-alpha", ("alpha.png",)),
        ("encoded-mixed", ("gray.png", "color.png", "gray.jpg", "plain.jpg", "alpha.png")),
    ):
        contents = [(folder / "pictures" / each).read_bytes() for each in formats]
        messages = [caffe_pb2.Datum(encoded=True, data=c, label=5 - n) for n, c in enumerate(contents)]
        _store(folder / f"{name}.lmdb", [message.SerializeToString() for message in messages])
    rng = np.random.RandomState(5)
    floats = [rng.standard_normal((2, 5, 6)) for _ in range(3)]
    messages = [
        caffe_pb2.Datum(channels=2, height=5, width=6, float_data=x.ravel(), label=-n) for n, x in enumerate(floats)
    ]
    _store(folder / "floats.lmdb", [message.SerializeToString() for message in messages])
    sizes = [(3, 9, 12), (3, 11, 10), (3, 10, 10), (3, 14, 13)]
    images = [rng.randint(0, 256, size).astype(np.uint8) for size in sizes]
    _store(folder / "sizes.lmdb", [datum.encode(image, n) for n, image in enumerate(images)])
    digits = [rng.randint(0, 256, (1, 12, 12)).astype(np.uint8) for _ in range(10)]
    _store(folder / "digits.lmdb", [datum.encode(image, 77 * n) for n, image in enumerate(digits)])


def _store(path: Path, records: list[bytes]) -> None:
    lmdb.write(path, [(b"%08d" % number, record) for number, record in enumerate(records)])
