"""Where a run may be started, and what happens where XLA or the memory refuses it."""

import contextlib
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Logit
from maco_tf.models import Activations
from maco_tf.optimization import CompiledSteps, objective_tensors, step
from maco_tf.optimization.contexts import out_of_memory
from maco_tf.optimization.replicas import refused_by_xla
from maco_tf.parametrizations import PixelParametrization
from maco_tf.transforms import Repeat
from tests.conftest import build_tiny_model


@pytest.fixture(scope="module")
def model():
    return build_tiny_model()


def test_a_run_inside_a_tf_function_is_refused(model):
    visualizer = CBRVisualizer(model, steps=2, transforms=[], image_size=16)

    @tf.function(autograph=False)
    def run():
        visualizer.explain(Logit(1), seed=0, verbose=0)

    with pytest.raises(RuntimeError, match=r"explain must be called eagerly.* inside a tf\.function"):
        run()
    visualizer.explain(Logit(1), seed=0, verbose=0)


def test_a_run_inside_a_stateless_scope_is_refused(model):
    visualizer = CBRVisualizer(model, steps=1, transforms=[], image_size=16)
    with keras.StatelessScope(), pytest.raises(RuntimeError, match=r"outside of keras\.StatelessScope"):
        visualizer.explain(Logit(1), seed=0, verbose=0)
    visualizer.explain(Logit(1), seed=0, verbose=0)


def in_a_tape(model, run):
    with tf.GradientTape() as tape:
        tape.watch(model.trainable_variables[0].value)
        return run()


def in_nested_persistent_tapes(model, run):
    with tf.GradientTape(persistent=True), tf.GradientTape():
        return run()


def in_a_forward_accumulator(model, run):
    weights = model.trainable_variables[0].value
    with tf.autodiff.ForwardAccumulator(weights, tf.ones_like(weights)):
        return run()


@pytest.mark.slow
@pytest.mark.parametrize("recorded", [in_a_tape, in_nested_persistent_tapes, in_a_forward_accumulator])
def test_a_run_that_is_recorded_gives_the_same_image(model, recorded):
    """Crops have no second derivative, which a tape around the steps would ask for."""

    def run():
        visualizer = CBRVisualizer(model, steps=2, whole_views=0, crops=2, image_size=20)
        return visualizer.explain(Logit(1), seed=0, verbose=0).images

    np.testing.assert_array_equal(recorded(model, run), run())


@pytest.mark.slow
def test_a_tape_around_a_run_still_differentiates_what_it_recorded(model):
    visualizer = CBRVisualizer(model, steps=2, whole_views=0, crops=2, image_size=20)
    x = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x * x
        visualizer.explain(Logit(1), seed=0, verbose=0)
        y *= x
    assert float(tape.gradient(y, x)) == 27


@pytest.mark.slow
def test_without_eager_execution_the_error_says_so():
    program = """
import tensorflow as tf
tf.compat.v1.disable_eager_execution()
from maco_tf.optimization.contexts import check_context
try:
    check_context("explain")
except RuntimeError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "with eager execution disabled" in found.stdout


@pytest.fixture
def memory(monkeypatch):
    """Give the device a memory for so many views."""

    def limit(most):
        @contextlib.contextmanager
        def limited(views):
            with out_of_memory(views):
                if views > most:
                    raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
                yield

        monkeypatch.setattr(step, "out_of_memory", limited)

    return limit


class WithoutKernel(keras.layers.Layer):
    """The identity, by an operation that XLA cannot compile."""

    def call(self, x):
        return x + 0 * tf.stop_gradient(tf.image.adjust_hue(tf.clip_by_value(x, 0, 1), 0.1)[..., :3]) + self.checked(x)

    def checked(self, x):
        return 0 * tf.cast(tf.strings.length(tf.strings.as_string(tf.stop_gradient(x[0, 0, 0, 0]))), tf.float32)


def compiled(layer=None, **settings):
    inputs = keras.Input((16, 16, 3))
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(layer(inputs) if layer else inputs))
    return CompiledSteps(
        Activations(keras.Model(inputs, outputs)),
        PixelParametrization((16, 16, 3)),
        [Repeat(8)],
        keras.optimizers.Nadam(0.1),
        [Logit(1)],
        3,
        **settings,
    )


def images(steps):
    steps(steps.start([3]), objective_tensors(Logit(1)), 3)
    return steps.images()


@pytest.mark.slow
def test_half_as_many_views_are_tried_where_the_memory_does_not_suffice(memory):
    """Two warnings, from 8 to 4 to 2, and the same images as with 2 from the start."""
    memory(2)
    keras.utils.set_random_seed(0)
    steps = compiled(automatic=["max_batch_size"])
    with pytest.warns(UserWarning, match="max_batch_size is now") as warned:
        found = images(steps)
    assert len(warned) == 2
    assert steps.changed == {"max_batch_size": 2}
    keras.utils.set_random_seed(0)
    np.testing.assert_array_equal(found, images(compiled(max_batch_size=2)))


@pytest.mark.parametrize(("most", "automatic"), [(2, []), pytest.param(0, ["max_batch_size"], marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore:The memory does not suffice")
def test_the_error_names_max_batch_size(most, automatic, memory):
    memory(most)
    with pytest.raises(MemoryError, match='"max_batch_size" must be smaller'):
        images(compiled(automatic=automatic))


@pytest.mark.slow
def test_xla_that_cannot_compile_is_left_with_a_warning_if_nobody_asked_for_it():
    keras.utils.set_random_seed(0)
    steps = compiled(WithoutKernel(), jit_compile=True, automatic=["jit_compile"])
    with pytest.warns(UserWarning, match="jit_compile is now False"):
        found = images(steps)
    assert steps.changed == {"jit_compile": False}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images(steps)
    keras.utils.set_random_seed(0)
    np.testing.assert_array_equal(found, images(compiled(WithoutKernel())))
    with pytest.raises(ValueError, match='"jit_compile" must be False'):
        images(compiled(WithoutKernel(), jit_compile=True))


def test_other_errors_pass_unchanged():
    error = tf.errors.InternalError
    with pytest.raises(error, match="shapes differ"), out_of_memory(2), refused_by_xla():
        raise error(None, None, "shapes differ")
    with pytest.raises(MemoryError, match="for 2 views"), out_of_memory(2), refused_by_xla():
        raise error(None, None, "RESOURCE_EXHAUSTED: out of memory")


def test_the_result_reports_what_changed(memory, model):
    memory(2)
    visualizer = CBRVisualizer(model, steps=1, crops=4, transforms=[], image_size=16)
    with pytest.warns(UserWarning, match="max_batch_size is now 2"):
        explanation = visualizer.explain(Logit(1), seed=0, verbose=0)
    assert explanation.config["max_batch_size"] == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visualizer.explain(Logit(2), seed=0, verbose=0)
