import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from maco_tf import zoo
from maco_tf.exemplars.fields.receptive_field import even_centres, receptive_field, token_grid
from tests.conftest import Wrapper


def network(*steps, size=24, channels=2):
    """A functional model of layers in a row, the last of which is called "last"."""
    keras.utils.set_random_seed(0)
    image = x = keras.Input((size, size, channels))
    for step in steps:
        x = step(x)
    return keras.Model(image, layers.Activation("linear", name="last")(x))


def assert_support(model, boxes):
    """Compare boxes with the non-zero gradients at the corners, borders and centre, by automatic differentiation."""
    images = tf.random.stateless_uniform((4, *model.input_shape[1:]), (1, 2))
    rows, columns = (sorted({0, 1, count // 2, count - 2, count - 1}) for count in boxes.shape[:2])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        maps = model(images)
        # Random weights, because a layer may keep the sum of its channels constant.
        weighted = maps * tf.random.stateless_uniform((maps.shape[-1],), (3, 4))
        sums = {(y, x): tf.reduce_sum(weighted[:, y, x]) for y in rows for x in columns}
    assert maps.shape[1:3] == boxes.shape[:2]
    for (y, x), value in sums.items():
        used = np.any(tape.gradient(value, images).numpy() != 0, axis=(0, 3))
        ys, xs = np.flatnonzero(used.any(1)), np.flatnonzero(used.any(0))
        # A position that sees only padding has an empty box.
        found = (ys[0], xs[0], ys[-1] + 1, xs[-1] + 1) if len(ys) else (0, 0, 0, 0)
        assert tuple(boxes[y, x]) == found, (y, x)


@pytest.mark.parametrize(
    ("steps", "size", "stride", "offset", "first_box", "last_box"),
    [
        # One convolution of 3 x 3 pixels reaches one pixel over the border.
        ([layers.Conv2D(2, 3, padding="same")], 3, 1, -1, (0, 0, 2, 2), (22, 22, 24, 24)),
        ([layers.Conv2D(2, 3)], 3, 1, 0, (0, 0, 3, 3), (21, 21, 24, 24)),
        # With "same" and stride 2, TensorFlow pads an even size at the end only: the first field starts at 0.
        ([layers.Conv2D(2, 3, 2, padding="same")], 3, 2, 0, (0, 0, 3, 3), (22, 22, 24, 24)),
        # With 4 x 4 and stride 2, two pixels are padded, one at each end.
        ([layers.Conv2D(2, 4, 2, padding="same")], 4, 2, -1, (0, 0, 3, 3), (21, 21, 24, 24)),
        # A dilation of 2 makes 3 taps reach over 5 pixels.
        ([layers.Conv2D(2, 3, dilation_rate=2)], 5, 1, 0, (0, 0, 5, 5), (19, 19, 24, 24)),
        ([layers.DepthwiseConv2D(3, dilation_rate=2, padding="same")], 5, 1, -2, (0, 0, 3, 3), (21, 21, 24, 24)),
        # 3 + (3 - 1) * 2 = 7, and the pooling doubles the stride: 7 + (2 - 1) * 2 = 9, stride 4.
        ([layers.Conv2D(2, 3, 2), layers.Conv2D(2, 3, padding="same"), layers.MaxPool2D()], 9, 4, -2, None, None),
        ([layers.AveragePooling2D(3, 3)], 3, 3, 0, (0, 0, 3, 3), (21, 21, 24, 24)),
        ([layers.ZeroPadding2D(2), layers.Conv2D(2, 5)], 5, 1, -2, (0, 0, 3, 3), (21, 21, 24, 24)),
        ([layers.Cropping2D(3)], 1, 1, 3, (3, 3, 4, 4), (20, 20, 21, 21)),
        # The patches of a transformer.
        ([layers.Conv2D(5, 6, 6), layers.Reshape((16, 5))], 6, 6, 0, (0, 0, 6, 6), (18, 18, 24, 24)),
    ],
)
def test_fields_by_hand(steps, size, stride, offset, first_box, last_box):
    field = receptive_field(network(*steps), "last", preprocessing=None)
    assert field.size == (size, size)
    assert field.stride == (stride, stride)
    assert field.offset == (offset, offset)
    if first_box:
        assert tuple(field.boxes[0, 0]) == first_box
        assert tuple(field.boxes[-1, -1]) == last_box


def residual(x):
    y = layers.Conv2D(x.shape[-1], 3, padding="same")(x)
    return layers.Concatenate()([layers.Add()([x, y]), layers.SeparableConv2D(2, 5, padding="same")(x)])


class ShapeReader(layers.Layer):
    """The identity; it reads the shape of its input from the graph."""

    def call(self, x):
        return tf.reshape(x, tf.raw_ops.Shape(input=x)) * tf.ones_like(x)


def windows(x):
    """Attention within windows of 6 x 6 positions, as in a Swin transformer."""
    ops = keras.ops
    x = ops.reshape(ops.transpose(ops.reshape(x, (-1, 2, 6, 2, 6, 2)), (0, 1, 3, 2, 4, 5)), (-1, 36, 2))
    x = layers.MultiHeadAttention(2, 3)(x, x)
    x = ops.reshape(ops.transpose(ops.reshape(x, (-1, 2, 2, 6, 6, 2)), (0, 1, 3, 2, 4, 5)), (-1, 12, 12, 2))
    return layers.Conv2D(2, 2, 2)(x)


@pytest.mark.parametrize(
    ("steps", "size"),
    [
        ([layers.Conv2D(3, 3, 2, padding="same"), layers.AveragePooling2D(2, padding="same"), residual], 23),
        ([layers.Conv2D(3, 5, 3), layers.UpSampling2D(2), layers.Conv2D(3, 2)], 16),
        (
            [
                layers.AveragePooling2D(2),
                layers.UpSampling2D(2, interpolation="bilinear"),
                layers.Conv2D(5, 1),
                layers.LayerNormalization(),
            ],
            10,
        ),
        (
            [
                layers.Conv2D(3, 3, 2),
                layers.Conv2DTranspose(2, 4, 3, padding="same"),
                layers.Cropping2D(((1, 2), (0, 3))),
            ],
            11,
        ),
        ([layers.Conv2DTranspose(2, 2, 3, padding="valid"), layers.AveragePooling2D(2)], 5),
        (
            [
                layers.DepthwiseConv2D(3, depth_multiplier=2, dilation_rate=2, padding="same"),
                layers.AveragePooling2D(3, 2),
            ],
            13,
        ),
        ([layers.SeparableConv2D(4, 3, dilation_rate=3, padding="same"), layers.Activation("silu"), residual], 12),
        ([layers.ZeroPadding2D(((0, 1), (2, 0))), layers.Conv2D(4, 3, 2, groups=2), layers.LeakyReLU()], 12),
        ([lambda x: keras.ops.roll(x, 2, axis=1), layers.Conv2D(2, 3), lambda x: x[:, ::2, 1:-2]], 9),
        ([lambda x: keras.ops.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect"), layers.Conv2D(2, 3, 2)], 9),
        ([windows], 12),
        ([ShapeReader(), layers.Conv2D(2, 3)], 8),
    ],
)
def test_a_field_is_the_support_of_the_gradient(steps, size):
    model = network(*steps, size=size)
    field = receptive_field(model, "last", preprocessing=None)
    assert_support(model, field.boxes)


def test_where_maps_of_several_channels_join_the_field_is_the_largest():
    image = keras.Input((12, 12, 1))
    small, large = layers.Conv2D(1, 1)(image), layers.Conv2D(1, 5, padding="same")(image)
    model = keras.Model(image, layers.Concatenate(name="last")([small, large]))
    assert receptive_field(model, "last", preprocessing=None).size == (5, 5)


def test_centres_and_even_centres():
    field = receptive_field(network(layers.Conv2D(2, 3, 2, padding="same")), "last", preprocessing=None)
    np.testing.assert_allclose(field.centres[0], np.arange(1, 24, 2))  # The middle of pixels 0 to 2 is pixel 1.
    np.testing.assert_allclose(even_centres(2, 8), [1.5, 5.5])


def squeeze_and_excite(x):
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, layers.Conv2D(2, 1, activation="sigmoid")(gate)])


@pytest.mark.parametrize("step", [squeeze_and_excite, layers.GroupNormalization(1)])
def test_what_is_the_same_at_all_positions_counts_only_if_strict(step):
    model = network(layers.Conv2D(2, 3), step, size=9)
    assert receptive_field(model, "last", preprocessing=None).size == (3, 3)
    strict = receptive_field(model, "last", preprocessing=None, strict=True)
    assert strict.is_global
    assert_support(model, strict.boxes)


@pytest.mark.parametrize(
    "steps",
    [
        [layers.GlobalAveragePooling2D()],
        [layers.Flatten(), layers.Dense(3)],
        [layers.Conv2D(4, 6, 6), layers.Reshape((16, 4)), lambda x: layers.MultiHeadAttention(2, 2)(x, x)],
    ],
)
def test_whatever_reads_all_positions_sees_the_whole_image(steps):
    field = receptive_field(network(*steps), "last", preprocessing=None)
    assert field.is_global
    assert field.stride == (0, 0)


def test_a_class_token_is_no_position(tiny_model):
    assert token_grid(16) == (4, 0)
    assert token_grid(17) == (4, 1)
    assert token_grid(16 + 5) == (4, 5)

    class ClassToken(layers.Layer):
        def call(self, x):
            return tf.concat([tf.zeros_like(x[:, :1]), x], axis=1)

    model = network(layers.Conv2D(4, 6, 6), layers.Reshape((16, 4)), ClassToken())
    field = receptive_field(model, "last", preprocessing=None)
    assert field.boxes.shape == (4, 4, 4)
    assert tuple(field.boxes[1, 2]) == (6, 12, 12, 18)


def test_nested_and_subclassed_models_are_read_as_well():
    model = Wrapper()
    model(np.zeros((1, 16, 16, 3)))
    assert receptive_field(model, "second", preprocessing=None, input_shape=(16, 16, 3)).size == (5, 5)
    inner = network(layers.Conv2D(2, 3))
    outer = network(layers.Conv2D(2, 3), layers.ZeroPadding2D(1), inner)
    assert receptive_field(outer, f"{inner.name}/last", preprocessing=None).size == (5, 5)


def test_the_field_is_one_in_the_image_before_preprocessing():
    model = network(layers.Conv2D(2, 3))
    field = receptive_field(
        model, "last", preprocessing=lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"), input_shape=(48, 48, 2)
    )
    assert field.size == (6, 6)
    assert field.stride == (2, 2)


def test_operations_that_hide_what_they_read_are_named():
    class Loop(layers.Layer):
        def call(self, x):
            return tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x + tf.roll(x, 1, 1)), (0, x))[1]

    with pytest.raises(ValueError, match=r'"layer".*While.*effective'):
        receptive_field(network(Loop()), "last", preprocessing=None)


@pytest.mark.network
@pytest.mark.parametrize(("layer", "size", "stride"), [("block3b_add", 67, 8), ("block4c_add", 147, 16)])
def test_the_fields_of_efficientnet_lite0_are_the_support_of_its_gradient(layer, size, stride):
    model = zoo.load("efficientnet_lite0")
    field = receptive_field(model, layer)
    assert field.size == (size, size)
    assert field.stride == (stride, stride)
    images = tf.random.stateless_uniform((8, 224, 224, 3), (1, 2))
    backbone = keras.Model(model.input, model.get_layer(layer).output)
    for y, x in ((0, 0), (7, 6), (-1, -1)):
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.reduce_sum(backbone(images)[:, y, x] ** 2)
        used = np.any(tape.gradient(value, images).numpy() != 0, axis=(0, 3))
        ys, xs = np.flatnonzero(used.any(1)), np.flatnonzero(used.any(0))
        top, left, bottom, right = field.boxes[y, x]
        assert top <= ys[0]
        assert left <= xs[0]
        assert bottom >= ys[-1] + 1
        assert right >= xs[-1] + 1
        # Few paths lead to the border of a field, and ReLUs may close all of them.
        assert used.sum() > 0.8 * (bottom - top) * (right - left)
