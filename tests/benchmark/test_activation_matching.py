"""VITAL and DeepInversion against their definitions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.benchmark import activation_matching as matching
from maco_tf.display.files import write_png
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.objectives.multi_layer import MultiLayerTerm
from maco_tf.visualizers import methods


@pytest.fixture(scope="module")
def network():
    """Two sizes of maps with batch norms of random memory, and five classes."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = inputs
    for name in ("stem", "stage"):
        x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name=name)(x)
        x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
        x = keras.layers.ReLU(name=f"{name}_end")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x))
    rng = np.random.default_rng(0)
    for name in ("stem_norm", "stage_norm"):
        gamma, beta, mean, variance = (rng.uniform(0.5, 1.5, 4) for _ in range(4))
        model.get_layer(name).set_weights([-gamma, beta, mean, variance])
    return model


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("class"), np.random.default_rng(1)
    return [str(write_png(folder / f"{number}.png", rng.uniform(size=(16, 16, 3)))) for number in range(3)]


def score(objective, model, images):
    """The score of every image, which the model sees whole."""
    activations, images = Activations(model, None), tf.constant(images)
    total = 0.0
    for weight, term in objective.terms:
        term = term.resolved(activations)
        read = [layer for layer in term.layers if layer != IMAGE]
        values = tf.function(lambda x, read=read: activations(x, read))(images) if read else {}
        parameters = {name: np.repeat(value, len(images), axis=0) for name, value in term.parameters.items()}
        inputs = [values.get(layer, images) for layer in term.layers]
        total += weight * term.score(inputs if isinstance(term, MultiLayerTerm) else inputs[0], **parameters).numpy()
    return total


@pytest.mark.slow
def test_vital_is_the_mean_square_difference_of_sorted_activations(network, files, rng):
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    parts = keras.Model(network.input, [network.get_layer(f"{name}_end").output for name in ("stem", "stage")])
    real = np.stack([keras.utils.img_to_array(keras.utils.load_img(path)) / 255 for path in files])

    def ordered(batch):
        return [np.sort(part.numpy().reshape(len(batch), -1, 4), axis=1) for part in parts(batch)]

    wanted = [rows.mean(axis=0) for rows in ordered(real)]
    expected = -sum(np.mean((rows - mean) ** 2, axis=(1, 2)) for rows, mean in zip(ordered(images), wanted))
    np.testing.assert_allclose(score(matching.vital(network, files), network, images), expected, rtol=1e-4)


def test_deep_inversion_is_its_published_loss(network, rng):
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    inputs = keras.Model(network.input, [network.get_layer(name).output for name in ("stem", "stage")])(images)
    distances = 0.0
    for first, name, values in zip((10, 1), ("stem_norm", "stage_norm"), inputs):
        norm, values = network.get_layer(name), values.numpy()
        mean, variance = values.mean(axis=(1, 2)), values.var(axis=(1, 2))
        of_mean = np.linalg.norm(mean - norm.moving_mean.numpy(), axis=1)
        of_variance = np.linalg.norm(variance - norm.moving_variance.numpy(), axis=1)
        distances = distances + first * (of_mean + of_variance)
    cross_entropy = -np.log(network(images).numpy()[:, 3])
    across, down = (np.abs(np.diff(images, axis=axis)).mean(axis=(1, 2, 3)) for axis in (1, 2))
    size = np.sqrt(np.mean((images - 0.45) ** 2, axis=(1, 2, 3)))
    expected = -(cross_entropy + 0.01 * distances + 0.5 * (across + down) + 0.017 * size)
    np.testing.assert_allclose(score(matching.deep_inversion(3), network, images), expected, rtol=1e-4)


def test_the_learning_rate_rises_for_a_twentieth_and_falls_to_zero(network):
    settings = matching.pixel_settings(network, 2000, learning_rate=1.0)
    optimizer = matching.ClippedPixelVisualizer(network, **settings).resolved.optimizer
    rate = optimizer._learning_rate
    assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.9)
    assert [float(rate(step)) for step in (0, 50, 100, 1050, 2000)] == pytest.approx([0.01, 0.505, 1, 0.5, 0], abs=1e-5)
    assert settings["steps"] == 2000


def test_pixels_are_clipped_to_images_and_take_steps_in_normalised_colours():
    pixels = matching.ClippedPixels((4, 5, 3))
    (start,) = pixels.initialize(0)
    image = pixels.image([start]).numpy()
    assert image.min() >= 0
    assert image.max() <= 1
    np.testing.assert_allclose(np.reshape(image, (-1, 3)).mean(axis=0), (0.485, 0.456, 0.406), atol=0.2)
    (beyond,) = pixels.after_step([start + 100 * np.sign(start)], 1)
    np.testing.assert_allclose(pixels.image([beyond]), image > (0.485, 0.456, 0.406), atol=1e-6)
    step = (pixels.image([start * 0 + 1]) - pixels.image([start * 0]))[0, 0, 0]
    np.testing.assert_allclose(step, (0.229, 0.224, 0.225), rtol=1e-5)


def test_clipped_pixels_are_no_method_by_themselves(network):
    assert "clipped pixels" not in methods()
    visualizer = matching.ClippedPixelVisualizer(network, **matching.pixel_settings(network, 10, learning_rate=1.0))
    assert visualizer.config()["method"] == "clipped pixels"
    assert visualizer.resolved.crops == 1


@pytest.mark.slow
def test_an_image_is_shifted_around_its_borders(network, rng):
    image = rng.uniform(size=(1, 16, 16, 3)).astype("float32")
    surround, jitter = matching.pixel_settings(network, 10, learning_rate=1.0)["transforms"]
    assert jitter.pixels == 2 * surround.pixels == 4  # 30 / 224 of 16 pixels is 2.
    shifted = [np.roll(image, (down, right), axis=(1, 2)) for down in range(-2, 3) for right in range(-2, 3)]
    found = set()
    for _ in range(200):
        view = jitter(surround(image)).numpy()
        (same,) = [number for number, other in enumerate(shifted) if np.array_equal(view, other)]
        found.add(same)
    assert len(found) == 25


@pytest.mark.slow
def test_a_run_comes_closer_to_the_images(network, files):
    visualizer = matching.ClippedPixelVisualizer(network, **matching.pixel_settings(network, 100, learning_rate=0.3))
    explanation = visualizer.explain(matching.vital(network, files), seed=0, verbose=0)
    assert explanation.images.shape == (1, 16, 16, 3)
    first, last = explanation.scores[:10].mean(), explanation.scores[-10:].mean()
    assert last > 0.5 * first  # Scores are negative: the distance is halved.


def test_a_network_without_batch_norms_is_refused(tiny_model):
    with pytest.raises(ValueError, match='"model" must have batch norms'):
        matching.PublishedBatchNorms().resolved(Activations(tiny_model, None))
