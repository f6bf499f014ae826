"""Threads that share a visualizer, or a model, get the images that they would get alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Channel, Logit
from maco_tf.transforms import GaussianNoise
from tests.conftest import build_tiny_model

SETTINGS = {"steps": 3, "transforms": [GaussianNoise(0.1)], "image_size": 24}
OBJECTIVES = [Logit(1), Channel("conv", 2), Logit([0, 2]), 2 * Channel("second", 1) - Logit(3)]


def in_threads(visualizers):
    """Images of every objective by every visualizer, from four threads that all start untraced."""
    jobs = [(visualizer, objective, seed) for seed in (1, 2) for objective in OBJECTIVES for visualizer in visualizers]
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda job: job[0].explain(job[1], seed=job[2], verbose=0).images, jobs)
        return list(zip(jobs, results))


def check(model, visualizers):
    alone = CBRVisualizer(model, **SETTINGS)
    expected = {
        (index, seed): alone.explain(objective, seed=seed, verbose=0).images
        for index, objective in enumerate(OBJECTIVES)
        for seed in (1, 2)
    }
    for (_, objective, seed), images in in_threads(visualizers):
        np.testing.assert_array_equal(images, expected[OBJECTIVES.index(objective), seed])


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_visualizers_of_one_model(count):
    model = build_tiny_model()
    check(model, [CBRVisualizer(model, **SETTINGS) for _ in range(count)])


@pytest.mark.slow
def test_the_model_is_called_elsewhere_meanwhile(rng):
    """Predictions, eager and in a tf.function that is traced during the runs, stay exact."""
    model = build_tiny_model()
    images = tf.constant(rng.uniform(size=(2, 16, 16, 3)), tf.float32)
    expected, done = model(images, training=False).numpy(), []

    def predict(index):
        while not done:
            signature = tf.TensorSpec(images.shape, images.dtype)
            traced = tf.function(lambda x: model(x, training=False), autograph=False).get_concrete_function(signature)
            for call in (traced, lambda x: model(x, training=False)):
                np.testing.assert_allclose(call(images), expected, atol=1e-6)
        return index

    with ThreadPoolExecutor(2) as pool:
        callers = [pool.submit(predict, index) for index in range(2)]
        try:
            check(model, [CBRVisualizer(model, **SETTINGS)])
        finally:
            done.append(True)
        assert [caller.result() for caller in callers] == [0, 1]
