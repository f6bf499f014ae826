"""The prior of the batch norms, by hand and on tiny models."""

import keras
import numpy as np
import pytest

from maco_tf import FourierVisualizer, Logit, MacoVisualizer
from maco_tf.exemplars import score_natural_images
from maco_tf.models import Activations
from maco_tf.objectives import BatchNormStatistics
from tests.conftest import build_tiny_model, under_policy
from tests.objectives.evaluate import restored, scores

GAMMA, BETA = np.float32([2, -0.5, 1]), np.float32([1, 0, -3])


def model_with_batch_norms(policy="float32", scale=True):
    keras.utils.set_random_seed(0)
    with under_policy(policy):
        inputs = keras.Input((16, 16, 3))
        x = inputs
        for number in range(3):
            x = keras.layers.Conv2D(3, 3, strides=1 + number % 2, padding="same", use_bias=False, name=f"c{number}")(x)
            norm = keras.layers.BatchNormalization(name=f"norm{number}", scale=scale, center=scale)
            x = keras.layers.ReLU(name=f"relu{number}")(norm(x))
            if scale:
                norm.gamma.assign(GAMMA * (1 + number))
                norm.beta.assign(BETA)
            norm.moving_mean.assign([0.1, 0.2, 0.3])
            norm.moving_variance.assign([0.5, 0.2, 0.1])
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
        x = keras.layers.BatchNormalization(name="of_features")(x)
        outputs = keras.layers.Dense(4, name="head", dtype="float32")(x)
    return keras.Model(inputs, outputs)


@pytest.fixture(scope="module")
def model():
    return model_with_batch_norms()


def resolved(objective, model):
    return objective.resolved(Activations(model, None))


def test_the_distance_by_hand(model):
    objective = resolved(BatchNormStatistics("norm0"), model)
    # Channel 0 has mean 3 and deviation 1, channel 1 mean 0 and deviation 0.5, channel 2 mean -3 and deviation 3.
    view = np.array([[[2.0, -0.5, 0], [4, 0.5, -6]]])[:, :, None]
    expected = ((3 - 1) ** 2 / 4 + (1 - 2) ** 2 / 4 + 0 + 0 + (3 - 1) ** 2) / 3
    assert scores(objective, norm0=view) == pytest.approx([-expected], rel=1e-5)


def test_an_image_with_the_learned_statistics_scores_zero(model, rng):
    objective = resolved(BatchNormStatistics(["norm0", "norm1"]), model)
    noise = rng.normal(size=(2, 8, 8, 3))
    noise = (noise - noise.mean((1, 2), keepdims=True)) / noise.std((1, 2), keepdims=True)
    layers = {f"norm{number}": noise * GAMMA * (1 + number) + BETA for number in range(2)}
    assert scores(objective, **layers) == pytest.approx([0], abs=1e-5)
    # Each step away from it is worse.
    farther = [scores(objective, **{**layers, "norm1": layers["norm1"] * factor})[0] for factor in (1.1, 1.5, 3)]
    assert 0 > farther[0] > farther[1] > farther[2]


def test_layers_count_the_same_and_views_are_averaged(model, rng):
    first, second = rng.normal(size=(4, 5, 5, 3)), rng.normal(size=(4, 3, 3, 3))
    both = scores(resolved(BatchNormStatistics(["norm0", "norm1"]), model), norm0=first, norm1=second)
    alone = [
        scores(resolved(BatchNormStatistics(name), model), **{name: values[view : view + 1]})
        for name, values in (("norm0", first), ("norm1", second))
        for view in range(4)
    ]
    assert both == pytest.approx([np.mean(alone)], rel=1e-5)


def test_without_scale_and_centre_the_statistics_are_those_of_the_normal_distribution(rng):
    objective = resolved(BatchNormStatistics("norm0"), model_with_batch_norms(scale=False))
    values = np.array([[[1.0] * 3, [-1.0] * 3]])[:, :, None]
    assert scores(objective, norm0=values) == pytest.approx([0], abs=1e-6)


def test_a_channel_that_is_switched_off_does_not_explode():
    model = model_with_batch_norms()
    model.get_layer("norm0").gamma.assign([1e-6, 1, 1])
    objective = resolved(BatchNormStatistics("norm0"), model)
    values = np.zeros((1, 2, 2, 3)) + BETA
    values[..., 0] += 1e-3
    assert scores(objective, norm0=values)[0] == pytest.approx(-((1e-3 / (0.02 / 3)) ** 2 + 2) / 3, rel=1e-3)


def test_layers_are_chosen_from_the_graph(model):
    assert resolved(BatchNormStatistics(), model).layers == ("norm0", "norm1", "norm2")  # "of_features" has no map.
    assert BatchNormStatistics().layers == ()
    many = keras.Sequential([keras.Input((8, 8, 3)), *[keras.layers.BatchNormalization() for _ in range(30)]])
    chosen = resolved(BatchNormStatistics(), many).layers
    assert len(chosen) == 8
    assert (chosen[0], chosen[-1]) == (many.layers[0].name, many.layers[-1].name)


def test_wrong_layers_are_refused(model, tiny_model):
    for layers, where in ((["conv"], tiny_model), (["c0"], model), (["no"], model)):
        with pytest.raises(ValueError, match=r'"layers?" must'):
            resolved(BatchNormStatistics(layers), where)
    with pytest.raises(ValueError, match='"layers" must'):
        BatchNormStatistics([])
    with pytest.raises(ValueError, match="'tiny', which has none"):
        resolved(BatchNormStatistics(), tiny_model)
    with pytest.raises(ValueError, match='"layers" must name batch norms of feature maps'):
        FourierVisualizer(model, preprocessing=None).check(BatchNormStatistics("of_features"))


def test_stored_and_loaded(model):
    for layers in (None, ["norm0", "norm2"]):
        objective = 60 * BatchNormStatistics(layers)
        again = restored(objective)
        assert again.get_config() == objective.get_config()
        assert again.names == ["60 batch-norm statistics"]
        assert resolved(again, model).terms[0][1].layers == resolved(objective, model).terms[0][1].layers


def distance(model, image):
    """The score by NumPy, from the outputs of the plain model."""
    outputs = keras.Model(model.input, [model.get_layer(f"norm{number}").output for number in range(3)])
    values = [np.asarray(value, "float64") for value in outputs(image)]
    gammas = [np.abs(GAMMA) * (1 + number) for number in range(3)]
    means = [((v.mean((0, 1, 2)) - BETA) / g) ** 2 for v, g in zip(values, gammas)]
    deviations = [((v.std((0, 1, 2)) - g) / g) ** 2 for v, g in zip(values, gammas)]
    return -np.mean(means + deviations) * 2


@pytest.mark.parametrize("fold", [False, True])
def test_folded_batch_norms_are_read_too(model, fold, rng):
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    found = score_natural_images(Activations(model, None, fold=fold), BatchNormStatistics(), images)
    np.testing.assert_allclose(found[:, 0], [distance(model, image[None]) for image in images], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_run_scores_the_image_that_the_model_sees(model, jit_compile):
    visualizer = FourierVisualizer(
        model, image_size=16, steps=1, preprocessing=None, transforms=[], jit_compile=jit_compile
    )
    start = np.random.default_rng(0).uniform(0.2, 0.8, (2, 16, 16, 3)).astype("float32")
    explanation = visualizer.explain(
        Logit([0, 1]) + 3 * BatchNormStatistics(balance=None), seed=0, start=start, verbose=0
    )
    begun = visualizer.starting_images(start, 2)
    for terms, image in zip(explanation.term_scores, begun):
        assert terms["3 * batch-norm statistics"] == pytest.approx([3 * distance(model, image[None])], rel=1e-3)


@pytest.mark.slow
def test_other_weights_of_the_model_reach_the_compiled_step():
    """The distance does not depend on scale and centre, but it would if the earlier ones were compiled in."""
    model = model_with_batch_norms()
    visualizer = FourierVisualizer(model, image_size=16, steps=1, crops=1, preprocessing=None)
    before = visualizer.explain(BatchNormStatistics("norm0"), seed=0, verbose=0)
    model.get_layer("norm0").gamma.assign([9, 8, 7])
    after = visualizer.explain(BatchNormStatistics("norm0"), seed=0, verbose=0)
    np.testing.assert_allclose(after.scores, before.scores, rtol=1e-3)


@pytest.mark.slow
def test_the_image_comes_closer_to_the_statistics(model):
    visualizer = MacoVisualizer(model, image_size=24, steps=40, crops=2, preprocessing=None)
    explanation = visualizer.explain(BatchNormStatistics(), seed=0, verbose=0)
    assert np.mean(explanation.scores[-5:]) > np.mean(explanation.scores[:5])


@pytest.mark.slow
def test_float16_does_not_overflow():
    model = model_with_batch_norms("mixed_float16")
    model.get_layer("norm0").gamma.assign([500, -900, 1000])  # Their squares exceed float16.
    visualizer = FourierVisualizer(model, image_size=16, steps=3, crops=1, preprocessing=None)
    explanation = visualizer.explain(60 * BatchNormStatistics("norm0"), seed=0, verbose=0)
    assert np.isfinite(explanation.scores).all()
    assert explanation.transparency.any()


def test_it_is_no_part_of_a_model_without_batch_norms():
    with pytest.raises(ValueError, match="NaturalStatistics"):
        MacoVisualizer(build_tiny_model(), preprocessing=None).check(Logit(0) + BatchNormStatistics())
