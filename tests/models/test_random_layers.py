"""Layers that draw random numbers when the model is called: other numbers at every step, the same ones for a seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import Activations
from maco_tf.objectives import FeatureInversion, Logit
from maco_tf.optimization import CompiledSteps, objective_tensors
from maco_tf.parametrizations import PixelParametrization
from maco_tf.transforms import Repeat


class Unseeded(keras.layers.Layer):
    """Noise from Keras's global seed generator."""

    def call(self, x):
        return x + keras.random.normal(tf.shape(x))


class Listed(keras.layers.Layer):
    """A seed generator inside a dictionary of a plain object."""

    def __init__(self):
        super().__init__()
        self.settings = type("Settings", (), {"seeds": {"noise": keras.random.SeedGenerator(3)}})()

    def call(self, x):
        return x + keras.random.uniform(tf.shape(x), seed=self.settings.seeds["noise"])


class Always(keras.layers.Layer):
    """Layers that are on in every call, as Monte Carlo dropout is.

    A functional model does not keep `training=True`: Keras lets `model(x, training=False)` override it.
    """

    def __init__(self, *layers, name=None):
        super().__init__(name=name)
        self.layers = list(layers)

    def call(self, x):
        for layer in self.layers:
            x = layer(x, training=True)
        return x


LAYERS = {
    "dropout": lambda: Always(keras.layers.Dropout(0.5)),
    "noise": lambda: Always(keras.layers.GaussianNoise(0.5)),
    "two": lambda: Always(keras.layers.SpatialDropout2D(0.5), keras.layers.Dropout(0.5)),
    "unseeded": Unseeded,
    "listed": Listed,
}


def model_with(layer):
    inputs = keras.Input((16, 16, 3))
    x = layer(keras.layers.Conv2D(8, 3, name="conv")(inputs))
    return keras.Model(inputs, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(x)))


def scores(model, objective, seed, steps=4, transforms=(), **settings):
    """The scores of a run whose image does not change: the model's random numbers alone change them."""
    compiled = CompiledSteps(
        Activations(model),
        PixelParametrization((16, 16, 3), len(objective)),
        list(transforms),
        keras.optimizers.SGD(0.0),
        [term for _, term in objective.terms],
        steps,
        **settings,
    )
    state = compiled.start([seed], np.full((len(objective), 16, 16, 3), 0.5, "float32"))
    return compiled(state, objective_tensors(objective), steps).history.numpy()[:, 0].sum(axis=-1)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.slow if kind in ("two", "listed", "unseeded") else ()) for kind in LAYERS],
)
def test_numbers_differ_by_step_and_repeat_by_seed(kind):
    model = model_with(LAYERS[kind]())
    states = [generator.state.numpy() for layer in model._flatten_layers() for generator in layer._seed_generators]
    first, again, other = (scores(model, Logit(1), seed) for seed in (3, 3, 4))
    assert len(np.unique(np.round(first, 5))) == len(first)
    np.testing.assert_array_equal(first, again)
    assert not np.any(np.isclose(first, other, atol=1e-6))
    after = [generator.state.numpy() for layer in model._flatten_layers() for generator in layer._seed_generators]
    np.testing.assert_array_equal(states, after)


def test_xla_draws_for_every_step_too():
    model = model_with(Always(keras.layers.GaussianNoise(0.5)))
    values = scores(model, Logit(1), 3, jit_compile=True)
    assert len(np.unique(np.round(values, 5))) == len(values)


def test_noise_has_its_own_distribution():
    """Over many steps, mean and deviation of the noise are those that the layer promises."""
    inputs = keras.Input((16, 16, 3))
    nothing = keras.layers.Rescaling(0.0)(keras.layers.GlobalAveragePooling2D()(inputs))
    noise = Always(keras.layers.GaussianNoise(0.5))(nothing)
    values = scores(keras.Model(inputs, noise), Logit(1), 5, steps=2000)
    assert np.mean(values) == pytest.approx(0, abs=4 * 0.5 / np.sqrt(2000))
    assert np.std(values) == pytest.approx(0.5, rel=0.1)
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.1


def test_parts_draw_other_numbers():
    """Were both parts to draw the same mask, their mean would be the score of one part."""
    model = model_with(Always(keras.layers.Dropout(0.5)))
    whole = scores(model, Logit(1), 3, transforms=[Repeat(2)], max_batch_size=1)
    one = scores(model, Logit(1), 3, transforms=[Repeat(1)])
    assert not np.any(np.isclose(whole, one, atol=1e-6))


def test_a_reference_is_seen_under_the_same_mask():
    """An image is at distance zero from itself, under the same dropout."""
    objective = FeatureInversion("after", np.full((1, 16, 16, 3), 0.5, "float32"), measure="l2")
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3)(inputs)
    model = keras.Model(inputs, Always(keras.layers.Dropout(0.5), name="after")(x))
    np.testing.assert_allclose(scores(model, objective, 3), 0, atol=1e-6)


def test_a_model_that_draws_nothing_has_no_seed():
    """Dropout that is off, as in every classifier of Keras, leaves the state of a run as it was."""
    model = model_with(keras.layers.Dropout(0.5))
    assert not Activations(model).is_random(["conv"])
    compiled = CompiledSteps(
        Activations(model), PixelParametrization((16, 16, 3)), [], keras.optimizers.SGD(0.0), [Logit(1)], 2
    )
    assert compiled.start([0]).seeds == [[]]
    assert Activations(model_with(Always(keras.layers.Dropout(0.5)))).is_random(["conv"])
