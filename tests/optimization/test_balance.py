"""Weights of priors that are balanced at the start of a run."""

import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Logit, TotalVariation
from maco_tf.models import LOGITS, Activations
from maco_tf.objectives import BatchNormStatistics, LayerStatistics, NaturalStatistics
from tests.objectives.evaluate import restored


@pytest.fixture
def measured(rng):
    quantiles = np.sort(rng.normal(size=(4, 6)).astype("float32"), axis=1)
    return LayerStatistics(("conv",), (quantiles,), (np.ones(4, "float32"),), (quantiles.std(axis=1),), 7)


@pytest.fixture
def visualizer(tiny_model):
    return CBRVisualizer(tiny_model, transforms=[], image_size=16, steps=2, preprocessing=None)


def gradient_sums(model, prior, image, classes):
    """The sums of |gradient| of each logit and of the prior, and the prior's score, by a tape around the model."""
    activations = Activations(model, None)

    @tf.function(autograph=False)
    def gradients(x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            seen = activations(x, [LOGITS, "conv"])
            logits = [seen[LOGITS][0, index] for index in classes]
            parameters = {name: tf.constant(value) for name, value in prior.parameters.items()}
            score = prior.score([seen["conv"]], **parameters)
        sums = [tf.reduce_sum(tf.abs(tape.gradient(value, x))) for value in [*logits, score]]
        return sums, score[0]

    sums, score = gradients(tf.constant(image[None]))
    return np.array(sums[:-1]), float(sums[-1]), float(score)


def first_scores(explanation, word):
    """The first score of the term whose name holds a word, for each image."""
    return np.array(
        [next(values[0] for name, values in terms.items() if word in name) for terms in explanation.term_scores]
    )


def test_the_weight_is_the_share_of_the_other_gradient(visualizer, tiny_model, measured, rng):
    image = rng.uniform(0.2, 0.8, size=(16, 16, 3)).astype("float32")
    prior = NaturalStatistics(measured, balance=0.5)
    logits, natural, score = gradient_sums(tiny_model, prior, image, (0, 3))
    explanation = visualizer.explain(2 * Logit([0, 3]) + 3 * prior, seed=0, start=image, verbose=0)
    weights = first_scores(explanation, "natural") / score
    np.testing.assert_allclose(weights, 3 * 0.5 * 2 * logits / natural, rtol=1e-3)
    # The other term keeps its weight, and nothing was compiled for the balance.
    alone = visualizer.explain(2 * Logit([0, 3]), seed=0, start=image, verbose=0)
    np.testing.assert_allclose(first_scores(explanation, "logit"), first_scores(alone, "logit"), rtol=1e-6)


def test_the_balance_needs_no_trace_and_does_not_change_the_start(visualizer, measured):
    plain = visualizer.explain(Logit(0) + NaturalStatistics(measured, balance=None), seed=1, verbose=0)
    traces = visualizer.traces
    balanced = visualizer.explain(Logit(0) + NaturalStatistics(measured, balance=0.2), seed=1, verbose=0)
    assert visualizer.traces == traces
    assert first_scores(plain, "logit") == first_scores(balanced, "logit")


def test_a_weight_stays_where_there_is_nothing_to_balance(visualizer, measured):
    prior = NaturalStatistics(measured)
    plain = 2 * NaturalStatistics(measured, balance=None)
    expected, alone, cancelled = (
        first_scores(visualizer.explain(objective, seed=1, verbose=0), "natural")[0]
        for objective in (plain, 2 * prior, Logit(0) - Logit(0) + 2 * prior)
    )
    assert alone == cancelled == pytest.approx(expected)


def test_a_negative_weight_keeps_its_sign_and_zero_stays_zero(visualizer, measured):
    prior = NaturalStatistics(measured, balance=1.0)
    up, down = (
        first_scores(visualizer.explain(Logit(0) + weight * prior, seed=1, verbose=0), "natural")[0]
        for weight in (1, -1)
    )
    assert down == pytest.approx(-up)
    assert up < 0
    explanation = visualizer.explain(Logit(0) + [0.0, 1.0] * prior, seed=1, verbose=0)
    assert len(explanation.term_scores[0]) == 1
    assert first_scores(explanation[1], "natural") < 0


@pytest.mark.parametrize("balance", [None, 0.7])
def test_the_balance_is_stored(measured, balance):
    for prior in (BatchNormStatistics(balance=balance), NaturalStatistics(measured, balance=balance)):
        assert restored(prior + TotalVariation()).terms[0][1].balance == balance


@pytest.mark.parametrize("balance", [-1, "strong", True, np.nan])
def test_a_balance_must_be_a_number(measured, balance):
    for kind in (BatchNormStatistics, lambda **settings: NaturalStatistics(measured, **settings)):
        with pytest.raises(ValueError, match='"balance" must be'):
            kind(balance=balance)
