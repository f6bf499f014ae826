import dataclasses
import threading

import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Logit, MacoVisualizer
from maco_tf.transforms import Jitter, Repeat, Transform
from maco_tf.transforms.draws import next_seed, uniform


class Invert(Transform):
    def apply(self, images, draws):
        return 1 - images


@dataclasses.dataclass(frozen=True, eq=False)
class Fade(Transform):
    strength: float

    def draw(self, views, step=0, steps=1):
        return (self.strength * uniform((views, 1, 1, 1), next_seed(self.seed_generator)),)

    def apply(self, images, draws):
        return 0.5 + (1 - draws[0]) * (images - 0.5)


def test_a_transform_of_ones_own(rng):
    images = tf.constant(rng.uniform(size=(2, 3, 4, 3)).astype("float32"))
    np.testing.assert_array_equal(Invert()(images), 1 - images)
    assert Invert().count == 1
    fade = Fade(0.5)
    faded = fade(images).numpy()
    kept = (faded - 0.5) / (images.numpy() - 0.5)
    np.testing.assert_allclose(kept, np.broadcast_to(kept[:, :1, :1, :1], kept.shape), rtol=1e-3)
    assert 0.5 <= kept.min() < kept.max() < 1
    assert not np.array_equal(faded, fade(images))
    with pytest.raises(dataclasses.FrozenInstanceError):
        fade.strength = 0.1


@pytest.mark.slow
def test_a_visualizer_uses_a_transform_of_ones_own(tiny_model):
    """Inverting twice changes nothing, and a random transform follows the run's seed."""

    def images(transforms, seed=0):
        visualizer = MacoVisualizer(tiny_model, transforms=transforms, steps=3, image_size=16)
        return visualizer.explain(Logit(1), seed=seed, verbose=0).images

    np.testing.assert_allclose(images([Invert(), Invert()]), images([]), atol=1e-3)
    np.testing.assert_array_equal(images([Fade(0.9)]), images([Fade(0.9)]))
    assert not np.allclose(images([Fade(0.9)]), images([]), atol=1e-3)


def test_threads_share_one_seed_generator():
    transform, found, barrier = Jitter(3), [], threading.Barrier(8)

    def run():
        barrier.wait()
        found.append(transform.seed_generator)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_first_call_may_be_inside_a_graph(jit_compile, rng):
    images = tf.constant(rng.uniform(size=(2, 12, 12, 1)).astype("float32"))
    jitter = Jitter(8)
    compiled = tf.function(jitter, autograph=False, jit_compile=jit_compile)
    first, second = compiled(images), compiled(images)
    assert not np.array_equal(first, second)
    plain = Jitter(8)
    np.testing.assert_array_equal(first, plain(images))
    np.testing.assert_array_equal(second, plain(images))


def test_copies_are_adjacent_and_their_gradients_add_up(rng):
    images = tf.constant(rng.uniform(size=(2, 3, 4, 5)).astype("float32"))
    weights = rng.normal(size=(6, 3, 4, 5)).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        copies = Repeat(3)(images)
        loss = tf.reduce_sum(weights * copies)
    np.testing.assert_array_equal(copies, np.stack([images[0]] * 3 + [images[1]] * 3))
    np.testing.assert_allclose(tape.gradient(loss, images), weights.reshape(2, 3, 3, 4, 5).sum(1), atol=1e-6)


def test_copies_get_different_draws(rng):
    images = tf.constant(rng.uniform(size=(1, 24, 24, 1)).astype("float32"))
    views = Jitter(16)(Repeat(4)(images)).numpy()
    assert len({view.tobytes() for view in views}) == 4


@pytest.mark.parametrize("count", [0, 2.0, True, None])
def test_bad_counts(count):
    with pytest.raises(ValueError, match='"count" must be an integer of at least 1'):
        Repeat(count)


def test_the_count_is_required():
    with pytest.raises(TypeError, match="count"):
        Repeat()
