"""What a run says of new images: their probabilities as a table, the surest and the most doubtful in a picture."""

import csv

import numpy as np
import pytest
from PIL import Image

from data_prep import predictions
from data_prep.readers.labelled import View
from ftcaffe.errors import Error
from ftcaffe.store.subimages import SubImages

pytest.importorskip("matplotlib")
LEVELS = {"1.png": 250, "2.png": 130, "10.png": 20, "deeper/a.png": 200}


@pytest.fixture
def source(tmp_path):
    """Grey images of four levels, one of them a folder deeper, and files that are no images."""
    for name, level in LEVELS.items():
        path = tmp_path / "new" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 50), level, np.uint8)).save(path)
    (tmp_path / "new" / "notes.txt").write_text("no image")
    return tmp_path / "new"


def bright(patches):
    """A net of three classes: dark, bright, and a third that is never likely."""
    level = np.array([patch.mean() / 255 for patch in patches])
    return np.stack([0.9 * (1 - level), 0.9 * level, np.full(len(level), 0.1)], axis=1).astype(np.float32)


CLASSES = ("dark", "bright", "never")


def test_every_image_of_a_folder_has_its_probabilities_by_name(source, tmp_path):
    found = predictions.predict(source, View((67, 67)), CLASSES, bright, None)
    predictions.write(found, View((67, 67)), tmp_path / "out")
    with (tmp_path / "out/probabilities.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image"] for row in rows] == list(LEVELS)
    assert [row["class"] for row in rows] == ["bright", "bright", "dark", "bright"]
    for row, level in zip(rows, LEVELS.values(), strict=True):
        assert float(row["probability of bright"]) == pytest.approx(0.9 * level / 255, abs=1e-5)
        assert sum(float(row[f"probability of {name}"]) for name in CLASSES) == pytest.approx(1, abs=1e-5)
    with Image.open(tmp_path / "out/images.png") as picture:
        assert picture.width > 1000


def test_the_picture_has_the_surest_of_each_class_and_the_most_doubtful(source):
    found = predictions.predict(source, View((67, 67)), CLASSES, bright, None)
    names = {heading: [found.images[k].image for k in places] for heading, places in predictions.shown(found)}
    assert names == {
        "taken for bright, the surest first": ["1.png", "deeper/a.png", "2.png"],
        "taken for dark, the surest first": ["10.png"],
        "the most doubtful first": ["2.png", "deeper/a.png", "10.png", "1.png"],
    }


def test_an_image_is_the_mean_of_its_sub_images(tmp_path):
    Image.fromarray(np.tile(np.linspace(0, 255, 100).astype(np.uint8), (80, 1))).save(tmp_path / "a.png")
    seen = []

    def predict(patches):
        seen.extend(patches)
        return bright(seen)

    found = predictions.predict(tmp_path / "a.png", View((100, 80)), CLASSES, predict, SubImages(5, 67, 0))
    assert [patch.shape for patch in seen] == [(3, 67, 67)] * 5
    assert found.images[0].image == "a.png"
    np.testing.assert_allclose(found.probability, bright(seen).mean(axis=0, keepdims=True), rtol=1e-6)


def test_a_folder_without_images_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Error, match=r"empty: holds no images; give an image file, or a folder of images"):
        predictions.images_of(tmp_path / "empty")
