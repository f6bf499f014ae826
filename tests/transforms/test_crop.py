import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import Normal, RandomCrop, Uniform


def boxes(crop, batch=1, image_size=None, step=0, steps=1):
    """Centres and sides of the crops of a step, for images of the output's size by default."""
    drawn = crop.boxes(crop.draw(batch * crop.count, step, steps), image_size or crop.size)
    return [value.numpy() for value in drawn]


def test_without_antialiasing_crops_are_those_of_crop_and_resize(rng):
    """The crops of the paper and of xplique: one sample per pixel, from the image itself."""
    images = rng.uniform(size=(2, 64, 64, 3)).astype("float32")
    transform = RandomCrop((16, 16), 3, side=Uniform(0.1, 1.0), antialias=False, implementation="gather")
    seed = transform.seed_generator.state.numpy()
    centres, sides = boxes(transform, 2, (64, 64))
    transform.seed_generator.state.assign(seed)
    # The outermost samples, in units of the distance between the centres of the first and the last pixel.
    half = sides / 2 * (1 - 1 / 16)
    corners = (np.concatenate([centres - half, centres + half], axis=1) * 64 - 0.5) / 63
    inner = ((corners >= 0) & (corners <= 1)).all(axis=1)
    assert inner.sum() >= 4
    expected = tf.image.crop_and_resize(images, corners, np.repeat([0, 1], 3), (16, 16))
    np.testing.assert_allclose(transform(tf.constant(images)).numpy()[inner], expected.numpy()[inner], atol=1e-5)


def test_a_transform_of_matrices_compiles_whole(rng):
    images = tf.constant(rng.uniform(size=(1, 24, 24, 3)).astype("float32"))
    transform = RandomCrop((24, 24), 4, side=1.0, implementation="matrices")
    crops = tf.function(lambda x: transform(x, 0, 10), jit_compile=True, autograph=False)(images)
    np.testing.assert_allclose(crops, tf.repeat(images, 4, axis=0), atol=1e-5)


@pytest.mark.parametrize("implementation", ["gather", "matrices"])
def test_the_finest_pattern_becomes_grey_and_does_not_alias(implementation):
    board = tf.constant(np.indices((64, 64)).sum(0)[None, ..., None] % 2, tf.float32)
    settings = {"side": 1.0, "implementation": implementation}
    np.testing.assert_allclose(RandomCrop((24, 24), 2, **settings)(board), 0.5, atol=1e-6)
    assert RandomCrop((24, 24), 2, antialias=False, **settings)(board).numpy().std() > 0.1
    # At one pixel per output pixel there is nothing to average.
    assert RandomCrop((64, 64), 2, **settings)(board).numpy().std() == pytest.approx(0.5)


@pytest.mark.parametrize("implementation", ["gather", "matrices"])
def test_a_constant_image_stays_constant(implementation):
    transform = RandomCrop((5, 4), 9, side=Uniform(0.05, 1.0), implementation=implementation)
    np.testing.assert_allclose(transform(tf.fill((2, 43, 51, 1), 0.8)), 0.8, atol=1e-5)


def test_crops_of_an_oblong_image_keep_the_outputs_proportions():
    _, sides = boxes(RandomCrop((8, 8), 1, side=0.5), image_size=(256, 512))
    np.testing.assert_allclose(sides[0] * (256, 512), (128, 128))
    _, sides = boxes(RandomCrop((8, 16), 1, side=1.0), image_size=(100, 100))
    np.testing.assert_allclose(sides[0] * (100, 100), (50, 100))


def test_antialiasing_does_not_change_the_draws():
    samples = [boxes(RandomCrop((8, 8), 4, antialias=flag), 2, (64, 64)) for flag in (True, False)]
    for first, second in zip(*samples):
        np.testing.assert_array_equal(first, second)


def test_crops_stay_inside_if_asked():
    transform = RandomCrop((8, 8), 500, side=Uniform(0.2, 0.9), centre=Normal(0.5, 0.5), inside=True)
    centres, sides = boxes(transform)
    assert (centres - sides / 2).min() >= -1e-6
    assert (centres + sides / 2).max() <= 1 + 1e-6
    crossing, _ = boxes(RandomCrop((8, 8), 500, side=0.5, centre=Normal(0.5, 0.5), inside=False))
    assert crossing.min() < 0


def test_distributions_of_side_and_centre():
    _, sides = boxes(RandomCrop((8, 8), 2000, side=Uniform(0.25, 0.30)))
    assert 0.25 <= sides.min() < 0.253
    assert 0.297 < sides.max() <= 0.30
    _, sides = boxes(RandomCrop((8, 8), 2000, side=Normal((0.8, 0.4), 0.05)), step=4, steps=5)
    assert sides.mean() == pytest.approx(0.4, abs=0.01)
    assert sides.std() == pytest.approx(0.05, rel=0.1)
    centres, _ = boxes(RandomCrop((8, 8), 2000, side=0.5, centre="anywhere"))
    assert centres.std() == pytest.approx(0.5 / np.sqrt(12), rel=0.05)


def test_views_of_one_image_are_adjacent():
    images = tf.constant(np.stack([np.zeros((16, 16, 3)), np.ones((16, 16, 3))]), tf.float32)
    views = RandomCrop((8, 8), 3, side=0.5)(images).numpy()
    np.testing.assert_allclose(views.mean((1, 2, 3)), [0, 0, 0, 1, 1, 1], atol=1e-6)


def test_some_crops_of_each_image_are_whole():
    transform = RandomCrop((8, 8), 3, side=Normal(0.5, 0.1), centre=Normal(0.5, 0.1), inside=False, whole=1)
    sides = boxes(transform, 4)[1].reshape(4, 3, 2)
    assert (sides[:, 0] == 1).all()
    assert (sides[:, 1:] < 1).all()
    with pytest.raises(ValueError, match='"whole"'):
        RandomCrop((8, 8), 3, whole=4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"side": 1.5}, r'"side" must lie in \(0, 1\]'),
        ({"side": (0.5, 0.0)}, r'"side" must lie in \(0, 1\]'),
        ({"side": "big"}, '"side" must be a finite number'),
        ({"centre": "middle"}, '"centre" must be "anywhere"'),
        ({"count": 0}, '"count"'),
        ({"antialias": 2}, '"antialias" must be True or False'),
        ({"inside": 1}, '"inside" must be True or False'),
        ({"centre": None}, '"centre" must be a finite number'),
        ({"size": 0}, '"size"'),
        ({"implementation": "fast"}, '"implementation"'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomCrop(**{"size": (8, 8), **arguments})


def test_numpys_numbers_and_flags_are_accepted():
    crop = RandomCrop(np.int64(8), np.int32(3), side=np.float32(0.5), inside=np.bool_(False), whole=np.int8(1))
    assert repr(crop) == (
        "RandomCrop(size=(8, 8), count=3, side=Normal(mean=0.5, std=0.0), centre='anywhere', inside=False, "
        "antialias=True, whole=1, implementation='auto')"
    )
