import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import (
    Channel,
    Direction,
    Diversity,
    Explanation,
    FeatureInversion,
    Logit,
    TotalVariation,
    top_activating,
)
from maco_tf.display import write_png
from maco_tf.images import as_images
from tests.conftest import build_tiny_model


@pytest.fixture
def images(rng):
    return rng.uniform(size=(11, 16, 16, 3)).astype("float32")


def outputs(model, layer, images):
    return keras.Model(model.input, model.get_layer(layer).output)(images).numpy()


@pytest.mark.parametrize("batch_size", [3, 4, 32])
def test_scores_are_those_of_the_network_in_descending_order(images, batch_size):
    model = build_tiny_model()
    conv = outputs(model, "conv", images)
    logits = build_tiny_model(activation=None)(images).numpy()
    expected = np.stack([logits[:, k] - 0.5 * conv[..., c].mean((1, 2)) for k, c in ((1, 0), (4, 3))])
    objective = Logit([1, 4]) - 0.5 * Channel("conv", [0, 3])
    top = top_activating(model, objective, images, 5, batch_size=batch_size)
    order = np.argsort(-expected, axis=1)[:, :5]
    np.testing.assert_array_equal(top.indices, order)
    np.testing.assert_allclose(top.scores, np.take_along_axis(expected, order, 1), atol=1e-5)
    np.testing.assert_array_equal(top.images, images[order])
    assert top.names == objective.names


def test_objectives_of_the_image_of_directions_and_with_weights_for_each_image(images):
    model = build_tiny_model()
    variation = np.abs(np.diff(images, axis=1)).mean((1, 2, 3)) + np.abs(np.diff(images, axis=2)).mean((1, 2, 3))
    conv = outputs(model, "conv", images)
    along = conv @ np.array([1, 2, 0, 0], "float32")
    cosine = along / np.linalg.norm(conv, axis=-1) / np.sqrt(5)
    expected = np.stack([(along * np.maximum(cosine, 0.1) ** 2).mean((1, 2)), -variation])
    objective = [1, 0] * Direction("conv", [1.0, 2.0, 0, 0]) - [0, 1] * TotalVariation()
    top = top_activating(model, objective, images, 11)
    np.testing.assert_allclose(top.scores, -np.sort(-expected, axis=1), atol=1e-5)


def test_an_image_is_most_like_itself(images):
    """The network sees references whole, like the images."""
    top = top_activating(build_tiny_model(), FeatureInversion("conv", images[[7, 2]]), images, 1, batch_size=4)
    assert top.indices.tolist() == [[7], [2]]
    np.testing.assert_allclose(top.scores, 1, atol=1e-5)


def test_images_of_another_size_are_returned_unchanged(rng):
    images = rng.integers(0, 255, size=(4, 24, 40, 3), dtype="uint8")
    top = top_activating(build_tiny_model(), Logit(0), images, 2)
    assert top.images.shape == (1, 2, 24, 40, 3)
    np.testing.assert_allclose(top.images[0, 0], images[top.indices[0, 0]] / 255, atol=1e-6)


def test_the_figure_shows_each_visualisation_above_its_images(images):
    model = build_tiny_model()
    objective = Logit([0, 1])
    top = top_activating(model, objective, images, 4)
    explanation = Explanation(
        images=np.full((2, 24, 24, 3), 0.5, "float32"),
        transparency=np.ones((2, 24, 24), "float32"),
        names=objective.names,
        scores=np.zeros((1, 2), "float32"),
        config={},
        seed=0,
    )
    figure = top.figure(explanation)
    assert [axis.get_title() for axis in figure.axes] == ["logit 0", "logit 1", "", ""]
    pictures = [axis.images[0].get_array() for axis in figure.axes]
    np.testing.assert_allclose(pictures[2][:16, :16], top.images[0, 0], atol=1e-6)
    with pytest.raises(ValueError, match='"explanation" must have 2'):
        top.figure(explanation[0])
    with pytest.raises(ValueError, match='"explanation" must be an Explanation'):
        top.figure(explanation.images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 12}, '"count" must not exceed'),
        ({"count": 0}, '"count" must be an integer'),
        ({"batch_size": 0}, '"batch_size"'),
        ({"images": np.zeros((4, 4))}, '"images"'),
        ({"images": np.zeros((4, 16, 16, 4))}, r'"images" must have as many channels.* 3\. .*alpha'),
        ({"objective": np.zeros((500, 16, 16, 3)), "images": Logit(0)}, r'"objective" must be .{,300}$'),
        ({"objective": Channel("conv", 9)}, "must lie in 0..3"),
        ({"objective": Channel("conv", 0) + Diversity("conv", 2)}, "Diversity and Alignment"),
        ({"objective": FeatureInversion("conv", np.zeros((4, 4, 1)))}, '"images" must have as many channels'),
    ],
)
def test_a_wrong_argument_is_named(images, arguments, message):
    arguments = {"objective": Logit(0), "images": images, "count": 2, **arguments}
    with pytest.raises(ValueError, match=message):
        top_activating(build_tiny_model(), **arguments)


def test_the_model_does_not_change(images):
    model = build_tiny_model()
    before = [tf.identity(weight) for weight in model.weights]
    top_activating(model, Logit([0, 1]), images, 2)
    assert all(bool(tf.reduce_all(old == new)) for old, new in zip(before, model.weights))


def test_a_folder_of_pictures_of_different_sizes(tiny_model, rng, tmp_path):
    for index, size in enumerate([(20, 30), (16, 16), (40, 18)]):
        write_png(tmp_path / f"{index}.png", rng.uniform(size=(*size, 3)))
    top = top_activating(tiny_model, Logit([1, 3]), tmp_path, 2)
    images = as_images("images", tmp_path, size=(16, 16))
    expected = top_activating(tiny_model, Logit([1, 3]), images, 2)
    np.testing.assert_array_equal(top.indices, expected.indices)
    np.testing.assert_array_equal(top.images, expected.images)
