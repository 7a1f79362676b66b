"""LRN across and within channels."""

from __future__ import annotations

from parity.nets import Cases, one


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for name, text in {
        "across": "local_size: 5",
        "across-strong": "local_size: 3 alpha: 0.9 beta: 0.75",
        "across-beta-k": "local_size: 5 alpha: 0.5 beta: 0.6 k: 2",
        "within": "local_size: 3 alpha: 0.9 norm_region: WITHIN_CHANNEL",
        "within-beta": "local_size: 5 alpha: 0.5 beta: 0.4 norm_region: WITHIN_CHANNEL",
    }.items():
        found.add(f"lrn-{name}", one("LRN", f"lrn_param {{ {text} }}"), "x: 2 8 5 6")
    return found
