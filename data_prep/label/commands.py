"""The verbs for whoever labels frames: `extract` takes them from videos, `label` writes the page."""

from __future__ import annotations

import argparse
from pathlib import Path

from data_prep.parallel import jobs_by_default
from ftcaffe.command import Command
from ftcaffe.errors import Error

_SIZE = (500, 350)
_EVERY = 5.0


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = map(int, text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no size such as 500x350") from None
    return width, height


def _extract_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", type=Path, metavar="VIDEOS", help="a folder of videos, or one video")
    parser.add_argument("frames", type=Path, metavar="FRAMES", help="where to write: <video>/<seconds>.png")
    parser.add_argument(
        "--every", type=float, default=_EVERY, metavar="SECONDS", help=f"a frame each (default: {_EVERY:g})"
    )
    parser.add_argument(
        "--size",
        type=_size,
        default=_SIZE,
        metavar="WxH",
        help="of the frames, without black border (default: 500x350)",
    )
    parser.add_argument("--jobs", type=int, default=jobs_by_default(), help="processes (default: the cores)")


def _extract(options: argparse.Namespace) -> None:
    from data_prep.label.extract import extract
    from data_prep.readers import quality

    if not options.videos.exists():
        raise Error("is not there", options.videos, remedy="give a video, or a folder of videos")
    one = options.videos.is_file()
    videos = {options.videos.stem: options.videos} if one else quality.videos(options.videos)
    count = extract(videos, options.frames, options.every, options.size, options.jobs)
    print(f"{options.frames}: {count} frames of {len(videos)} videos\nnext: ftcaffe label {options.frames}")


EXTRACT = Command("frames of videos at regular times, as files", _extract_arguments, _extract)


def _label_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "frames", type=Path, metavar="FRAMES", help="frames as <unit>/<image>.png, as extract writes them"
    )
    parser.add_argument(
        "--out", type=Path, metavar="HTML", help="the page (default: FRAMES/label.html, or review.html)"
    )
    parser.add_argument("--review", type=Path, metavar="CSV", help="a first reader's labels, for a second reader")
    parser.add_argument("--width", type=int, default=400, help="of the frames in the page, pixels (default: 400)")


def _label(options: argparse.Namespace) -> None:
    from data_prep.label import page

    name = "review.html" if options.review else "label.html"
    out = options.out or options.frames / name
    count = page.write(options.frames, out, options.width, options.review)
    exported = "reviewed.csv" if options.review else "labels.csv"
    print(f"{out}: {count} frames, {out.stat().st_size / 1e6:.1f} MB")
    print(f"next: open it in a browser, export {exported}, and")
    print(f"      ftcaffe prepare frames {options.frames} --layout frames --labels {exported}")


LABEL = Command("a page to label frames in, for any browser", _label_arguments, _label)
