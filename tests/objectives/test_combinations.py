"""Products and interpolations of objectives."""

import numpy as np
import pytest

from maco_tf.objectives import L2, Alignment, Channel, Diversity, Logit, TotalVariation, interpolate, product
from tests.objectives.evaluate import scores


def test_a_product_holds_every_combination():
    activations = {
        "logits": np.tile([2.0, 20.0], (4, 1)),
        "conv": np.tile([5.0, 6.0], (4, 1, 1)),
        "image": np.full((4, 4, 4, 3), 0.75),
    }
    combined = product(Logit([0, 1]), Channel("conv", [0, 1]) - L2())
    assert len(combined) == 4
    assert scores(combined, **activations) == pytest.approx([6.75, 7.75, 24.75, 25.75])
    assert combined.names[1] == "logit 0 + conv:1 - L2"
    assert len(product(Logit([0, 1]), Logit([0, 1]), Logit([0, 1, 2]))) == 12
    of_a_single = product(TotalVariation(), Logit([0, 1]))
    assert scores(of_a_single, **{name: values[:2] for name, values in activations.items()}).tolist() == [2.0, 20.0]


def test_an_interpolation_goes_from_one_objective_to_the_other():
    series = interpolate(Logit(0), 2 * Channel("conv", 1), np.int64(3))
    assert series.names == ["logit 0", "0.5 logit 0 + conv:1", "2 conv:1"]
    logits, conv = np.full((3, 2), 8.0), np.full((3, 2, 2, 2), 5.0)
    assert np.allclose(scores(series, logits=logits, conv=conv), [8, 9, 10])
    assert len(series + Alignment(None, 3)) == 3


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: interpolate(Logit([0, 1]), Logit(2)), "first"),
        (lambda: interpolate(Logit(0), "pug"), "second"),
        (lambda: interpolate(Logit(0), Logit(1), 1), "count"),
        (lambda: interpolate(Logit(0), Logit(1), 2.5), "count"),
        (lambda: product(Channel("conv", [0, 1]), Diversity("conv", 3)), "second"),
        (lambda: product("pug", Logit(1)), "first"),
    ],
)
def test_bad_arguments(make, name):
    with pytest.raises(ValueError, match=f'"{name}" must.*Received'):
        make()
