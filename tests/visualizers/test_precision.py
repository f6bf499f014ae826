"""The setting `precision`: the dtype that runs, the choice of "auto", and the record in the result."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Channel, Logit, TotalVariation
from maco_tf.models import LOGITS, Activations
from maco_tf.visualizers import CBRVisualizer, FourierVisualizer, MacoVisualizer
from maco_tf.visualizers.precision_choice import choose_precision
from tests.conftest import build_tiny_model

enabled = tf.config.experimental.tensor_float_32_execution_enabled


def visualizer(model, kind=MacoVisualizer, **settings):
    return kind(model, **{"steps": 20, "crops": 2, "image_size": 32, **settings})


@pytest.mark.parametrize("precision", [None, "float32", "bfloat16", "float16", "tensorfloat32", "auto"])
def test_the_score_rises_in_each(precision, tiny_model):
    policies = [id(layer._dtype_policy) for layer in tiny_model._flatten_layers()]
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
    assert [id(layer._dtype_policy) for layer in tiny_model._flatten_layers()] == policies
    for weight, before in zip(tiny_model.get_weights(), weights):
        np.testing.assert_array_equal(weight, before)


@pytest.mark.parametrize("kind", [FourierVisualizer, CBRVisualizer])
def test_the_baselines_take_a_precision_too(kind, tiny_model):
    runs = [
        visualizer(tiny_model, kind, steps=2, precision=precision).explain(Channel("conv", 1), seed=0, verbose=0)
        for precision in (None, "float32", "bfloat16")
    ]
    np.testing.assert_array_equal(runs[0].images, runs[1].images)
    assert 0 < np.abs(runs[1].images - runs[2].images).mean() < 0.05
    assert runs[2].config["precision"] == "bfloat16"


class Watching(keras.callbacks.Callback):
    def __init__(self, error=None):
        super().__init__()
        self.seen, self.error = [], error

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(enabled())
        if self.error and len(self.seen) == 2:
            raise self.error


@pytest.mark.parametrize(
    ("before", "error"),
    [(True, None), (False, None), (False, KeyboardInterrupt()), (True, RuntimeError("by a callback"))],
    ids=repr,
)
def test_tensor_float_32_is_switched_for_the_run_alone(before, error, tiny_model):
    found = enabled()
    try:
        tf.config.experimental.enable_tensor_float_32_execution(before)
        for precision, wanted in (("tensorfloat32", True), ("float32", False), (None, before)):
            watching = Watching(error)
            run = visualizer(tiny_model, steps=3, precision=precision)
            if isinstance(error, RuntimeError):
                with pytest.raises(RuntimeError, match="by a callback"):
                    run.explain(Logit(1), seed=0, callbacks=[watching], verbose=0)
            else:
                explanation = run.explain(Logit(1), seed=0, callbacks=[watching], verbose=0)
                assert explanation.config["interrupted"] is (error is not None)
            assert watching.seen == [wanted] * (3 if error is None else 2)
            assert enabled() is before
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(found)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_wrong_arguments_are_refused_at_once(tiny_model):
    for wrong in ("half", 16, True, tf.bfloat16):
        with pytest.raises(ValueError, match=r'"precision" must be one of None, .*Received'):
            visualizer(tiny_model, precision=wrong)
    with pytest.raises(ValueError, match=r"keras\.Model"):
        visualizer("model", precision="bfloat16")
    quantised = build_tiny_model()
    quantised.quantize("int8")
    for precision in ("auto", "tensorfloat32", "bfloat16"):
        with pytest.raises(ValueError, match=rf"for a quantised model\. Received: '{precision}'"):
            visualizer(quantised, precision=precision)
    assert visualizer(quantised).precision is None


def clock(**seconds):
    """A clock by which each precision takes the time given, in the order of the turns."""
    times = itertools.chain.from_iterable((0.0, value) for value in itertools.cycle(seconds.values()))
    return lambda: next(times)


def choose(model, rng, layers=(LOGITS,), **seconds):
    activations = Activations(model)
    views = tf.constant(rng.uniform(size=(2, *activations.input_shape)), tf.float32)
    return choose_precision(activations, views, list(layers), clock=clock(**seconds))


@pytest.mark.parametrize(
    ("float32", "bfloat16", "chosen"),
    [(2.0, 1.0, "bfloat16"), (1.11, 1.0, "bfloat16"), (1.09, 1.0, "float32"), (1.0, 1.0, "float32")],
)
def test_the_fastest_is_chosen_if_it_is_worth_it(float32, bfloat16, chosen, tiny_model, rng):
    choice = choose(tiny_model, rng, float32=float32, bfloat16=bfloat16)
    assert choice.precision == chosen
    assert choice.seconds == {"float32": float32, "bfloat16": bfloat16}
    assert 0.99 < choice.cosines["bfloat16"] < choice.cosines["float32"]
    assert str(choice) == (
        f"{chosen} of float32 {1000 * float32:.0f} ms, bfloat16 1000 ms (cosine {choice.cosines['bfloat16']:.4f})"
    )


def test_float16_is_tried_where_a_gpu_is(tiny_model, rng, monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["a GPU"])
    assert choose(tiny_model, rng, float32=3.0, bfloat16=2.0, float16=1.0).precision == "float16"
    assert choose(tiny_model, rng, float32=3.0, bfloat16=1.0, float16=2.0).precision == "bfloat16"


def test_another_gradient_is_not_taken_however_fast(rng):
    """Nothing of the image's detail survives this sum in bfloat16."""
    layer = keras.layers.Lambda(lambda x: ((x + 4096.0) - 4096.0) ** 2)
    model = keras.Sequential([keras.Input((16, 16, 3)), layer, keras.layers.Flatten()])
    choice = choose(model, rng, float32=9.0, bfloat16=1.0)
    assert choice.precision == "float32"
    assert not choice.cosines["bfloat16"] > 0.99


def test_a_network_that_fails_in_it_is_left_in_float32(rng):
    layer = keras.layers.Lambda(lambda x: x * tf.constant(2.0))
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(3, 3), layer, keras.layers.Flatten()])
    choice = choose(model, rng, float32=1.0)
    assert (choice.precision, list(choice.seconds)) == ("float32", ["float32"])
    assert "bfloat16 fails" in str(choice)


def test_auto_measures_once_says_so_and_disturbs_nothing(tiny_model, capsys):
    automatic = visualizer(tiny_model, steps=3, precision="auto")
    assert "precision='auto'" in repr(automatic)
    automatic.explain(TotalVariation(), seed=0, verbose=1)
    # There is nothing to measure, because the objective does not read the model.
    assert automatic.precision_choice is None
    capsys.readouterr()
    explanation = automatic.explain(Logit(1), seed=0, verbose=1)
    choice = automatic.precision_choice
    assert f"Precision: {choice}" in capsys.readouterr().out.splitlines()
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
    silent = visualizer(tiny_model, steps=1, precision="auto")
    capsys.readouterr()
    silent.explain(Logit(1), seed=0, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_model_without_gradient_is_refused_as_without_auto():
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(keras.ops.stop_gradient(inputs)))
    for precision in ("auto", None):
        with pytest.raises(ValueError, match="score must have a gradient"):
            visualizer(model, precision=precision, steps=1).explain(Logit(0), verbose=0)
