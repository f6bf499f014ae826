import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from maco_tf.optimization.replicas import (
    as_strategy,
    outside_scope,
    refused_by_xla,
    resolve_batch_size,
    resolve_jit,
    runs_plainly_on_cpu,
)


class TwoMachines(tf.distribute.Strategy):
    """A strategy of several replicas that is not a MirroredStrategy."""

    num_replicas_in_sync = 2

    def __init__(self):
        pass


@pytest.fixture
def gpu(monkeypatch):
    """A machine that seems to have a GPU."""
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["GPU:0"])


@pytest.fixture
def cpu(monkeypatch):
    """A machine that seems to have no GPU."""
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: [])


def test_one_device_needs_no_strategy():
    assert as_strategy(None) is None
    assert as_strategy(tf.distribute.OneDeviceStrategy("/CPU:0")) is None
    with tf.distribute.OneDeviceStrategy("/CPU:0").scope():
        assert as_strategy(None) is None


@pytest.mark.parametrize("strategy", ["GPU:0", object(), TwoMachines()])
def test_only_a_mirrored_strategy_is_accepted(strategy):
    with pytest.raises(ValueError, match=r'"strategy" must be a tf\.distribute\.MirroredStrategy'):
        as_strategy(strategy)


@pytest.mark.usefixtures("cpu")
def test_a_cpu_does_not_compile_with_xla_unless_the_user_asks():
    assert resolve_jit("auto", None) is False
    assert resolve_jit(True, None) is True
    assert runs_plainly_on_cpu(False, None)
    assert not runs_plainly_on_cpu(True, None)
    assert not runs_plainly_on_cpu(False, object())


@pytest.mark.usefixtures("gpu")
def test_a_single_gpu_compiles_with_xla_unless_the_user_forbids_it():
    assert resolve_jit("auto", None) is True
    assert resolve_jit(np.False_, None) is False
    assert resolve_jit("auto", object()) is False
    assert not runs_plainly_on_cpu(False, None)


@pytest.mark.parametrize(("value", "strategy"), [("yes", None), (1, None), (True, object())])
def test_wrong_values_of_jit_compile(value, strategy):
    with pytest.raises(ValueError, match='"jit_compile" must be'):
        resolve_jit(value, strategy)


@pytest.mark.usefixtures("cpu")
def test_the_automatic_batch_size_is_limited_only_where_a_cpu_runs_the_operations_one_by_one():
    assert resolve_batch_size("auto", False, None) == "auto"
    assert resolve_batch_size("auto", True, None) is None
    assert resolve_batch_size("auto", False, object()) is None
    assert resolve_batch_size(None, False, None) is None
    assert resolve_batch_size(np.int64(3), True, None) == 3


@pytest.mark.parametrize("limit", [0, 2.5, True, "many"])
def test_wrong_values_of_max_batch_size(limit):
    with pytest.raises(ValueError, match='"max_batch_size" must be an integer of at least 1'):
        resolve_batch_size(limit, False, None)


def test_only_operations_without_a_kernel_are_blamed_on_xla():
    error = tf.errors.InvalidArgumentError
    with pytest.raises(ValueError, match='"jit_compile" must be False'), refused_by_xla():
        raise error(None, None, "Detected unsupported operations: CropAndResize")
    with pytest.raises(error, match="shapes differ"), refused_by_xla():
        raise error(None, None, "shapes differ")


def test_a_function_runs_outside_the_scope_of_a_strategy():
    assert outside_scope(tf.distribute.has_strategy) is False
    with tf.distribute.OneDeviceStrategy("/CPU:0").scope():
        assert tf.distribute.has_strategy()
        assert outside_scope(tf.distribute.has_strategy) is False
        with pytest.raises(ZeroDivisionError):
            outside_scope(lambda: 1 / 0)


@pytest.mark.slow
def test_two_devices_give_the_same_result_as_one():
    """The devices are virtual. They must be set up before TensorFlow starts, so the test runs in another process."""
    program = """
        import keras, numpy as np, tensorflow as tf
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        from maco_tf import Logit, Channel, MacoVisualizer
        from tests.conftest import build_tiny_model
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            mirrored = build_tiny_model()
        settings = dict(steps=3, crops=4, image_size=24)

        def explain(model, **options):
            visualizer = MacoVisualizer(model, **settings, **options)
            return visualizer.explain(2 * Logit([0, 3]) - Channel("conv", 1), seed=3, verbose=0)

        alone = explain(build_tiny_model())
        runs = [explain(mirrored, strategy=strategy), explain(build_tiny_model(), strategy=strategy, max_batch_size=1)]
        with strategy.scope():
            runs.append(explain(mirrored))
        for run in runs:
            np.testing.assert_allclose(run.scores, alone.scores, atol=1e-4)
            np.testing.assert_allclose(run.images, alone.images, atol=1e-4)
            np.testing.assert_allclose(run.transparency, alone.transparency, rtol=1e-3, atol=1e-6)
        with strategy.scope():
            profile = MacoVisualizer(mirrored, **settings).profile(Logit([0, 3]), repeats=1)
        assert profile.views_a_step == 8 and profile.step > 0
        # One view cannot be shared; two objectives with a view each can.
        for objective in (Logit(1), Logit([1, 2])):
            paper = [
                MacoVisualizer(model, "paper", steps=2, image_size=24, **options).explain(objective, seed=3, verbose=0)
                for model, options in ((build_tiny_model(), {}), (mirrored, {"strategy": strategy}))
            ]
            np.testing.assert_allclose(paper[1].images, paper[0].images, atol=1e-4)
        for wrong, options in (("share", {"crops": 3}), ("jit_compile", {"jit_compile": True})):
            try:
                MacoVisualizer(mirrored, **{**settings, **options}, strategy=strategy).explain(Logit(0), verbose=0)
            except ValueError as error:
                assert wrong in str(error), error
            else:
                raise AssertionError(wrong)
        print("equal")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "equal" in done.stdout
