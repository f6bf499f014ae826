"""Products and interpolations of objectives."""

import numpy as np
import pytest

from maco_tf.objectives import L2, Alignment, Channel, Direction, Diversity, Logit, TotalVariation, interpolate, product
from maco_tf.objectives.combinations import concatenate
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


def test_a_concatenation_scores_as_its_parts_do(rng):
    conv = rng.normal(size=(4, 3, 3, 2)).astype("float32")
    parts = [2 * Channel("conv", 1) - L2(), Channel("conv", [0, 1]) - 0.5 * L2(), 3 * Channel("conv", 0) - L2()]
    image = rng.random((4, 4, 4, 3)).astype("float32")
    joined = concatenate(parts)
    starts = np.cumsum([0, *map(len, parts)])
    apart = [
        scores(part, conv=conv[a:b], image=image[a:b])
        for part, a, b in zip(parts, starts[:-1], starts[1:], strict=True)
    ]
    assert np.allclose(scores(joined, conv=conv, image=image), np.concatenate(apart))
    assert joined.names == [name for part in parts for name in part.names]
    directions = concatenate([Direction("conv", np.float32([1, n]), names=[f"cell {n}"]) for n in range(4)])
    assert isinstance(directions, Direction)
    assert directions.names == ["cell 0", "cell 1", "cell 2", "cell 3"]
    assert np.array_equal(directions.parameters["vector"], [[1, 0], [1, 1], [1, 2], [1, 3]])
    assert len(concatenate([L2(), L2()])) == 2
    # Classes that were given by name stay the classes they are.
    classes = concatenate([Logit("tench", names=["a"]), Logit([3, 4])]).named([f"class {n}" for n in range(1000)])
    assert classes.parameters["index"].tolist() == [0, 3, 4]


@pytest.mark.parametrize(
    "parts",
    [[], [Channel("conv", 0), Logit(0)], [Channel("conv", 0), Channel("other", 0)], [Logit(0), 2 * Logit(0) - L2()]],
)
def test_only_objectives_of_one_kind_are_concatenated(parts):
    with pytest.raises(ValueError, match='"objectives" must'):
        concatenate(parts)


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
