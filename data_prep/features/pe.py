"""The handcrafted method for pulmonary embolism, after [60]: features of toboggan clusters, and a bag classifier.

[60] Liang, Bi: Computer aided detection of pulmonary embolism with tobogganing and multiple instance classification
in CT pulmonary angiography. IPMI 2007. Its features and its classifier's details are assumed (`data_prep.features`,
`ftcaffe.handcrafted`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.parallel import jobs_by_default
from ftcaffe.application import Handcrafted
from ftcaffe.errors import Error, located

if TYPE_CHECKING:
    import numpy as np

    from data_prep.candidates import emboli
    from data_prep.manifest import CandidateRow
    from data_prep.readers.scans import Scan
    from ftcaffe.handcrafted.examples import Examples, Features, Learned

_Found = list[tuple[tuple[str, str, str], dict[str, float]]]


def features(source: Path, data: Path, jobs: int) -> Features:
    """Features of every candidate of a prepared data set.

    Tobogganing is done again as the data set was made, for the clusters' voxels; a candidate that another program
    found has none, and counts as a ball (`region.ALONE`).

    Parameters
    ----------
    source : what the data set was made from. data : its folder.

    Raises
    ------
    Error : a volume that is not there any more, or in which the candidates are others.
    """
    import json

    import numpy as np

    from data_prep import manifest
    from data_prep.assumed import Assumed
    from data_prep.parallel import Workers
    from data_prep.readers import scans
    from ftcaffe.handcrafted.examples import Features

    made = json.loads((data / "dataset.json").read_text(encoding="utf-8"))
    arguments = made["arguments"]
    rows: dict[tuple[str, str], list[CandidateRow]] = {}
    for row in manifest.read_candidates(data / "candidates.csv"):
        rows.setdefault((row.unit, row.image), []).append(row)
    there = {(scan.unit, scan.name): scan for scan in scans.read(made["layout"], source, arguments["series"])}
    missing = [image for image in rows if image not in there]
    if missing:
        raise Error(f"has no volume '{'/'.join(missing[0])}' any more", source, remedy="give --source")
    settings, tobogganed = Assumed.of(arguments["set"]).candidates, arguments["candidates"] is None
    tasks = [(there[image], of_image, settings, tobogganed) for image, of_image in rows.items()]
    found: _Found = []
    with Workers(jobs) as workers:
        for part in workers.each(_of_scan, tasks, "features"):
            found += part
    if not found:
        raise Error("has no candidates", data / "candidates.csv", remedy="see ftcaffe prepare pe --calibrate")
    names = tuple(found[0][1])
    return Features(names, [key for key, _ in found], np.array([list(values.values()) for _, values in found]))


def _of_scan(task: tuple[Scan, list[CandidateRow], emboli.Settings, bool]) -> _Found:
    import numpy as np

    from data_prep.candidates import emboli, lungs
    from data_prep.features import embolus
    from data_prep.features.region import region

    scan, rows, settings, tobogganed = task
    volume = scan.ct()
    with located(scan.path):
        inside = lungs.mask(volume, settings.lungs)
        clusters = {one.name: one for one in emboli.find(volume, settings)} if tobogganed else {}
    found: _Found = []
    for row in rows:
        position, axis = np.array(row.geometry[:3]), np.array(row.geometry[3:6])
        voxels = None
        if tobogganed:
            cluster = clusters.get(row.candidate)
            if cluster is None or np.abs(cluster.position - position).max() > 1e-3:
                what = f"candidate '{row.candidate}' of the data set is not found in it again"
                raise Error(what, scan.path, remedy="prepare the data set anew")
            voxels = cluster.voxels
        around = region(volume, inside, volume.to_index(position), voxels, axis)
        found.append(((row.unit, row.image, row.candidate), embolus.features(around)))
    return found


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(sorted({float(part) for part in text.split(",")}))


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--penalties",
        type=_numbers,
        default=(1.0, 3.0, 10.0, 30.0, 100.0),
        metavar="C,C",
        help="of misplaced candidates, to choose from by cross-validation over patients (default: 1,3,10,30,100)",
    )
    parser.add_argument("--folds", type=int, default=5, help="of the cross-validation (default: 5)")
    parser.add_argument("--jobs", type=int, default=jobs_by_default(), help="processes (default: the cores)")


def _features(options: argparse.Namespace, source: Path, data: Path) -> Features:
    if options.jobs < 1:
        raise Error(f"--jobs {options.jobs} is less than one process")
    return features(source, data, options.jobs)


def _learn(options: argparse.Namespace, examples: Examples, rng: np.random.Generator) -> Learned:
    from ftcaffe.handcrafted import choice

    return choice.learn(examples, choice.Settings(options.penalties, options.folds), rng)


HANDCRAFTED = Handcrafted(
    title="Features of toboggan clusters and a multiple-instance classifier, after Liang and Bi [60]",
    arguments=_arguments,
    features=_features,
    learn=_learn,
)
