import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from maco_tf import Channel, Direction, Diversity, Lambda, Logit, Neuron
from maco_tf.exemplars.fields.receptive_field import receptive_field
from maco_tf.exemplars.patches import find_patches, smallest_box
from tests.conftest import build_tiny_model


def bright_detector(kernel=3, stride=2, padding="same", size=16):
    """One convolution whose first channel is the brightness of its field, and whose second is its negative."""
    image = keras.Input((size, size, 1))
    conv = layers.Conv2D(2, kernel, stride, padding=padding, use_bias=False, name="conv")
    model = keras.Model(image, conv(image))
    conv.set_weights([np.ones((kernel, kernel, 1, 2)) * [1.0, -1.0] / kernel**2])
    return model


def planted(*corners, size=16, side=3):
    """Dark images with a bright square whose top left corner is given."""
    images = np.full((len(corners), size, size, 1), 0.1, "float32")
    for image, (top, left) in zip(images, corners):
        image[top : top + side, left : left + side] = 0.9
    return images


def test_a_planted_patch_is_found():
    # With stride 2 and "same", position i sees the pixels 2 i to 2 i + 2.
    images = planted((4, 6), (10, 2))
    patches = find_patches(bright_detector(), Channel("conv", 0), images, field="theoretical", preprocessing=None)
    np.testing.assert_array_equal(patches.positions, [[2, 3], [5, 1]])
    np.testing.assert_array_equal(patches.boxes, [[4, 6, 7, 9], [10, 2, 13, 5]])
    for mask, centre, crop in zip(patches.masks, [(5, 7), (11, 3)], patches.crops):
        assert np.unravel_index(mask.argmax(), mask.shape) == centre
        assert mask.max() == 1
        np.testing.assert_allclose(crop, 0.9, rtol=1e-6)


def test_a_mask_has_the_activations_at_the_centres_of_the_fields(rng):
    model, images = bright_detector(), rng.uniform(size=(3, 16, 16, 1)).astype("float32")
    patches = find_patches(model, Channel("conv", 0), images, preprocessing=None)
    maps = model(images).numpy()[..., 0]
    np.testing.assert_allclose(patches.maps, maps / maps[0].size, rtol=1e-5)
    relative = maps / maps.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(patches.masks[:, 1::2, 1::2], relative, rtol=1e-4)
    # Between two centres, the mask is linear.
    np.testing.assert_allclose(patches.masks[:, 1::2, 2:-1:2], (relative[..., :-1] + relative[..., 1:]) / 2, rtol=1e-4)


def test_of_equal_positions_the_first_has_the_patch():
    image = planted((4, 6)) + planted((10, 0)) - 0.1
    patches = find_patches(bright_detector(), Channel("conv", 0), image, share=1, preprocessing=None)
    np.testing.assert_array_equal(patches.positions, [[2, 3]])
    np.testing.assert_array_equal(patches.boxes, [[4, 6, 7, 9]])


def test_the_position_of_a_neuron_is_its_own_even_if_it_is_negative():
    neuron = Neuron("conv", (5, 1, 1))
    patches = find_patches(bright_detector(), neuron, planted((4, 6)), share=1, preprocessing=None)
    np.testing.assert_array_equal(patches.positions, [[5, 1]])
    np.testing.assert_array_equal(patches.boxes, [[10, 2, 13, 5]])


def test_a_unit_that_nothing_speaks_for_has_an_empty_mask():
    patches = find_patches(bright_detector(), Channel("conv", 1), planted((4, 6)), preprocessing=None)
    assert not patches.masks.any()
    # The negative of the unit responds where the image is bright.
    patches = find_patches(bright_detector(), -Channel("conv", 1), planted((4, 6)), preprocessing=None)
    np.testing.assert_array_equal(patches.positions, [[2, 3]])


@pytest.mark.parametrize("mask", ["activation", "gradient"])
def test_effective_patches_lie_within_the_theoretical_field(mask, rng):
    model, images = build_tiny_model(), rng.uniform(size=(5, 16, 16, 3)).astype("float32")
    settings = {"mask": mask, "preprocessing": None}
    effective = find_patches(model, Channel("second", 1), images, share=1, batch_size=2, **settings)
    theoretical = find_patches(model, Channel("second", 1), images, field="theoretical", **settings)
    np.testing.assert_array_equal(effective.positions, theoretical.positions)
    field = receptive_field(model, "second", preprocessing=None)
    assert field.size == (5, 5)
    # The box that holds the whole energy is the receptive field.
    np.testing.assert_array_equal(effective.boxes, theoretical.boxes)
    smaller = find_patches(model, Channel("second", 1), images, share=0.5, **settings)
    areas = [np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1) for found in (smaller, effective)]
    assert (areas[0] < areas[1]).all()


def test_a_gradient_mask_is_highest_in_the_field_of_the_strongest_position():
    images = planted((4, 6), side=1)
    patches = find_patches(bright_detector(), Neuron("conv", (6, 3, 0)), images, mask="gradient", preprocessing=None)
    np.testing.assert_array_equal(patches.positions, [[6, 3]])
    np.testing.assert_array_equal(np.unravel_index(patches.masks[0].argmax(), (16, 16)), (13, 7))


@pytest.mark.parametrize(
    "objective",
    [
        Direction("conv", [1.0, 0.0], cosine_power=0),
        Lambda("conv", lambda activation: tf.reduce_mean(activation[..., 0], axis=(1, 2))),
        Lambda("conv", lambda activation: tf.reduce_max(activation[..., 0], axis=(1, 2))),
        2 * Channel("conv", 0) - Channel("conv", 1),
    ],
)
def test_every_objective_of_one_layer_has_positions(objective):
    patches = find_patches(bright_detector(), objective, planted((4, 6), (10, 2)), preprocessing=None)
    np.testing.assert_array_equal(patches.positions, [[2, 3], [5, 1]])


@pytest.mark.slow
def test_the_contributions_to_a_logit_add_up_to_it(rng):
    model, images = build_tiny_model(activation=None), rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    patches = find_patches(model, Logit(2), images, preprocessing=None)
    bias = model.get_layer("head").bias[2]
    np.testing.assert_allclose(patches.maps.sum(axis=(1, 2)), model(images).numpy()[:, 2] - bias, rtol=1e-4)
    assert patches.layer == "add"
    whole = find_patches(model, Logit(2), images, field="theoretical", preprocessing=None)
    np.testing.assert_array_equal(whole.boxes, [[0, 0, 16, 16]] * 2)
    earlier = find_patches(model, Logit(2), images, layer="conv", preprocessing=None)
    assert earlier.layer == "conv"


def token_model():
    """Patches of 4 x 4 pixels as tokens, a class token that is their mean, and an output that reads the class token."""
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 1))
    patches = layers.Conv2D(2, 4, 4, use_bias=False, name="patches")(image)
    tokens = layers.Reshape((16, 2))(patches)
    mean = keras.ops.mean(tokens, axis=1, keepdims=True)
    x = layers.Activation("linear", name="tokens")(keras.ops.concatenate([mean, tokens], axis=1))
    model = keras.Model(image, layers.Dense(3, name="head")(x[:, 0]))
    model.get_layer("patches").set_weights([np.ones((4, 4, 1, 2)) / 16])
    return model


@pytest.mark.slow
def test_tokens_are_positions_and_a_class_token_is_followed_back_to_maps():
    images = planted((4, 8), (12, 0), side=4)
    patches = find_patches(token_model(), Channel("tokens", 0), images, preprocessing=None)
    assert patches.layer == "tokens"
    np.testing.assert_array_equal(patches.positions, [[1, 2], [3, 0]])
    np.testing.assert_array_equal(
        find_patches(token_model(), Channel("tokens", 0), images, field="theoretical", preprocessing=None).boxes,
        [[4, 8, 8, 12], [12, 0, 16, 4]],
    )
    patches = find_patches(token_model(), Channel("tokens", 0, tokens="class"), images, preprocessing=None)
    assert patches.layer == "patches"
    np.testing.assert_array_equal(patches.positions, [[1, 2], [3, 0]])


def test_a_model_without_maps_is_explained_at_its_pixels():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, layers.Dense(1, use_bias=False, name="head")(layers.Flatten()(image)))
    weights = np.zeros((4, 4))
    weights[1, 2] = 2
    model.get_layer("head").set_weights([weights.reshape(16, 1)])
    patches = find_patches(model, Logit(0), np.full((1, 4, 4, 1), 0.5), share=1, preprocessing=None)
    np.testing.assert_allclose(patches.maps[0], 0.5 * weights)
    np.testing.assert_array_equal(patches.boxes, [[1, 2, 2, 3]])


@pytest.mark.slow
def test_objectives_pair_up_with_images_whatever_the_batch_size(rng):
    model, images = build_tiny_model(), rng.uniform(size=(5, 16, 16, 3)).astype("float32")
    units = [0, 3, 1, 1, 2]
    together = find_patches(model, Channel("second", units), images, batch_size=2, preprocessing=None)
    for number, unit in enumerate(units):
        alone = find_patches(model, Channel("second", unit), images[number : number + 1], preprocessing=None)
        np.testing.assert_allclose(together.maps[number], alone.maps[0], atol=1e-6)
        np.testing.assert_allclose(together.masks[number], alone.masks[0], atol=1e-4)
        np.testing.assert_array_equal(together.boxes[number], alone.boxes[0])


def test_the_smallest_box_by_hand():
    energy = np.zeros((5, 6))
    energy[1, 2], energy[3, 2], energy[4, 5] = 6, 3, 1
    np.testing.assert_array_equal(smallest_box(energy, 0.6), [1, 2, 2, 3])
    np.testing.assert_array_equal(smallest_box(energy, 0.9), [1, 2, 4, 3])
    np.testing.assert_array_equal(smallest_box(energy, 1), [1, 2, 5, 6])
    np.testing.assert_array_equal(smallest_box(np.zeros((5, 6)), 0.9), [0, 0, 5, 6])


def test_the_smallest_box_is_that_of_an_exhaustive_search(rng):
    for _ in range(10):
        energy = rng.uniform(size=(5, 7)) ** 6
        smallest = min(
            (bottom - top) * (right - left)
            for top in range(5)
            for bottom in range(top + 1, 6)
            for left in range(7)
            for right in range(left + 1, 8)
            if energy[top:bottom, left:right].sum() >= 0.8 * energy.sum()
        )
        top, left, bottom, right = smallest_box(energy, 0.8)
        assert energy[top:bottom, left:right].sum() >= 0.8 * energy.sum()
        assert (bottom - top) * (right - left) == smallest


def test_the_smallest_box_of_a_large_image_is_found_between_cells():
    energy = np.zeros((200, 160))
    energy[50:60, 20:70] = 1
    top, left, bottom, right = smallest_box(energy, 1)
    assert 46 <= top <= 50
    assert 60 <= bottom <= 64
    assert 16 <= left <= 20
    assert 70 <= right <= 74


@pytest.mark.parametrize(
    ("objective", "settings", "message"),
    [
        (Channel("conv", [0, 1]), {}, '"objective" must have the length one'),
        (Channel("conv", 9), {}, '"channels"'),
        (Diversity("conv"), {}, '"objective" must score each image separately'),
        (Logit(1), {"layer": "head"}, '"layer" must have positions'),
        (Channel("conv", 0), {"layer": "second"}, '"layer" must be a layer on which the objective depends'),
        (Channel("conv", 0), {"mask": "attention"}, '"mask"'),
        (Channel("conv", 0), {"field": "real"}, '"field"'),
        (Channel("conv", 0), {"share": 0}, '"share"'),
    ],
)
def test_errors_name_the_argument(tiny_model, objective, settings, message):
    with pytest.raises(ValueError, match=message):
        find_patches(tiny_model, objective, np.zeros((3, 16, 16, 3)), preprocessing=None, **settings)


class Loop(layers.Layer):
    """The identity, hidden in a loop."""

    def call(self, x):
        return tf.while_loop(lambda i, x: i < 1, lambda i, x: (i + 1, tf.identity(x)), (0, x))[1]


def test_where_the_graph_hides_the_field_the_gradient_measures_it():
    image = keras.Input((16, 16, 1))
    model = keras.Model(image, Loop(name="loop")(bright_detector()(image)))
    patches = find_patches(model, Channel("loop", 0), planted((4, 6)), share=1, preprocessing=None)
    np.testing.assert_array_equal(patches.boxes, [[4, 6, 7, 9]])
    # The eight positions are taken to be spread evenly: (2, 3) is the middle of the pixels 4 to 5 and 6 to 7.
    assert (patches.masks[0, 4:6, 6:8] > 0.8).all()
    with pytest.raises(ValueError, match=r'"layer".*While'):
        find_patches(model, Channel("loop", 0), planted((4, 6)), field="theoretical", preprocessing=None)


def test_tiles_are_square():
    patches = find_patches(bright_detector(), Channel("conv", 0), planted((4, 6)), preprocessing=None)
    assert patches.tiles(20).shape == (1, 20, 20, 3)
