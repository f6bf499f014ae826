"""Objectives that compare the images of a batch, on activations known by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Alignment, Channel, Diversity, MacoVisualizer
from tests.objectives.evaluate import restored, scores


def test_diversity_is_minus_the_mean_cosine_of_gram_matrices():
    # With one view, one position and two channels, the Gram matrices are the outer products.
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
    # Square differences 1 and 4 at distance one (weight 1/2), 9 at distance two (weight 1/4); both images get a half.
    expected = -np.array([1 / 4 + 9 / 8, 1 / 4 + 1, 1 + 9 / 8])
    assert np.allclose(scores(Alignment(None, 3), image=image), expected)
    with_other_decay = -np.array([1 / 6 + 9 / 18, 1 / 6 + 4 / 6, 4 / 6 + 9 / 18])
    assert np.allclose(scores(Alignment(None, 3, decay=np.float32(3)), image=image), with_other_decay)


def test_an_objective_of_length_one_grows_to_the_joint_term():
    objective = Channel("conv", 1) + 2 * Diversity("conv", np.int32(3))
    assert len(objective) == 3
    assert objective.names[1] == "conv:1 + 2 diversity 1"
    with pytest.raises(ValueError, match="equal lengths"):
        Channel("conv", [0, 1]) + Diversity("conv", 3)


def test_a_single_image_cannot_be_selected():
    with pytest.raises(ValueError, match="Diversity compares the images"):
        Diversity("conv", 3)[0]
    assert len(Diversity("conv", 3)[:2]) == 2


@pytest.mark.parametrize("joint", [Diversity("conv", 3), Alignment(None, 4, decay=3.0), Alignment("conv", 2)])
def test_keras_stores_joint_terms(joint):
    copy = restored(joint)
    assert copy.structure() == joint.structure()
    assert copy.names == joint.names
    assert all((copy.parameters[name] == value).all() for name, value in joint.parameters.items())


@pytest.mark.slow
def test_diversity_makes_images_differ(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=30, crops=4, image_size=24)
    plain = Channel("conv", 1)
    weights = [0, 1e4]
    finals = [
        visualizer.explain(plain + weight * Diversity("second", 3), seed=0, verbose=0).images for weight in weights
    ]
    second = keras.Model(tiny_model.input, tiny_model.get_layer("second").output)
    alike, diverse = (
        scores(Diversity("second", 3), second=second(tf.image.resize(images, (16, 16)))).mean() for images in finals
    )
    # Biases make the Gram matrices of a random network nearly equal, so the distance from -1 is what grows.
    assert 1 + diverse > 20 * (1 + alike)
    assert visualizer.traces == 1


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Diversity("conv", 1), "count"),
        (lambda: Diversity("conv", 2.5), "count"),
        (lambda: Alignment("conv", True), "count"),
        (lambda: Alignment("conv", 3, decay=0), "decay"),
        (lambda: Alignment("conv", 3, decay=True), "decay"),
        (lambda: Alignment("conv", 3, decay=float("inf")), "decay"),
    ],
)
def test_bad_arguments(make, name):
    with pytest.raises(ValueError, match=f'"{name}"'):
        make()
