"""Synthetic CT pulmonary angiograms with marked emboli, in the layout ``cad-pe``.

Beside the emboli lies what a reader takes for them: lymph nodes at the vessels, mucus in airways, blood that has
mixed badly with contrast, partial volume where vessels branch, motion, noise.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from data_prep.parallel import Workers
from data_prep.phantoms import chest, painted
from data_prep.phantoms.chest import Canvas, Segment
from data_prep.phantoms.folder import made
from data_prep.readers.volume import Volume
from data_prep.readers.write import write_nrrd
from ftcaffe.errors import Error
from ftcaffe.store import atomic

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """A phantom.

    seed, patients : of everything drawn; how many.
    spacing : side of a voxel in a slice in mm; slices are a quarter thicker.
    on, artery : a real CT that the emboli are painted into instead (its grid is kept), and a mask of its arteries or
        None. Every patient is then that one, with other emboli.
    """

    seed: int = 0
    patients: int = 24
    spacing: float = 0.8
    on: Path | None = None
    artery: Path | None = None

    def __post_init__(self) -> None:
        if self.patients < 1:
            raise Error("a phantom needs at least one patient", remedy="mend --patients")
        if not 0.4 <= self.spacing <= 2:
            raise Error(f"--spacing {self.spacing:g}: voxels are 0.4 to 2 mm wide")
        if self.artery is not None and self.on is None:
            raise Error("--artery is a mask of the volume that --on names", remedy="give both")


def write(folder: Path, settings: Settings, jobs: int = 1, dicom: bool = False) -> None:
    """Write the phantom into `folder`, whole; nothing is done when it is there already.

    ``images/001.nrrd`` with ``rs/0001RefStd.nrrd``; every fourth patient has no embolus, no reference, and a line in
    ``negatives.txt``. As DICOM, ``images/001`` is a folder of slices.

    Raises
    ------
    Error : the folder holds something else.
    """
    record = {"application": "pe", "dicom": dicom, **asdict(settings)}
    record |= {name: path and str(path) for name, path in (("on", settings.on), ("artery", settings.artery))}
    with made(folder, record) as beside:
        if beside is None:
            return
        for part in ("images", "rs"):
            (beside / part).mkdir(parents=True)
        tasks = [(beside, number, settings, dicom) for number in range(1, settings.patients + 1)]
        with Workers(jobs) as workers:
            emboli = list(workers.each(_write_patient, tasks, "patients"))
        negatives = "".join(f"{n:03d}\n" for n, count in enumerate(emboli, 1) if not count)
        atomic.write_text(beside / "negatives.txt", negatives)
    _log.info("%s: %d patients, %d of them with %d emboli", folder, len(emboli), sum(map(bool, emboli)), sum(emboli))


def _write_patient(task: tuple[Path, int, Settings, bool]) -> int:
    folder, number, settings, dicom = task
    volume, labels = patient(settings, number)
    if dicom:
        from data_prep.readers.write import write_dicom

        write_dicom(folder / "images" / f"{number:03d}", volume)
    else:
        write_nrrd(folder / "images" / f"{number:03d}.nrrd", volume)
    count = int(labels.array.max())
    if count:
        write_nrrd(folder / "rs" / f"{number:04d}RefStd.nrrd", labels)
    return count


def patient(settings: Settings, number: int) -> tuple[Volume, Volume]:
    """The CT (int16, HU) and the labels (uint8; emboli 1, 2, …) of one patient; every fourth has no embolus."""
    rng = np.random.default_rng([settings.seed, number])
    if settings.on is not None:
        ct, artery = painted.background(settings.on, settings.artery)
        return painted.paint(
            replace(ct, unit=f"{number:03d}"), artery, rng, int(rng.integers(3, 8)) if number % 4 else 0
        )
    canvas = chest.canvas(spacing=(1.25 * settings.spacing, settings.spacing, settings.spacing))
    chest.body(canvas)
    arteries = _vessels(canvas, rng)
    labels = np.zeros(canvas.shape, np.uint8)
    clot = np.zeros(canvas.shape, np.float32)
    if number % 4:
        _emboli(canvas, rng, arteries, labels, clot)
    array = _rendered(canvas, rng, clot)
    ct = Volume(array, np.array(canvas.spacing), canvas.origin.copy(), np.eye(3)[:, ::-1], f"{number:03d}")
    return ct, ct.of(labels)


def _vessels(canvas: Canvas, rng: np.random.Generator) -> list[Segment]:
    """Draw arteries, the airways beside them, veins, mucus and lymph nodes; returns the arteries."""
    arteries: list[Segment] = []
    for side in chest.SIDES:
        hilum = np.array([side * chest.HILUM, 0, 0])
        towards = np.array([side, 0.1, 0.15])
        tree = chest.grow(rng, side, hilum, towards, rng.uniform(7, 8.5), 0.9)
        first = len(arteries)
        arteries += [
            Segment(s.start, s.end, s.radius, s.radius_end, s.parent + first if s.parent >= 0 else -1) for s in tree
        ]
        canvas.capsule("artery", np.array([0.0, -6, 6]), hilum, 9, tree[0].radius)
        for segment in tree:
            canvas.capsule("artery", segment.start, segment.end, segment.radius, segment.radius_end)
        _airways(canvas, rng, tree)
        vein = np.array([side * (chest.HILUM - 2), -6, -14])
        veins = chest.grow(rng, side, vein, np.array([side, -0.2, -0.3]), rng.uniform(6, 7.5), 0.9)
        for segment in veins:
            canvas.capsule("vein", segment.start, segment.end, segment.radius, segment.radius_end)
        _streams(canvas, rng, veins)
        canvas.capsule("vein", np.array([2.0, -20, -26]), vein, 8, 6)
        _nodes(canvas, rng, tree)
    return arteries


def _airways(canvas: Canvas, rng: np.random.Generator, tree: list[Segment]) -> None:
    """A bronchus along each larger artery; three in ten of the smaller ones are plugged with mucus."""
    normal = rng.normal(size=3)
    canvas.capsule("airway", np.array([0.0, 4, 20]), tree[0].start + np.array([0, 9.0, 4]), 5.5, 4.5)
    canvas.capsule("wall", np.array([0.0, 4, 20]), tree[0].start + np.array([0, 9.0, 4]), 6.7, 5.7)
    for segment in tree:
        if segment.radius < 1.4:
            continue
        across = np.cross(segment.direction, normal)
        across /= np.linalg.norm(across)
        radius = 0.75 * segment.radius
        aside = (segment.radius + radius + 0.8) * across
        start, end = segment.start + aside, segment.end + aside
        canvas.capsule("wall", start, end, radius + 0.7, radius + 0.5)
        canvas.capsule("bronchus", start, end, radius, 0.85 * radius)
        if segment.radius < 5 and rng.random() < 0.3:
            canvas.capsule("mucus", start, start + 0.7 * (end - start), radius, 0.85 * radius)


def _nodes(canvas: Canvas, rng: np.random.Generator, tree: list[Segment]) -> None:
    """Lymph nodes: in the forks of the larger arteries, between two bright branches, and against their walls."""
    for number, segment in enumerate(tree):
        branches = [other.direction for other in tree if other.parent == number]
        if segment.radius < 2 or rng.random() < 0.5:
            continue
        axes = rng.uniform(1.6, 3.8) * rng.uniform(0.75, 1.3, 3)
        if len(branches) == 2 and rng.random() < 0.7:
            towards = sum(branches) / np.linalg.norm(sum(branches))
            middle = segment.end + (0.9 * segment.radius_end + 0.8 * axes.mean()) * towards
        else:
            across = np.cross(segment.direction, rng.normal(size=3))
            across /= np.linalg.norm(across)
            middle = segment.start + rng.uniform(0.2, 0.9) * (segment.end - segment.start)
            middle = middle + (segment.radius + 0.5 * axes.mean()) * across
        canvas.ellipsoid("node", middle, axes)


def _streams(canvas: Canvas, rng: np.random.Generator, tree: list[Segment]) -> None:
    """Streams of blood without contrast in the larger veins: a clot's place and darkness, without its sharp ends."""
    for segment in tree:
        if segment.radius > 2.5 and rng.random() < 0.4:
            begin, end = rng.uniform(0, 0.3), rng.uniform(0.6, 1.0)
            way = segment.end - segment.start
            across = np.cross(segment.direction, rng.normal(size=3))
            aside = rng.uniform(0, 0.35) * segment.radius * across / np.linalg.norm(across)
            radius = rng.uniform(0.45, 0.75) * segment.radius
            canvas.capsule(
                "stream", segment.start + begin * way + aside, segment.start + end * way + aside, radius, radius
            )


def _emboli(
    canvas: Canvas, rng: np.random.Generator, arteries: list[Segment], labels: np.ndarray, clot: np.ndarray
) -> None:
    """Draw clots into arteries of 3 mm radius and more: in the middle, at the wall, or over the whole lumen."""
    wide = [segment for segment in arteries if 3 <= segment.radius <= 8]
    wanted = int(rng.integers(3, 8))
    for place in rng.permutation(len(wide)):
        number = int(labels.max()) + 1
        if number > wanted:
            return
        segment = wide[place]
        drawn = chest.Canvas(canvas.shape, canvas.spacing, canvas.origin)
        _draw_clot(drawn, rng, segment)
        coverage = drawn.layer("clot") * canvas.layer("artery")
        # A clot's surface is rough.
        inside = coverage > 0.5
        around = ndimage.binary_dilation(inside, iterations=4)
        if inside.sum() * canvas.spacing.prod() < 8 or (labels[around] > 0).any():
            continue
        labels[inside] = number
        np.maximum(clot, coverage, out=clot)


def _draw_clot(drawn: Canvas, rng: np.random.Generator, segment: Segment) -> None:
    kind = rng.choice(["central", "wall", "occluding"], p=[0.65, 0.25, 0.1])
    share = {"central": rng.uniform(0.45, 0.72), "wall": rng.uniform(0.55, 0.75), "occluding": 1.1}[kind]
    across = np.cross(segment.direction, rng.normal(size=3))
    across /= np.linalg.norm(across)
    aside = {"central": rng.uniform(0, 0.15), "wall": 1.0 - 0.8 * share, "occluding": 0.0}[kind] * segment.radius
    length = rng.uniform(0.25, 0.85) * segment.length
    begin = rng.uniform(0, segment.length - length)
    pieces = max(2, int(length / 2.5))
    points = [
        segment.start + (begin + length * k / pieces) * segment.direction + aside * across for k in range(pieces + 1)
    ]
    radii = np.maximum(share * segment.radius, 2) * rng.uniform(0.85, 1.15, pieces + 1)
    for k in range(pieces):
        drawn.capsule("clot", points[k], points[k + 1], radii[k], radii[k + 1])


def _rendered(canvas: Canvas, rng: np.random.Generator, clot: np.ndarray) -> np.ndarray:
    """Hounsfield units (int16): the layers one over the other, then motion, blur and noise."""
    layer, shape = canvas.layer, canvas.shape
    hu = np.full(shape, chest.AIR, np.float32)

    def over(name: str, value: float | np.ndarray) -> None:
        coverage = layer(name)
        hu[...] += coverage * (value - hu)

    grade = rng.choice(["good", "mixed", "poor"], p=[0.6, 0.25, 0.15])
    contrast = rng.uniform(300, 420) if grade != "poor" else rng.uniform(190, 240)
    flow = chest.noise(rng, shape, 1, 4)
    mixing = 1 + {"good": 0.05, "mixed": 0.16, "poor": 0.08}[grade] * np.clip(flow, -2.2, 2.2)
    over("table", 100)
    over("body", chest.FAT)
    over("muscle", chest.TISSUE)
    over("bone", chest.BONE)
    texture = chest.noise(rng, shape, 18, 1.2)
    over("lung", chest.LUNG + texture)
    over("node", rng.uniform(35, 65))
    over("wall", 20)
    over("airway", chest.AIR)
    layer("bronchus")[...] *= layer("lung")  # none pierces the chest wall
    over("bronchus", chest.AIR)
    over("mucus", rng.uniform(5, 45))
    over("heart", 0.9 * contrast * mixing)
    # In veins the contrast comes later, and blood without it has not mixed with it everywhere.
    over("vein", rng.uniform(0.6, 0.95) * contrast * mixing)
    hu += ndimage.gaussian_filter(layer("stream") * layer("vein"), 0.6 / canvas.spacing) * (rng.uniform(40, 85) - hu)
    over("artery", contrast * mixing)
    hu += clot * (rng.uniform(35, 80) + 0.4 * texture - hu)
    if rng.random() < 0.35:
        hu = _moved(hu, rng, canvas.spacing)
    hu = ndimage.gaussian_filter(hu, 0.55 / canvas.spacing)
    hu += chest.noise(rng, shape, rng.uniform(10, 22), 0.8)
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16)


def _moved(hu: np.ndarray, rng: np.random.Generator, spacing: np.ndarray) -> np.ndarray:
    """Breathing while some of the slices were taken: a mean over a few shifts, strongest at the base."""
    way = rng.normal(0, 1.2, 3) * np.array([0.3, 1, 1]) / spacing
    shifted = sum(ndimage.shift(hu, t * way, order=1, mode="nearest") for t in (-0.5, 0.0, 0.5)) / 3
    weight = np.clip(1.4 - 2.4 * np.arange(hu.shape[0]) / hu.shape[0], 0, 1)[:, None, None]
    return (hu + weight * (shifted - hu)).astype(np.float32)
