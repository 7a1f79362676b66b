"""From candidates to LMDBs: patches in a shuffled order, balanced classes, reduced training sets, the mean image."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from data_prep import manifest, splits, spool
from data_prep.dataset import Dataset, check_space, records_digest
from data_prep.manifest import CandidateRow
from data_prep.parallel import Workers
from ftcaffe.errors import Error
from ftcaffe.store import datum, lmdb, mean, table


@dataclass(frozen=True, eq=False)
class Plan:
    """The patches of one split, in LMDB order.

    split : its name.
    candidate : int, one a patch: which row of candidates.csv.
    augmentation : int, one a patch: which of the augmentations.
    label : int, one a patch.
    """

    split: str
    candidate: np.ndarray
    augmentation: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.candidate)

    def take(self, places: np.ndarray) -> Plan:
        """The patches at those places, in their order."""
        return Plan(self.split, self.candidate[places], self.augmentation[places], self.label[places])


# Starts to cut the patches of a plan into a spool, and goes on as it is iterated; what an application gives.
Cut = Callable[[Plan, Path], Iterator[None]]


def plan(
    candidates: Sequence[CandidateRow],
    augmentations: int,
    classes: Sequence[str],
    total: int,
    seed: int,
    place: str,
    extra: int = 0,
) -> dict[str, Plan]:
    """What goes into train, val and test.

    Training and validation are balanced (`splits.balance`) within `total`, of which validation has a fifth, and
    shuffled. Test keeps every patch of every candidate, in their order, since the score of a candidate is the mean
    over all of its patches.

    Parameters
    ----------
    augmentations : every candidate is cut in the first so many ways.
    extra : ways beyond these, numbered on from them, of which a class that would stay below its half of `total` and
        below the other gets as many more patches as it lacks, drawn at random and each different.

    Raises
    ------
    Error : a class without candidates in a split that needs it.
    """
    plans: dict[str, Plan] = {}
    for number, (name, part) in enumerate(
        (("train", 1 - splits.VALIDATION), ("val", splits.VALIDATION), ("test", None))
    ):
        rows = np.array([i for i, row in enumerate(candidates) if row.split == name], np.int64)
        labels = np.array([candidates[i].label for i in rows], np.int64)
        for label, title in enumerate(classes):
            if label not in labels:
                raise Error(
                    f"the class '{title}' is empty: no candidate of the {name} split has that label",
                    place,
                    remedy="check the ground truth (masks: white on black) and the candidates",
                )
        patches = Plan(
            name,
            np.repeat(rows, augmentations),
            np.tile(np.arange(augmentations), len(rows)),
            np.repeat(labels, augmentations),
        )
        if part is not None:
            rng = np.random.default_rng([seed, number])
            most = round(part * total)
            if extra:
                patches = _topped_up(patches, rows, labels, augmentations, extra, most // 2, rng)
            patches = patches.take(rng.permutation(splits.balance(patches.label, most, rng)))
        plans[name] = patches
    return plans


def counts(plans: Mapping[str, Plan], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many patches of each class every split has."""
    return {
        name: {title: int((part.label == label).sum()) for label, title in enumerate(classes)}
        for name, part in plans.items()
    }


def _topped_up(
    patches: Plan, rows: np.ndarray, labels: np.ndarray, first: int, extra: int, each: int, rng: np.random.Generator
) -> Plan:
    """The plan with more patches of the smaller class, ways `first` to `first + extra`, as far as it needs them."""
    counts = np.bincount(patches.label, minlength=2)
    smaller = int(counts.argmin())
    among = rows[labels == smaller]
    lacking = min(min(each, int(counts.max())) - int(counts[smaller]), len(among) * extra)
    if lacking <= 0:
        return patches
    pairs = rng.choice(len(among) * extra, lacking, replace=False)
    return Plan(
        patches.split,
        np.concatenate([patches.candidate, among[pairs // extra]]),
        np.concatenate([patches.augmentation, first + pairs % extra]),
        np.concatenate([patches.label, np.full(lacking, smaller)]),
    )


@dataclass(frozen=True)
class Share:
    """What a training set keeps of the training candidates.

    candidates : rows of candidates.csv.
    units : how many units it draws on.
    """

    candidates: frozenset[int]
    units: int


def of_units(units: frozenset[str], candidates: Sequence[CandidateRow]) -> Share:
    """The share that whole units make."""
    return Share(frozenset(i for i, row in enumerate(candidates) if row.unit in units), len(units))


def by_lesions(
    candidates: Sequence[CandidateRow], fractions: Sequence[float], rng: np.random.Generator
) -> dict[float, Share]:
    """The shares that keep a part of the training split's lesions, with all of their candidates, and the same part of
    its negative candidates; each within every larger one, at least one lesion in each.

    The paper reduces the emboli; that the negatives shrink by the same factor is assumed.
    """
    train = [i for i, row in enumerate(candidates) if row.split == "train"]
    of_lesion: dict[tuple[str, str, str], list[int]] = {}
    for i in train:
        row = candidates[i]
        if row.label:
            of_lesion.setdefault((row.unit, row.image, row.lesion), []).append(i)
    lesions, negative = list(of_lesion.values()), [i for i in train if not candidates[i].label]
    lesion_order, negative_order = rng.permutation(len(lesions)), rng.permutation(len(negative))
    shares = {}
    for fraction in fractions:
        kept = [i for k in lesion_order[: max(1, round(fraction * len(lesions)))] for i in lesions[k]]
        kept += [negative[k] for k in negative_order[: round(fraction * len(negative))]]
        shares[fraction] = Share(frozenset(kept), len({candidates[i].unit for i in kept}))
    return shares


def reduced(whole: Plan, share: Share, seed: int) -> np.ndarray:
    """Which patches of the training plan (ascending) a reduced one keeps: those of its candidates, balanced anew."""
    there = np.flatnonzero(np.isin(whole.candidate, list(share.candidates)))
    labels = whole.label[there]
    if np.unique(labels).size < np.unique(whole.label).size:
        raise Error(
            f"a class is empty in the training set that is reduced to {share.units} units",
            remedy="ask for a larger one in --fractions, or give more data",
        )
    return there[splits.balance(labels, len(labels), np.random.default_rng([seed, 3]))]


def write(
    dataset: Dataset,
    folder: Path,
    plans: Mapping[str, Plan],
    candidates: Sequence[CandidateRow],
    augmentations: Sequence[Any],
    fractions: Mapping[float, Share],
    size: int,
    cut: Cut,
    workers: Workers,
    whole: tuple[int, int] | None = None,
    even_mean: bool = False,
) -> dict[str, object]:
    """Write manifest.csv, the LMDBs and the mean into `folder`; what is there already from a killed run is kept.

    Parameters
    ----------
    augmentations : dataclasses of one kind, the ways of cutting that the plans number; their fields are columns of
        the manifest.
    fractions : what each training set keeps; 1.0 among them.
    size : side of the net's input, pixels.
    cut : fills a spool with a plan's patches.
    workers : compute the digest.
    whole : height and width of the records of the test split where they are whole images, of which scoring cuts the
        patches; None where they are patches too.
    even_mean : whether the mean image has the mean of its channel in every place, for a net that is later applied to
        regions, in which a pixel has many places.

    Returns
    -------
    The part of dataset.json that tells of them: input, fractions, counts, mean, digest, seed.
    """
    shape = (3, size, size)
    shapes = dict.fromkeys(plans, shape) | ({"test": (3, *whole)} if whole else {})
    seed = dataset.arguments["seed"]
    kept = {f: reduced(plans["train"], fractions[f], seed) for f in fractions if f != 1.0}
    missing = [part for part in plans.values() if not (folder / f"{part.split}.lmdb").is_dir()]
    if missing:
        sizes = {name: int(np.prod(shapes[name])) for name in plans}
        records = [(len(part), sizes[part.split]) for part in missing] + [
            (len(k), sizes["train"]) for k in kept.values()
        ]
        check_space(folder, records, sum(sorted(len(part) * sizes[part.split] for part in missing)[-2:]))
    _write_manifest(folder / "manifest.csv", plans, candidates, augmentations)
    _write_lmdbs(folder, missing, candidates, shapes, cut)
    for fraction, places in kept.items():
        if not (folder / lmdb_name(fraction)).is_dir():
            lmdb.write(folder / lmdb_name(fraction), _chosen(folder / "train.lmdb", places))
    digests = workers.each(records_digest, [folder / f"{name}.lmdb" for name in splits.SPLITS], "digest")
    average = mean.compute(lmdb.Records(folder / "train.lmdb"))
    if even_mean:
        average = np.broadcast_to(average.mean(axis=(1, 2), keepdims=True), average.shape)
    mean.write(folder / "mean.binaryproto", average)
    return {
        "seed": seed,
        "input": {"channels": shape[0], "size": size},
        "fractions": {
            str(fraction): {
                "lmdb": dataset.relative(lmdb_name(fraction)),
                "records": len(kept.get(fraction, plans["train"].candidate)),
                "units": share.units,
            }
            for fraction, share in fractions.items()
        },
        "mean": dataset.relative("mean.binaryproto"),
        "digest": hashlib.sha256((folder / "manifest.csv").read_bytes() + "".join(digests).encode()).hexdigest(),
    }


def _write_lmdbs(
    folder: Path,
    parts: Sequence[Plan],
    candidates: Sequence[CandidateRow],
    shapes: Mapping[str, tuple[int, int, int]],
    cut: Cut,
) -> None:
    """Write the LMDB of each plan; while one is written the patches of the next are cut."""
    with ExitStack() as spools:

        def start(part: Plan) -> tuple[Plan, Path, Iterator[None]]:
            path = spools.enter_context(spool.created(folder / f".{part.split}.spool"))
            return part, path, cut(part, path)

        waiting = list(parts)
        ahead = start(waiting.pop(0)) if waiting else None
        while ahead is not None:
            part, path, cutting = ahead
            for _ in cutting:
                pass
            ahead = start(waiting.pop(0)) if waiting else None
            lmdb.write(folder / f"{part.split}.lmdb", _records(part, candidates, path, shapes[part.split]))
            path.unlink()


def lmdb_name(fraction: float) -> str:
    """The LMDB of a training set: ``train.lmdb``, or ``train_050.lmdb`` for half of the units."""
    return "train.lmdb" if fraction == 1.0 else f"train_{round(100 * fraction):03d}.lmdb"


def _records(part: Plan, candidates: Sequence[CandidateRow], path: Path, shape: tuple[int, int, int]) -> Iterator:
    for number, patch in enumerate(spool.patches(path, len(part), shape)):
        key = manifest.key(number, candidates[part.candidate[number]])
        yield key.encode(), datum.encode(patch, part.label[number])


def _chosen(path: Path, places: np.ndarray) -> Iterator[tuple[bytes, bytes]]:
    """The records at those places, under the keys they have in the whole set."""
    wanted = iter(places.tolist())
    following = next(wanted, None)
    for number, record in enumerate(lmdb.Records(path)):
        if number == following:
            yield record
            following = next(wanted, None)


def _write_manifest(
    path: Path, plans: Mapping[str, Plan], candidates: Sequence[CandidateRow], augmentations: Sequence[Any]
) -> None:
    columns = [astuple(augmentation) for augmentation in augmentations]

    def rows() -> Iterator[tuple[object, ...]]:
        for part in plans.values():
            for number, (index, how, label) in enumerate(
                zip(part.candidate, part.augmentation, part.label, strict=True)
            ):
                row = candidates[index]
                key = manifest.key(number, row)
                yield (key, label, part.split, row.unit, row.image, row.candidate, *columns[how])

    header = (*manifest.PATCH_COLUMNS, *(field.name for field in fields(augmentations[0])))
    table.write(path, header, rows())
