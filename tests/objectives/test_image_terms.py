"""Objectives on the image, by hand."""

import numpy as np
import pytest

from maco_tf.objectives import L1, L2, TotalVariation
from tests.objectives.evaluate import term_scores


def test_image_terms_by_hand():
    image = np.zeros((1, 2, 3, 1), "float32")
    image[0, :, 2] = 1.0  # One vertical edge: two of four horizontal differences are 1, and all vertical ones are 0.
    assert term_scores(TotalVariation(), image)[0] == pytest.approx(0.5)
    assert term_scores(L1(), image)[0] == pytest.approx(0.5)
    assert term_scores(L1(0.25), image)[0] == pytest.approx((4 * 0.25 + 2 * 0.75) / 6)
    assert term_scores(L2(np.int64(0)), image)[0] == pytest.approx(np.sqrt(1 / 3))


@pytest.mark.parametrize("kind", [L1, L2])
@pytest.mark.parametrize("level", [True, "0.5", None, float("nan"), float("inf")])
def test_bad_levels(kind, level):
    with pytest.raises(ValueError, match='"level"'):
        kind(level)
