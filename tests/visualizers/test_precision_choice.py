import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Channel, Logit, TotalVariation
from maco_tf.models import LOGITS, Activations
from maco_tf.visualizers.precision_choice import PrecisionChoice, choose_precision
from tests.conftest import build_tiny_model

tensor_float_32_enabled = tf.config.experimental.tensor_float_32_execution_enabled


def visualizer(model, **settings):
    """A visualizer of few operations, so that little time goes into tracing."""
    return CBRVisualizer(model, **{"steps": 20, "transforms": [], "image_size": 24, **settings})


@pytest.mark.parametrize(
    "precision",
    [
        "bfloat16",
        *(pytest.param(name, marks=pytest.mark.slow) for name in (None, "float32", "float16", "tensorfloat32", "auto")),
    ],
)
def test_the_score_rises_in_every_precision(precision, tiny_model):
    policies = [layer.dtype_policy for layer in tiny_model.layers]
    weights = [weight.copy() for weight in tiny_model.get_weights()]
    explanation = visualizer(tiny_model, precision=precision).explain(Logit([1, 3]), seed=0, verbose=0)
    assert (explanation.scores[-5:].mean(0) > explanation.scores[:5].mean(0)).all()
    assert explanation.images.dtype == explanation.transparency.dtype == explanation.scores.dtype == np.float32
    if precision == "auto":
        assert explanation.config["precision"] in ("float32", "bfloat16", "float16")
        assert explanation.config["precision_choice"].startswith("auto: ")
    else:
        assert explanation.config["precision"] == precision
        assert "precision_choice" not in explanation.config
    assert [layer.dtype_policy for layer in tiny_model.layers] == policies
    for weight, before in zip(tiny_model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, before)


@pytest.mark.slow
def test_float32_is_the_policy_of_the_model_and_bfloat16_rounds(tiny_model):
    own, single, half = (
        visualizer(tiny_model, steps=2, precision=precision).explain(Channel("conv", 1), seed=0, verbose=0).images
        for precision in (None, "float32", "bfloat16")
    )
    np.testing.assert_array_equal(own, single)
    assert 0 < np.abs(single - half).mean() < 0.05


class Watch(keras.callbacks.Callback):
    """Notes after each step whether TensorFloat-32 is on, and raises an error after the second."""

    def __init__(self, error=None):
        super().__init__()
        self.seen, self.error = [], error

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(tensor_float_32_enabled())
        if self.error and len(self.seen) == 2:
            raise self.error


@pytest.fixture(scope="module")
def by_precision(tiny_model):
    return {
        precision: visualizer(tiny_model, steps=3, precision=precision)
        for precision in ("tensorfloat32", "float32", None)
    }


@pytest.mark.parametrize(
    ("before", "error"),
    [(True, None), (False, None), (False, KeyboardInterrupt()), (True, RuntimeError("raised by a callback"))],
    ids=repr,
)
def test_tensor_float_32_is_switched_during_a_run_only(before, error, by_precision):
    found = tensor_float_32_enabled()
    try:
        tf.config.experimental.enable_tensor_float_32_execution(before)
        for precision, expected in (("tensorfloat32", True), ("float32", False), (None, before)):
            watch = Watch(error)
            if isinstance(error, RuntimeError):
                with pytest.raises(RuntimeError, match="raised by a callback"):
                    by_precision[precision].explain(Logit(1), seed=0, callbacks=[watch], verbose=0)
            else:
                explanation = by_precision[precision].explain(Logit(1), seed=0, callbacks=[watch], verbose=0)
                assert explanation.config["interrupted"] is (error is not None)
            assert watch.seen == [expected] * (3 if error is None else 2)
            assert tensor_float_32_enabled() is before
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(found)


def test_an_unknown_precision_is_refused(tiny_model):
    for wrong in ("half", 16, True, tf.bfloat16):
        with pytest.raises(ValueError, match=r'"precision" must be one of None, .*Received'):
            visualizer(tiny_model, precision=wrong)
    with pytest.raises(ValueError, match=r'"model" must be .*keras\.Model'):
        visualizer("model", precision="bfloat16")


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_a_quantised_model_keeps_its_precision():
    quantised = build_tiny_model()
    quantised.quantize("int8")
    for precision in ("auto", "tensorfloat32", "bfloat16"):
        with pytest.raises(ValueError, match=rf"for a quantised model\. Received: '{precision}'"):
            visualizer(quantised, precision=precision)
    assert visualizer(quantised).precision is None


def clock(**seconds):
    """A clock by which each precision takes the given time, in the order in which they take turns."""
    times = itertools.chain.from_iterable((0.0, value) for value in itertools.cycle(seconds.values()))
    return lambda: next(times)


def choose(model, rng, layers=(LOGITS,), **seconds):
    activations = Activations(model)
    views = tf.constant(rng.uniform(size=(2, *activations.input_shape)), tf.float32)
    return choose_precision(activations, views, list(layers), clock=clock(**seconds))


@pytest.fixture
def gpu(monkeypatch):
    """A machine that seems to have a GPU."""
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["GPU:0"])


@pytest.fixture
def cpu(monkeypatch):
    """A machine that seems to have no GPU."""
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: [])


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize(
    ("float32", "bfloat16", "chosen"),
    [(2.0, 1.0, "bfloat16"), (1.11, 1.0, "bfloat16"), (1.09, 1.0, "float32"), (1.0, 1.0, "float32")],
)
def test_a_precision_is_chosen_if_it_gains_a_tenth(float32, bfloat16, chosen, tiny_model, rng):
    choice = choose(tiny_model, rng, float32=float32, bfloat16=bfloat16)
    assert choice.precision == chosen
    assert choice.seconds == {"float32": float32, "bfloat16": bfloat16}
    assert 0.99 < choice.cosines["bfloat16"] < choice.cosines["float32"]


@pytest.mark.usefixtures("gpu")
def test_float16_is_tried_on_a_gpu(tiny_model, rng):
    assert choose(tiny_model, rng, float32=3.0, bfloat16=2.0, float16=1.0).precision == "float16"
    assert choose(tiny_model, rng, float32=3.0, bfloat16=1.0, float16=2.0).precision == "bfloat16"


@pytest.mark.usefixtures("cpu")
def test_a_fast_precision_with_another_gradient_is_not_chosen(rng):
    """Nothing of the image survives this sum in bfloat16."""
    layer = keras.layers.Lambda(lambda x: ((x + 4096.0) - 4096.0) ** 2)
    model = keras.Sequential([keras.Input((16, 16, 3)), layer, keras.layers.Flatten()])
    choice = choose(model, rng, float32=9.0, bfloat16=1.0)
    assert choice.precision == "float32"
    assert not choice.cosines["bfloat16"] > 0.99


@pytest.mark.usefixtures("cpu")
def test_a_precision_in_which_the_network_fails_is_not_chosen(rng):
    layer = keras.layers.Lambda(lambda x: x * tf.constant(2.0))
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(3, 3), layer, keras.layers.Flatten()])
    choice = choose(model, rng, float32=1.0)
    assert (choice.precision, list(choice.seconds), list(choice.failures)) == ("float32", ["float32"], ["bfloat16"])


def test_a_choice_prints_its_measurement():
    choice = PrecisionChoice(
        "bfloat16", {"float32": 0.2, "bfloat16": 0.1}, {"float32": 1.0, "bfloat16": 0.998}, {"float16": "TypeError"}
    )
    for part in ("bfloat16 of float32 200 ms", "bfloat16 100 ms (cosine 0.9980)", "float16 fails (TypeError)"):
        assert part in str(choice)


@pytest.mark.slow
def test_auto_measures_once_and_changes_nothing_else(tiny_model, capsys):
    automatic = visualizer(tiny_model, steps=3, precision="auto")
    automatic.explain(TotalVariation(), seed=0, verbose=1)
    # There is nothing to measure, because the objective does not read the model.
    assert automatic.precision_choice is None
    capsys.readouterr()
    explanation = automatic.explain(Logit(1), seed=0, verbose=1)
    choice = automatic.precision_choice
    assert str(choice) in capsys.readouterr().out
    assert automatic.config()["precision"] == choice.precision
    gains = {name: choice.seconds["float32"] / seconds for name, seconds in choice.seconds.items()}
    assert set(gains) >= {"float32", "bfloat16"}
    if choice.precision != "float32":
        assert gains[choice.precision] >= 1.1
        assert choice.cosines[choice.precision] > 0.99
    automatic.explain(Channel("conv", 1), seed=0, verbose=0)
    assert automatic.precision_choice is choice
    same = visualizer(tiny_model, steps=3, precision=choice.precision).explain(Logit(1), seed=0, verbose=0)
    np.testing.assert_array_equal(explanation.images, same.images)


def test_a_silent_run_measures_in_silence(tiny_model, capsys):
    visualizer(tiny_model, steps=1, precision="auto").explain(Logit(1), seed=0, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_model_without_a_gradient_is_refused_with_and_without_a_measurement():
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(keras.ops.stop_gradient(inputs)))
    for precision in ("auto", None):
        with pytest.raises(ValueError, match="score must have a gradient"):
            visualizer(model, precision=precision, steps=1).explain(Logit(0), verbose=0)
