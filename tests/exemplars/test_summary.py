"""Summaries of units: classes by brute force, shares by hand, dead units named as dead."""

import numpy as np
import pytest

from maco_tf.exemplars import Exemplars, UnitSummary, find_exemplars, summarize_units
from maco_tf.exemplars.tally import empty_state


@pytest.fixture(scope="module")
def found(exact_model, many_images, many_labels):
    return find_exemplars(exact_model, ["first", "scores"], many_images, labels=many_labels, verbose=0)


def test_classes_are_those_of_the_highest_means_of_ten(found, brute_force, many_labels):
    values = np.concatenate([brute_force[:5], brute_force[-6:]])
    summaries = summarize_units(found)
    for unit in (0, 1, 3, 4, 5, 10):
        means = np.array([np.sort(values[unit, many_labels == label])[-10:].mean() for label in range(7)])
        order = np.argsort(-means, kind="stable")[:5]
        classes = summaries[unit].classes
        assert [entry.number for entry in classes] == order.tolist()
        assert [entry.mean for entry in classes] == pytest.approx(means[order])
        positive = np.maximum(means, 0)
        total = positive.sum() or 1.0
        assert [entry.share for entry in classes] == pytest.approx((positive / total)[order])
        assert [entry.ratio for entry in classes] == pytest.approx((7 * positive / total)[order])


def test_numbers_are_those_of_all_images(found, brute_force):
    summary = summarize_units(found)[1]
    values = brute_force[1]
    assert (summary.name, summary.images, summary.dead) == ("first:1", 1000, False)
    assert summary.active == np.sum(values > 0)
    assert summary.sparsity == pytest.approx(np.mean(values <= 0))
    assert (summary.mean, summary.deviation) == pytest.approx((values.mean(), values.std()))
    assert (summary.minimum, summary.maximum) == (values.min(), values.max())
    assert np.array_equal(summary.counts, np.histogram(values, 24)[0])


def test_a_dead_unit_is_named_as_dead(found):
    summary = summarize_units(found)[2]
    assert summary.dead
    assert summary.classes == ()
    assert str(summary) == "first:2\ndead: 0 on all 1,000 images"


def planted(top, classes=None):
    """Exemplars of one unit with this table of classes: a list of values for each class."""
    table = np.full((len(top), 10, 1), -np.inf, "float32")
    for number, values in enumerate(top):
        table[number, : len(values), 0] = sorted(values, reverse=True)
    state = empty_state(1, 2)
    state.update(class_top=table, images=np.array(8), active=np.array([3]))
    state["top_scores"][:], state["low_scores"][:] = 4, 0
    state["sample_indices"][:8] = np.arange(8)
    return Exemplars(["planted:0"], state, {"count": 2, "distinct": False}, classes=classes)


def test_shares_by_hand():
    """Means 6, 2, -4 and none: the shares are 6 / 8, 2 / 8 and 0, and the mean class has 8 / 3."""
    (summary,) = summarize_units(planted([[3, 1], [6] * 10, [], [-4]], ["cat", "dog", "owl", "ant"]))
    assert [(entry.name, entry.number, entry.mean) for entry in summary.classes] == [
        ("dog", 1, 6),
        ("cat", 0, 2),
        ("ant", 3, -4),
    ]
    assert [entry.share for entry in summary.classes] == pytest.approx([0.75, 0.25, 0])
    assert [entry.ratio for entry in summary.classes] == pytest.approx([2.25, 0.75, 0])
    assert summary.classes_text == "dog 6 (2.2 x), cat 2 (0.8 x), ant -4"
    assert [entry.name for entry in summarize_units(planted([[1], [2]]), 1)[0].classes] == ["1"]


def test_images_without_classes_have_none(exact_model, many_images):
    (summary,) = summarize_units(find_exemplars(exact_model, "first", many_images[:50], verbose=0)[0])
    assert summary.classes == ()
    assert "highest for" not in str(summary)


def test_the_histogram_in_the_text():
    summary = UnitSummary("a:0", 1000, False, 10, 0, 1, 0, 2, (), np.array([999, 0, 30, 1]), np.linspace(0, 2, 5))
    # log(1000), log(31) and log(2) of 7 steps.
    assert summary.histogram_text == "0 █ ▄▂ 2"
    assert summary.sparsity_text == "above 0 on 1.0% of 1,000 images"
