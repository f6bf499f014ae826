import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import Normal, RandomCrop, Uniform
from maco_tf.transforms.crop_sampling import crop_by_gathering, crop_by_matrices

CROPS = [crop_by_gathering, crop_by_matrices]


def oracle(image, centre, side, size, samples):
    """The documented sampling rule, one position at a time."""
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
        count = size[axis] * samples
        return (centre[axis] + side[axis] * ((np.arange(count) + 0.5) / count - 0.5)) * image.shape[axis] - 0.5

    fine = np.array([[value(y, x) for x in positions(1)] for y in positions(0)])
    return fine.reshape(size[0], samples, size[1], samples, channels).mean((1, 3))


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("samples", [1, 2])
def test_oracle(crop, samples, rng):
    images = rng.uniform(size=(2, 11, 9, 3)).astype("float32")
    centres = np.array([[0.5, 0.4], [0.1, 0.9], [0.6, 0.5], [0.5, 0.5]], "float32")
    sides = np.array([[0.5, 0.5], [0.4, 0.4], [0.3, 0.3], [1.0, 1.0]], "float32")
    crops = crop(tf.constant(images), centres, sides, (6, 5), samples)
    for index in range(4):
        expected = oracle(images[index // 2], centres[index], sides[index], (6, 5), samples)
        np.testing.assert_allclose(crops[index], expected, atol=1e-4)


def test_whole_image_at_its_own_size_is_itself(rng):
    images = rng.uniform(size=(1, 8, 8, 3)).astype("float32")
    for crop in CROPS:
        whole = crop(tf.constant(images), tf.fill((1, 2), 0.5), tf.ones((1, 2)), (8, 8))
        np.testing.assert_allclose(whole, images, atol=1e-5)


def values_and_gradient(crop, images, centres, sides, weights):
    with tf.GradientTape() as tape:
        tape.watch(images)
        crops = crop(images, centres, sides, weights.shape[1:3], 2)
        loss = tf.reduce_sum(weights * crops)
    return crops.numpy(), tape.gradient(loss, images).numpy()


@pytest.mark.parametrize("inside", [True, False])
def test_both_implementations_agree_and_repeat(inside, rng):
    transform = RandomCrop((16, 16), 6, side=(0.9, 0.9), centre=Normal(0.5, 0.3), inside=inside)
    centres, sides = transform.sample(2)
    images = tf.constant(rng.uniform(size=(2, 48, 40, 3)).astype("float32"))
    weights = tf.constant(rng.normal(size=(12, 16, 16, 3)).astype("float32"))
    results = [values_and_gradient(crop, images, centres, sides, weights) for crop in CROPS]
    for first, second in zip(*results):
        np.testing.assert_allclose(first, second, atol=1e-3)
    # Boxes that overlap must not race for the gradient.
    again = values_and_gradient(crop_by_gathering, images, centres, sides, weights)
    np.testing.assert_array_equal(again[1], results[0][1])


def test_matrices_compile_under_xla(rng):
    images = tf.constant(rng.uniform(size=(1, 24, 24, 3)).astype("float32"))
    transform = RandomCrop((8, 8), 4, implementation="matrices")
    compiled = tf.function(lambda x: transform(x, 0, 10), jit_compile=True, autograph=False)(images)
    assert compiled.shape == (4, 8, 8, 3)
    assert 0.1 < compiled.numpy().std() < 0.4


def test_samples_remove_aliasing():
    """A pattern finer than the output's grid must average out, not turn into a false image."""
    stripes = tf.constant(np.indices((64, 64)).sum(0)[None, ..., None] % 2, tf.float32)
    arguments = (stripes, tf.fill((1, 2), 0.5), tf.ones((1, 2)), (24, 24))
    assert crop_by_gathering(*arguments, samples=3).numpy().std() < 0.5 * crop_by_gathering(*arguments).numpy().std()


def test_crops_of_an_oblong_image_keep_the_outputs_proportions():
    sides = RandomCrop((8, 8), 1, side=0.5).sample(1, image_size=(256, 512))[1].numpy()[0]
    np.testing.assert_allclose(sides * (256, 512), (128, 128))
    sides = RandomCrop((8, 16), 1, side=1.0).sample(1, image_size=(100, 100))[1].numpy()[0]
    np.testing.assert_allclose(sides * (100, 100), (50, 100))


def test_automatic_samples_follow_the_largest_crop():
    def samples(side, pixels):
        return RandomCrop((224, 224), side=side)._samples((pixels, pixels))

    assert samples(Normal((0.8, 0.35), 0.05), 512) == 2
    assert samples(0.25, 512) == 1
    assert samples(Uniform(0.1, 0.9), 1024) == 4
    assert samples(lambda step: 0.5, 512) == 3


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
        ({"samples": 1.5}, '"samples"'),
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
    # The largest crop decides how many samples it takes not to alias.
    assert transform._samples((32, 32)) == 4
    assert RandomCrop((8, 8), 3, side=Normal(0.5, 0.1))._samples((32, 32)) == 2
    with pytest.raises(ValueError, match='"whole"'):
        RandomCrop((8, 8), 3, whole=4)
