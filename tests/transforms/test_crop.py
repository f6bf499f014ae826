import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import Normal, RandomCrop, Uniform
from maco_tf.transforms.crop_sampling import crop_by_gathering, crop_by_matrices
from maco_tf.transforms.pyramid import choose_levels, count_levels

CROPS = [crop_by_gathering, crop_by_matrices]

# Image, output, levels, and sides of crops as fractions of the largest: more than four pixels to one of the output, odd
# and oblong sizes, and several levels within each of several images.
PYRAMIDS = [
    ((1, 48, 48), (8, 8), 4, [1.0, 0.3, 0.1, 0.9, 0.55]),
    ((2, 45, 37), (9, 7), 4, [1.0, 0.2, 0.5, 0.7, 0.1, 0.25, 1.0, 0.4]),
    ((3, 33, 50), (6, 5), 4, [0.1, 1.0, 0.4, 0.15, 0.6, 0.1]),
]


def oracle(image, centre, side, size):
    """The documented rule, one pixel and one position at a time."""
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
def test_oracle(crop, rng):
    images = rng.uniform(size=(2, 11, 9, 3)).astype("float32")
    centres = np.array([[0.5, 0.4], [0.1, 0.9], [0.6, 0.5], [0.5, 0.5]], "float32")
    sides = np.array([[0.5, 0.5], [0.4, 0.4], [0.3, 0.3], [0.6, 0.6]], "float32")
    crops = crop(tf.constant(images), centres, sides, (6, 5))
    for index in range(4):
        expected = oracle(images[index // 2], centres[index], sides[index], (6, 5))
        np.testing.assert_allclose(crops[index], expected, atol=1e-4)


def boxes(shape, size, fractions, rng):
    """Crops of given sides, of the output's proportions, some of them over the border."""
    ratios = [pixels / wanted for pixels, wanted in zip(shape[1:], size)]
    sides = np.array(fractions)[:, None] * [min(ratios) / ratio for ratio in ratios]
    return rng.uniform(0, 1, (len(fractions), 2)).astype("float32"), sides.astype("float32")


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize(("shape", "size", "levels", "fractions"), PYRAMIDS)
def test_oracle_of_the_pyramid(crop, shape, size, levels, fractions, rng):
    images = rng.uniform(size=(*shape, 2)).astype("float32")
    centres, sides = boxes(shape, size, fractions, rng)
    assert {0, 1, 2} <= set(choose_levels(sides, shape[1:], size, levels).numpy())
    crops = crop(tf.constant(images), tf.constant(centres), tf.constant(sides), size, levels).numpy()
    for index, found in enumerate(crops):
        expected = oracle(images[index // (len(crops) // shape[0])].astype(float), centres[index], sides[index], size)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_whole_image_at_its_own_size_is_itself(rng):
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
    # Large enough for the kernel to share them among threads.
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


def test_without_antialiasing_crops_are_those_of_crop_and_resize(rng):
    """The paper's and xplique's crops: one sample a pixel, from the image itself."""
    images = rng.uniform(size=(2, 64, 64, 3)).astype("float32")
    transform = RandomCrop((16, 16), 3, side=Uniform(0.1, 1.0), antialias=False, implementation="gather")
    seed = transform.seed_generator.state.numpy()
    centres, sides = (value.numpy() for value in transform.sample(2, image_size=(64, 64)))
    transform.seed_generator.state.assign(seed)
    # All of these lie inside; where their outermost samples are, in distances between first and last pixel's centres.
    half = sides / 2 * (1 - 1 / 16)
    corners = (np.concatenate([centres - half, centres + half], axis=1) * 64 - 0.5) / 63
    inner = ((corners >= 0) & (corners <= 1)).all(axis=1)
    assert inner.sum() >= 4
    expected = tf.image.crop_and_resize(images, corners, np.repeat([0, 1], 3), (16, 16))
    np.testing.assert_allclose(transform(tf.constant(images)).numpy()[inner], expected.numpy()[inner], atol=1e-5)


@pytest.mark.parametrize("levels", [1, 4])
def test_matrices_compile_under_xla(levels, rng):
    images = tf.constant(rng.uniform(size=(2, 45, 37, 3)).astype("float32"))
    arguments = (*boxes((2, 45, 37), (9, 7), [1.0, 0.2, 0.5, 0.7], rng), (9, 7), levels)
    compiled = tf.function(lambda x: crop_by_matrices(x, *arguments), jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(images), crop_by_gathering(images, *arguments), atol=1e-4)


def test_a_transform_of_matrices_compiles_whole(rng):
    images = tf.constant(rng.uniform(size=(1, 24, 24, 3)).astype("float32"))
    transform = RandomCrop((24, 24), 4, side=1.0, implementation="matrices")
    crops = tf.function(lambda x: transform(x, 0, 10), jit_compile=True, autograph=False)(images)
    np.testing.assert_allclose(crops, tf.repeat(images, 4, axis=0), atol=1e-5)


@pytest.mark.parametrize("implementation", ["gather", "matrices"])
def test_the_finest_pattern_turns_grey_and_not_into_a_false_image(implementation):
    board = tf.constant(np.indices((64, 64)).sum(0)[None, ..., None] % 2, tf.float32)
    settings = {"side": 1.0, "implementation": implementation}
    np.testing.assert_allclose(RandomCrop((24, 24), 2, **settings)(board), 0.5, atol=1e-6)
    assert RandomCrop((24, 24), 2, antialias=False, **settings)(board).numpy().std() > 0.1
    # One pixel for one: nothing to average, and nothing is.
    assert RandomCrop((64, 64), 2, **settings)(board).numpy().std() == pytest.approx(0.5)


@pytest.mark.parametrize("implementation", ["gather", "matrices"])
def test_a_constant_image_stays_constant(implementation):
    transform = RandomCrop((5, 4), 9, side=Uniform(0.05, 1.0), implementation=implementation)
    np.testing.assert_allclose(transform(tf.fill((2, 43, 51, 1), 0.8)), 0.8, atol=1e-5)


def test_crops_of_an_oblong_image_keep_the_outputs_proportions():
    sides = RandomCrop((8, 8), 1, side=0.5).sample(1, image_size=(256, 512))[1].numpy()[0]
    np.testing.assert_allclose(sides * (256, 512), (128, 128))
    sides = RandomCrop((8, 16), 1, side=1.0).sample(1, image_size=(100, 100))[1].numpy()[0]
    np.testing.assert_allclose(sides * (100, 100), (50, 100))


def test_levels_follow_the_pixels_of_a_crop():
    def level(side, pixels=512, size=224):
        levels = count_levels(pixels / size)
        return choose_levels(tf.fill((1, 2), side), (pixels, pixels), (size, size), levels).numpy()[0]

    assert [count_levels(ratio) for ratio in (0.5, 1.15, 1.16, 2.3, 2.31, 4.7)] == [1, 1, 2, 2, 3, 4]
    assert [level(side) for side in (1.0, 0.51, 0.5, 0.05)] == [1, 1, 0, 0]
    assert level(1.0, 1280) == 3
    assert level(1.0, 200) == 0
    # The axis with more pixels decides.
    assert choose_levels(tf.constant([[0.1, 1.0]]), (64, 64), (16, 16), 4).numpy()[0] == 2


def test_antialiasing_leaves_the_draws_alone():
    samples = [RandomCrop((8, 8), 4, antialias=flag).sample(2, image_size=(64, 64)) for flag in (True, False)]
    for first, second in zip(*samples):
        np.testing.assert_array_equal(first, second)


def test_inside_means_inside():
    transform = RandomCrop((8, 8), 500, side=Uniform(0.2, 0.9), centre=Normal(0.5, 0.5), inside=True)
    centres, sides = (value.numpy() for value in transform.sample(1))
    assert (centres - sides / 2).min() >= -1e-6
    assert (centres + sides / 2).max() <= 1 + 1e-6
    crossing = RandomCrop((8, 8), 500, side=0.5, centre=Normal(0.5, 0.5), inside=False).sample(1)[0]
    assert crossing.numpy().min() < 0


def test_distributions_of_side_and_centre():
    sides = RandomCrop((8, 8), 2000, side=Uniform(0.25, 0.30)).sample(1)[1].numpy()
    assert 0.25 <= sides.min() < 0.253
    assert 0.297 < sides.max() <= 0.30
    sides = RandomCrop((8, 8), 2000, side=Normal((0.8, 0.4), 0.05)).sample(1, step=4, steps=5)[1].numpy()
    assert sides.mean() == pytest.approx(0.4, abs=0.01)
    assert sides.std() == pytest.approx(0.05, rel=0.1)
    centres = RandomCrop((8, 8), 2000, side=0.5, centre="anywhere").sample(1)[0].numpy()
    assert centres.std() == pytest.approx(0.5 / np.sqrt(12), rel=0.05)


def test_views_of_one_image_stand_side_by_side():
    images = tf.constant(np.stack([np.zeros((16, 16, 3)), np.ones((16, 16, 3))]), tf.float32)
    views = RandomCrop((8, 8), 3, side=0.5)(images).numpy()
    np.testing.assert_allclose(views.mean((1, 2, 3)), [0, 0, 0, 1, 1, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"side": 1.5}, r'"side" must lie in \(0, 1\]'),
        ({"side": (0.5, 0.0)}, r'"side" must lie in \(0, 1\]'),
        ({"side": "big"}, '"side" must be a finite number'),
        ({"centre": "middle"}, '"centre" must be "anywhere"'),
        ({"count": 0}, '"count"'),
        ({"antialias": 2}, '"antialias" must be True or False'),
        ({"implementation": "fast"}, '"implementation"'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomCrop((8, 8), **arguments)


def test_some_crops_of_each_image_are_whole():
    transform = RandomCrop((8, 8), 3, side=Normal(0.5, 0.1), centre=Normal(0.5, 0.1), inside=False, whole=1)
    sides = transform.sample(4)[1].numpy().reshape(4, 3, 2)
    assert (sides[:, 0] == 1).all()
    assert (sides[:, 1:] < 1).all()
    with pytest.raises(ValueError, match='"whole"'):
        RandomCrop((8, 8), 3, whole=4)
