"""The prior of natural images, by hand, against NumPy and on tiny models."""

import keras
import numpy as np
import pytest

from maco_tf import Explanation, FourierVisualizer, Logit, MacoVisualizer
from maco_tf.objectives import LayerStatistics, NaturalStatistics
from tests.conftest import build_tiny_model
from tests.objectives.evaluate import restored, scores


def statistics(rng, layers=("conv", "add"), channels=4, quantiles=6, **settings):
    return LayerStatistics(
        tuple(layers),
        tuple(np.sort(rng.normal(size=(channels, quantiles)).astype("float32"), axis=1) for _ in layers),
        tuple(rng.uniform(0.5, 1, size=channels).astype("float32") for _ in layers),
        7,
        **settings,
    )


def test_the_distance_by_hand():
    # Two channels at four positions, sorted and averaged in two parts: (1, 5) and (0, 2).
    view = np.array([[[[6.0, 2], [0, 0]], [[4, 0], [2, 2]]]])
    measured = LayerStatistics(("conv",), (np.float32([[0, 5], [0, 0]]),), (np.float32([1, 2]),), 2)
    expected = ((1 + 0) / 2 / 1 + (0 + 4) / 2 / 4) / 2
    assert scores(NaturalStatistics(measured), conv=view) == pytest.approx([-expected])


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
    alone = LayerStatistics(("conv",), measured.quantiles[:1], measured.deviations[:1], 7)
    assert scores(NaturalStatistics(alone), conv=conv) == pytest.approx([-np.mean(distances)], rel=1e-5)
    rest = LayerStatistics(("add",), measured.quantiles[1:], measured.deviations[1:], 7)
    both = scores(NaturalStatistics(measured), conv=conv, add=add)
    assert both == pytest.approx(
        (scores(NaturalStatistics(alone), conv=conv) + scores(NaturalStatistics(rest), add=add)) / 2, rel=1e-5
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
    cut = LayerStatistics(measured.layers, measured.quantiles, measured.deviations, 7, slice(3, None))
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
    with pytest.raises(ValueError, match='"statistics" must be of the same layers'):
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
        with pytest.raises(ValueError, match='"statistics" must be those of this model'):
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
