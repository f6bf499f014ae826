import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Channel, Diversity, FeatureInversion, Logit, TotalVariation
from maco_tf.models import LOGITS
from maco_tf.models.activations import IMAGE
from maco_tf.optimization import check_objective, objective_tensors, reference_activations, score_images
from maco_tf.optimization.scoring import input_gradient

OBJECTIVE = 2 * Logit([1, 2]) - [1.0, 0.5] * Channel("conv", 0)
TERMS = [term for _, term in OBJECTIVE.terms]


def test_the_tensors_of_an_objective_have_a_row_for_each_image():
    weights, parameters = objective_tensors(OBJECTIVE)
    np.testing.assert_array_equal(weights, [[2, 2], [-1, -0.5]])
    np.testing.assert_array_equal(parameters[0]["index"], [1, 2])
    # One channel serves both images.
    np.testing.assert_array_equal(parameters[1]["index"], [0, 0])


def test_the_tensors_of_some_images_are_those_of_their_objectives():
    objective = OBJECTIVE + Logit(3)
    some, expected = objective_tensors(objective).of(tf.constant([1, 0, 1])), objective_tensors(objective[[1, 0, 1]])
    np.testing.assert_array_equal(some.weights, expected.weights)
    np.testing.assert_array_equal(some.weights, [[2, 2, 2], [-0.5, -1, -0.5], [1, 1, 1]])
    for found, wanted in zip(some.parameters, expected.parameters, strict=True):
        assert found.keys() == wanted.keys()
        np.testing.assert_array_equal(found["index"], wanted["index"])


def test_a_score_is_the_weighted_sum_of_means_over_the_views_of_an_image():
    # Two images with two views each.
    logits = tf.constant([[0.0, 1, 0], [0, 3, 0], [0, 9, 4], [0, 9, 6]])
    maps = tf.constant([[2.0, 4], [6, 8], [10, 10], [20, 20]])[:, :, None, None]
    scores = score_images(TERMS, {LOGITS: logits, "conv": maps}, *objective_tensors(OBJECTIVE), batch=2)
    np.testing.assert_allclose(scores, [2 * 2 - (3 + 7) / 2, 2 * 5 - 0.5 * (10 + 20) / 2])


def test_terms_of_the_image_and_joint_terms_get_the_images_side_by_side(rng):
    images = tf.constant(rng.uniform(size=(2, 4, 4, 3)), tf.float32)
    objective = -TotalVariation() + 3 * Diversity("conv", 2)
    terms = [term for _, term in objective.terms]
    # View by view the images are orthogonal, but over both views they have the same Gram matrix: a cosine of 1.
    maps = tf.constant([[1.0, 0], [0, 1], [0, 1], [1, 0]])[:, None, None]
    scores = score_images(terms, {IMAGE: images, "conv": maps}, *objective_tensors(objective), batch=2)
    variation = tf.image.total_variation(images) / (4 * 3 * 3)
    np.testing.assert_allclose(scores, -3 - variation, rtol=1e-5)


def test_references_are_the_activations_of_the_images_that_a_term_holds():
    images = np.linspace(0, 1, 2 * 4 * 4 * 3).reshape(2, 4, 4, 3).astype("float32")
    objective = Logit(0) + FeatureInversion("conv", images, measure="l2")
    terms = [term for _, term in objective.terms]
    weights, parameters = objective_tensors(objective)
    with tf.GradientTape() as tape:
        tape.watch(parameters[1]["image"])
        found = reference_activations(terms, parameters, lambda batch, layer: {"conv": 2 * batch}[layer])
    assert found.keys() == {1}
    np.testing.assert_array_equal(found[1], 2 * images)
    assert tape.gradient(found[1], parameters[1]["image"]) is None
    # |a - r|^2 / |r|^2 is 1 where a is 0, and 0 where a is r.
    seen = {LOGITS: tf.constant([[5.0], [7.0]]), "conv": tf.stack([tf.zeros((4, 4, 3)), found[1][1]])}
    np.testing.assert_allclose(score_images(terms, seen, weights, parameters, 2, found), [5 - 1, 7])


def test_an_input_gradient_by_hand_and_without_a_path():
    images = tf.constant([[1.0, -2.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        score, rounded = tf.reduce_sum(images**2), tf.reduce_sum(tf.stop_gradient(images))
    np.testing.assert_array_equal(input_gradient(tape, score, images), [[2, -4]])
    with pytest.raises(ValueError, match="must have a gradient"):
        input_gradient(tape, rounded, images)


def test_units_are_checked_in_the_layers_of_the_model():
    check_objective(OBJECTIVE - TotalVariation(), {LOGITS: (3,), "conv": (4, 4, 1)})
    with pytest.raises(ValueError, match=r'"classes" must lie in 0\.\.1'):
        check_objective(OBJECTIVE, {LOGITS: (2,), "conv": (4, 4, 1)})
