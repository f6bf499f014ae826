"""Attributes that are exchanged while a function is traced, and the graph into which operations go."""

import threading
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models.tracing import current_graph, exchanged, is_traced_for, is_traced_into, record_outputs


def test_attributes_are_exchanged_inside_the_block_only():
    first, second = types.SimpleNamespace(value=1), types.SimpleNamespace(value=10)
    with exchanged([(first, "value", lambda value: value + 1), (second, "value", lambda value: -value)]):
        assert (first.value, second.value) == (2, -10)
    assert (first.value, second.value) == (1, 10)


def test_originals_return_after_an_exception_in_the_block():
    owner = types.SimpleNamespace(value=1)
    with pytest.raises(KeyboardInterrupt), exchanged([(owner, "value", lambda _: 2)]):
        raise KeyboardInterrupt
    assert owner.value == 1


@pytest.mark.parametrize("failing", ["replace", "set", "missing attribute"])
def test_originals_return_after_an_exception_during_the_exchange(failing):
    class Locked:
        value = property(lambda self: 3)

    first = types.SimpleNamespace(value=1)
    replacements = {
        "replace": (types.SimpleNamespace(value=3), "value", lambda value: value / 0),
        "set": (Locked(), "value", lambda value: value),
        "missing attribute": (types.SimpleNamespace(), "value", lambda value: value),
    }
    with (
        pytest.raises((ZeroDivisionError, AttributeError)),
        exchanged([(first, "value", lambda _: 2), replacements[failing]]),
    ):
        pytest.fail("the block must not run")
    assert first.value == 1


def test_exchanges_nest_and_an_attribute_may_be_exchanged_twice():
    owner = types.SimpleNamespace(value=1)
    double = (owner, "value", lambda value: 2 * value)
    with exchanged([double, double]):
        assert owner.value == 4
        with exchanged([double]):
            assert owner.value == 8
        assert owner.value == 4
    assert owner.value == 1


def test_another_thread_waits_for_the_end_of_the_block():
    owner, seen = types.SimpleNamespace(value=1), []

    def exchange():
        with exchanged([(owner, "value", lambda value: value + 1)]):
            seen.append(owner.value)

    thread = threading.Thread(target=exchange)
    with exchanged([(owner, "value", lambda _: 100)]):
        thread.start()
        thread.join(0.1)
        assert not seen
    thread.join()
    # The other thread read the original, not this thread's replacement.
    assert seen == [2]
    assert owner.value == 1


def test_outputs_are_recorded_in_the_order_of_the_calls():
    double, other = keras.layers.Rescaling(2.0), keras.layers.Rescaling(3.0)
    original = keras.Operation.__call__
    with record_outputs([double]) as outputs:
        expected = [double(np.ones(2)), double(other(np.ones(2)))]
    assert list(outputs) == [id(double)]
    for found, value in zip(outputs[id(double)], expected, strict=True):
        assert found is value
    double(np.ones(2))
    assert len(outputs[id(double)]) == 2
    assert keras.Operation.__call__ is original


def test_loops_and_branches_belong_to_the_graph_and_other_functions_do_not():
    found = {}

    def note(name):
        found[name] = (is_traced_into(found["graph"]), is_traced_for(found["graph"]))

    @tf.function(autograph=False)
    def inner(x):
        note("inner function")
        return x

    def body(x):
        note("loop")
        return tf.cond(x > 1, lambda: branch(x), lambda: x + 1)

    def branch(x):
        note("branch in a loop")
        return x + 2

    @tf.function(autograph=False)
    def outer(x):
        found["graph"] = current_graph()
        note("directly")
        with tf.init_scope():
            note("eagerly")
        x = tf.while_loop(lambda x: x < 5, lambda x: (body(x),), (x,))[0]
        return inner(x)

    outer(tf.constant(0))
    note("afterwards")
    del found["graph"]
    assert found == {
        "directly": (True, True),
        "eagerly": (False, False),
        "loop": (True, True),
        "branch in a loop": (True, True),
        "inner function": (False, True),
        "afterwards": (False, False),
    }
