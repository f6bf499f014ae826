"""Objectives on a whole batch, weights for each image, and interpolation, on activations known by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Alignment, Channel, Diversity, Logit, MacoVisualizer, interpolate, product
from maco_tf.models.activations import IMAGE, LOGITS
from maco_tf.objectives import Sum
from maco_tf.optimization.scoring import objective_tensors, score_images


def scores(objective, **activations):
    names = {"logits": LOGITS, "image": IMAGE}
    activations = {names.get(name, name): tf.constant(value, tf.float32) for name, value in activations.items()}
    terms = [term for _, term in objective.terms]
    return score_images(terms, activations, *objective_tensors(objective), len(objective)).numpy()


def test_diversity_is_minus_the_mean_cosine_of_gram_matrices():
    # One view, one position, two channels: the Gram matrices are the outer products.
    activation = np.array([[1, 0], [1, 0], [0, 2]], "float32").reshape(3, 1, 1, 2)
    assert np.allclose(scores(Diversity("conv", 3), conv=activation), [-0.5, -0.5, 0.0])


def test_diversity_against_a_slow_oracle(rng):
    activation = rng.normal(size=(3 * 2, 4, 5, 6)).astype("float32")
    grams = []
    for image in activation.reshape(3, 2 * 4 * 5, 6):
        gram = (image.T @ image).ravel()
        grams.append(gram / np.linalg.norm(gram))
    expected = [-np.mean([a @ b for j, b in enumerate(grams) if j != i]) for i, a in enumerate(grams)]
    assert np.allclose(scores(Diversity("conv", 3), conv=activation), expected, atol=1e-5)


def test_alignment_by_hand():
    image = np.array([0.0, 1.0, 3.0]).reshape(3, 1, 1, 1)
    # Neighbours: 1/2 and 4/2; two apart: 9/4; half of each to either image.
    expected = -np.array([1 / 4 + 9 / 8, 1 / 4 + 1, 1 + 9 / 8])
    assert np.allclose(scores(Alignment(None, 3), image=image), expected)
    with_other_decay = -np.array([1 / 6 + 9 / 18, 1 / 6 + 4 / 6, 4 / 6 + 9 / 18])
    assert np.allclose(scores(Alignment(None, 3, decay=3.0), image=image), with_other_decay)


def test_a_joint_term_gives_its_length_to_a_single_objective():
    objective = Channel("conv", 1) + 2 * Diversity("conv", 3)
    assert len(objective) == 3
    assert objective.names[1] == "conv:1 + 2 diversity 1"
    with pytest.raises(ValueError, match="equal lengths"):
        Channel("conv", [0, 1]) + Diversity("conv", 3)
    with pytest.raises(ValueError, match="cannot be taken for one alone"):
        objective[0]


@pytest.mark.parametrize("joint", [Diversity("conv", 3), Alignment(None, 4, decay=3.0), Alignment("conv", 2)])
def test_joint_terms_are_serialisable(joint):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(joint))
    assert copy.structure() == joint.structure()
    assert copy.names == joint.names
    assert all((copy.parameters[name] == value).all() for name, value in joint.parameters.items())


def test_diversity_makes_images_differ(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=30, crops=4, image_size=24)
    plain = Channel("conv", 1)
    weights = [0, 1e4]
    finals = [
        visualizer.explain(plain + weight * Diversity("second", 3), seed=0, verbose=0).images for weight in weights
    ]
    models = keras.Model(tiny_model.input, tiny_model.get_layer("second").output)
    alike, diverse = (
        scores(Diversity("second", 3), second=models(tf.image.resize(images, (16, 16)))).mean() for images in finals
    )
    # Biases make the Gram matrices of a random network nearly equal: what counts is how far from -1.
    assert 1 + diverse > 20 * (1 + alike)
    assert visualizer.traces == 1


def test_weights_for_each_image_multiply_their_own():
    objective = [1, 0.5, -2] * Logit(1) + Logit([0, 1, 2])
    logits = np.array([[1, 10, 100], [2, 20, 200], [3, 30, 300]])
    assert np.allclose(scores(objective, logits=logits), [10 + 1, 10 + 20, -60 + 300])
    assert objective.names == ["logit 1 + logit 0", "0.5 logit 1 + logit 1", "-2 logit 1 + logit 2"]
    assert np.allclose(scores(objective[1:], logits=logits[1:]), [30, 240])
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))
    assert np.allclose(scores(copy, logits=logits), [11, 30, 240])
    with pytest.raises(ValueError, match="equal lengths"):
        [1, 2] * Logit([0, 1, 2])
    for wrong in ([], [[1.0]], [1, np.nan], "2", [True], None):
        with pytest.raises(ValueError, match='"factor"'):
            Logit(1) * wrong


def test_interpolation_goes_from_one_to_the_other():
    series = interpolate(Logit(0), 2 * Channel("conv", 1), 3)
    assert series.names == ["logit 0", "0.5 logit 0 + conv:1", "2 conv:1"]
    logits, conv = np.full((3, 2), 8.0), np.full((3, 2, 2, 2), 5.0)
    assert np.allclose(scores(series, logits=logits, conv=conv), [8, 9, 10])
    assert len(series + Alignment(None, 3)) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: interpolate(Logit([0, 1]), Logit(2)),
        lambda: interpolate(Logit(0), "pug"),
        lambda: interpolate(Logit(0), Logit(1), 1),
        lambda: Diversity("conv", 1),
        lambda: Diversity("conv", 2.5),
        lambda: Alignment("conv", 3, decay=0),
        lambda: product(Channel("conv", [0, 1]), Diversity("conv", 3)),
        lambda: Sum([]),
    ],
)
def test_wrong_arguments(make):
    with pytest.raises(ValueError, match="Received"):
        make()
