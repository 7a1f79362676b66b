"""Pooling over a grid of its parameters; whole numbers make ties."""

from __future__ import annotations

from parity.nets import Cases, one


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for pool in ("MAX", "AVE"):
        for text in ("k2-s2", "k3-s2", "k3-s2-p1", "k3-s1-p1", "k2-s3", "k3-s3-p2", "k5-s2-p2", "k4-s3-p1"):
            words = {"k": "kernel_size", "s": "stride", "p": "pad"}
            fields = " ".join(f"{words[word[0]]}: {word[1:]}" for word in text.split("-"))
            for shape in ("7 8", "8 10"):
                found.add(
                    f"pooling-{pool}-{text}-{shape.replace(' ', 'x')}",
                    one("Pooling", f"pooling_param {{ pool: {pool} {fields} }}"),
                    f"x: 2 3 {shape}",
                )
        found.add(f"pooling-{pool}-global", one("Pooling", f"pooling_param {{ pool: {pool} global_pooling: true }}"))
        found.add(
            f"pooling-{pool}-hw",
            one(
                "Pooling",
                f"pooling_param {{ pool: {pool} kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 0 pad_w: 1 }}",
            ),
        )
    found.add("pooling-MAX-ties", one("Pooling", "pooling_param { kernel_size: 3 stride: 2 }"), whole_numbers=True)
    return found
