"""The prior of natural images, by hand, against NumPy and on tiny models."""

import keras
import numpy as np
import pytest
from skimage.data import chelsea, coffee

from maco_tf import Explanation, FourierVisualizer, Logit, MacoVisualizer
from maco_tf.exemplars import score_natural_images
from maco_tf.images import fit_images
from maco_tf.models import Activations, zoo
from maco_tf.models.digests import weights_digest
from maco_tf.objectives import LayerStatistics, NaturalStatistics, layer_statistics
from tests.conftest import build_tiny_model
from tests.objectives.evaluate import restored, scores


def statistics(rng, layers=("conv", "add"), channels=4, quantiles=6, **settings):
    values = tuple(np.sort(rng.normal(size=(channels, quantiles)).astype("float32"), axis=1) for _ in layers)
    return LayerStatistics(
        tuple(layers),
        values,
        tuple(rng.uniform(0.5, 1, size=channels).astype("float32") for _ in layers),
        tuple(array.std(axis=1) for array in values),
        7,
        **settings,
    )


def test_the_distance_by_hand():
    # Two channels at four positions, sorted and averaged in two parts: (1, 5) and (0, 2).
    view = np.array([[[[6.0, 2], [0, 0]], [[4, 0], [2, 2]]]])
    measured = LayerStatistics(
        ("conv",), (np.float32([[0, 5], [0, 0]]),), (np.float32([1, 2]),), (np.float32([9, 9]),), 2
    )
    expected = ((1 + 0) / 2 / 1 + (0 + 4) / 2 / 4) / 2
    assert scores(NaturalStatistics(measured, distance="sorted"), conv=view) == pytest.approx([-expected])


def test_the_distance_of_moments_by_hand():
    """At the positions the channels are 6, 0, 4, 2 and 2, 0, 0, 2: means 3 and 1, deviations sqrt(5) and 1."""
    view = np.array([[[[6.0, 2], [0, 0]], [[4, 0], [2, 2]]]])
    measured = LayerStatistics(
        ("conv",), (np.float32([[0, 4], [0, 0]]),), (np.float32([1, 2]),), (np.float32([2.5, 0]),), 2
    )
    # The wanted means are 2 and 0, the spreads 2.5 and 0.
    expected = ((1 + (5**0.5 - 2.5) ** 2) / 1 + (1 + 1) / 4) / 2
    assert scores(NaturalStatistics(measured), conv=view) == pytest.approx([-expected], rel=1e-4)


def test_moments_are_at_most_the_sorted_distance_and_equal_for_one_shape(rng):
    shape = np.sort(rng.normal(size=64))
    wanted = np.float32([1.5 * shape + 2, shape])
    measured = LayerStatistics(("conv",), (wanted,), (np.float32([1, 1]),), (wanted.std(axis=1),), 2)
    scaled = np.stack([0.5 * shape - 1, 3 * shape + 1], axis=-1)[rng.permutation(64)].reshape(1, 8, 8, 2)
    other = rng.gamma(1, size=(1, 8, 8, 2))
    by_moments, by_sorting = (
        [scores(NaturalStatistics(measured, distance=distance), conv=view)[0] for view in (scaled, other)]
        for distance in ("moments", "sorted")
    )
    assert by_moments[0] == pytest.approx(by_sorting[0], rel=1e-4)
    assert by_sorting[1] < by_moments[1] < 0


def test_layers_count_the_same_and_views_are_averaged(rng):
    measured = statistics(rng)
    conv, add = rng.normal(size=(3, 2, 3, 4)), rng.normal(size=(3, 3, 4, 4))
    distances = [
        np.mean((np.sort(view.reshape(6, -1, 4).mean(1) if parts else view.reshape(-1, 4), axis=0).T - mean) ** 2, 1)
        / deviation**2
        for layer, mean, deviation, parts in zip((conv, add), measured.quantiles, measured.deviations, (0, 0))
        for view in layer
        if view.size == 24  # As many positions as parts.
    ]
    alone = LayerStatistics(("conv",), measured.quantiles[:1], measured.deviations[:1], measured.spreads[:1], 7)
    assert scores(NaturalStatistics(alone, distance="sorted"), conv=conv) == pytest.approx(
        [-np.mean(distances)], rel=1e-5
    )
    rest = LayerStatistics(("add",), measured.quantiles[1:], measured.deviations[1:], measured.spreads[1:], 7)
    both = scores(NaturalStatistics(measured, distance="sorted"), conv=conv, add=add)
    assert both == pytest.approx(
        (
            scores(NaturalStatistics(alone, distance="sorted"), conv=conv)
            + scores(NaturalStatistics(rest, distance="sorted"), add=add)
        )
        / 2,
        rel=1e-5,
    )


def test_activations_with_the_wanted_distribution_score_zero_in_any_order(rng):
    measured = statistics(rng, ("conv",))
    values = rng.permuted(measured.quantiles[0].T, axis=0)
    view = values.reshape(1, 2, 3, 4)
    assert scores(NaturalStatistics(measured), conv=view) == pytest.approx([0], abs=1e-10)
    farther = [scores(NaturalStatistics(measured), conv=view + step)[0] for step in (0.1, 0.5, 2)]
    assert 0 > farther[0] > farther[1] > farther[2]


def test_tokens_without_the_class_token(rng):
    measured = statistics(rng, ("block",), quantiles=4)
    patches = rng.normal(size=(1, 4, 4))
    with_class = np.concatenate([np.full((1, 1, 4), 1e3), patches], axis=1)
    expected = scores(NaturalStatistics(measured), block=patches.reshape(1, 2, 2, 4))
    for tokens in (patches, with_class):
        assert scores(NaturalStatistics(measured), block=tokens) == pytest.approx(expected)
    registers = np.concatenate([np.full((1, 3, 4), 1e3), patches], axis=1)
    cut = LayerStatistics(measured.layers, measured.quantiles, measured.deviations, measured.spreads, 7, slice(3, None))
    assert scores(NaturalStatistics(cut), block=registers) == pytest.approx(expected)


def test_a_batch_of_statistics(rng):
    first, second = statistics(rng, ("conv",)), statistics(rng, ("conv",))
    view = rng.normal(size=(1, 2, 3, 4))
    objective = NaturalStatistics([first, second])
    assert objective.names == ["natural statistics 0", "natural statistics 1"]
    alone = [scores(NaturalStatistics(item), conv=view)[0] for item in (first, second)]
    assert scores(objective, conv=np.repeat(view, 2, axis=0)) == pytest.approx(alone)
    assert scores(objective[1], conv=view) == pytest.approx(alone[1:])
    assert objective[1].statistics[0].images == 7
    with pytest.raises(ValueError, match='"statistics" must have the same layers'):
        NaturalStatistics([first, statistics(rng, ("add",))])


@pytest.mark.parametrize("tokens", ["patch", "all", slice(5, None), slice(None, 7, 2)])
def test_stored_and_loaded(rng, tokens):
    measured = statistics(rng, tokens=tokens, model="tiny")
    again = restored(2 * NaturalStatistics([measured] * 2))
    (found, _) = again.terms[0][1].statistics
    assert (found.layers, found.images, found.tokens, found.model) == (("conv", "add"), 7, tokens, "tiny")
    for kept, original in zip((*found.quantiles, *found.deviations), (*measured.quantiles, *measured.deviations)):
        np.testing.assert_array_equal(kept, original)


def test_other_statistics_share_the_compiled_step(rng):
    first, second = (NaturalStatistics(statistics(rng, ("conv",))) for _ in range(2))
    assert first.structure() == second.structure()
    assert first.structure() != NaturalStatistics(statistics(rng, ("add",))).structure()
    assert first.structure() != NaturalStatistics(statistics(rng, ("conv",), tokens="all")).structure()


def test_what_does_not_fit_is_refused(rng, tiny_model, tmp_path):
    visualizer = FourierVisualizer(tiny_model, preprocessing=None)
    for measured in (statistics(rng, channels=3), statistics(rng, ("pool",))):
        with pytest.raises(ValueError, match='"statistics" must come from this model'):
            visualizer.check(NaturalStatistics(measured))
    with pytest.raises(ValueError, match='"layer" must name a layer'):
        visualizer.check(NaturalStatistics(statistics(rng, ("no",))))
    for wrong in (rng.uniform(size=(2, 8, 8, 3)), [], tmp_path / "missing.npz"):
        with pytest.raises(ValueError, match='"statistics" must'):
            NaturalStatistics(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_run_is_made_again_from_its_file(rng, tmp_path, tiny_model, jit_compile):
    visualizer = MacoVisualizer(
        tiny_model, image_size=16, steps=3, crops=2, preprocessing=None, jit_compile=jit_compile
    )
    explanation = visualizer.explain(Logit([0, 1]) + 0.1 * NaturalStatistics(statistics(rng)), seed=0, verbose=0)
    explanation.save(tmp_path / "run")
    again = Explanation.load(tmp_path / "run").again(tiny_model, verbose=0)
    np.testing.assert_array_equal(again.images, explanation.images)
    assert list(again.term_scores[1]) == ["logit 1", "0.1 * natural statistics"]


@pytest.mark.slow
def test_the_image_comes_closer_in_half_precision_too(rng):
    keras.utils.set_random_seed(0)
    model = build_tiny_model(policy="mixed_float16")
    visualizer = MacoVisualizer(model, image_size=16, steps=40, crops=2, preprocessing=None)
    explanation = visualizer.explain(NaturalStatistics(statistics(rng)), seed=0, verbose=0)
    assert np.mean(explanation.scores[-5:]) > np.mean(explanation.scores[:5])


def test_the_statistics_of_the_package_belong_to_the_weights(rng, tiny_model, tmp_path, monkeypatch):
    visualizer = FourierVisualizer(tiny_model, preprocessing=None, image_size=16, steps=1)
    objective = Logit(0) + NaturalStatistics()
    with pytest.raises(ValueError, match='"statistics" must not be None'):
        visualizer.check(objective)
    measured = statistics(rng, model="tiny", weights=weights_digest(tiny_model))
    measured.save(tmp_path / "natural_statistics" / "tiny.npz")
    monkeypatch.setattr(layer_statistics, "__file__", str(tmp_path / "layer_statistics.py"))
    found = objective.resolved(visualizer.activations).terms[1][1]
    np.testing.assert_array_equal(found.parameters["quantiles_1"][0], measured.quantiles[1])
    assert restored(objective).terms[1][1].statistics == []
    with pytest.raises(ValueError, match="the package has statistics of tiny only"):
        FourierVisualizer(build_tiny_model(seed=1), preprocessing=None, image_size=16).check(objective)


@pytest.mark.network
@pytest.mark.slow
def test_a_network_of_the_zoo_has_statistics_of_photographs(rng):
    squeezenet = zoo.load("squeezenet")
    found = NaturalStatistics().resolved(Activations(squeezenet))
    (measured,) = found.statistics
    assert measured.images > 500
    activations = Activations(squeezenet)
    photographs = [fit_images(image[None] / np.float32(255), (227, 227))[0] for image in (coffee(), chelsea())]
    noise = rng.uniform(size=(2, 227, 227, 3)).astype("float32")
    for distance in ("moments", "sorted"):
        prior = NaturalStatistics(distance=distance).resolved(activations)
        found = score_natural_images(activations, prior, np.concatenate([photographs, noise]))[:, 0]
        assert found[:2].min() > -4
        assert found[2:].max() < -10
