"""CRAFT on a network whose concepts are known: its maps are red, green and blue, and class 0 depends on red."""

import keras
import numpy as np
import pytest

from maco_tf import Concept, ConceptBank, Logit, craft, explain_class, explain_concepts
from maco_tf.concepts.craft import count_patches, extract_patches
from maco_tf.models import Activations
from maco_tf.visualizers.top_activating import score_natural_images

pytest.importorskip("sklearn")

RED, GREEN, BLUE = np.eye(3, dtype="float32")


def build_colour_model(activation="softmax"):
    inputs = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(3, 1, activation="relu", name="maps")
    x = keras.layers.GlobalAveragePooling2D()(maps(inputs))
    head = keras.layers.Dense(2, activation=activation, name="head")
    model = keras.Model(inputs, head(x), name="colours")
    maps.set_weights([np.eye(3)[None, None], np.zeros(3)])
    head.set_weights([np.array([[5.0, 0], [0, 1], [0, 5]]), np.zeros(2)])
    return model


@pytest.fixture
def images(rng):
    """Images of 4 x 4 squares of 8 pixels, red or green, of random lightness."""
    colours = np.stack([RED, GREEN])[rng.integers(0, 2, (4, 4, 4))] * rng.uniform(0.3, 1, (4, 4, 4, 1))
    return np.kron(colours, np.ones((1, 8, 8, 1))).astype("float32")


@pytest.mark.slow
def test_craft_finds_the_concepts_and_the_important_one(images):
    bank = craft(build_colour_model(), images, 0, size=2, patch_size=8)
    assert bank.layer == "maps"
    found = bank.directions[bank.ranking()]
    np.testing.assert_allclose(found, [RED, GREEN], atol=0.1)
    important, other = np.sort(bank.importances)[::-1]
    assert important > 0.9
    assert other < 0.1


@pytest.mark.slow
def test_craft_is_a_function_of_its_seed_and_restores_that_of_numpy(images):
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.uniform()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    first, second = (craft(build_colour_model(), images, 0, size=2, patch_size=8, seed=7) for _ in range(2))
    assert np.random.uniform() == expected  # noqa: NPY002
    np.testing.assert_array_equal(first.directions, second.directions)
    np.testing.assert_array_equal(first.importances, second.importances)


@pytest.mark.slow
def test_explaining_a_class_makes_its_concept_visible(images):
    """The image of the concept "red" scores higher on red than the image of "green", and its patches are red."""
    model = build_colour_model()
    before = [weight.copy() for weight in model.get_weights()]
    result = explain_class(
        model, images, 0, 2, size=2, patch_size=8, patches=3, seed=0, steps=30, crops=2, image_size=32, verbose=0
    )
    scores = score_natural_images(Activations(model), Concept(result.bank, result.concepts), result.explanation.images)
    assert scores[0, 0] > scores[1, 0] + 2e-3
    assert scores[1, 1] > scores[0, 1] + 2e-3
    np.testing.assert_allclose(result.importances, -np.sort(-result.bank.importances))
    assert result.patches.images[0, ..., 0].mean() > 10 * result.patches.images[0, ..., 1].mean()
    assert result.patches.images[1, ..., 1].mean() > 10 * result.patches.images[1, ..., 0].mean()
    assert "importance" in result.explanation.names[0]
    assert all((old == new).all() for old, new in zip(before, model.get_weights()))


@pytest.mark.slow
def test_a_bank_of_any_directions_is_explained(images, tmp_path):
    bank = ConceptBank([GREEN, BLUE, RED], "maps", names=["green", "blue", "red"])
    result = explain_concepts(
        build_colour_model(), bank, images, [2, 0], patch_size=8, patches=2, steps=2, crops=1, seed=0, verbose=0
    )
    assert result.explanation.names == ["red", "green"]
    assert result.importances is None
    assert result.patches.images[0].max(axis=(0, 1, 2)).argmax() == 0
    written = result.save(tmp_path / "colours")
    assert {path.name for path in written} >= {"concepts.png", "concepts.npz", "explanation.npz"}
    with np.load(tmp_path / "colours/concepts.npz") as archive:
        assert archive["concepts"].tolist() == [2, 0]
    assert result._repr_png_().startswith(b"\x89PNG")


def test_patches_by_hand():
    image = np.arange(36, dtype="float32").reshape(1, 6, 6, 1)
    # Of 3 pixels and a stride of 2, patches start at 0 and 2; one at 4 would cross the border.
    patches = extract_patches(image, 3)
    assert patches.shape == (4, 3, 3, 1)
    assert count_patches(image, 3) == 4
    assert count_patches(np.zeros((5, 32, 20, 1)), 8) == len(extract_patches(np.zeros((5, 32, 20, 1)), 8))
    np.testing.assert_array_equal(patches[3, ..., 0], image[0, 2:5, 2:5, 0])
    with pytest.raises(ValueError, match='"patch_size"'):
        extract_patches(image, 7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_id": 2}, "0..1"),
        ({"class_id": [0, 1]}, '"class_id" must be one class'),
        ({"layer": "head"}, '"layer" must have maps'),
        ({"layer": "mops"}, "Did you mean maps"),
        ({"size": 0}, '"size" must be an integer'),
        ({"size": 101}, '"size" must not exceed the number of patches, 100'),
        ({"size": True}, '"size" must be an integer'),
        ({"images": np.ones((2, 32, 32, 4))}, r'"images" must.* channels.* alpha'),
        ({"seed": -1}, '"seed" must be an integer'),
        ({"seed": 0.5}, '"seed" must be an integer'),
        ({"patch_size": 33}, '"patch_size" must be an integer from 2 to 32'),
        ({"patch_size": 1}, '"patch_size" must be an integer from 2 to 32'),
        ({"images": np.zeros((4, 4))}, '"images"'),
        ({"images": np.zeros((2, 32, 32, 3))}, "full of zeros"),
    ],
)
def test_wrong_arguments(images, arguments, message):
    arguments = {"images": images, "class_id": 0, "size": 2, "patch_size": 8, **arguments}
    with pytest.raises(ValueError, match=message):
        craft(build_colour_model(), **arguments)


def test_layers_that_cannot_be_factorised(images):
    inputs = keras.Input((32, 32, 3))
    signed = keras.layers.Conv2D(4, 3, name="signed")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(signed)))
    with pytest.raises(ValueError, match='"layer" must be the name'):
        craft(model, images, 0, size=2)
    with pytest.raises(ValueError, match='"layer" must have no negative values'):
        craft(model, images, 0, size=2, layer="signed")
    x = keras.layers.ReLU(name="positive")(inputs)
    around = keras.layers.Add()([x, keras.layers.Conv2D(3, 1)(inputs)])
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(around)))
    with pytest.raises(ValueError, match=r'^"layer" must split the model'):
        craft(model, images, 0, size=2, patch_size=8, layer="positive")


def test_wrong_banks_and_counts(images):
    bank = ConceptBank(np.eye(3), "maps")
    for wrong, count, message in (
        (bank, 4, '"concepts" must'),
        (bank, [3], '"concepts" must'),
        (Logit(1), 1, '"bank" must be a'),
    ):
        with pytest.raises(ValueError, match=message):
            explain_concepts(build_colour_model(), wrong, images, count, patch_size=8)
    for size in (0, -3, 8.5, "8"):
        with pytest.raises(ValueError, match='"patch_size" must be an integer'):
            explain_concepts(build_colour_model(), bank, images, 1, patch_size=size)
    with pytest.raises(ValueError, match=r'"images" must.* channels.* np.repeat'):
        explain_concepts(build_colour_model(), bank, images[..., :1], 1, patch_size=8)
    with pytest.raises(ValueError, match='"cosine_power" must be'):
        explain_class(build_colour_model(), images, 0, 2, size=2, cosine_power="strong")
    with pytest.raises(ValueError, match="Did you mean maps"):
        explain_concepts(build_colour_model(), ConceptBank(np.eye(3), "mops"), images, 1, patch_size=8)
