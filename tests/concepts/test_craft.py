import keras
import numpy as np
import pytest

from maco_tf import craft
from maco_tf.concepts.craft import Crafter, count_patches, default_patch_size, extract_patches
from tests.concepts.conftest import GREEN, RED, build_colour_model

pytest.importorskip("sklearn")


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
def test_craft_applies_the_range_that_it_finds_and_says_so_once(images, capsys):
    inputs, network = keras.Input((32, 32, 3)), build_colour_model()
    model = keras.Model(inputs, network(keras.layers.Rescaling(1 / 255)(inputs)))
    expected = craft(network, images, 0, size=2, patch_size=8)
    assert "Input range" not in capsys.readouterr().out
    for count in (1, 0):
        bank = craft(model, images, 0, size=2, patch_size=8)
        np.testing.assert_allclose(bank.directions, expected.directions, atol=1e-3)
        assert capsys.readouterr().out.count("Input range: preprocessing='0-255'") == count


@pytest.mark.slow
def test_craft_depends_on_its_seed_only_and_leaves_numpys_generator_alone(images):
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.uniform()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    first, second = (craft(build_colour_model(), images, 0, size=2, patch_size=8, seed=7) for _ in range(2))
    assert np.random.uniform() == expected  # noqa: NPY002
    np.testing.assert_array_equal(first.directions, second.directions)
    np.testing.assert_array_equal(first.importances, second.importances)


@pytest.mark.slow
def test_a_crafter_serves_several_classes_as_craft_does(images):
    model = build_colour_model()
    crafter = Crafter(model)
    others = images[:, ::-1, :, ::-1]  # Blue and green, and another number of images.
    for number, (class_id, batch) in enumerate([(0, images), (1, others[:3])]):
        found = crafter(batch, class_id, size=2, patch_size=8)
        expected = craft(model, batch, class_id, layer="maps", size=2, patch_size=8)
        np.testing.assert_array_equal(found.directions, expected.directions)
        np.testing.assert_array_equal(found.importances, expected.importances)
        assert found.directions[found.ranking()[0]].argmax() == (0, 2)[number]


def test_patches_by_hand():
    image = np.arange(36, dtype="float32").reshape(1, 6, 6, 1)
    # Of 3 pixels and a stride of 2, patches start at 0 and 2; one at 4 would cross the border.
    patches = extract_patches(image, 3)
    assert patches.shape == (4, 3, 3, 1)
    assert count_patches(image, 3) == 4
    assert count_patches(np.zeros((5, 32, 20, 1)), 8) == len(extract_patches(np.zeros((5, 32, 20, 1)), 8))
    np.testing.assert_array_equal(patches[3, ..., 0], image[0, 2:5, 2:5, 0])
    with pytest.raises(ValueError, match='"patch_size" must not exceed'):
        extract_patches(image, 7)
    # 64 of 224 pixels of the shorter side.
    assert default_patch_size(np.zeros((1, 224, 300, 3))) == 64
    assert default_patch_size(np.zeros((1, 50, 35, 3))) == 10


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
        ({"images": np.zeros((2, 32, 32, 3))}, '"images" must activate the layer'),
    ],
)
def test_a_wrong_argument_is_named(images, arguments, message):
    arguments = {"images": images, "class_id": 0, "size": 2, "patch_size": 8, **arguments}
    with pytest.raises(ValueError, match=message):
        craft(build_colour_model(), **arguments)


def test_a_layer_must_have_positive_maps_and_split_the_model(images):
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
