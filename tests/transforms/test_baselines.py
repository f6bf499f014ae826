"""What every transform promises: exact gradients, compiled or not, and nothing but the seed decides."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Logit, MacoVisualizer
from maco_tf.models import Activations
from maco_tf.optimization import CompiledSteps, objective_tensors
from maco_tf.parametrizations import PhaseParametrization
from maco_tf.spectrum import imagenet_magnitude
from maco_tf.transforms import (
    GaussianBlur,
    Jitter,
    Pad,
    RandomFlip,
    RandomRotate,
    RandomScale,
    Repeat,
    Resize,
    lucid_standard,
    paper_standard,
)

RANDOM = {
    "jitter": [Jitter(4)],
    "scale": [RandomScale((0.8, 1.3))],
    "rotate": [RandomRotate((-40, 40))],
    "blur": [GaussianBlur(4, (0.5, 2.0))],
    "flip": [RandomFlip(vertical=True)],
    "lucid": lucid_standard(),
    "paper": paper_standard(20),
}
ALL = {
    "pad": [Pad(2, 0.1)],
    "reflect": [Pad(2, "reflect")],
    "repeat": [Repeat(3)],
    "shrink": [Resize((9, 11))],
    "enlarge": [Resize((40, 19), False)],
    **RANDOM,
}


def views_of(transforms, images, seed):
    """The views under a seed, as an optimisation draws them."""
    states = [(transform.seed_generator.state, [seed, index]) for index, transform in enumerate(transforms)]
    with keras.StatelessScope([(state, tf.constant(value, tf.uint32)) for state, value in states]):
        for transform in transforms:
            images = transform(images, 3, 10)
    return images


def responses(transforms, change, seed, jit_compile):
    """A function of images: the views, what a weighted sum of them answers to a change, and the sum's gradient."""
    weights = np.random.default_rng(1)

    def both(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            views = views_of(transforms, images, seed)
            weighting = weights.normal(size=views.shape).astype("float32")
            loss = tf.reduce_sum(weighting * views)
        answer = tf.reduce_sum(weighting * (views_of(transforms, images + change, seed) - views))
        return views, answer, tape.gradient(loss, images)

    compiled = tf.function(both, autograph=False, jit_compile=jit_compile)
    return lambda images: [value.numpy() for value in compiled(images)]


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_gradients_are_exact_and_repeat(name, jit_compile, rng):
    """All transforms are affine in the image: its change times the gradient is the change of the weighted sum."""
    images, change = (tf.constant(rng.uniform(size=(2, 23, 20, 2)).astype("float32")) for _ in range(2))
    function = responses(ALL[name], change, 5, jit_compile)
    views, answer, gradient = function(images)
    norm = np.linalg.norm(gradient) * np.linalg.norm(change)
    assert abs(answer - np.sum(gradient * change.numpy())) < 1e-4 * norm
    again = function(images)
    np.testing.assert_array_equal(views, again[0])
    np.testing.assert_array_equal(gradient, again[2])


@pytest.mark.parametrize("name", RANDOM)
def test_each_image_of_a_batch_and_each_seed_has_its_own_draw(name, rng):
    images = np.repeat(rng.uniform(size=(1, 23, 20, 2)), 8, axis=0).astype("float32")
    views = views_of(RANDOM[name], tf.constant(images), 5).numpy()
    assert len({view.tobytes() for view in views}) >= 3
    assert not np.array_equal(views, views_of(RANDOM[name], tf.constant(images), 6))


def test_gradients_of_large_images_do_not_race(rng):
    """Many pixels of many views over one image: where threads added without a lock, bits would differ."""
    transforms = [Repeat(6), *lucid_standard(), GaussianBlur(5, (1, 2)), Resize(64)]
    images = tf.constant(rng.uniform(size=(1, 128, 128, 3)).astype("float32"))
    function = responses(transforms, images, 5, False)
    first, *others = (function(images)[2] for _ in range(5))
    for other in others:
        np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize("name", RANDOM)
def test_a_run_is_a_function_of_its_seeds(name, tiny_model):
    """With the image held still, scores differ by the draws alone."""
    objective = Logit(1)
    compiled = CompiledSteps(
        Activations(tiny_model),
        PhaseParametrization(imagenet_magnitude(24, 24)),
        [Repeat(2), *RANDOM[name], Resize(16)],
        keras.optimizers.SGD(0.0),
        [term for _, term in objective.terms],
        4,
    )

    def history(seed):
        other = compiled.start(seed)
        state = compiled.start(0)._replace(seeds=other.seeds)
        return compiled(state, *objective_tensors(objective), 4).history.numpy()

    first = history(7)
    np.testing.assert_array_equal(first, history(7))
    assert not np.allclose(first, history(8), rtol=1e-6)
    # A flip of two copies has few outcomes; all else is new at every step.
    assert len(np.unique(first)) >= (2 if name == "flip" else 4)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_visualizer_takes_them(tiny_model, jit_compile):
    transforms = [Repeat(2), *lucid_standard(), GaussianBlur(3, (0.5, 1.0)), RandomFlip(), Resize(16)]
    visualizer = MacoVisualizer(
        tiny_model, transforms=transforms, steps=8, image_size=24, steps_per_execution=4, jit_compile=jit_compile
    )
    first, again, other = (visualizer.explain(Logit([1, 3]), seed=seed, verbose=0) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.scores, again.scores)
    assert np.abs(first.images - other.images).max() > 0.05
    assert first.transparency.min() >= 0 < first.transparency.max()
    assert "RandomRotate(degrees=Choice(values=(-10.0," in first.config["transforms"][4]
