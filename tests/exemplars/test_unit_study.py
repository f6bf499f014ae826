"""A study of one unit in one call."""

import cv2
import numpy as np
import pytest

from maco_tf import Channel, Explanation, Logit, MacoVisualizer, find_exemplars
from maco_tf.exemplars import Exemplars, study, summarize_units
from maco_tf.exemplars.unit_study import QUANTILES
from maco_tf.metrics import draw_pairs, two_alternative

SETTINGS = {"steps": 2, "crops": 1, "image_size": 16, "verbose": 0}
UNIT = Channel("conv", 2)


@pytest.fixture(scope="module")
def photographs():
    return np.random.default_rng(0).uniform(size=(60, 20, 20, 3)).astype("float32")


@pytest.fixture(scope="module")
def found(tiny_model, photographs):
    return find_exemplars(tiny_model, "conv", photographs, 4, labels=np.arange(60) % 3, verbose=0)


@pytest.fixture(scope="module")
def channel_study(tiny_model, found):
    return study(
        tiny_model, UNIT, exemplars=found[2], seeds=[4, 7], judge=brightness, pairs=10, words=("bright",), **SETTINGS
    )


def brightness(images):
    """A judge that sees the mean colours of images."""
    return np.stack([np.mean(image, axis=(0, 1)) for image in images])


@pytest.mark.slow
def test_a_study_holds_what_its_parts_give(tiny_model, photographs, found, channel_study):
    visualizer = MacoVisualizer(tiny_model, steps=2, crops=1, image_size=16)
    expected = visualizer.explain(UNIT, seed=[4, 7], verbose=0)
    np.testing.assert_array_equal(channel_study.explanation.images, expected.images)
    np.testing.assert_array_equal(channel_study.exemplars.indices, found[2].indices)
    assert channel_study.name == found.names[2]
    assert channel_study.summary.classes == summarize_units(found[2])[0].classes
    assert len(channel_study.patches) == 4
    values, indices = found[2].quantile(QUANTILES)
    np.testing.assert_array_equal(channel_study.quantile_scores, values[0])
    assert (np.diff(channel_study.quantile_scores) >= 0).all()
    np.testing.assert_allclose(
        channel_study.quantile_images, found[2].images(indices=indices, size=(16, 16))[0], atol=1e-6
    )
    alone = study(tiny_model, UNIT, photographs, count=4, labels=np.arange(60) % 3, seeds=1, **SETTINGS)
    np.testing.assert_array_equal(alone.exemplars.indices, channel_study.exemplars.indices)
    assert (alone.verdicts, alone.words, len(alone.explanation)) == ({}, (), 1)


@pytest.mark.slow
def test_the_judge_sees_the_images_and_none_of_the_exemplars_as_queries(photographs, channel_study):
    verdict = channel_study.verdicts["the visualisations"]
    assert verdict.pairs[0] == channel_study.verdicts["the natural images"].pairs[0] == 10
    # The same test by hand, with the pairs that the defaults draw.
    one = channel_study.exemplars
    shown = np.concatenate([one.indices, one.lowest_indices], axis=1)
    queries = draw_pairs(one.sample_values, pairs=10, indices=one.sample_indices, exclude=shown)
    assert not set(queries.high.ravel()) & set(shown.ravel())
    high, low = (brightness(photographs[indices[0]])[None] for indices in queries)
    ends = (brightness(made.images)[None] for made in (channel_study.explanation, channel_study.opposite))
    np.testing.assert_allclose(verdict.margins, two_alternative(high, low, *ends).margins, atol=1e-6)
    # The opposite is the image of the unit's minimum.
    assert channel_study.opposite.scores[-1].mean() > -channel_study.explanation.scores[-1].mean()
    assert "bright" in channel_study.text()
    assert "chance 50 %" in channel_study.text()


@pytest.mark.slow
def test_the_page_is_drawn_and_saved(tmp_path, channel_study):
    texts = [text.get_text() for text in channel_study.figure().texts]
    assert channel_study.name in texts
    assert any("bright" in text for text in texts)
    written = channel_study.save(tmp_path / "unit")
    assert all(path.is_file() for path in written)
    names = {path.relative_to(tmp_path / "unit").as_posix() for path in written}
    assert {"page.png", "summary.txt", "exemplars.npz", "visualisations/explanation.npz", "patches/04.png"} <= names
    page = cv2.imread(str(tmp_path / "unit" / "page.png"))
    assert min(page.shape[:2]) > 500
    assert page.std() > 20
    assert Explanation.load(tmp_path / "unit" / "visualisations").seed == [4, 7]
    loaded = Exemplars.load(tmp_path / "unit" / "exemplars.npz")
    np.testing.assert_array_equal(loaded.scores, channel_study.exemplars.scores)
    patch = cv2.imread(str(tmp_path / "unit" / "patches" / "01.png"), cv2.IMREAD_UNCHANGED)
    assert patch.shape == (*channel_study.patches.crops[0].shape[:2], 4)
    (tmp_path / "unit" / "patches" / "07.png").write_bytes(b"of a study of seven images")
    channel_study.save(tmp_path / "unit")  # A second save replaces the first.
    assert len(list((tmp_path / "unit" / "patches").iterdir())) == 4


@pytest.mark.slow
@pytest.mark.parametrize("classes", [True, False])
def test_a_class_and_a_dead_unit_have_pages_too(tiny_model, photographs, classes):
    labels = np.arange(60) % 3 if classes else None
    made = study(tiny_model, Logit(1), photographs, count=3, labels=labels, seeds=1, **SETTINGS)
    assert made.figure().get_figheight() > 5
    with pytest.warns(UserWarning, match="judge.* is not asked, because the unit is dead"):
        dead = study(tiny_model, 0 * Logit(1), np.zeros((9, 16, 16, 3)), count=2, seeds=1, judge=brightness, **SETTINGS)
    assert dead.summary.dead
    assert dead.verdicts == {}
    dead.figure()


def test_wrong_arguments_are_refused_before_anything_is_computed(tiny_model, photographs, found):
    def refused(message, *arguments, **settings):
        with pytest.raises(ValueError, match=message):
            study(tiny_model, *arguments, **{"verbose": 0, **settings})

    refused('"objective" must have length one.*find_exemplars', Logit([1, 2]), photographs)
    refused('"objective" must be a maco_tf objective', "conv", photographs)
    refused('"images" or "exemplars".*neither', UNIT)
    refused('"images" or "exemplars".*both', UNIT, photographs, exemplars=found[2])
    refused('"exemplars" must be an Exemplars of one unit.*4 units', UNIT, exemplars=found)
    refused('"seeds"', UNIT, photographs, seeds=0)
    refused('"visualizer" has its settings.*steps', UNIT, photographs, visualizer=MacoVisualizer(tiny_model), steps=3)
    refused('"layer"|conv', Channel("conf", 2), photographs)
    refused(r'"judge" must be a FeatureExtractor.*avg_pool', UNIT, photographs, judge="efficientnet_lite0")
    refused(r'"judge" must be a FeatureExtractor', UNIT, photographs, judge=tiny_model)
    refused('"words" must be a list', UNIT, photographs, words="dog")
    with pytest.raises(ValueError, match=r"must be those of the objective, conv:2.*conv:1"):
        study(tiny_model, UNIT, exemplars=found[1], seeds=1, **SETTINGS)
