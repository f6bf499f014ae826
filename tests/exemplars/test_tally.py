import numpy as np
import pytest
import tensorflow as tf

from maco_tf.exemplars.tally import Tally, empty_state, merge_states, priorities


def tallied(scores, indices, labels=None, *, batch_size=7, keep=4, classes=None, sample=10):
    """The state after some images, given as arrays (images, units) and (images,)."""
    tally = Tally(empty_state(scores.shape[1], keep, classes, sample))
    labels = np.full(len(indices), -1) if labels is None else labels
    for start in range(0, len(indices), batch_size):
        part = slice(start, start + batch_size)
        hashes = tf.constant(indices[part] * 3)
        tally.update(tf.constant(scores[part]), indices[part], labels[part], hashes, int(indices[part][-1]) + 1)
    return tally.state()


def assert_equal(first, second):
    """Equal but for the order of the sample."""
    assert first.keys() == second.keys()
    order = [np.argsort(state["sample_indices"]) for state in (first, second)]
    for name in first:
        values = [state[name] for state in (first, second)]
        if name.startswith("sample"):
            values = [value[rows] for value, rows in zip(values, order)]
        np.testing.assert_array_equal(*values, err_msg=name)


@pytest.fixture
def scores(rng):
    """Whole numbers with many ties, so that sums are exact."""
    return rng.integers(-3, 4, (60, 5)).astype("float32")


def test_equal_scores_are_ordered_by_index(scores):
    state = tallied(np.zeros((9, 1), "float32"), np.arange(9))
    assert state["top_indices"].tolist() == state["low_indices"].tolist() == [[0, 1, 2, 3]]
    assert state["top_hashes"].tolist() == [[0, 3, 6, 9]]


@pytest.mark.slow
def test_merging_is_exact_commutative_and_associative(scores, rng):
    labels = rng.integers(-1, 4, 60)
    settings = {"classes": 4}
    whole = tallied(scores, np.arange(60), labels, **settings)
    parts = [
        tallied(scores[number::3], np.arange(number, 60, 3), labels[number::3], batch_size=number + 2, **settings)
        for number in range(3)
    ]
    for first, second, third in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        assert_equal(merge_states(merge_states(parts[first], parts[second]), parts[third]), whole)
        assert_equal(merge_states(parts[first], merge_states(parts[second], parts[third])), whole)


def test_the_table_of_classes_grows_with_a_class_that_nobody_announced(scores):
    labels = np.arange(60) // 6
    grown, known = (tallied(scores, np.arange(60), labels, classes=classes) for classes in (0, 10))
    np.testing.assert_array_equal(grown["class_top"][:10], known["class_top"])
    assert grown["class_images"].tolist()[:10] == known["class_images"].tolist() == [6] * 10
    # Fewer than ten images of a class leave places free.
    np.testing.assert_array_equal(known["class_top"][3, :6], -np.sort(-scores[18:24], axis=0))
    assert np.isneginf(known["class_top"][3, 6:]).all()


def test_rows_without_an_image_change_nothing(scores):
    indices = np.where(np.arange(60) < 50, np.arange(60), -1)
    padded = tallied(scores, indices, batch_size=60)
    padded["following"] = np.array(50)
    assert_equal(padded, tallied(scores[:50], np.arange(50)))


def test_values_that_are_not_finite_are_counted_and_enter_no_ranking(scores):
    scores[3, 1], scores[40, 2] = np.nan, np.inf
    state = tallied(scores, np.arange(60))
    assert state["not_finite"] == 2
    assert np.isfinite(state["top_scores"]).all()
    assert 3 not in state["top_indices"][1]


def test_a_state_goes_on(scores):
    half = tallied(scores[:30], np.arange(30))
    tally = Tally(half)
    tally.update(
        tf.constant(scores[30:]), np.arange(30, 60), np.full(30, -1), tf.constant(np.arange(30, 60) * 3), following=60
    )
    assert_equal(tally.state(), tallied(scores, np.arange(60)))


def test_priorities_are_pseudo_random_and_differ():
    """Reference values of SplitMix64 for the states 0 and 1, whose first outputs are published."""
    assert priorities(np.array([0]))[0] == 0xE220A8397B1DCDAF
    found = priorities(np.arange(100_000))
    assert len(np.unique(found)) == 100_000
    assert abs(float(found.astype("float64").mean()) / 2**63 - 1) < 0.01
    assert priorities(np.array([-1]))[0] == 2**64 - 1
