"""A result can be made again, also from its saved file, with the same bits."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import (
    CBRVisualizer,
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
from maco_tf.transforms import GaussianNoise

# Few operations, so that little time goes into tracing.
from tests.conftest import build_tiny_model

SMALL = {"steps": 3, "transforms": [GaussianNoise(0.1)], "image_size": 24}


def saved(explanation, folder, **settings):
    """An explanation, saved and loaded."""
    explanation.save(folder / "result.npz", **settings)
    return Explanation.load(folder / "result.npz")


def assert_equal(first, second):
    for name in ("images", "transparency", "scores"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    for name in ("names", "seed", "config", "objective"):
        assert getattr(first, name) == getattr(second, name)


OBJECTIVES = {
    "classes": Logit([1, 3]),
    "sum": Logit(1) - 0.5 * Channel("conv", 2) + [1.0, 0.3] * Channel("add", [0, 1]) - TotalVariation(),
    "diversity": Logit(2) + 2 * Diversity("conv", 3),
}


@pytest.mark.parametrize(
    "kind",
    [CBRVisualizer, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (MacoVisualizer, FourierVisualizer))],
)
def test_a_saved_file_gives_the_same_bits(tiny_model, tmp_path, kind):
    explanation = kind(tiny_model, **SMALL).explain(Logit([1, 3]), seed=4, verbose=0)
    assert_equal(saved(explanation, tmp_path).again(tiny_model, verbose=0), explanation)


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_kind_of_objective_gives_the_same_bits_under_crops(tiny_model, tmp_path, name):
    visualizer = MacoVisualizer(tiny_model, steps=3, crops=2, image_size=32)
    explanation = visualizer.explain(OBJECTIVES[name], seed=4, verbose=0)
    assert_equal(saved(explanation, tmp_path).again(tiny_model, verbose=0), explanation)


@pytest.fixture(scope="module")
def photographs():
    return np.random.default_rng(0).integers(0, 255, (2, 24, 24, 3)).astype("uint8")


@pytest.fixture(scope="module")
def with_images(tiny_model, photographs):
    """A result that depends on reference images, on a start and on a magnitude; and these, by name."""
    magnitude = estimate_magnitude(photographs, verbose=0)
    visualizer = MacoVisualizer(tiny_model, **SMALL, magnitude=magnitude, learning_rate=0.1)
    objective = FeatureInversion("conv", photographs)
    explanation = visualizer.explain(objective, seed=0, start=photographs[0], verbose=0)
    return explanation, {"images": photographs, "magnitude": magnitude, "start": photographs[0]}


@pytest.mark.slow
def test_images_and_magnitudes_are_in_memory_and_in_the_file_on_request(tiny_model, tmp_path, with_images):
    explanation, _ = with_images
    assert_equal(explanation.again(tiny_model, verbose=0), explanation)
    assert_equal(saved(explanation, tmp_path, inputs=True).again(tiny_model, verbose=0), explanation)


@pytest.mark.slow
def test_images_and_magnitudes_that_were_not_saved_are_asked_for(tiny_model, tmp_path, with_images):
    explanation, arguments = with_images
    loaded = saved(explanation, tmp_path)
    assert not loaded.inputs
    for missing in arguments:
        others = {name: value for name, value in arguments.items() if name != missing}
        with pytest.raises(ValueError, match=f'"{missing}" must be given again'):
            loaded.again(tiny_model, **others, verbose=0)
    assert_equal(loaded.again(tiny_model, **arguments, verbose=0), explanation)


@pytest.mark.slow
def test_other_images_and_magnitudes_than_the_original_ones_are_refused(tiny_model, tmp_path, with_images, photographs):
    explanation, arguments = with_images
    loaded = saved(explanation, tmp_path)
    wrong = {
        "images": photographs[::-1],
        "start": photographs[1],
        "magnitude": estimate_magnitude(photographs[:1], verbose=0),
    }
    for name, value in wrong.items():
        with pytest.raises(ValueError, match=f'"{name}" must .*the original run'):
            loaded.again(tiny_model, **{**arguments, name: value}, verbose=0)


@pytest.mark.slow
def test_a_function_without_an_import_path_is_asked_for(tiny_model, tmp_path):
    def preprocess(images):
        return 2 * images - 1

    explanation = CBRVisualizer(tiny_model, **SMALL, preprocessing=preprocess).explain(Logit(1), seed=0, verbose=0)
    loaded = saved(explanation, tmp_path)
    with pytest.raises(ValueError, match='"preprocessing" must be given again'):
        loaded.again(tiny_model)
    assert_equal(loaded.again(tiny_model, preprocessing=preprocess, verbose=0), explanation)


@pytest.mark.slow
def test_an_objective_that_could_not_be_stored_is_asked_for(tiny_model, tmp_path):
    score = Lambda("conv", lambda activation: tf.reduce_mean(activation, axis=(1, 2, 3)))
    explanation = CBRVisualizer(tiny_model, **SMALL).explain(score, seed=0, verbose=0)
    loaded = saved(explanation, tmp_path)
    with pytest.raises(ValueError, match='"objective" must be given again'):
        loaded.again(tiny_model)
    np.testing.assert_array_equal(loaded.again(tiny_model, objective=score, verbose=0).images, explanation.images)


@pytest.fixture(scope="module")
def explanation(tiny_model):
    return CBRVisualizer(tiny_model, **SMALL).explain(Logit([0, 1, 2]), seed=0, verbose=0)


@pytest.mark.slow
def test_some_images_of_a_batch_can_be_made_again(tiny_model, tmp_path, explanation):
    """The whole batch runs again, because rounding depends on its size."""
    again = saved(explanation[2], tmp_path).again(tiny_model, verbose=0)
    np.testing.assert_array_equal(again.images, explanation.images[2:])
    assert again.names == ["logit 2"]


@pytest.mark.slow
def test_joined_explanations_of_two_runs(tiny_model, tmp_path):
    visualizer = CBRVisualizer(tiny_model, **SMALL)
    first = visualizer.explain(Logit([0, 1, 2]), seed=0, verbose=0)
    second = dataclasses.replace(visualizer, steps=2).explain(Channel("conv", 1), seed=5, verbose=0)
    joined = Explanation.concatenate([first[1:], second])
    again = saved(joined, tmp_path).again(tiny_model, verbose=0)
    np.testing.assert_array_equal(again.images, joined.images)
    np.testing.assert_array_equal(again.scores, joined.scores)
    np.testing.assert_array_equal(joined[[2, 0]].again(tiny_model, verbose=0).images, joined.images[[2, 0]])


@pytest.mark.slow
def test_joined_explanations_can_be_joined_again(tiny_model):
    visualizer = CBRVisualizer(tiny_model, **SMALL)
    first, second = (visualizer.explain(Logit([0, 1]), seed=seed, verbose=0) for seed in (1, 2))
    joined = Explanation.concatenate([Explanation.concatenate([first[1], second])[[2, 0]], first, second[0]])
    assert len(joined.objective["runs"]) == 2
    np.testing.assert_array_equal(joined.again(tiny_model, verbose=0).images, joined.images)


@pytest.mark.slow
def test_a_run_that_was_stopped_stops_again(tiny_model, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    visualizer = CBRVisualizer(tiny_model, **{**SMALL, "steps": 6})
    explanation = visualizer.explain(Logit(1), seed=0, callbacks=[Stop()], verbose=0)
    again = saved(explanation, tmp_path).again(tiny_model, verbose=0)
    assert again.scores.shape == (2, 1)
    np.testing.assert_array_equal(again.images, explanation.images)


@pytest.mark.slow
def test_another_setting_makes_a_variation(tiny_model, explanation):
    longer = explanation.again(tiny_model, steps=5, verbose=0)
    assert longer.scores.shape == (5, 3)
    np.testing.assert_allclose(longer.scores[0], explanation.scores[0])


def test_a_file_of_an_earlier_version_is_recognised(tiny_model, tmp_path, explanation):
    old = saved(dataclasses.replace(explanation, objective=None), tmp_path)
    with pytest.raises(ValueError, match="earlier version"):
        old.again(tiny_model)


def test_a_method_that_is_not_registered_is_named(tiny_model, explanation):
    other = dataclasses.replace(explanation, config={**explanation.config, "method": "Mine"})
    with pytest.raises(ValueError, match='"method" must be one of MACO, Fourier, CBR'):
        other.again(tiny_model)


@pytest.mark.slow
def test_a_part_of_joined_runs_reports_its_run(tiny_model, tmp_path):
    visualizer = MacoVisualizer(tiny_model, **SMALL)
    first, second = (visualizer.explain(Logit([0, 1]), seed=seed, verbose=0) for seed in (1, 2))
    longer = dataclasses.replace(visualizer, steps=5).explain(Logit(2), seed=3, verbose=0)
    joined = Explanation.concatenate([first, second, longer])
    assert "seeds 1, 2, 3" in repr(joined)
    assert [joined[index].seed for index in range(5)] == [1, 1, 2, 2, 3]
    assert joined[4].config["steps"] == 5
    assert joined[2].scores.shape == (3, 1)
    again = saved(joined[3], tmp_path).again(tiny_model, verbose=0)
    np.testing.assert_array_equal(again.images, second.images[1:])
    np.testing.assert_array_equal(again.scores, second.scores[:, 1:])


@pytest.mark.slow
def test_another_seed_and_another_model(tiny_model):
    explanation = MacoVisualizer(tiny_model, **SMALL).explain(Logit(1), seed=0, verbose=0)
    other = explanation.again(tiny_model, seed=5, verbose=0)
    assert other.seed == 5
    assert not np.array_equal(other.images, explanation.images)
    larger = build_tiny_model(size=20)
    named = keras.Model(larger.inputs, larger.outputs, name="other")
    with pytest.warns(UserWarning, match="explained the model 'tiny', and this one is 'other'"):
        assert explanation.again(named, verbose=0).images.shape == explanation.images.shape
