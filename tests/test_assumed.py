"""What the paper leaves open of embolism data: changed by name, kept in dataset.json, listed in one table."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from data_prep import assumed, representations
from data_prep.assumed import Assumed
from data_prep.readers.volume import Volume
from ftcaffe.errors import Error

README = Path(__file__).parents[1] / "data_prep" / "README.md"


def test_values_go_through_json_and_back():
    changed = assumed.read(["contrast=0.5", "lungs.closing=8", "vessel.diameters=12,18", "patches.samples=48"])
    made = Assumed.of(changed)
    assert made.candidates.contrast == 0.5
    assert made.candidates.lungs.closing == 8
    assert made.candidates.vessel.diameters == (12, 18)
    assert made.patches.samples == 48
    assert made.patches.widths == representations.DEFAULT.widths
    assert Assumed.of(json.loads(json.dumps(made.values()))) == made


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("contrst=1", "no setting 'contrst'; there are: smoothing, low, .*patches.samples"),
        ("lungs=1", "no setting 'lungs'"),
        ("contrast", "'' is no number"),
        ("contrast=dark", "'dark' is no number"),
        ("contrast=nan", "'nan' is no number"),
        ("contrast=1,2", "'contrast' is one number"),
        ("patches.window=450,-250", "patches.window: HU of black and of white"),
        ("patches.window=450", "patches.window: HU of black and of white"),
        ("patches.widths=10,0", "patches.widths: a plane is wider than 0 mm"),
        ("patches.samples=8.5", "patches.samples: a whole number"),
    ],
)
def test_what_cannot_be_is_one_line(change, message):
    with pytest.raises(Error, match=message):
        Assumed.of(assumed.read([change]))


def test_the_read_me_has_every_name_with_its_default():
    """The rows of its table: names in code, then as many defaults, commas within one where it is several numbers."""
    rows = re.findall(r"^\| (`[a-z].*?) \| (.*?) \| .* \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {}
    for names, defaults in rows:
        named = re.findall(r"`([a-z.]+)`", names)
        numbers = [
            float(n) for n in re.findall(r"-?[0-9.]+", defaults.replace("\N{MINUS SIGN}", "-").replace(",", " "))
        ]
        if len(named) == 1:
            listed[named[0]] = numbers
        else:
            listed |= {name: [number] for name, number in zip(named, numbers, strict=False)}
    for name, value in Assumed().values().items():
        assert listed[name] == np.atleast_1d(value).tolist(), name


def test_patches_go_by_their_settings():
    rng = np.random.default_rng(1)
    volume = Volume(
        rng.uniform(-900, 900, (30, 30, 30)).astype(np.float32), np.ones(3), np.zeros(3), np.eye(3)[:, ::-1]
    )
    settings = representations.Settings(widths=(12, 16), shifts=(0, 0.1), rotations=(0,), window=(0, 255), samples=16)
    ways = representations.augmentations("full", settings)
    assert [(how.width, how.shift) for how in ways] == [(12, 0), (12, 0.1), (16, 0), (16, 0.1)]
    assert len(representations.augmentations("centred", settings)) == 2
    drawn = representations.drawn(40, rng, settings)
    assert {how.width for how in drawn} == {12, 16}
    assert all(0 <= how.shift <= 0.1 for how in drawn)
    place = np.array([15.0, 15, 15]), np.eye(3)
    hu = representations.sections(volume, *place, ways, "vessel", 16)
    assert hu.shape == (4, 2, 16, 16)
    patches = np.stack(list(representations.cuts(volume, *place, ways, "vessel", 16, settings)))
    np.testing.assert_array_equal(patches[:, :2], np.clip(np.rint(hu), 0, 255))  # a window of 255 HU from 0
