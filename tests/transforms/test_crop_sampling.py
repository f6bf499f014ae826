import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms.crop_sampling import crop_by_gathering, crop_by_matrices
from maco_tf.transforms.pyramid import choose_levels

CROPS = [crop_by_gathering, crop_by_matrices]

# Image, output, levels, and sides of crops as fractions of the largest crop. They include more than four pixels per
# output pixel, odd and oblong sizes, and several levels within one image.
PYRAMIDS = [
    ((1, 48, 48), (8, 8), 4, [1.0, 0.3, 0.1, 0.9, 0.55]),
    ((2, 45, 37), (9, 7), 4, [1.0, 0.2, 0.5, 0.7, 0.1, 0.25, 1.0, 0.4]),
    ((3, 33, 50), (6, 5), 4, [0.1, 1.0, 0.4, 0.15, 0.6, 0.1]),
]


def oracle(image, centre, side, size):
    """The documented rule, applied pixel by pixel."""
    ratio, scale = max(side * image.shape[:2] / size), 1
    while ratio > 1.15 * scale:
        scale *= 2
        height, width, channels = image.shape
        halved = np.zeros((-(-height // 2), -(-width // 2), channels))
        for y, x in np.ndindex(halved.shape[:2]):
            four = [image[min(2 * y + a, height - 1), min(2 * x + b, width - 1)] for a in (0, 1) for b in (0, 1)]
            halved[y, x] = np.mean(four, axis=0)
        image, side, centre = halved, side * (height / 2, width / 2), centre * (height / 2, width / 2)
        side, centre = side / halved.shape[:2], centre / halved.shape[:2]
    height, width, channels = image.shape

    def value(y, x):
        if not (-1 <= y <= height and -1 <= x <= width):
            return np.full(channels, 0.5)
        y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
        top, left = min(int(y), height - 2), min(int(x), width - 2)
        a, b = y - top, x - left
        upper = (1 - b) * image[top, left] + b * image[top, left + 1]
        lower = (1 - b) * image[top + 1, left] + b * image[top + 1, left + 1]
        return (1 - a) * upper + a * lower

    def positions(axis):
        count = size[axis]
        return (centre[axis] + side[axis] * ((np.arange(count) + 0.5) / count - 0.5)) * image.shape[axis] - 0.5

    return np.array([[value(y, x) for x in positions(1)] for y in positions(0)])


@pytest.mark.parametrize("crop", CROPS)
def test_crops_of_one_level_against_the_oracle(crop, rng):
    images = rng.uniform(size=(2, 11, 9, 3)).astype("float32")
    centres = np.array([[0.5, 0.4], [0.1, 0.9], [0.6, 0.5], [0.5, 0.5]], "float32")
    sides = np.array([[0.5, 0.5], [0.4, 0.4], [0.3, 0.3], [0.6, 0.6]], "float32")
    crops = crop(tf.constant(images), centres, sides, (6, 5))
    for index in range(4):
        expected = oracle(images[index // 2], centres[index], sides[index], (6, 5))
        np.testing.assert_allclose(crops[index], expected, atol=1e-4)


def boxes(shape, size, fractions, rng):
    """Crops with these sides and the proportions of the output; some cross the border."""
    ratios = [pixels / wanted for pixels, wanted in zip(shape[1:], size)]
    sides = np.array(fractions)[:, None] * [min(ratios) / ratio for ratio in ratios]
    return rng.uniform(0, 1, (len(fractions), 2)).astype("float32"), sides.astype("float32")


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize(("shape", "size", "levels", "fractions"), PYRAMIDS)
def test_crops_of_a_pyramid_against_the_oracle(crop, shape, size, levels, fractions, rng):
    images = rng.uniform(size=(*shape, 2)).astype("float32")
    centres, sides = boxes(shape, size, fractions, rng)
    assert {0, 1, 2} <= set(choose_levels(sides, shape[1:], size, levels).numpy())
    crops = crop(tf.constant(images), tf.constant(centres), tf.constant(sides), size, levels).numpy()
    for index, found in enumerate(crops):
        expected = oracle(images[index // (len(crops) // shape[0])].astype(float), centres[index], sides[index], size)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_whole_image_at_its_size_does_not_change(rng):
    images = rng.uniform(size=(1, 8, 8, 3)).astype("float32")
    for crop in CROPS:
        whole = crop(tf.constant(images), tf.fill((1, 2), 0.5), tf.ones((1, 2)), (8, 8))
        np.testing.assert_allclose(whole, images, atol=1e-5)


def values_and_gradient(crop, images, centres, sides, levels, weights):
    with tf.GradientTape() as tape:
        tape.watch(images)
        crops = crop(images, tf.constant(centres), tf.constant(sides), weights.shape[1:3], levels)
        loss = tf.reduce_sum(weights * crops)
    return crops.numpy(), tape.gradient(loss, images).numpy()


@pytest.mark.parametrize("levels", [1, 4])
@pytest.mark.parametrize(("shape", "size", "fractions"), [(shape, size, last) for shape, size, _, last in PYRAMIDS])
def test_both_implementations_agree(shape, size, fractions, levels, rng):
    images = tf.constant(rng.uniform(size=(*shape, 3)).astype("float32"))
    centres, sides = boxes(shape, size, fractions, rng)
    weights = tf.constant(rng.normal(size=(len(fractions), *size, 3)).astype("float32"))
    results = [values_and_gradient(crop, images, centres, sides, levels, weights) for crop in CROPS]
    for first, second in zip(*results):
        np.testing.assert_allclose(first, second, atol=1e-4)


@pytest.mark.parametrize("levels", [1, 2])
def test_crops_that_overlap_do_not_race_for_the_gradient(levels, rng):
    # Large enough for the kernel to use several threads.
    images = tf.constant(rng.uniform(size=(2, 160, 160, 3)).astype("float32"))
    sides = rng.uniform(0.4, 1.0, (24, 1)).astype("float32").repeat(2, axis=1)
    centres = np.full((24, 2), 0.5, "float32")
    weights = tf.constant(rng.normal(size=(24, 96, 96, 3)).astype("float32"))
    crops, gradient = values_and_gradient(crop_by_gathering, images, centres, sides, levels, weights)
    expected = np.zeros_like(gradient)
    for index in range(24):
        one, this, owner = slice(index, index + 1), slice(index // 12, index // 12 + 1), index // 12
        crop, alone = values_and_gradient(
            crop_by_gathering, images[this], centres[one], sides[one], levels, weights[one]
        )
        np.testing.assert_array_equal(crop[0], crops[index])
        expected[owner] += alone[0]
    np.testing.assert_allclose(gradient, expected, atol=1e-4)
    for _ in range(3):
        again = values_and_gradient(crop_by_gathering, images, centres, sides, levels, weights)[1]
        np.testing.assert_array_equal(again, gradient)


@pytest.mark.parametrize("levels", [1, 4])
def test_matrices_compile_under_xla(levels, rng):
    images = tf.constant(rng.uniform(size=(2, 45, 37, 3)).astype("float32"))
    arguments = (*boxes((2, 45, 37), (9, 7), [1.0, 0.2, 0.5, 0.7], rng), (9, 7), levels)
    compiled = tf.function(lambda x: crop_by_matrices(x, *arguments), jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(images), crop_by_gathering(images, *arguments), atol=1e-4)
