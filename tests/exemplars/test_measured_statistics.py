"""Statistics of images, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Channel, Logit, MacoVisualizer
from maco_tf.exemplars import measure_statistics, score_natural_images
from maco_tf.images.decoding import read_image_file
from maco_tf.models import Activations
from maco_tf.objectives import NaturalStatistics


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(size=(11, 16, 16, 3)).astype("float32")


def sorted_activations(model, layer, images):
    values = np.asarray(keras.Model(model.input, model.get_layer(layer).output)(images), "float64")
    return np.sort(values.reshape(len(images), -1, values.shape[-1]), axis=1).transpose(0, 2, 1)


def test_means_and_deviations_are_numpys_whatever_the_batches(tiny_model, images):
    for batch_size in (4, 11, 32):
        found = measure_statistics(
            tiny_model, images, ["conv", "add"], quantiles=32, preprocessing=None, batch_size=batch_size
        )
        assert (found.layers, found.images, found.model) == (("conv", "add"), 11, "tiny")
        for layer, quantiles, deviations in zip(found.layers, found.quantiles, found.deviations):
            parts = sorted_activations(tiny_model, layer, images).reshape(11, 4, 32, 8).mean(axis=-1)
            np.testing.assert_allclose(quantiles, parts.mean(axis=0), atol=1e-5)
            spreads = found.spreads[found.layers.index(layer)]
            whole = sorted_activations(tiny_model, layer, images).std(axis=-1)
            np.testing.assert_allclose(spreads, whole.mean(axis=0), rtol=1e-4)
            np.testing.assert_allclose(deviations, np.sqrt(parts.var(axis=0).mean(axis=-1)), rtol=1e-4)


def test_the_images_themselves_score_minus_one_on_average(tiny_model, images):
    objective = NaturalStatistics(measure_statistics(tiny_model, images, preprocessing=None), distance="sorted")
    found = score_natural_images(Activations(tiny_model, None), objective, images)
    assert found.mean() == pytest.approx(-1, rel=1e-3)
    darker = score_natural_images(Activations(tiny_model, None), objective, images / 3)
    assert darker.mean() < 2 * found.mean()


def test_datasets_and_layers_by_index(tiny_model, images):
    expected = measure_statistics(tiny_model, images, ["conv"], preprocessing=None)
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(3)
    found = measure_statistics(tiny_model, dataset, [1], preprocessing=None)
    assert found.layers == ("conv",)
    np.testing.assert_allclose(found.quantiles[0], expected.quantiles[0], atol=1e-6)


def test_relevance_keeps_only_what_the_unit_responds_to(images):
    """The unit is the sum of 2 a - b over the upper half of two channels a and b, so its gradient is known."""
    inputs = keras.Input((8, 8, 2))
    taps = keras.layers.Activation("linear", name="taps")(inputs)
    halved = keras.layers.Lambda(lambda x: x * np.float32([2, -1]) * np.float32([1] * 4 + [0] * 4)[:, None, None])(taps)
    summed = keras.layers.GlobalAveragePooling2D(name="mean")(halved)
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones", name="sum")(summed))
    given = images[:, :8, :8, :2]
    found = measure_statistics(
        model, given, ["taps"], quantiles=64, preprocessing=None, relevance=Logit(0), batch_size=4
    )
    first = given[..., 0].astype("float64")
    gate = np.zeros_like(first)
    gate[:, :4] = first[:, :4] / first[:, :4].max(axis=(1, 2), keepdims=True)
    expected = np.sort((first * gate).reshape(11, -1), axis=1).mean(axis=0)
    np.testing.assert_allclose(found.quantiles[0][0], expected, atol=1e-5)
    # The second channel counts against the unit.
    assert not found.quantiles[0][1].any()


def test_relevance_needs_layers_before_the_unit(tiny_model, images):
    unit = Channel("conv", 1)
    with pytest.raises(ValueError, match=r'"relevance" must depend on the layers.*second'):
        measure_statistics(tiny_model, images, ["conv", "second"], preprocessing=None, relevance=unit)
    with pytest.raises(ValueError, match='"relevance" must be an objective of length one'):
        measure_statistics(tiny_model, images, preprocessing=None, relevance=Channel("conv", [0, 1]))
    with pytest.raises(ValueError, match='"relevance" must be an objective'):
        measure_statistics(tiny_model, images, preprocessing=None, relevance="conv")
    assert measure_statistics(tiny_model, images, preprocessing=None, relevance=unit).layers == ("conv",)


def test_layers_with_fewer_positions_have_fewer_parts(images):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 4, strides=4, name="small")(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    assert measure_statistics(model, images, preprocessing=None).quantiles[0].shape == (4, 16)


@pytest.mark.parametrize(
    ("settings", "argument"),
    [({"layers": ["pool"]}, "layers"), ({"layers": ["no"]}, "layer"), ({"quantiles": 0}, "quantiles")],
)
def test_wrong_settings_are_refused(tiny_model, images, settings, argument):
    with pytest.raises(ValueError, match=f'"{argument}" must'):
        measure_statistics(tiny_model, images, preprocessing=None, **settings)


def test_one_image_has_no_deviation(tiny_model, images):
    with pytest.raises(ValueError, match='"images" must hold at least two'):
        measure_statistics(tiny_model, images[:1], preprocessing=None)


@pytest.mark.slow
def test_a_transformer_with_the_statistics_of_a_class(images):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Reshape((16, 6))(keras.layers.Conv2D(6, 4, strides=4)(inputs))
    for number in range(6):
        y = keras.layers.MultiHeadAttention(2, 3)(*[keras.layers.LayerNormalization()(x)] * 2)
        x = keras.layers.Add(name=f"sum{number}")([x, y])
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(x)))
    measured = measure_statistics(model, images, preprocessing=None)
    assert measured.layers == ("sum0", "sum1", "sum2", "sum4", "sum5")
    visualizer = MacoVisualizer(model, image_size=24, steps=30, crops=2, preprocessing=None)
    prior = NaturalStatistics(measured, balance=None)
    with_prior, without = (
        visualizer.explain(Logit([0, 1]) + weight * prior, seed=0, verbose=0) for weight in (5, 1e-6)
    )
    for image in range(2):
        near, far = with_prior.term_scores[image], without.term_scores[image]
        assert near["5 * natural statistics"][-5:].mean() / 5 > far["1e-06 * natural statistics"][-5:].mean() / 1e-6


def test_damaged_files_are_left_out(tiny_model, images, tmp_path):
    for number, image in enumerate(images[:3]):
        keras.utils.save_img(tmp_path / f"{number}.png", image)
    (tmp_path / "3.png").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="3.png"):
        found = measure_statistics(tiny_model, tmp_path, ["conv"], preprocessing=None)
    assert found.images == 3
    kept = [read_image_file(tmp_path / f"{number}.png", 3) for number in range(3)]
    expected = measure_statistics(tiny_model, np.stack(kept), ["conv"], preprocessing=None)
    np.testing.assert_allclose(found.quantiles[0], expected.quantiles[0], atol=1e-6)
