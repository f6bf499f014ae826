import numpy as np
import pytest
import tensorflow as tf
from xplique import features_visualizations as xplique

from maco_tf.objectives import from_xplique
from maco_tf.optimization import objective_tensors, score_images
from tests.conftest import build_tiny_model


def test_terms_weights_and_images_keep_apart(rng):
    model = build_tiny_model()
    theirs = xplique.Objective
    vectors = [rng.normal(size=(16, 16, 4)).astype("float32") for _ in range(2)]
    a = theirs.channel(model, "conv", [1, 2], multiplier=3.0)
    b = theirs.direction(model, "add", vectors, multiplier=-0.5)
    ours = from_xplique(a + b)
    assert len(ours) == 4
    conv, add = (rng.normal(size=(4, 16, 16, 4)).astype("float32") for _ in range(2))
    found = score_images(
        [term for _, term in ours.terms],
        {"conv": tf.constant(conv), "add": tf.constant(add)},
        *objective_tensors(ours),
        4,
    )
    for index in range(4):
        channel, vector = 1 + index // 2, vectors[index % 2]
        dot = (add[index] * vector).sum()
        cosine = max(dot / np.linalg.norm(add[index]) / np.linalg.norm(vector), 0.1)
        # xplique takes the mean over the masked layer, zeros included.
        expected = 3.0 * conv[index, ..., channel].mean() / 4 - 0.5 * dot * cosine**2
        assert float(found[index]) == pytest.approx(expected, rel=1e-3)


def test_anything_else_is_refused():
    with pytest.raises(ValueError, match=r"xplique\.features_visualizations"):
        from_xplique("objective")
