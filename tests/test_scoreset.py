"""Score sets of any software: what each missing column means, and every fault in one line."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_runs import made_scores

from evaluation.comparing import pairs
from evaluation.comparing.result import Settings, evaluate
from evaluation.scoring import scores, scoreset
from evaluation.scoring.scores import Unlisted
from evaluation.scoring.scoreset import Reading
from ftcaffe.errors import Error


def read(path, reading):
    """One score set."""
    (found,) = scoreset.read([path], reading)
    return found


@pytest.fixture
def table(tmp_path):
    """Writes a CSV table into a folder of its own, and returns its path."""

    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


FULL = """unit,image,candidate,lesion,label,score
a,1,x,L,1,0.9
a,1,y,,0,0.8
a,2,x,L,1,0.7
b,1,x,,0,0.6
"""
IMAGES = "unit,image,lesions\na,1,1\na,2,2\nb,1,0\nb,2,1\n"


def test_a_lesion_counts_within_its_image_by_default(table):
    table("s.images.csv", IMAGES)
    found = read(table("s.csv", FULL), Reading())
    assert (found.curve, found.run) == ("froc", "s")
    assert found.detections.lesion.tolist() == [0, -1, 1, -1]
    assert (found.detections.lesions.tolist(), found.detections.images.tolist()) == ([3, 1], [2, 2])
    counts = found.counts
    assert (counts.units, counts.images, counts.with_lesions, counts.lesions, counts.reached) == (2, 4, 3, 4, 2)
    assert (counts.candidates, counts.false_candidates) == (4, 2)


@pytest.mark.parametrize(
    ("lesions", "lesion", "of_units"),
    [
        ("unit,image,lesion\na,1,L\na,2,L\na,2,M\nb,2,L\n", [0, -1, 1, -1], [3, 1]),
        ("unit,lesion\na,L\na,M\nb,L\n", [0, -1, 0, -1], [2, 1]),
    ],
    ids=["within the image", "within the unit"],
)
def test_a_table_of_lesions_says_where_a_name_counts(table, lesions, lesion, of_units):
    table("s.images.csv", IMAGES)
    found = read(table("s.csv", FULL), Reading(lesions=table("lesions.csv", lesions)))
    assert found.detections.lesion.tolist() == lesion
    assert found.detections.lesions.tolist() == of_units
    assert found.placed


def test_a_lesion_named_in_the_whole_set_lies_in_one_unit(table):
    table("s.images.csv", IMAGES)
    lesions = table("lesions.csv", "lesion\nL\nM\n")
    found = read(table("s.csv", FULL), Reading(lesions=lesions))
    assert found.detections.lesions.tolist() == [1, 0, 1]  # nobody knows where M is
    assert found.unlisted == Unlisted(lesions=1)
    assert found.counts.units == 2
    two = table("s.csv", FULL.replace("b,1,x,,0", "b,1,x,L,1"))
    with pytest.raises(Error, match=r"s\.csv: a lesion lies in two units: L in a and in b"):
        read(two, Reading(lesions=lesions))


def test_numbers_leave_units_unknown(table):
    found = read(table("s.csv", FULL), Reading(images=10, lesions=5))
    assert found.unlisted == Unlisted(images=7, lesions=3)
    assert (found.detections.images.sum(), found.detections.lesions.sum()) == (10, 5)
    assert found.counts.with_lesions is None


def test_a_number_of_images_is_no_loss_where_each_is_a_unit(table):
    path = table("s.csv", "image,lesion,score\n1,L,0.9\n1,,0.5\n2,,0.4\n")
    table("s.lesions.csv", "image,lesion\n1,L\n9,L\n")
    found = read(path, Reading(images=6))
    assert found.placed
    assert len(found.detections.images) == 6
    assert found.detections.lesions.sum() == 2


def test_numbers_are_of_one_list_for_all_the_sets(table):
    """Each system has candidates in images of its own choice, and hits lesions of its own choice."""
    one = table("one.csv", "image,lesion,score\n1,L,0.9\n2,,0.4\n")
    other = table("other.csv", "image,lesion,score\n3,M,0.9\n3,,0.4\n")
    pairs.same_test_set(scoreset.read([one, other], Reading(images=6, lesions=3)))
    with pytest.raises(Error, match=r"one\.csv: has candidates in 3 images, and --images says 2"):
        scoreset.read([one, other], Reading(images=2, lesions=3))


def test_without_names_candidates_are_numbered_within_their_image(table):
    table("s.images.csv", "image,lesions\n1,1\n2,0\n")
    found = read(table("s.csv", "image,lesion,score\n1,L,0.9\n2,,0.5\n1,,0.4\n1,L,0.2\n"), Reading())
    assert found.candidate.tolist() == ["1", "1", "2", "3"]
    assert found.unit.tolist() == found.image.tolist()
    assert found.label.tolist() == [1, 0, 0, 1]


def test_label_and_score_alone_are_a_roc_set_of_independent_rows(table):
    found = read(table("s.csv", "label,score\n1,0.9\n0,0.5\n1,0.4\n"), Reading())
    assert found.curve == "roc"
    assert found.independent
    assert found.detections.lesion.tolist() == [0, -1, 2]
    assert (found.counts.units, found.counts.lesions, found.counts.false_candidates) == (3, 2, 1)


def test_a_roc_set_has_its_units(table):
    found = read(table("s.csv", "unit,image,label,score\na,1,1,0.9\na,2,0,0.5\nb,1,0,0.4\n"), Reading())
    assert not found.independent
    assert found.detections.unit.tolist() == [0, 0, 1]
    assert (found.detections.lesions.tolist(), found.detections.images.tolist()) == ([1, 0], [1, 1])


def test_positive_class_and_direction_are_as_told(table):
    path = table("s.csv", "label,score\nbenign,5\nmalignant,2\nbenign,7\n")
    found = read(path, Reading(positive="malignant", lower=True))
    assert (found.classes, found.positive) == (("benign", "malignant"), 1)
    assert found.score.tolist() == [-5, -2, -7]
    assert found.turned


@pytest.mark.parametrize("columns", [("unit", "image", "candidate", "lesion", "label", "score"), ("label", "score")])
def test_hdf5_is_the_same_as_csv(tmp_path, columns):
    made = made_scores(np.random.default_rng(0))
    scores.write_csv(tmp_path / "s.csv", made)
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for name in columns:
            values = getattr(made, name)
            kind = h5py.string_dtype() if values.dtype.kind == "U" else None
            file.create_dataset(name, data=values.astype(object) if kind else values, dtype=kind)
    lines = [",".join(columns)]
    lines += [
        ",".join(str(value) for value in row) for row in zip(*(getattr(made, name) for name in columns), strict=True)
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    reading = Reading(images=tmp_path / "s.images.csv") if "lesion" in columns else Reading()
    one, other = read(tmp_path / "s.h5", reading), read(tmp_path / "t.csv", reading)
    for name in ("unit", "image", "candidate", "lesion", "label", "score"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.counts == other.counts


FAULTS = {
    "no score": ("label\n1\n", {}, "s.csv:1: lacks the column score"),
    "label alone says nothing": ("unit,score\na,1\n", {}, r"s.csv: lacks the columns label \(a ROC set\) and lesion"),
    "empty": ("label,score\n", {}, "s.csv: holds no scores"),
    "no image": ("lesion,score\nL,1\n", {}, "s.csv: lacks the column image"),
    "not a number": ("label,score\n1,high\n", {}, "s.csv:2: the score 'high' is no finite number"),
    "not finite": ("label,score\n1,0.5\n0,nan\n", {}, r"s.csv:3: the score 'nan' is no finite number"),
    "twice": ("image,candidate,label,score\n1,x,1,1\n1,x,0,1\n", {}, "s.csv: a candidate stands twice: 1/1/x"),
    "positive without a lesion": (
        FULL.replace("a,1,y,,0", "a,1,y,,1"), {"images": 4, "lesions": 4},
        "s.csv: a positive candidate has no lesion: a/1/y",
    ),
    "lesion of a negative": (
        FULL.replace("a,1,x,L,1", "a,1,x,L,0"), {"images": 4, "lesions": 4},
        "s.csv: a candidate that is not positive has a lesion: a/1/x",
    ),
    "unknown label": ("label,score\n1,1\n0,0\n", {"positive": "2"}, r"no row has the label 2 \(there are: 0, 1\)"),
    "unlisted images": (FULL, {}, r"s.csv: has no list of its images .*give --images"),
    "unlisted lesions": (FULL, {"images": 4}, "s.csv: has no list of its lesions; give --lesions"),
    "too few images": (FULL, {"images": 2, "lesions": 4}, "has candidates in 3 images, and --images says 2"),
    "too few lesions": (FULL, {"images": 4, "lesions": 1}, "hits 2 lesions, and --lesions says 1"),
    "images of a ROC set": ("label,score\n1,1\n", {"images": 4}, "is a ROC set .* needs no --images"),
    "an FROC application": ("label,score\n1,1\n0,0\n", {"application": "polyp"}, "lacks the column lesion, and"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(table, fault):
    text, given, message = FAULTS[fault]
    with pytest.raises(Error, match=message) as caught:
        read(table("s.csv", text), Reading(**given))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("lesions", "unit,image,lesion\na,1,L\n", "lesions.csv: lacks a lesion that is hit: a/2/L"),
        ("lesions", "unit,image,lesion\na,1,L\na,2,L\nc,1,L\n", "lesions.csv: shows a lesion in an image .* c/1"),
        ("lesions", "unit,lesion\na,L\na,L\n", "lesions.csv: a lesion stands twice: a/L"),
        ("lesions", "unit,lesion\nb,L\n", "s.csv: a lesion is not listed in its unit: a/L"),
        ("lesions", "unit,image\na,1\n", "lesions.csv:1: lacks the column lesion"),
        ("images", "unit,image,lesions\na,1,1\na,2,1\n", "a candidate lies in an image that is not listed: b/1/x"),
        ("images", "unit,image,lesions\na,1,one\n", "images.csv:2: the lesions 'one' is no finite number"),
        ("images", "unit,image,lesions\na,1,0\na,2,1\nb,1,0\n", "more lesions are hit than the image shows: a/1"),
        ("images", "lesions\n1\n", "images.csv: lacks the columns unit and image"),
    ],
)  # fmt: skip
def test_a_fault_of_the_lists_is_one_line(table, name, text, message):
    path = table("s.csv", FULL)
    table("s.images.csv", IMAGES)
    with pytest.raises(Error, match=message) as caught:
        read(path, Reading(**{name: table(f"{name}.csv", text)}))
    assert "\n" not in str(caught.value)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), order=st.randoms(use_true_random=False))
def test_order_of_rows_and_monotone_transforms_change_nothing(table, seed, order):
    generator = np.random.default_rng(seed)
    label, score = generator.integers(0, 2, 40), generator.normal(size=40).round(1)
    label[:2] = 0, 1
    rows = [(f"u{place % 7}", place, of, value) for place, (of, value) in enumerate(zip(label, score, strict=True))]
    plain = "".join(f"{unit},{image},{of},{value}\n" for unit, image, of, value in rows)
    order.shuffle(rows)
    moved = "".join(f"{unit},{image},{of},{np.exp(value) * 3 - 1}\n" for unit, image, of, value in rows)
    header = "unit,image,label,score\n"
    one, other = (
        evaluate(read(table(name, header + text), Reading()), (0.1, 0.5), Settings(draws=30))
        for name, text in (("plain.csv", plain), ("moved.csv", moved))
    )
    assert one.points == other.points
    assert one.auc == other.auc
    np.testing.assert_array_equal(one.froc.sensitivity, other.froc.sensitivity)
    np.testing.assert_array_equal(one.measured.drawn_auc, other.measured.drawn_auc)
