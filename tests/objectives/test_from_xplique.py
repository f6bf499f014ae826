"""Objectives of xplique: their scores by hand, and that a second one of the same kind is not traced again."""

import numpy as np
import pytest
from xplique import features_visualizations as xplique

from maco_tf import MacoVisualizer
from maco_tf.objectives import Channel, Direction, Layer, Logit, Neuron, from_xplique
from tests.conftest import build_tiny_model
from tests.objectives.evaluate import scores, term_scores


def test_terms_weights_and_images_are_independent(rng):
    model = build_tiny_model()
    vectors = [rng.normal(size=(16, 16, 4)).astype("float32") for _ in range(2)]
    a = xplique.Objective.channel(model, "conv", [1, 2], multiplier=3.0)
    b = xplique.Objective.direction(model, "add", vectors, multiplier=-0.5)
    objective = from_xplique(a + b)
    assert len(objective) == 4
    conv, add = (rng.normal(size=(4, 16, 16, 4)).astype("float32") for _ in range(2))
    found = scores(objective, conv=conv, add=add)
    for index in range(4):
        channel, vector = 1 + index // 2, vectors[index % 2]
        dot = (add[index] * vector).sum()
        cosine = max(dot / np.linalg.norm(add[index]) / np.linalg.norm(vector), 0.1)
        # xplique takes the mean over the masked layer including its zeros.
        expected = 3.0 * conv[index, ..., channel].mean() / 4 - 0.5 * dot * cosine**2
        assert float(found[index]) == pytest.approx(expected, rel=1e-3)


def test_scales_against_xplique(rng):
    model, make = build_tiny_model(), xplique.Objective
    values = rng.normal(size=(1, 16, 16, 4)).astype("float32")
    logits = rng.normal(size=(1, 5)).astype("float32")
    vector = rng.normal(size=(16, 16, 4)).astype("float32")
    for theirs, ours, read in (
        (make.channel(model, "conv", 2), Channel("conv", 2) / 4, values),
        (make.neuron(model, "conv", 37), Neuron("conv", 37, position="flat") / (16 * 16 * 4), values),
        (make.neuron(model, -1, 3), Logit(3) / 5, logits),
        (make.layer(model, "conv"), Layer("conv") / 1, values),
        (make.layer(model, "conv", reducer="mean"), Layer("conv", "mean") / 1, values),
        (make.direction(model, "conv", vector), Direction("conv", vector) / 1, values),
    ):
        # xplique's own formula on one image.
        expected = float(np.ravel(theirs.funcs[0](read, np.asarray(theirs.masks[0][0], "float32")[None]))[0])
        ((weight, term),) = ours.terms
        assert weight * term_scores(term, read)[0] == pytest.approx(expected, rel=1e-4)
        converted = from_xplique(theirs)
        layer = converted.terms[0][1].layer
        assert scores(converted, **{layer: read})[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_objectives_of_one_kind_share_a_trace(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=1, image_size=24)
    make = xplique.Objective

    def explain(objective):
        return visualizer.explain(from_xplique(objective), seed=0, verbose=0).scores[0, 0]

    first, second = (explain(make.channel(tiny_model, "conv", channel)) for channel in (0, 1))
    assert first != second
    assert visualizer.traces == 1
    # The power of a layer's values is a constant in xplique's function.
    mean, magnitude = (explain(make.layer(tiny_model, "conv", reducer)) for reducer in ("mean", "magnitude"))
    assert mean != magnitude
    assert visualizer.traces == 3


def test_functions_that_differ_in_a_large_array_are_traced_apart(tiny_model):
    def objective(weights):
        function = lambda output, mask: (output * mask * weights).numpy()  # noqa: E731
        made = xplique.Objective.layer(tiny_model, "conv")
        made.funcs = [function]
        return from_xplique(made).terms[0][1]

    weights = np.ones((16, 16, 4), "float32")
    changed = weights.copy()
    changed[8, 8, 2] = 5  # In the part that NumPy abbreviates when it prints an array.
    assert objective(weights).structure() == objective(weights.copy()).structure()
    assert objective(weights).structure() != objective(changed).structure()


def test_other_types_are_refused():
    with pytest.raises(ValueError, match=r'"objective".*xplique\.features_visualizations'):
        from_xplique("objective")


def test_it_cannot_be_stored(tiny_model):
    with pytest.raises(ValueError, match="xplique cannot be stored"):
        from_xplique(xplique.Objective.layer(tiny_model, "conv")).get_config()
