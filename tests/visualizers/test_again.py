"""A result can be made again: the same bits from the saved file."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import (
    Channel,
    Diversity,
    Explanation,
    FeatureInversion,
    FourierVisualizer,
    Lambda,
    Logit,
    MacoVisualizer,
    TotalVariation,
    estimate_magnitude,
)

SMALL = {"steps": 3, "crops": 2, "image_size": 32}


def saved(explanation, path, **settings):
    explanation.save(path / "result.npz", **settings)
    return Explanation.load(path / "result.npz")


def assert_equal(first, second):
    for name in ("images", "transparency", "scores"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert (first.names, first.seed, first.config, first.objective) == (
        second.names,
        second.seed,
        second.config,
        second.objective,
    )


@pytest.mark.parametrize(
    "objective",
    [
        Logit([1, 3]),
        Logit(1) - 0.5 * Channel("conv", 2) + [1.0, 0.3] * Channel("add", [0, 1]) - TotalVariation(),
        Logit(2) + 2 * Diversity("conv", 3),
    ],
)
@pytest.mark.parametrize("kind", [MacoVisualizer, FourierVisualizer])
def test_the_same_bits_from_a_saved_file(tiny_model, tmp_path, kind, objective):
    explanation = kind(tiny_model, **SMALL).explain(objective, seed=4, verbose=0)
    assert_equal(saved(explanation, tmp_path).again(tiny_model, verbose=0), explanation)


@pytest.fixture
def photographs(rng):
    return rng.integers(0, 255, (2, 32, 32, 3)).astype("uint8")


def test_images_are_stored_on_request_and_by_hash_otherwise(tiny_model, tmp_path, photographs):
    magnitude = estimate_magnitude(photographs, verbose=0)
    visualizer = MacoVisualizer(tiny_model, **SMALL, magnitude=magnitude, learning_rate=0.1)
    objective = FeatureInversion("conv", photographs)
    explanation = visualizer.explain(objective, seed=0, start=photographs[0], verbose=0)
    # In memory, everything is there.
    assert_equal(explanation.again(tiny_model, verbose=0), explanation)
    assert_equal(saved(explanation, tmp_path, inputs=True).again(tiny_model, verbose=0), explanation)
    bare = saved(explanation, tmp_path)
    assert not bare.inputs
    given = {"images": photographs, "magnitude": magnitude, "start": photographs[0]}
    for missing in given:
        with pytest.raises(ValueError, match=f'"{missing}" must be given again'):
            bare.again(tiny_model, **{name: value for name, value in given.items() if name != missing}, verbose=0)
    assert_equal(bare.again(tiny_model, **given, verbose=0), explanation)
    for name, wrong in (("images", photographs[::-1]), ("start", photographs[1])):
        with pytest.raises(ValueError, match=f'"{name}" must hold the images of the original run'):
            bare.again(tiny_model, **{**given, name: wrong}, verbose=0)
    other = estimate_magnitude(photographs[:1], verbose=0)
    with pytest.raises(ValueError, match='"magnitude" must be that of the original run'):
        bare.again(tiny_model, **{**given, "magnitude": other}, verbose=0)


def test_a_function_without_an_import_path_is_asked_for(tiny_model, tmp_path):
    def preprocess(images):
        return 2 * images - 1

    explanation = MacoVisualizer(tiny_model, **SMALL, preprocessing=preprocess).explain(Logit(1), seed=0, verbose=0)
    loaded = saved(explanation, tmp_path)
    with pytest.raises(ValueError, match='"preprocessing" must be given again'):
        loaded.again(tiny_model)
    assert_equal(loaded.again(tiny_model, preprocessing=preprocess, verbose=0), explanation)
    score = Lambda("conv", lambda activation: tf.reduce_mean(activation, axis=(1, 2, 3)))
    explanation = MacoVisualizer(tiny_model, **SMALL).explain(score, seed=0, verbose=0)
    loaded = saved(explanation, tmp_path)
    with pytest.raises(ValueError, match='"objective" must be given again'):
        loaded.again(tiny_model)
    np.testing.assert_array_equal(loaded.again(tiny_model, objective=score, verbose=0).images, explanation.images)


def test_parts_and_joined_explanations(tiny_model, tmp_path):
    visualizer = MacoVisualizer(tiny_model, **SMALL)
    first = visualizer.explain(Logit([0, 1, 2]), seed=0, verbose=0)
    second = dataclasses.replace(visualizer, steps=2).explain(Channel("conv", 1), seed=5, verbose=0)
    np.testing.assert_array_equal(saved(first[2], tmp_path).again(tiny_model, verbose=0).images, first.images[2:])
    joined = Explanation.concatenate([first[1:], second])
    again = saved(joined, tmp_path).again(tiny_model, verbose=0)
    np.testing.assert_array_equal(again.images, joined.images)
    np.testing.assert_array_equal(again.scores, joined.scores)
    np.testing.assert_array_equal(joined[[2, 0]].again(tiny_model, verbose=0).images, joined.images[[2, 0]])


def test_a_run_that_was_stopped_stops_again(tiny_model, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    visualizer = MacoVisualizer(tiny_model, **{**SMALL, "steps": 6})
    explanation = visualizer.explain(Logit(1), seed=0, callbacks=[Stop()], verbose=0)
    again = saved(explanation, tmp_path).again(tiny_model, verbose=0)
    assert again.scores.shape == (2, 1)
    np.testing.assert_array_equal(again.images, explanation.images)


def test_another_setting_makes_a_variation(tiny_model):
    explanation = MacoVisualizer(tiny_model, **SMALL).explain(Logit(1), seed=0, verbose=0)
    longer = explanation.again(tiny_model, steps=5, verbose=0)
    assert longer.scores.shape == (5, 1)
    np.testing.assert_allclose(longer.scores[0], explanation.scores[0])


def test_files_of_earlier_versions_say_so(tiny_model, tmp_path):
    explanation = MacoVisualizer(tiny_model, **SMALL).explain(Logit(1), seed=0, verbose=0)
    old = saved(dataclasses.replace(explanation, objective=None), tmp_path)
    with pytest.raises(ValueError, match="earlier version"):
        old.again(tiny_model)
