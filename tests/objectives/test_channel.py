"""Channel and Layer: their means by hand, and their checks."""

import numpy as np
import pytest

from maco_tf.objectives import Channel, Layer
from tests.objectives.evaluate import term_scores

ACTIVATION = np.arange(2 * 3 * 4 * 2, dtype="float32").reshape(2, 3, 4, 2)


def test_a_channel_is_the_mean_over_positions_of_any_rank():
    np.testing.assert_allclose(
        term_scores(Channel("a", [0, 1]), ACTIVATION), [ACTIVATION[0, ..., 0].mean(), ACTIVATION[1, ..., 1].mean()]
    )
    np.testing.assert_allclose(term_scores(Channel("a", [3, 0]), ACTIVATION[:, 0, 0, [0, 0, 0, 1]]), [1, 24])


def test_a_layer_is_the_mean_of_squares_or_of_values():
    np.testing.assert_allclose(term_scores(Layer("a"), ACTIVATION), (ACTIVATION**2).mean((1, 2, 3)))
    np.testing.assert_allclose(term_scores(Layer("a", "mean"), ACTIVATION), ACTIVATION.mean((1, 2, 3)))


def test_names_may_be_an_array():
    assert Channel("a", [1, 2], names=np.array(["left", "right"])).names == ["left", "right"]


def test_bad_arguments():
    with pytest.raises(ValueError, match='"channels" must lie'):
        Channel("a", 7).check((4, 4, 7))
    with pytest.raises(ValueError, match='"names"'):
        Channel("a", [1, 2], names=["one"])
    with pytest.raises(ValueError, match='"reducer"'):
        Layer("a", "max")
