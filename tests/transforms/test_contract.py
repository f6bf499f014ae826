"""What all transforms promise: exact gradients, compiled or not; the same views for the same seed; fixed settings."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Logit, MacoVisualizer
from maco_tf import transforms as package
from maco_tf.transforms import (
    GaussianBlur,
    GaussianNoise,
    Jitter,
    Pad,
    RandomCrop,
    RandomFlip,
    RandomRotate,
    RandomScale,
    Repeat,
    Resize,
    UniformNoise,
    lucid_standard,
    paper_standard,
)

# Linear up to a constant, so that their gradients can be checked by a difference.
RANDOM = {
    "jitter": [Jitter(4)],
    "scale": [RandomScale((0.8, 1.3))],
    "rotate": [RandomRotate((-40, 40))],
    "blur": [GaussianBlur(4, (0.5, 2.0))],
    "flip": [RandomFlip(vertical=True)],
    "lucid": lucid_standard(),
    "paper": paper_standard(20),
}
AFFINE = {
    "pad": [Pad(2, 0.1)],
    "reflect": [Pad(2, "reflect")],
    "repeat": [Repeat(3)],
    "shrink": [Resize((9, 11))],
    "enlarge": [Resize((40, 19), False)],
    **RANDOM,
}
ONE_OF_EACH = [
    GaussianBlur(3, 1.0),
    GaussianNoise(),
    Jitter(2),
    Pad(2),
    RandomCrop(8),
    RandomFlip(),
    RandomRotate(5),
    RandomScale(1.1),
    Repeat(2),
    Resize(8),
    UniformNoise(),
]


def test_every_transform_is_tested_here():
    known = {type(transform) for transform in ONE_OF_EACH}
    exported = (getattr(package, name) for name in package.__all__)
    concrete = {
        item
        for item in exported
        if isinstance(item, type) and issubclass(item, package.Transform) and item is not package.Transform
    }
    assert concrete == known


def views_of(transforms, images, seed):
    """The views for a seed, drawn as in an optimisation."""
    states = [(transform.seed_generator.state, [seed, index]) for index, transform in enumerate(transforms)]
    with keras.StatelessScope([(state, tf.constant(value, tf.uint32)) for state, value in states]):
        for transform in transforms:
            images = transform(images, 3, 10)
    return images


def responses(transforms, change, seed, jit_compile):
    """A function of images that returns three things.

    These are the views, the change of a weighted sum of the views when the images change, and the gradient of that sum.
    """
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
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in ("lucid", "paper", "rotate", "scale") else ())
        for name in AFFINE
    ],
)
def test_gradients_are_exact_and_repeat(name, jit_compile, rng):
    """These transforms are affine in the image, so the gradient times a change is the change of the weighted sum."""
    images, change = (tf.constant(rng.uniform(size=(2, 23, 20, 2)).astype("float32")) for _ in range(2))
    function = responses(AFFINE[name], change, 5, jit_compile)
    views, answer, gradient = function(images)
    norm = np.linalg.norm(gradient) * np.linalg.norm(change)
    assert abs(answer - np.sum(gradient * change.numpy())) < 1e-4 * norm
    again = function(images)
    np.testing.assert_array_equal(views, again[0])
    np.testing.assert_array_equal(gradient, again[2])


@pytest.mark.parametrize("name", RANDOM)
def test_images_and_seeds_get_different_draws(name, rng):
    images = np.repeat(rng.uniform(size=(1, 23, 20, 2)), 8, axis=0).astype("float32")
    views = views_of(RANDOM[name], tf.constant(images), 5).numpy()
    assert len({view.tobytes() for view in views}) >= 3
    assert not np.array_equal(views, views_of(RANDOM[name], tf.constant(images), 6))


@pytest.mark.slow
def test_gradients_of_large_images_do_not_race(rng):
    """Many views of one large image: if threads added without a lock, the bits would differ from call to call."""
    transforms = [Repeat(6), *lucid_standard(), GaussianBlur(5, (1, 2)), Resize(64)]
    images = tf.constant(rng.uniform(size=(1, 128, 128, 3)).astype("float32"))
    function = responses(transforms, images, 5, False)
    first, *others = (function(images)[2] for _ in range(5))
    for other in others:
        np.testing.assert_array_equal(first, other)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flip", "lucid"])
def test_a_run_draws_new_numbers_at_every_step(name, tiny_model, rng):
    """The image does not change at a learning rate of 0, so scores differ only by the draws."""
    visualizer = MacoVisualizer(
        tiny_model, transforms=RANDOM[name], crops=4, steps=6, image_size=24, optimizer=keras.optimizers.SGD(0.0)
    )
    image = rng.uniform(size=(24, 24, 3)).astype("float32")
    first, again, other = (
        visualizer.explain(Logit(1), start=image, seed=seed, verbose=0).scores.ravel() for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other, rtol=1e-6)
    # Flips have few outcomes; the other transforms are new at every step.
    assert len(np.unique(first)) >= (2 if name == "flip" else 6)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_visualizer_uses_them(tiny_model, jit_compile):
    transforms = [Repeat(2), *lucid_standard(), GaussianBlur(3, (0.5, 1.0)), RandomFlip(), Resize(16)]
    visualizer = MacoVisualizer(
        tiny_model, transforms=transforms, steps=8, image_size=24, steps_per_execution=4, jit_compile=jit_compile
    )
    first, again, other = (visualizer.explain(Logit([1, 3]), seed=seed, verbose=0) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.scores, again.scores)
    assert np.abs(first.images - other.images).max() > 0.05
    assert first.transparency.min() >= 0 < first.transparency.max()


@pytest.mark.parametrize("transform", ONE_OF_EACH, ids=lambda transform: type(transform).__name__)
def test_settings_cannot_be_assigned(transform):
    for field in dataclasses.fields(transform):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(transform, field.name, getattr(transform, field.name))
    with pytest.raises(dataclasses.FrozenInstanceError):
        transform.count = 3


@pytest.mark.parametrize("transform", ONE_OF_EACH, ids=lambda transform: type(transform).__name__)
def test_the_repr_is_the_call_that_makes_it(transform):
    again = eval(repr(transform), dict(vars(package)))
    assert dataclasses.asdict(again) == dataclasses.asdict(transform)


def test_a_changed_copy_leaves_the_original(rng):
    images = tf.constant(rng.uniform(size=(1, 12, 12, 1)).astype("float32"))
    crop = RandomCrop(8, 3, side=0.9)
    smaller = dataclasses.replace(crop, side=0.5)
    assert (crop.side.mean, smaller.side.mean) == (0.9, 0.5)
    assert smaller.count == 3
    np.testing.assert_array_equal(smaller(images), RandomCrop(8, 3, side=0.5)(images))
    with pytest.raises(ValueError, match='"side"'):
        dataclasses.replace(crop, side=2.0)
