"""The score of each term apart, and several seeds in one batch."""

import numpy as np
import pytest

from maco_tf import CBRVisualizer, Channel, Diversity, Explanation, Logit, MacoVisualizer, TotalVariation
from maco_tf.transforms import GaussianNoise
from maco_tf.visualizers.term_scores import pack, scores_by_term, unpack

SMALL = {"steps": 3, "transforms": [GaussianNoise(0.1)], "image_size": 24}


def test_terms_are_named_with_their_weights_and_equal_ones_are_added():
    scores = np.arange(2 * 2 * 4, dtype="float32").reshape(2, 2, 4)
    objective = Logit([1, 3]) - 0.5 * TotalVariation() + [0.0, 2.0] * Channel("conv", 2) - 0.5 * TotalVariation()
    first, second = scores_by_term(objective, scores)
    variation = f"-0.5 * {TotalVariation().names[0]}"
    assert list(first) == ["logit 1", variation]
    assert list(second) == ["logit 3", variation, f"2 * {Channel('conv', 2).names[0]}"]
    np.testing.assert_array_equal(first["logit 1"], [0, 8])
    np.testing.assert_array_equal(first[variation], [1 + 3, 9 + 11])
    np.testing.assert_array_equal(list(second.values())[2], [6, 14])
    for before, after in zip((first, second), unpack(*pack([first, second]))):
        assert list(before) == list(after)
        np.testing.assert_array_equal(list(before.values()), list(after.values()))


def test_the_terms_add_up_to_the_score(tiny_model, tmp_path):
    objective = 2 * Logit([1, 3]) - Channel("conv", 2) - 10 * TotalVariation()
    explanation = CBRVisualizer(tiny_model, crops=4, max_batch_size=2, steps=3, image_size=24).explain(
        objective, seed=0, verbose=0
    )
    for result in (explanation, explanation[1], Explanation.concatenate([explanation, explanation[0]])):
        result.save(tmp_path / "result.npz")
        result = Explanation.load(tmp_path / "result.npz")
        assert len(result.term_scores) == len(result)
        for image, by_name in enumerate(result.term_scores):
            assert len(by_name) == 3
            np.testing.assert_allclose(sum(by_name.values()), result.scores[:, image], atol=1e-5)
    # The variation of an image is positive, and its weight is -10.
    assert (explanation.term_scores[0][f"-10 * {TotalVariation().names[0]}"] < 0).all()


@pytest.mark.parametrize("kind", [CBRVisualizer, pytest.param(MacoVisualizer, marks=pytest.mark.slow)])
def test_several_seeds_in_a_batch_are_the_runs_of_these_seeds(tiny_model, kind):
    """Only rounding differs, which grows from step to step."""
    visualizer = kind(tiny_model, crops=2, steps=2, image_size=24, max_batch_size=None)
    together = visualizer.explain(Logit([1, 3]), seed=[5, 2, 9], verbose=0)
    assert together.names[:3] == ["logit 1, seed 5", "logit 3, seed 5", "logit 1, seed 2"]
    assert together.seed == [5, 2, 9]
    for number, seed in enumerate(together.seed):
        alone = visualizer.explain(Logit([1, 3]), seed=seed, verbose=0)
        part = together[2 * number : 2 * number + 2]
        np.testing.assert_allclose(part.images, alone.images, atol=2e-3)
        np.testing.assert_allclose(part.scores, alone.scores, atol=1e-3)
    assert np.abs(together.images[0] - together.images[2]).max() > 0.02


def test_several_seeds_are_made_again_with_the_same_bits(tiny_model, tmp_path, rng):
    start = rng.uniform(size=(24, 24, 3)).astype("float32")
    explanation = CBRVisualizer(tiny_model, **SMALL).explain(
        Logit(1) + Diversity("conv"), seed=(4, 6), start=start, verbose=0
    )
    explanation.save(tmp_path / "result.npz", inputs=True)
    again = Explanation.load(tmp_path / "result.npz").again(tiny_model, verbose=0)
    np.testing.assert_array_equal(again.images, explanation.images)
    assert (again.names, again.seed) == (explanation.names, explanation.seed)
    np.testing.assert_array_equal(explanation[1].again(tiny_model, verbose=0).images, explanation.images[1:2])
    assert "seeds 4, 6" in repr(explanation)


@pytest.mark.parametrize("seed", [[], [1, 1], [1, -2], [0.5], "3"])
def test_seeds_must_be_different_integers(tiny_model, seed):
    with pytest.raises(ValueError, match='"seed" must be'):
        CBRVisualizer(tiny_model, **SMALL).explain(Logit(1), seed=seed, verbose=0)
