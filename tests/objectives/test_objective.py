"""The operators, on activations whose scores are easy to compute by hand."""

import numpy as np
import pytest

from maco_tf.objectives import L2, Channel, Direction, Layer, Logit, Neuron, Sum, TotalVariation
from maco_tf.objectives.objective import check_objective_type
from tests.objectives import evaluate
from tests.objectives.evaluate import restored

# Two views of one image; the score of the image is their mean.
LOGIT = np.array([[1.0, 10.0, 100.0], [3.0, 30.0, 300.0]], "float32")  # Mean: 2, 20, 200.
FEATURE = np.array([[[4.0, 5.0]], [[6.0, 7.0]]], "float32")  # Mean: 5, 6.


def scores(objective):
    batch = len(objective)
    return evaluate.scores(
        objective,
        logits=np.tile(LOGIT, (batch, 1)),
        feature=np.tile(FEATURE, (batch, 1, 1)),
        image=np.full((batch, 4, 4, 3), 0.75),
    ).tolist()


def test_single_objectives():
    assert scores(Logit(1)) == [20.0]
    assert scores(Channel("feature", 1)) == [6.0]
    assert scores(Logit([0, 2, 1])) == [2.0, 200.0, 20.0]


def test_subtraction_subtracts_and_does_not_change_its_operands():
    a, b = Logit(2), Channel("feature", 0)
    assert scores(a - b) == [195.0]
    assert scores(a) == [200.0]
    assert scores(b) == [5.0]


def test_multiplication_does_not_change_its_operand():
    a = Logit(1)
    assert scores(2 * a) == [40.0]
    assert scores(a * 0.5) == [10.0]
    assert scores(a / 4) == [5.0]
    assert scores(-a) == [-20.0]
    assert scores(a) == [20.0]


@pytest.mark.parametrize("number", [np.float32(2), np.float64(2), np.int64(2), np.uint8(2), np.array(2.0)])
def test_numpy_numbers_multiply_and_divide(number):
    assert scores(number * Logit(1)) == scores(Logit(1) * number) == [40.0]
    if np.ndim(number) == 0 and not isinstance(number, np.ndarray):
        assert scores(Logit(1) / number) == [10.0]


def test_a_weight_multiplies_its_own_term_only():
    a, b, c = Logit(0), Logit(1), Logit(2)
    assert scores(3 * a + 0.5 * b - c) == [6.0 + 10.0 - 200.0]
    assert scores(2 * (a - 0.5 * b)) == [2 * (2.0 - 10.0)]
    assert scores((a + b) / 2 - (c - a)) == [11.0 - 198.0]


def test_sum_of_a_list():
    assert scores(sum([Logit(0), Logit(1), Logit(2)])) == [222.0]


def test_batches_pair_up_and_length_one_broadcasts():
    assert scores(Logit([0, 1]) + Channel("feature", [1, 0])) == [8.0, 25.0]
    assert scores(Logit([0, 1]) - Channel("feature", 1)) == [-4.0, 14.0]
    assert scores(L2() + Logit([0, 1])) == pytest.approx([2.25, 20.25])


def test_unequal_batches_are_refused_with_a_hint_at_product():
    with pytest.raises(ValueError, match=r"lengths 2, 3.*product\(a, b\)"):
        Logit([0, 1]) + Logit([0, 1, 2])


def test_a_list_of_weights_has_one_for_each_image():
    objective = [1, 0.5, -2] * Logit(1) + Logit([0, 1, 2])
    logits = np.array([[1, 10, 100], [2, 20, 200], [3, 30, 300]])
    assert np.allclose(evaluate.scores(objective, logits=logits), [10 + 1, 10 + 20, -60 + 300])
    assert objective.names == ["logit 1 + logit 0", "0.5 logit 1 + logit 1", "-2 logit 1 + logit 2"]
    assert np.allclose(evaluate.scores(objective[1:], logits=logits[1:]), [30, 240])
    assert np.allclose(evaluate.scores(restored(objective), logits=logits), [11, 30, 240])
    with pytest.raises(ValueError, match="equal lengths"):
        [1, 2] * Logit([0, 1, 2])


def test_an_objective_does_not_change_with_the_users_array():
    vector = np.ones(3, "float32")
    objective = Direction("feature", vector)
    vector[:] = 5
    assert objective.parameters["vector"].tolist() == [[1.0, 1.0, 1.0]]
    with pytest.raises(ValueError, match="read-only"):
        objective.parameters["vector"][:] = 5


def test_selecting_from_a_batch():
    batch = Logit([0, 1, 2]) - Channel("feature", 0)
    assert scores(batch[1]) == [15.0]
    assert scores(batch[1:]) == [15.0, 195.0]
    assert scores(batch[[2, 0, 2]]) == [195.0, -3.0, 195.0]
    assert [scores(part) for part in batch] == [[-3.0], [15.0], [195.0]]


@pytest.mark.parametrize("index", [3, slice(3, None), True, 0.5])
def test_an_index_that_selects_nothing(index):
    with pytest.raises(IndexError):
        Logit([0, 1, 2])[index]


def test_names_read_like_the_expression():
    objective = -0.5 * Logit("pug") + Channel("block5", 12) - Neuron("pool", 3)
    assert objective.names == ["-0.5 pug + block5:12 - pool[centre,3]"]


def test_a_score_depends_on_its_own_image_only(rng):
    # xplique's dot products are summed over the batch.
    activations = rng.normal(size=(6, 5, 5, 4)).astype("float32")
    objective = Direction("feature", list(rng.normal(size=(3, 4)).astype("float32")))
    together = evaluate.scores(objective, feature=activations)
    apart = [evaluate.scores(objective[index], feature=activations[2 * index : 2 * index + 2])[0] for index in range(3)]
    np.testing.assert_allclose(together, apart, rtol=1e-5)


@pytest.mark.parametrize("other", [1, False, "logit", None, Logit])
def test_only_objectives_are_added(other):
    with pytest.raises(ValueError, match="Only an objective"):
        Logit(1) + other


def test_constants_and_functions_get_a_remedy():
    for combine in (lambda a: a + 1, lambda a: 1 + a, lambda a: a - 0.5, lambda a: 2 - a, lambda a: sum([a, 3])):
        with pytest.raises(ValueError, match=r"Received: .*A constant does not change the image"):
            combine(Logit(1))
    for combine in (lambda a: a + np.mean, lambda a: (lambda x: x) - a):
        with pytest.raises(ValueError, match=r"maco_tf\.Lambda"):
            combine(Logit(1))


@pytest.mark.parametrize(
    "factor",
    ["2", None, True, np.True_, float("nan"), Logit(1), [], [[1.0]], [1, np.nan], [True], [True, 2], 10**400],
)
def test_only_finite_numbers_multiply(factor):
    with pytest.raises(ValueError, match='"factor"'):
        Logit(1) * factor


@pytest.mark.parametrize("divisor", [0, 0.0, True, "2", None, float("inf"), float("nan"), [2.0], Logit(1)])
def test_only_finite_numbers_other_than_zero_divide(divisor):
    with pytest.raises(ValueError, match='"divisor"'):
        Logit(1) / divisor


def test_a_list_of_objectives_gets_a_remedy():
    for objectives in ([Logit(1), Channel("conv", 2)], (Logit(1),)):
        with pytest.raises(
            ValueError, match=r'"objective" must be one .*sum\(objectives\).*product\(a, b\).*explain for'
        ):
            check_objective_type(objectives)
    with pytest.raises(ValueError, match='"objective" must be a maco_tf objective'):
        check_objective_type([])
    check_objective_type(sum([Logit(1), Channel("conv", 2)]))


def test_arguments_of_a_sum():
    with pytest.raises(ValueError, match='"terms"'):
        Sum([])
    with pytest.raises(ValueError, match='"terms"'):
        Sum([(1.0, Logit(1) + Logit(2))])
    with pytest.raises(ValueError, match='"weight"'):
        Sum([(True, Logit(1))])


@pytest.mark.parametrize(
    "objective",
    [
        Logit([1, 2], names=["a", "b"]),
        Channel("feature", 1),
        Neuron("feature", [(0, 1), (0, 0)]),
        Neuron("feature", [1, 0]),
        Layer("feature", "mean"),
        Direction("feature", [np.array([1.0, 2.0]), np.array([3.0, -1.0])], cosine_power=1.0),
        2 * Logit([0, 1]) - Channel("feature", 0) - 0.1 * TotalVariation() + L2(0.25),
    ],
    ids=lambda objective: type(objective).__name__,
)
def test_keras_stores_objectives(objective):
    copy = restored(objective)
    assert type(copy) is type(objective)
    assert copy.names == objective.names
    assert scores(copy) == scores(objective)
