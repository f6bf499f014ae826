import gc
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import (
    Channel,
    Direction,
    Logit,
    MacoVisualizer,
    Neuron,
    TotalVariation,
    estimate_magnitude,
)
from maco_tf.spectrum import imagenet_magnitude
from maco_tf.transforms import Normal, RandomCrop
from tests.conftest import Wrapper, build_tiny_model


def tiny_visualizer(model, **settings):
    return MacoVisualizer(
        model, **{"steps": 6, "image_size": 32, **({} if "transforms" in settings else {"crops": 2}), **settings}
    )


def test_the_score_rises_and_the_result_is_complete(tiny_model):
    explanation = tiny_visualizer(tiny_model, steps=30).explain(Logit([1, 3]), seed=0, verbose=0)
    assert explanation.images.shape == (2, 32, 32, 3)
    assert 0 <= explanation.images.min() < explanation.images.max() <= 1
    assert explanation.transparency.shape == (2, 32, 32)
    assert explanation.transparency.min() >= 0 < explanation.transparency.max()
    assert explanation.scores.shape == (30, 2)
    assert (explanation.scores[-5:].mean(0) > explanation.scores[:5].mean(0)).all()
    assert explanation.names == ["logit 1", "logit 3"]
    assert explanation.config["steps"] == 30


@pytest.mark.parametrize("largest", [None, 4])
def test_xla_shows_what_plain_tensorflow_shows(tiny_model, largest):
    """Both draw the same random numbers. Plain TensorFlow gathers crops, and XLA multiplies matrices."""
    plain, compiled = (
        tiny_visualizer(tiny_model, steps=1, crops=8, max_batch_size=largest, jit_compile=jit_compile).explain(
            Logit([1, 3]), seed=0, verbose=0
        )
        for jit_compile in (False, True)
    )
    np.testing.assert_allclose(plain.images, compiled.images, atol=1e-3)
    np.testing.assert_allclose(plain.scores, compiled.scores, atol=1e-3)


def test_a_users_crops_choose_an_implementation_that_xla_can_compile(tiny_model):
    crop = RandomCrop(16, 4)
    visualizers = [tiny_visualizer(tiny_model, steps=1, transforms=[crop], jit_compile=jit) for jit in (False, True)]
    plain, compiled = (own.explain(Logit(1), seed=0, verbose=0).images for own in visualizers)
    np.testing.assert_allclose(plain, compiled, atol=1e-3)
    assert crop.implementation == "auto"
    assert visualizers[0].resolved.views()[0] is crop


def test_an_operation_that_xla_cannot_compile_is_named(tiny_model):
    gathered = tiny_visualizer(tiny_model, transforms=[RandomCrop(16, 4, implementation="gather")], jit_compile=True)
    with pytest.raises(ValueError, match=r'(?s)"jit_compile" must be False .*CropAndResize'):
        gathered.explain(Logit(1), verbose=0)


def test_ten_classes_trace_once_and_a_channel_adds_one(tiny_model):
    visualizer = tiny_visualizer(tiny_model, steps=2)
    images = [visualizer.explain(Logit(i % 5), seed=0, verbose=0).images for i in range(10)]
    assert visualizer.traces == 1
    assert not np.allclose(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[5])
    visualizer.explain(Channel("conv", 1), verbose=0)
    visualizer.explain(Channel("conv", 3), verbose=0)
    assert visualizer.traces == 2
    for weight in (0.5, -2.0):
        visualizer.explain(Logit(0) + weight * Channel("conv", 1), verbose=0)
    assert visualizer.traces == 3


def resident_memory():
    with open(f"/proc/{os.getpid()}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux's /proc")
def test_memory_stays_after_fifty_explanations(tiny_model):
    visualizer = tiny_visualizer(tiny_model, steps=1)
    sizes = {}
    for count in range(1, 51):
        visualizer.explain(Logit(count % 5), verbose=0)
        if count in (5, 50):
            gc.collect()
            sizes[count] = resident_memory()
    assert sizes[50] < 1.05 * sizes[5]


def test_same_seed_same_bits_and_the_result_reports_a_drawn_seed(tiny_model):
    visualizer = tiny_visualizer(tiny_model)
    first = visualizer.explain(Logit(2), verbose=0)
    again = tiny_visualizer(tiny_model).explain(Logit(2), seed=first.seed, verbose=0)
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.transparency, again.transparency)


@pytest.mark.parametrize("recipe", ["default", "fast", "paper", "xplique"])
def test_recipes_run(tiny_model, recipe):
    explanation = MacoVisualizer(tiny_model, recipe, steps=3, image_size=32).explain(Logit(0), seed=0, verbose=0)
    assert np.isfinite(explanation.scores).all()
    assert explanation.images.std() > 0.05


def test_recipes_have_the_published_settings(tiny_model):
    paper, xplique = (MacoVisualizer(tiny_model, name).resolved for name in ("paper", "xplique"))
    assert paper.image_size == xplique.resolved.image_size == (512, 512)
    assert paper.steps == xplique.steps == 256
    assert (paper.phase, xplique.phase) == ("uniform", "standardized")
    for resolved in (paper, xplique):
        optimizer = resolved.default_optimizer()
        assert isinstance(optimizer, keras.optimizers.Nadam)
        assert float(optimizer.learning_rate) == 1.0
        assert not resolved.crop_antialias
    crop, *noise = paper.views()
    assert (crop.count, crop.side, crop.centre) == (1, Normal(0.25, 0.1), "anywhere")
    assert list(map(repr, noise)) == ["UniformNoise(amplitude=0.1)"]
    crop, *noise = xplique.views()
    assert (crop.count, crop.side, crop.centre) == (32, Normal((0.5, 0.05), 0.05), Normal(0.5, 0.15))
    assert list(map(repr, noise)) == ["GaussianNoise(std=0.04)", "UniformNoise(amplitude=0.02)"]
    assert MacoVisualizer(tiny_model).resolved.crop_antialias


@pytest.mark.parametrize("size", [(40, 31), 33, (24, 64)])
def test_odd_and_oblong_images(tiny_model, size):
    explanation = tiny_visualizer(tiny_model, image_size=size, steps=2).explain(Logit(0), verbose=0)
    assert explanation.images.shape[1:3] == (size if isinstance(size, tuple) else (size, size))


@pytest.mark.parametrize("channels", [1, 5])
def test_grey_and_many_channels(channels, rng):
    model = build_tiny_model(channels=channels)
    with pytest.raises(ValueError, match="estimate_magnitude"):
        tiny_visualizer(model)
    magnitude = estimate_magnitude(rng.uniform(size=(4, 16, 16, channels)).astype("float32"), verbose=0)
    explanation = tiny_visualizer(model, magnitude=magnitude, steps=2).explain(Logit(0), verbose=0)
    assert explanation.images.shape == (1, 32, 32, channels)
    assert explanation.rgba().shape == (1, 32, 32, 4)


def test_the_images_size_follows_a_small_input(tiny_model):
    assert MacoVisualizer(tiny_model).resolved.image_size == (37, 37)
    assert MacoVisualizer(build_tiny_model(size=None)).resolved.image_size == (512, 512)
    assert MacoVisualizer(build_tiny_model(size=299)).resolved.image_size == (512, 512)
    assert MacoVisualizer(build_tiny_model(size=600)).resolved.image_size == (600, 600)


def test_subclassed_nested_and_unsized_models(tiny_model):
    wrapper = Wrapper()
    wrapper(np.zeros((1, 16, 16, 3)))
    visualizer = tiny_visualizer(wrapper, input_shape=(16, 16, 3), steps=2)
    assert visualizer.explain(Channel("tiny/conv", 1), verbose=0).names == ["tiny/conv:1"]
    unsized = tiny_visualizer(build_tiny_model(size=None), steps=1, input_shape=(24, 24, 3))
    assert unsized.explain(Logit(1), verbose=0).scores.shape == (1, 1)


def test_callbacks_see_images_and_can_stop(tiny_model):
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(("begin", self.model.steps))

        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, logs["score"], self.model.images().shape))
            self.model.stop_training = batch >= 3

        def on_train_end(self, logs=None):
            seen.append(("end", logs["score"]))

    visualizer = tiny_visualizer(tiny_model, steps_per_execution=2)
    explanation = visualizer.explain(Logit(1), callbacks=[Watch()], seed=0, verbose=0)
    assert seen[0] == ("begin", 6)
    assert [entry[0] for entry in seen[1:]] == [1, 3, "end"]
    assert seen[1][2] == (1, 32, 32, 3)
    assert explanation.scores.shape == (4, 1)
    assert seen[2][1] == pytest.approx(explanation.scores[-1, 0]) == pytest.approx(seen[3][1])


def test_an_interrupt_returns_the_images_so_far(tiny_model):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    explanation = tiny_visualizer(tiny_model).explain(Logit(1), callbacks=[Interrupt()], verbose=0)
    assert explanation.scores.shape == (3, 1)
    assert explanation.config["interrupted"]
    assert np.isfinite(explanation.images).all()


def test_scores_that_are_not_finite_stop_the_run():
    model = build_tiny_model()
    model.get_layer("head").set_weights([np.full((4, 5), np.nan), np.zeros(5)])
    with pytest.raises(FloatingPointError, match=r"nan at step 0.*preprocessing"):
        tiny_visualizer(model).explain(Logit(1), verbose=0)


def test_progress_is_shown_by_default_and_can_be_silenced(tiny_model, capsys):
    visualizer = tiny_visualizer(tiny_model)
    visualizer.explain(Logit(1), verbose=0)
    assert capsys.readouterr().out == ""
    visualizer.explain(Logit(1))
    assert "6/6" in capsys.readouterr().out


def test_objectives_that_cancel_cause_a_warning(tiny_model):
    with pytest.warns(UserWarning, match="had no gradient"):
        tiny_visualizer(tiny_model, steps=1).explain(Logit(1) - Logit(1), verbose=0)


def test_images_that_are_not_finite_are_not_returned():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.ops.sqrt(0.0 * inputs))
    with pytest.raises(FloatingPointError, match="image is not finite"):
        tiny_visualizer(keras.Model(inputs, x), steps=1).explain(Logit(0), verbose=0)


def test_numpy_numbers_are_numbers(tiny_model, tmp_path):
    explanation = tiny_visualizer(tiny_model, steps=np.int64(2)).explain(Logit(1), seed=np.int64(3), verbose=0)
    assert explanation.save(tmp_path / "result.npz")[0].stat().st_size > 1000
    visualizer = tiny_visualizer(
        tiny_model, crops=np.int64(3), image_size=np.int64(24), whole_views=np.int32(1), max_batch_size=np.int64(3)
    )
    assert repr(visualizer) == repr(
        tiny_visualizer(tiny_model, crops=3, image_size=24, whole_views=1, max_batch_size=3)
    )


def test_bad_callbacks_and_preprocessing(tiny_model):
    with pytest.raises(ValueError, match='"callbacks"'):
        tiny_visualizer(tiny_model).explain(Logit(1), callbacks=[print], verbose=0)
    with pytest.raises(ValueError, match='"preprocessing" must map'):
        tiny_visualizer(tiny_model, preprocessing=lambda x: None).explain(Logit(1))


def test_labels_need_imagenets_classes(tiny_model):
    with pytest.raises(ValueError, match="1000 classes"):
        tiny_visualizer(tiny_model).explain(Logit("pug"))


def test_user_transforms_optimizer_and_schedules(tiny_model):
    visualizer = tiny_visualizer(
        tiny_model,
        transforms=[lambda x: tf.image.resize(x, (16, 16)), lambda x: x + 0.01],
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.9)),
    )
    first, second = (visualizer.explain(Logit(1), seed=0, verbose=0) for _ in range(2))
    np.testing.assert_array_equal(first.images, second.images)
    tiny_visualizer(tiny_model, gaussian_noise=lambda step: 0.1 / (step + 1)).explain(Logit(1), verbose=0)


def test_keras_models_trained_in_half_precision_work():
    model = build_tiny_model(policy="mixed_bfloat16")
    explanation = tiny_visualizer(model, steps=2).explain(Logit(0) - TotalVariation(), verbose=0)
    assert explanation.scores.dtype == np.float32


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Channel("cnv", 1), "Did you mean conv"),
        (Channel("conv", 4), "must lie in 0..3"),
        (Logit(5), "must lie in 0..4"),
        (Neuron("conv", (16, 0, 0)), "axis 0"),
        (Direction("conv", np.ones(3)), "one value per channel"),
        ("logit", "maco_tf objective"),
        (Logit, "maco_tf objective"),
    ],
)
def test_bad_objectives_fail_before_any_step(tiny_model, objective, message):
    visualizer = tiny_visualizer(tiny_model)
    with pytest.raises(ValueError, match=message):
        visualizer.explain(objective)
    assert visualizer.traces == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, '"steps" must be an integer'),
        ({"steps": 2.5}, '"steps" must be an integer'),
        ({"crops": 0}, '"crops"'),
        ({"crops": 0, "transforms": []}, '"crops" must be an integer of at least 1'),
        ({"jit_compile": 1}, '"jit_compile" must be True or False'),
        ({"image_size": True}, '"image_size"'),
        ({"crop_side": 1.5}, r'"crop_side" must lie in \(0, 1\]'),
        ({"crop_inside": "no"}, '"crop_inside" must be True or False'),
        ({"crop_antialias": 3}, '"crop_antialias" must be True or False'),
        ({"image_size": 12}, '"image_size" must be at least'),
        ({"gaussian_noise": -0.1}, '"gaussian_noise"'),
        ({"learning_rate": float("nan")}, '"learning_rate"'),
        ({"learning_rate": "fast"}, '"learning_rate"'),
        ({"learning_rate": 1.0, "optimizer": keras.optimizers.Adam()}, '"learning_rate" belongs'),
        ({"transforms": [tf.identity], "crop_side": 0.5}, "crop_side besides"),
        ({"transforms": [3]}, '"transforms" must be a list'),
        ({"image_size": 4}, '"image_size"'),
        ({"image_size": (32, 32, 3)}, '"image_size"'),
        ({"recipe": "lucid"}, '"recipe" must be one of'),
        ({"learning_rate": -1.0}, '"learning_rate"'),
        ({"optimizer": "adam"}, '"optimizer"'),
        ({"jit_compile": "yes"}, '"jit_compile"'),
        ({"steps_per_execution": 0}, '"steps_per_execution"'),
        ({"magnitude": np.ones((3, 4, 4))}, r"maco_tf\.Magnitude"),
        ({"gaussian_noise": "loud"}, '"gaussian_noise" must be a finite number'),
        ({"preprocessing": "resnet"}, '"preprocessing"'),
    ],
)
def test_bad_settings(tiny_model, settings, message):
    with pytest.raises(ValueError, match=message):
        tiny_visualizer(tiny_model, **settings)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", 2**40])
def test_bad_seeds(tiny_model, seed):
    with pytest.raises(ValueError, match='"seed"'):
        tiny_visualizer(tiny_model).explain(Logit(0), seed=seed)


def test_other_backends_are_refused(tiny_model, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND"):
        tiny_visualizer(tiny_model)


def test_a_users_magnitude_is_resized(tiny_model):
    visualizer = tiny_visualizer(tiny_model, magnitude=imagenet_magnitude(64, 48))
    assert visualizer.resolved.parametrization(1).magnitude.shape == (3, 32, 17)
