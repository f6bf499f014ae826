"""The compiled steps against the same steps written out in TensorFlow and NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import Activations
from maco_tf.objectives import Channel, Logit, TotalVariation
from maco_tf.optimization import CompiledSteps, objective_tensors
from maco_tf.parametrizations import FourierParametrization, PhaseParametrization, PixelParametrization
from maco_tf.spectrum import imagenet_magnitude
from maco_tf.transforms import GaussianNoise, RandomCrop
from tests.conftest import build_tiny_model

PARAMETRIZATIONS = {
    "phase": PhaseParametrization(imagenet_magnitude(16, 16), 3),
    "standardized phase": PhaseParametrization(imagenet_magnitude(16, 16), 3, phase="standardized"),
    "fourier": FourierParametrization((16, 16, 3), 3, stretch=True),
    "pixels": PixelParametrization((16, 16, 3), 3, image_blur=1.0, gradient_blur=1.0, stretch=True),
}


def compiled_steps(
    objective, model, *, steps=5, transforms=(), optimizer=None, jit_compile=False, parametrization=None
):
    return CompiledSteps(
        Activations(model),
        parametrization or PhaseParametrization(imagenet_magnitude(16, 16), len(objective)),
        list(transforms),
        optimizer or keras.optimizers.Nadam(0.1),
        [term for _, term in objective.terms],
        steps,
        jit_compile=jit_compile,
    )


def run(compiled, objective, count, seed=0):
    state = compiled(compiled.start([seed]), objective_tensors(objective), count)
    return state, compiled.images()


def test_five_steps_equal_an_eager_loop(tiny_model):
    objective = 2 * Logit([1, 3]) - Channel("conv", 2) - 0.5 * TotalVariation()
    state, images = run(compiled_steps(objective, tiny_model), objective, 5)

    linear = build_tiny_model(activation=None)
    conv = keras.Model(linear.input, linear.get_layer("conv").output)
    parametrization = PhaseParametrization(imagenet_magnitude(16, 16), 2)
    phase = tf.Variable(parametrization.initialize(0)[0])
    optimizer, transparency, history = keras.optimizers.Nadam(0.1), 0.0, []
    for _ in range(5):
        with tf.GradientTape(persistent=True) as tape:
            image = parametrization.image([phase])
            logits = linear(image)
            variation = [
                tf.reduce_mean(tf.abs(image[:, 1:] - image[:, :-1]), (1, 2, 3)),
                tf.reduce_mean(tf.abs(image[:, :, 1:] - image[:, :, :-1]), (1, 2, 3)),
            ]
            terms = (2 * tf.stack([logits[0, 1], logits[1, 3]]), -tf.reduce_mean(conv(image)[..., 2], (1, 2)))
            terms = tf.stack([*terms, -0.5 * sum(variation)], axis=1)
            score = tf.reduce_sum(terms, axis=1)
            loss = -tf.reduce_sum(score)
        transparency += np.abs(tape.gradient(loss, image)).mean(-1)
        history.append(terms.numpy())
        optimizer.apply([tape.gradient(loss, phase)], [phase])
    np.testing.assert_allclose(state.history, history, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(state.transparency, transparency, rtol=1e-3)
    np.testing.assert_allclose(images, parametrization.image([phase]), atol=1e-4)


def test_many_steps_in_one_call_equal_single_steps(tiny_model):
    objective = Logit(2)
    transforms = [RandomCrop((16, 16), 3, side=0.8), GaussianNoise(0.1)]
    compiled = compiled_steps(objective, tiny_model, transforms=transforms)
    state, images = run(compiled, objective, 5)
    one = compiled.start([0])
    for _ in range(5):
        one = compiled(one, objective_tensors(objective), 1)
    np.testing.assert_array_equal(one.history, state.history)
    np.testing.assert_array_equal(compiled.images(), images)
    assert compiled.traces == 1


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_images_computed_one_by_one_equal_those_computed_together(name, tiny_model, rng):
    parametrization = PARAMETRIZATIONS[name]
    compiled = compiled_steps(Logit([0, 1, 2]), tiny_model, parametrization=parametrization)
    values = parametrization.initialize(4)
    upstream = tf.constant(rng.normal(size=(3, 16, 16, 3)), tf.float32)

    def with_gradient(make):
        with tf.GradientTape() as tape:
            tape.watch(values)
            images = make(values)
        return images, *tape.gradient(images, values, output_gradients=upstream)

    one_by_one = tf.function(lambda: with_gradient(compiled.synthesise), autograph=False)()
    for made, expected in zip(one_by_one, with_gradient(parametrization.image), strict=True):
        np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)


def test_the_images_of_a_batch_do_not_influence_one_another(tiny_model):
    """Neither the scores nor the optimizer's moments mix images."""
    together = Logit([0, 4])
    _, images = run(compiled_steps(together, tiny_model), together, 5)
    _, alone = run(compiled_steps(Logit(0), tiny_model), Logit(0), 5)
    np.testing.assert_allclose(images[0], alone[0], atol=1e-4)


def test_a_run_depends_on_its_seed_only(tiny_model):
    objective = Logit(1)
    compiled = compiled_steps(objective, tiny_model, transforms=[GaussianNoise(0.3)])
    first, second, other = (run(compiled, objective, 5, seed)[1] for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0.05


def test_transforms_draw_other_numbers_at_every_step(tiny_model):
    objective = Logit(1)
    compiled = compiled_steps(
        objective, tiny_model, transforms=[GaussianNoise(0.3)], optimizer=keras.optimizers.SGD(0.0)
    )
    state, _ = run(compiled, objective, 5)
    assert len(np.unique(state.history)) == 5


def test_random_keras_layers_draw_other_numbers_at_every_step_and_follow_the_seed(tiny_model):
    noise = keras.layers.GaussianNoise(0.3)
    objective = Logit(1)
    compiled = compiled_steps(
        objective, tiny_model, transforms=[lambda x: x, Noisy(noise)], optimizer=keras.optimizers.SGD(0.0)
    )
    histories = [run(compiled, objective, 5, seed)[0].history.numpy() for seed in (0, 0, 1)]
    assert len(np.unique(histories[0])) == 5
    np.testing.assert_array_equal(histories[0], histories[1])
    assert not np.allclose(histories[0], histories[2])


class Noisy(keras.layers.Layer):
    """A user's layer around one of Keras's random layers."""

    def __init__(self, noise):
        super().__init__()
        self.noise = noise

    def call(self, x):
        return self.noise(x, training=True)


def test_half_precision_gradients_do_not_underflow():
    half = build_tiny_model(size=64, policy="mixed_float16")
    full = build_tiny_model(size=64)
    full.set_weights(half.get_weights())
    objective = 0.01 * Channel("conv", 1)
    maps = []
    for model in (half, full):
        compiled = CompiledSteps(
            Activations(model),
            PhaseParametrization(imagenet_magnitude(64, 64)),
            [],
            keras.optimizers.Nadam(0.1),
            [term for _, term in objective.terms],
            1,
        )
        maps.append(run(compiled, objective, 1)[0].transparency.numpy())
    assert maps[1].min() > 0
    assert np.abs(maps[0] / maps[1] - 1).mean() < 0.05


def test_transforms_that_stop_the_gradient_are_refused(tiny_model):
    compiled = compiled_steps(Logit(1), tiny_model, transforms=[tf.stop_gradient])
    with pytest.raises(ValueError, match="must have a gradient"):
        run(compiled, Logit(1), 1)


@pytest.mark.slow
def test_one_step_under_xla_equals_one_without(tiny_model):
    objective = Logit(1)
    results = []
    for jit_compile in (False, True):
        transforms = [RandomCrop((16, 16), 2, side=0.9, implementation="matrices"), GaussianNoise(0.1)]
        compiled = compiled_steps(objective, tiny_model, transforms=transforms, jit_compile=jit_compile)
        state, images = run(compiled, objective, 1)
        results.append((state.history.numpy(), images))
    np.testing.assert_allclose(results[0][0], results[1][0], atol=1e-3)
    np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [pytest.param(512, 512, marks=pytest.mark.slow), (211, 130), (64, 64)])
def test_the_magnitude_is_exact_after_fifty_steps(height, width):
    parametrization = PhaseParametrization(imagenet_magnitude(height, width))
    model = build_tiny_model(size=None)
    objective = Logit(1)
    compiled = CompiledSteps(
        Activations(model, input_shape=(height, width, 3)),
        parametrization,
        [],
        keras.optimizers.Nadam(1.0),
        [term for _, term in objective.terms],
        50,
    )
    before = parametrization.initialize(0)[0].numpy()
    run(compiled, objective, 50)
    phase = compiled.values()[0].numpy()
    assert np.abs(phase - before).mean() > 0.1
    x = parametrization.spatial([phase]).numpy()[0].astype("float64")
    magnitude = np.abs(np.fft.rfft2(x, axes=(0, 1))).transpose(2, 0, 1)
    ratio = magnitude / np.maximum(parametrization.magnitude, 1e-12)
    ratio[:, 0, 0] = 1.0
    assert np.abs(ratio - 1).max() < 1e-3


def test_the_users_optimizer_does_not_change(tiny_model):
    optimizer = keras.optimizers.Adam(0.05)
    run(compiled_steps(Logit(0), tiny_model, optimizer=optimizer), Logit(0), 2)
    assert not optimizer.built
    assert int(optimizer.iterations) == 0
    assert pytest.approx(0.05) == float(optimizer.learning_rate)
