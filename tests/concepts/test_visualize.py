import dataclasses

import numpy as np
import pytest

from maco_tf import Concept, ConceptBank, Logit, explain_class, explain_concepts
from maco_tf.exemplars import score_natural_images
from maco_tf.models import Activations
from tests.concepts.conftest import BLUE, GREEN, RED, build_colour_model

# Without crops, so that little time goes into tracing.
SMALL = {"steps": 2, "transforms": [], "image_size": 32, "patch_size": 8, "verbose": 0}


@pytest.fixture(scope="module")
def model():
    return build_colour_model()


@pytest.mark.slow
def test_explaining_a_class_makes_its_concepts_visible(model, images):
    """The image of the concept "red" is redder than that of "green", and its patches are red."""
    pytest.importorskip("sklearn")
    before = [weight.copy() for weight in model.get_weights()]
    result = explain_class(
        model, images, 0, 2, size=2, patch_size=8, patches=3, seed=0, steps=30, crops=2, image_size=32, verbose=0
    )
    scores = score_natural_images(Activations(model), Concept(result.bank, result.concepts), result.explanation.images)
    assert scores[0, 0] > scores[1, 0] + 2e-3
    assert scores[1, 1] > scores[0, 1] + 2e-3
    np.testing.assert_allclose(result.importances, -np.sort(-result.bank.importances))
    assert result.patches.images()[0, ..., 0].mean() > 10 * result.patches.images()[0, ..., 1].mean()
    assert result.patches.images()[1, ..., 1].mean() > 10 * result.patches.images()[1, ..., 0].mean()
    assert "importance" in result.explanation.names[0]
    assert all((old == new).all() for old, new in zip(before, model.get_weights()))


def test_concepts_of_any_bank_are_explained_and_saved(model, images, tmp_path):
    bank = ConceptBank([GREEN, BLUE, RED], "maps", names=["green", "blue", "red"])
    result = explain_concepts(model, bank, images, [2, 0], patches=2, seed=0, **SMALL)
    assert len(result) == 2
    assert result.explanation.names == ["red", "green"]
    assert result.importances is None
    assert result.patches.images().shape[:2] == (2, 2)
    assert result.patches.images()[0].max(axis=(0, 1, 2)).argmax() == 0
    assert result.patches.images()[1].max(axis=(0, 1, 2)).argmax() == 1
    written = result.save(tmp_path / "colours")
    assert {path.name for path in written} >= {"concepts.png", "concepts.npz", "explanation.npz"}
    with np.load(tmp_path / "colours/concepts.npz") as archive:
        assert archive["concepts"].tolist() == [2, 0]
        np.testing.assert_array_equal(archive["patches"], result.patches.images())
        np.testing.assert_array_equal(archive["directions"], bank.directions)
        assert np.isnan(archive["importances"]).all()
    assert result._repr_png_().startswith(b"\x89PNG")
    for path in (tmp_path / "colours.png", tmp_path / "colours.npz"):
        with pytest.raises(ValueError, match='"path" must name a folder'):
            result.save(path)


@pytest.mark.slow
def test_a_number_of_concepts_takes_the_most_important_ones(model, images):
    bank = ConceptBank([GREEN, BLUE, RED], "maps", [0.2, 0.1, 0.7], names=["green", "blue", "red"])
    result = explain_concepts(model, bank, images, 2, patches=100, **SMALL)
    assert result.explanation.names == ["red", "green"]
    assert result.concepts.tolist() == [2, 0]
    np.testing.assert_allclose(result.importances, [0.7, 0.2])
    # All patches, if there are fewer: 5 x 5 of each image.
    assert result.patches.images().shape == (2, 4 * 25, 8, 8, 3)


BANK = ConceptBank(np.eye(3), "maps")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"concepts": 4}, '"concepts" must not exceed the 3'),
        ({"concepts": 0}, '"concepts" must be'),
        ({"concepts": [3]}, '"concepts" must lie in'),
        ({"bank": Logit(1)}, r'"bank" must be a maco_tf\.ConceptBank'),
        ({"bank": dataclasses.replace(BANK, layer="mops")}, "Did you mean maps"),
        *[({"patch_size": size}, '"patch_size" must be an integer') for size in (0, -3, 8.5, "8")],
        ({"patches": 0}, '"patches" must be an integer'),
        ({"images": np.ones((2, 32, 32, 1))}, r'"images" must.* channels.* np.repeat'),
        ({"steps": 0}, '"steps" must be an integer'),
    ],
)
def test_a_wrong_argument_is_named(model, images, arguments, message):
    with pytest.raises(ValueError, match=message):
        explain_concepts(model, **{"bank": BANK, "images": images, "concepts": 1, **SMALL, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"concepts": 3}, '"concepts" must not exceed "size", 2'),
        ({"concepts": 0}, '"concepts" must be an integer'),
        ({"size": 0}, '"size" must be an integer'),
        ({"patches": 0}, '"patches" must be an integer'),
        ({"cosine_power": "strong"}, '"cosine_power" must be'),
        ({"crops": 0}, '"crops" must be an integer'),
    ],
)
def test_arguments_are_checked_before_the_factorisation(model, images, monkeypatch, arguments, message):
    monkeypatch.setattr("maco_tf.concepts.visualize.craft", lambda *_, **__: pytest.fail("The factorisation began."))
    with pytest.raises(ValueError, match=message):
        explain_class(model, images, 0, **{"concepts": 2, "size": 2, **SMALL, **arguments})
