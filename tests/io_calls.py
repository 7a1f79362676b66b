"""Calls of ``caffe.io``, and what they give: python io_calls.py OUT.npz [MODULE]

MODULE is `caffe.io` (the original, the default) or `ftcaffe.engine.io`. Stands alone, from Python 3.9 on.
"""

import importlib
import os
import sys

import numpy as np

os.environ.setdefault("GLOG_minloglevel", "2")
INPUTS = {"data": (10, 3, 20, 24), "gray": (1, 1, 8, 9)}
SIZES = ((30, 40), (90, 100), (60, 80), (17, 80), (60, 111), (1, 1), (1, 7), (59, 79))


def image(channels, kind, height=60, width=80):
    """Waves and noise, of 0 to about 250."""
    rng = np.random.RandomState(channels)
    y, x = np.mgrid[:height, :width]
    waves = 60 * np.sin(x / 7)[..., None] + 60 + y[..., None] * np.arange(1, channels + 1) / 2
    return (waves + rng.uniform(0, 20, (height, width, channels))).astype(kind)


def resizing(io):
    """`resize_image` over kinds, channels, sizes and orders."""
    for kind in ("f4", "f8", "u1"):
        for channels in (1, 2, 3, 4):
            for size in SIZES:
                for order in (0, 1, 3):
                    if order or kind == "f4" or channels in (2, 4):  # see `resample`: ties of nearest pixels
                        small = io.resize_image(image(channels, kind), size, interp_order=order)
                        yield f"resize {kind} {channels} {size} {order}", small[::7, ::5]
    yield "resize constant", io.resize_image(np.full((5, 6, 3), 7.0), (3, 4))


def messages(io):
    """Arrays to messages and back."""
    rng = np.random.RandomState(0)
    array, gradient = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 3, 4))
    blob = io.array_to_blobproto(array, gradient)
    yield "blob bytes", np.frombuffer(blob.SerializeToString(), np.uint8)
    yield "blob", io.blobproto_to_array(blob)
    yield "blob diff", io.blobproto_to_array(blob, True)
    old = type(blob)(data=range(6), num=1, channels=1, height=2, width=3)
    yield "blob of four axes", io.blobproto_to_array(old)
    several = io.arraylist_to_blobprotovector_str([array, gradient[0]])
    yield "vector bytes", np.frombuffer(several, np.uint8)
    for number, each in enumerate(io.blobprotovector_str_to_arraylist(several)):
        yield f"vector {number}", each
    for kind in ("u1", "f4", "i8"):
        datum = io.array_to_datum((100 * np.abs(array)).astype(kind), 3)
        yield f"datum bytes {kind}", np.frombuffer(datum.SerializeToString(), np.uint8)
        yield f"datum {kind}", io.datum_to_array(datum)
    yield "datum without label", np.array(io.array_to_datum(array).HasField("label"))


def transformers(io):
    """`Transformer` set in many ways, there and back."""
    settings = {
        "nothing": {},
        "usual": {
            "transpose": (2, 0, 1),
            "channel_swap": (2, 1, 0),
            "raw_scale": 255,
            "mean": np.array([104, 117, 123.0]),
        },
        "scales": {"transpose": (2, 0, 1), "raw_scale": 0.5, "input_scale": 0.017},
        "mean image": {"transpose": (2, 0, 1), "mean": image(3, "f4", 20, 24).transpose(2, 0, 1)},
        "mean image of another size": {"transpose": (2, 0, 1), "mean": image(3, "f8", 30, 31).transpose(2, 0, 1)},
    }
    for name, chosen in settings.items():
        transformer = io.Transformer(INPUTS)
        for what, value in chosen.items():
            getattr(transformer, f"set_{what}")("data", value)
        if "mean" in chosen:
            yield f"transformer {name}: mean", transformer.mean["data"]
        for size in ((20, 24), (33, 37)):
            there = transformer.preprocess("data", image(3, "f8", *size))
            yield f"transformer {name} {size}", there
            yield f"transformer {name} {size} back", transformer.deprocess("data", there[None])
    gray = io.Transformer(INPUTS)
    gray.set_transpose("gray", (2, 0, 1))
    gray.set_mean("gray", np.ones((8, 9)))
    yield "transformer gray", gray.preprocess("gray", image(1, "u1"))
    own = image(3, "f4", 20, 24)
    scaling = io.Transformer(INPUTS)
    scaling.set_raw_scale("data", 2)
    scaling.preprocess("data", own)
    yield "transformer works in place", own


def faults(io):
    """What is refused, by its exception's type and words."""
    transformer = io.Transformer(INPUTS)
    for name, call in {
        "unknown input": lambda: transformer.set_mean("other", np.zeros(3)),
        "unknown input there": lambda: transformer.preprocess("other", image(3, "f4")),
        "transpose": lambda: transformer.set_transpose("data", (1, 0)),
        "channel swap": lambda: transformer.set_channel_swap("data", (1, 0)),
        "mean channels": lambda: transformer.set_mean("data", np.zeros(4)),
        "mean shape": lambda: transformer.set_mean("data", np.zeros((1, 3, 4, 5))),
        "datum axes": lambda: io.array_to_datum(np.zeros((2, 3))),
    }.items():
        try:
            call()
        except Exception as error:  # noqa: BLE001 the original's own are of any type
            yield f"fault {name}", np.array([type(error).__name__, str(error)])


def crops(io):
    """`oversample` of even and odd rims."""
    for crop in ((20, 24), (19, 23), (60, 80)):
        yield f"oversample {crop}", io.oversample([image(3, "f4"), image(3, "f4") + 1], crop)[:, ::9, ::9]


def main(out, module="caffe.io"):
    """Run every call and write what it gives."""
    io = importlib.import_module(module)
    found = {}
    for calls in (resizing, messages, transformers, faults, crops):
        found.update(calls(io))
    np.savez_compressed(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
