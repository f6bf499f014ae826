"""Objectives that read maps and images compile under XLA, with the scores and gradients that they have without it."""

import numpy as np
import pytest
import tensorflow as tf

from maco_tf.objectives import L1, L2, BlurDifference, Boundary, Direction, Neuron, Norm, TotalVariation

MAP = [
    Direction("a", np.ones(3), position="centre"),
    Direction("a", [np.ones(3), np.arange(3)], position=[(1, 1), (2, 3)], window=(2, 3)),
    Neuron("a", [0, 2]),
    Neuron("a", 1, position=[(0, 1), (3, 4)]),
    TotalVariation("a"),
    L1(layer="a"),
    L2(layer="a"),
    Norm(6, "a"),
    Norm("inf", "a"),
    Boundary(),
    BlurDifference(),
]
TOKENS = [
    Direction("a", np.ones(3), position=(1, 2), window=2),
    Neuron("a", [0, 2]),
    TotalVariation("a"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("terms", "shape"), [(MAP, (2, 4, 5, 3)), (TOKENS, (2, 10, 3))], ids=["map", "tokens"])
def test_terms_compile_under_xla(terms, shape, rng):
    values = tf.constant(rng.normal(size=shape), tf.float32)

    def gradients(values):
        found = []
        for term in terms:
            parameters = {name: tf.repeat(value, 2 // len(term), axis=0) for name, value in term.parameters.items()}
            with tf.GradientTape() as tape:
                tape.watch(values)
                score = term.score(values, **parameters)
            found.append((score, tape.gradient(score, values)))
        return found

    compiled = tf.function(gradients, jit_compile=True, autograph=False)(values)
    for term, (score, gradient), (wanted, slope) in zip(terms, compiled, gradients(values)):
        np.testing.assert_allclose(score, wanted, rtol=1e-4, atol=1e-6, err_msg=str(term))
        np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-6, err_msg=str(term))
        assert np.abs(gradient).sum() > 0
