"""Random numbers and fillers; that they are the original's numbers is held by the parity family `fillers`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("torch")

import ftcaffe.engine as caffe
from ftcaffe.engine import ziggurat
from ftcaffe.engine.random import Random
from ftcaffe.errors import Error


class Given(Random):
    """Draws from given words."""

    def __init__(self, *words):
        self.left = np.array(words, np.uint32)

    def words(self, count):
        taken, self.left = self.left[:count], self.left[count:]
        assert len(taken) == count
        return taken


def test_twister_is_the_standard_one():
    """The 10,000th word of seed 5489 is what the C++ standard says of mt19937."""
    assert int(Random(5489).words(10_000)[-1]) == 4123659995


@pytest.mark.parametrize("seed", [0, 2**32 - 1, 2**32, -1])
def test_low_bits_of_the_seed_count(seed):
    assert Random(seed).word() == Random(seed % 2**32).word()


@pytest.mark.parametrize(
    ("layers", "density", "tail"),
    [
        (ziggurat._NORMAL, lambda x: np.exp(-x * x / 2), lambda x: np.sqrt(2 * np.pi) * stats.norm.sf(x)),
        (ziggurat._EXPONENTIAL, lambda x: np.exp(-x), stats.expon.sf),
    ],
    ids=["normal", "exponential"],
)
def test_layers_have_one_area_up_to_the_top(layers, density, tail):
    x = layers.x[1:]
    lowest = x[0] * density(x[0]) + tail(x[0])
    np.testing.assert_allclose(x[:-1] * np.diff(density(x)), lowest, rtol=1e-11)


def test_gaussian_has_the_normal_distribution():
    draws = Random(4).gaussian(0, 1, 2_000_000)
    assert stats.kstest(draws, "norm").pvalue > 0.01
    start = ziggurat._NORMAL.x[1]
    beyond = np.abs(draws[np.abs(draws) > start])
    assert stats.binomtest(len(beyond), len(draws), 2 * stats.norm.sf(start)).pvalue > 0.01
    assert stats.kstest(beyond, lambda x: 1 - stats.norm.sf(x) / stats.norm.sf(start)).pvalue > 0.01


@pytest.mark.parametrize("draw", ["gaussian", "uniform"])
@pytest.mark.parametrize("piece", [1, 7, 5_000, 70_000])
def test_draws_take_no_word_too_many(draw, piece):
    """Drawn piece by piece they are those drawn at once, and the next word is the same."""
    whole, pieces = Random(9), Random(9)
    count = min(200_000, 2_000 * piece) // piece * piece
    at_once = getattr(whole, draw)(-1, 3, count)
    np.testing.assert_array_equal(
        np.concatenate([getattr(pieces, draw)(-1, 3, piece) for _ in range(count // piece)]), at_once
    )
    assert whole.word() == pieces.word()


EDGE, TAIL = 0xFFFFFF01 | 40 << 1, 0xFFFFFF01  # at the end of layer 40, and of layer 0


def test_a_height_that_rounds_to_one_is_passed_over():
    draws, taken = ziggurat.normals(np.array([EDGE, 0xFFFFFF80, 0], np.uint32))
    expected, _ = ziggurat.normals(np.array([EDGE, 0], np.uint32))
    assert (len(draws), taken) == (1, 3)
    np.testing.assert_array_equal(draws, expected)


@pytest.mark.parametrize("words", [[EDGE], [TAIL], [TAIL, 512], [EDGE, 0xFFFFFFFF]])
def test_a_draw_that_is_not_whole_is_left(words):
    draws, taken = ziggurat.normals(np.array([256, *words], np.uint32))
    assert (len(draws), taken) == (1, 1)


def test_a_uniform_draw_that_rounds_up_to_the_end_is_passed_over():
    assert Given(0xFFFFFFFF, 0xFFFFFF80, 0x40000000).uniform(0, 1, 1) == np.float32(0.25) * np.nextafter(
        np.float32(1), 2
    )


@pytest.mark.parametrize(("probability", "expected"), [(0.5, False), (np.float32(0.5), True)])
def test_bernoulli_compares_in_the_precision_of_its_probability(probability, expected):
    """Caffe's Dropout has double precision there, its sparse filler single."""
    assert Given(2**31 + 60).bernoulli(probability, 1) == [expected]


def test_bernoulli_of_nothing_takes_no_words():
    assert not Given().bernoulli(0.0, 3).any()


def test_shuffle_is_caffes():
    """What BVLC Caffe's ImageData makes of twelve pictures after set_random_seed(3), in its two first rounds."""
    order, random = list(range(12)), Random(Random(3).word())
    random.shuffle(order)
    assert order == [0, 9, 3, 5, 6, 10, 7, 8, 11, 4, 2, 1]
    random.shuffle(order)
    assert order[:4] == [0, 6, 8, 4]


def test_shuffle_passes_over_words_beyond_the_last_place():
    items = ["a", "b", "c"]
    Given(0xFFFFFFFF, 0, 0xFFFFFFFF).shuffle(items)  # of three places each has 1431655765 words, and one is left over
    assert items == ["c", "b", "a"]


LAYER = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 dim: 4 dim: 5 } } }
layer { name: "c" type: "Convolution" bottom: "x" top: "y"
  convolution_param { num_output: 4 kernel_h: 2 kernel_w: 3 %s_filler { %s } } }
"""


@pytest.mark.parametrize(
    ("which", "filler", "message"),
    [
        ("weight", 'type: "unary"', "no filler 'unary'; there are: bilinear, constant"),
        ("weight", 'type: "gaussian" std: 0', "a gaussian filler of std 0; above 0"),
        ("weight", 'type: "gaussian" sparse: -2', "sparse is -1"),
        ("weight", 'type: "gaussian" sparse: 5', "sparse is 5, the parameter has 4 outputs"),
        ("weight", 'type: "uniform" min: 1 max: 0.5', "from 1 to 0.5; min is at most max"),
        ("weight", 'type: "xavier" sparse: 2', "'xavier' has no 'sparse'"),
        ("weight", 'type: "bilinear"', r"of shape \(4, 2, 2, 3\); it takes square kernels"),
        ("bias", 'type: "bilinear"', r"of shape \(4,\); it takes square kernels of 4 axes"),
    ],
)
def test_filler_that_does_not_do_is_one_line(tmp_path, which, filler, message):
    path = tmp_path / "net.prototxt"
    path.write_text(LAYER % (which, filler))
    with pytest.raises(Error, match=rf"net.prototxt: layer 'c' \(Convolution\): .*{message}"):
        caffe.Net(str(path), caffe.TRAIN)


def test_a_filler_for_a_single_value_has_no_fan(tmp_path):
    path = tmp_path / "net.prototxt"
    scale = 'type: "Scale" bottom: "x" top: "y" scale_param { axis: 0 num_axes: 0 filler { type: "xavier" } }'
    path.write_text(f'{LAYER.splitlines()[1]}\nlayer {{ name: "s" {scale} }}\n')
    with pytest.raises(Error, match=r"layer 's' .*counts outputs"):
        caffe.Net(str(path), caffe.TRAIN)
