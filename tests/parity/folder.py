"""Cases written as a folder of nets, solvers and LMDBs for `record.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ftcaffe.store import atomic, datum, lmdb, mean
from parity import pictures

RECORDS = 40  # of the LMDB; five batches of eight


def write(folder: Path, cases: dict[str, dict[str, Any]]) -> None:
    """Write nets, solvers, the LMDB (those of the cases that name one), its mean and ``cases.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.RandomState(0)
    records = []
    for number in range(RECORDS):
        label = number % 2
        image = rng.randint(0, 200, (3, 67, 67)) + 50 * label * (np.arange(67) % 7 < 3)
        records.append((b"%08d" % number, datum.encode(image.astype(np.uint8), label)))
    lmdb.write(folder / "records.lmdb", records)
    mean.write(folder / "mean.binaryproto", mean.compute(lmdb.Records(folder / "records.lmdb")))
    if "records227.lmdb" in str(cases):
        big = [
            (key, datum.encode(np.tile(datum.decode(record)[0], (1, 4, 4))[:, :227, :227].copy(), number % 2))
            for number, (key, record) in enumerate(records)
        ]
        lmdb.write(folder / "records227.lmdb", big)
    gains = 2 * np.eye(4) + np.arange(16).reshape(4, 4) / 20  # InfogainLoss's matrix of four classes
    mean.write(folder / "infogain.binaryproto", gains[None].astype(np.float32))
    if "pictures" in str(cases):
        pictures.write(folder)
    if "sequences.txt" in str(cases):
        _write_sequences(folder, rng)
    ready: dict[str, dict[str, Any]] = {}
    for name, case in cases.items():
        case = dict(case)
        if "rule" in case:
            atomic.write_text(folder / f"{name}.net.prototxt", case.pop("net"))
            base = "" if "base_lr" in case["rule"] else "base_lr: 0.001 "
            atomic.write_text(
                folder / f"{name}.solver.prototxt",
                f'net: "{name}.net.prototxt" {base}{case.pop("rule")} random_seed: 1 '
                f'snapshot_prefix: "{name}" snapshot_after_train: false {case.pop("more", "")}\n',
            )
            case["solver"] = f"{name}.solver.prototxt"
        else:
            atomic.write_text(folder / f"{name}.prototxt", case.pop("text"))
            case["net"] = f"{name}.prototxt"
        ready[name] = case
    atomic.write_text(folder / "cases.json", json.dumps(ready, indent=1))


def _write_sequences(folder: Path, rng: np.random.RandomState) -> None:
    """30 steps of four streams of five values, begun anew now and then; `total` is the running sum of the first."""
    x = rng.standard_normal((30, 4, 5))
    cont = rng.uniform(size=(30, 4)) < 0.85
    total = np.zeros((30, 4, 1))
    for step in range(30):
        total[step, :, 0] = x[step, :, 0] + cont[step] * total[step - 1, :, 0] * bool(step)
    with h5py.File(folder / "sequences.h5", "w") as file:
        for name, array in {"x": x, "cont": cont, "positive": total[..., 0] > 0, "total": total}.items():
            file[name] = array.astype(np.float32)
    atomic.write_text(folder / "sequences.txt", "sequences.h5\n")
