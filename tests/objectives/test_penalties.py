"""Penalties on the image and on layers, by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import IMAGE
from maco_tf.objectives import L1, L2, BlurDifference, Boundary, Norm, TotalVariation
from tests.objectives.evaluate import restored, scores, term_scores


def test_image_terms_by_hand():
    image = np.zeros((1, 2, 3, 1), "float32")
    image[0, :, 2] = 1.0  # One vertical edge: two of four horizontal differences are 1, and all vertical ones are 0.
    assert term_scores(TotalVariation(), image)[0] == pytest.approx(0.5)
    assert term_scores(L1(), image)[0] == pytest.approx(0.5)
    assert term_scores(L1(0.25), image)[0] == pytest.approx((4 * 0.25 + 2 * 0.75) / 6)
    assert term_scores(L2(np.int64(0)), image)[0] == pytest.approx(np.sqrt(1 / 3))
    assert term_scores(Norm(3, level=0), image)[0] == pytest.approx((1 / 3) ** (1 / 3))


def test_total_variation_of_a_layer():
    layer = np.array([[[[1.0, 5], [3, 5]], [[2, 5], [0, 5]]]])  # (1, 2, 2, 2)
    # Vertical differences 1, 3, 0, 0 and horizontal differences 2, 2, 0, 0.
    assert scores(TotalVariation("conv"), conv=layer) == pytest.approx([1.0 + 1.0])
    tokens = np.concatenate([np.full((1, 1, 2), 100.0), layer.reshape(1, 4, 2)], axis=1)
    for patches in (layer.reshape(1, 4, 2), tokens):
        assert scores(TotalVariation("block"), block=patches) == pytest.approx([2.0])
    assert term_scores(TotalVariation("conv"), np.array([[[[1.0], [4.0]]]])) == pytest.approx([3.0])  # One row.


@pytest.mark.parametrize("shape", [(5,), (1, 1, 4), (12, 4), (2, 3, 4, 5), ()])
def test_layers_without_neighbours_have_no_total_variation(shape):
    with pytest.raises(ValueError, match='"layer" must'):
        TotalVariation("a").check(shape)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5), (2, 3, 4), (2,)])
def test_norms_of_a_layer_are_numpys(shape, rng):
    values = rng.normal(size=shape).astype("float32")
    rows = np.abs(values.reshape(2, -1) - 0.3)
    for p in (1, 1.5, 2, 6, math.inf):
        expected = [np.linalg.norm(row, p) / row.size ** (1 / p) for row in rows]
        np.testing.assert_allclose(term_scores(Norm(p, "a", level=0.3), values), expected, rtol=1e-5)
    for kind, p in ((L1, 1), (L2, 2)):
        np.testing.assert_allclose(term_scores(kind(layer="a"), values), term_scores(Norm(p, "a"), values), rtol=1e-5)


def test_the_level_is_grey_for_the_image_and_zero_for_a_layer():
    for make in (L1, L2, lambda **settings: Norm(4, **settings)):
        assert make().get_config()["level"] == 0.5
        assert make(layer="conv").get_config()["level"] == 0
        assert make().layer == IMAGE


def test_a_high_norm_of_small_values_does_not_vanish():
    values = np.array([[1e-3, 2e-3, 0]], "float32")
    assert term_scores(Norm(50, "a"), values)[0] == pytest.approx(2e-3 * (1 / 3) ** (1 / 50), rel=1e-3)


@pytest.mark.parametrize("p", [1, 2, 3, 20, math.inf])
def test_gradients_of_norms(p):
    values = tf.constant([[0.5, -0.25, 0.1]])
    level = tf.zeros((1,))
    with tf.GradientTape() as tape:
        tape.watch(values)
        norm = Norm(p, "a").score(values, level=level)
    # The derivative of (mean |x|^p)^(1/p) is sign(x) |x|^(p-1) norm^(1-p) / n.
    x = values[0].numpy().astype("float64")
    expected = np.sign(x) * (np.abs(x) / float(norm[0])) ** (p - 1) / 3 if p != math.inf else [1, 0, 0]
    np.testing.assert_allclose(tape.gradient(norm, values)[0], expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("p", [1, 2, 3, math.inf])
def test_the_gradient_is_finite_at_the_level(p):
    values = tf.zeros((1, 4))
    with tf.GradientTape() as tape:
        tape.watch(values)
        norm = Norm(p, "a").score(values, level=tf.zeros((1,)))
    assert float(norm[0]) <= 1e-6
    assert np.isfinite(tape.gradient(norm, values)).all()


@pytest.mark.parametrize("p", [0.5, True, "2", None, float("nan"), -math.inf])
def test_bad_exponents(p):
    with pytest.raises(ValueError, match='"p"'):
        Norm(p)


@pytest.mark.parametrize("kind", [L1, L2, lambda level: Norm(2, level=level), lambda level: Boundary(level=level)])
@pytest.mark.parametrize("level", [True, "0.5", float("nan"), float("inf")])
def test_bad_levels(kind, level):
    with pytest.raises(ValueError, match='"level"'):
        kind(level)


def test_a_layer_in_place_of_the_level_gets_the_remedy():
    with pytest.raises(ValueError, match=r"level.*layer='conv'"):
        L1("conv")


def test_the_boundary_by_hand():
    image = np.full((1, 10, 20, 2), 0.5, "float32")
    assert term_scores(Boundary(), image) == [0]
    image[0, 1:-1, 1:-1] = 0  # A tenth of the shorter side is one pixel, so this is inside.
    assert term_scores(Boundary(), image) == [0]
    image[0, 0, 3] = [1.0, 0.25]
    border = 2 * 20 + 2 * 8
    assert term_scores(Boundary(), image)[0] == pytest.approx((0.5 + 0.25) / (2 * border))
    # Two pixels: the second ring of 2 * 18 + 2 * 6 pixels is 0.
    ring = 2 * 18 + 2 * 6
    expected = (2 * ring * 0.5 + 0.75) / (2 * (border + ring))
    assert term_scores(Boundary(0.2), image)[0] == pytest.approx(expected)
    assert term_scores(Boundary(0.001, 0.25), image)[0] == pytest.approx((0.75 + (2 * border - 2) * 0.25) / 2 / border)
    # Half of the shorter side is the whole image.
    assert term_scores(Boundary(0.5), image)[0] == pytest.approx(np.abs(image - 0.5).mean(), rel=1e-5)


@pytest.mark.parametrize("width", [0, 0.6, -0.1, True, "0.1", None, 20])
def test_bad_widths(width):
    with pytest.raises(ValueError, match='"width"'):
        Boundary(width)


def test_the_difference_to_the_blurred_image_by_hand():
    image = np.zeros((1, 3, 4, 1), "float32")
    image[0, 0, 0] = 1
    # A pixel with k neighbours has the total weight 1 + k / 2: 2.5 in the corner, 3.5 at the edge, 5 inside.
    blurred = np.zeros((3, 4))
    blurred[0, 0], blurred[0, 1], blurred[1, 0], blurred[1, 1] = 1 / 2.5, 0.5 / 3.5, 0.5 / 3.5, 0.5 / 5
    difference = image[0, ..., 0] - blurred
    assert term_scores(BlurDifference(), image)[0] == pytest.approx((difference**2).mean())
    assert term_scores(BlurDifference(), np.full((1, 3, 4, 2), 0.7)) == pytest.approx([0], abs=1e-12)
    values = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(values)
        score = BlurDifference().score(values)
    # For N values, a step of N / 2 against the gradient leads to the blurred image.
    blur = image - tape.gradient(score, values).numpy() * image.size / 2
    np.testing.assert_allclose(blur[0, ..., 0], blurred, atol=1e-6)


TERMS = [
    TotalVariation(),
    TotalVariation("conv"),
    L1(0.25),
    L2(layer="conv"),
    Norm(3, "conv", level=0.5),
    Norm(math.inf),
    Boundary(0.2, 0.25),
    BlurDifference(),
]


@pytest.mark.parametrize("term", TERMS, ids=str)
def test_penalties_are_stored(term, rng):
    values = rng.uniform(size=(1, 6, 6, 3))
    copy = restored(term)
    assert (copy.names, copy.layer, copy.structure()) == (term.names, term.layer, term.structure())
    assert term_scores(copy, values) == term_scores(term, values)


def test_names_say_what_is_measured():
    assert [term.names[0] for term in TERMS] == [
        "total variation",
        "total variation of conv",
        "L1",
        "L2 of conv",
        "L3 of conv",
        "Linf",
        "boundary",
        "difference to blur",
    ]


def test_settings_that_are_compiled_in_differ_in_structure():
    assert Norm(2).structure() != Norm(3).structure()
    assert Boundary(0.1).structure() != Boundary(0.2).structure()
    assert Norm(2, level=0.1).structure() == Norm(2, level=0.2).structure()


def test_files_from_before_layers_are_read():
    assert TotalVariation.from_config({}).layer == L1.from_config({"level": 0.25}).layer == IMAGE
