"""The input of a model: its shape, its batch, its rank, and preprocessing that converts images."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.exemplars import find_exemplars
from maco_tf.models import LOGITS, Activations
from maco_tf.objectives import Channel, Logit
from maco_tf.visualizers import MacoVisualizer
from tests.conftest import Wrapper, build_tiny_model

SMALL = {"steps": 2, "crops": 3, "image_size": 24, "jit_compile": False}


def run(activations, images, layers):
    """Activations from a traced function."""
    return tf.function(lambda x: activations(x, layers), autograph=False)(tf.constant(images))


@pytest.fixture
def images(rng):
    return rng.uniform(size=(6, 16, 16, 3)).astype("float32")


@pytest.mark.parametrize(
    "build", [lambda model: model.build((None, 16, 16, 3)), lambda model: model(np.zeros((2, 16, 16, 3)))]
)
def test_a_subclassed_model_knows_the_shape_that_it_was_built_on(build, images):
    model = Wrapper()
    build(model)
    activations = Activations(model)
    assert activations.input_shape == (16, 16, 3)
    expected = build_tiny_model(activation=None)(images)
    np.testing.assert_allclose(run(activations, images, [LOGITS])[LOGITS], expected, atol=1e-5)


def test_another_shape_may_be_given_for_a_subclassed_model():
    class Convolution(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = keras.layers.Conv2D(2, 3)

        def call(self, x):
            return self.layer(x)

    model = Convolution()
    model(np.zeros((1, 8, 8, 3), "float32"))
    assert Activations(model).input_shape == (8, 8, 3)
    assert Activations(model, input_shape=(12, 10, 3)).input_shape == (12, 10, 3)


def bound_to(batch):
    """A classifier that works on batches of one size only."""
    shape = (None if batch == 1 else batch, 16, 16, 3)
    inputs = keras.Input(batch_shape=shape)
    features = build_tiny_model().get_layer("conv")(inputs)
    flat = keras.ops.reshape(features, (batch, 16 * 16 * 4))
    return keras.Model(inputs, keras.layers.Dense(5, name="head")(flat))


@pytest.mark.parametrize("count", [1, 4, 6])
def test_a_model_that_is_bound_to_a_batch_works_on_any_number_of_images(count, images):
    keras.utils.set_random_seed(0)
    model = bound_to(4)
    expected = np.concatenate([model(images[:4]), model(images[2:])[2:]])
    found = run(Activations(model), images[:count], [LOGITS, "conv"])
    np.testing.assert_allclose(found[LOGITS], expected[:count], atol=1e-5)
    np.testing.assert_allclose(found["conv"], model.get_layer("conv")(images[:count]), atol=1e-5)
    # The number of images may be unknown while the function is traced.
    activations = Activations(model)
    activations.shapes([LOGITS])
    signature = [tf.TensorSpec((None, 16, 16, 3), tf.float32)]
    traced = tf.function(lambda x: activations(x, [LOGITS])[LOGITS], input_signature=signature, autograph=False)
    np.testing.assert_allclose(traced(images[:count]), expected[:count], atol=1e-5)


@pytest.mark.slow
def test_a_model_that_is_bound_to_a_batch_is_explained_and_scores_images(images):
    keras.utils.set_random_seed(0)
    model = bound_to(4)
    free = keras.Sequential(
        [keras.Input((16, 16, 3)), model.get_layer("conv"), keras.layers.Flatten(), model.get_layer("head")]
    )
    result, expected = (MacoVisualizer(item, **SMALL).explain(Logit(1), seed=0, verbose=0) for item in (model, free))
    np.testing.assert_allclose(result.images, expected.images, atol=1e-3)
    found, wanted = (find_exemplars(item, Logit(1), images, 3, verbose=0) for item in (model, free))
    np.testing.assert_array_equal(found.indices, wanted.indices)


@pytest.mark.slow
def test_a_model_of_single_images_names_the_argument(images):
    keras.utils.set_random_seed(0)
    model = bound_to(1)
    with pytest.raises(ValueError, match='"max_batch_size" must be 1 '):
        MacoVisualizer(model, **SMALL).explain(Logit(1), seed=0, verbose=0)
    result = MacoVisualizer(model, **SMALL, max_batch_size=1).explain(Logit(1), seed=0, verbose=0)
    assert np.isfinite(result.scores).all()


def test_a_stateful_network_keeps_its_batch_and_its_states(images):
    inputs = keras.Input(batch_shape=(2, 16, 16, 3))
    rows = keras.layers.Reshape((16, 48))(inputs)
    recurrent = keras.layers.GRU(4, stateful=True)
    model = keras.Model(inputs, keras.layers.Dense(3)(recurrent(rows)))
    expected = model(images[:2]).numpy()
    recurrent.reset_states()
    found = run(Activations(model), images[:3], [LOGITS])[LOGITS]
    np.testing.assert_allclose(found[:2], expected, atol=1e-5)
    assert not np.any(recurrent.states[0])


@pytest.mark.slow
def test_preprocessing_may_change_the_channels():
    grey, alpha = build_tiny_model(channels=1), build_tiny_model(channels=4)

    def to_grey(x):
        return tf.image.rgb_to_grayscale(x)

    def with_alpha(x):
        return tf.concat([x, tf.ones_like(x[..., :1])], -1)

    for model, function in ((grey, to_grey), (alpha, with_alpha)):
        visualizer = MacoVisualizer(model, **SMALL, preprocessing=function, input_shape=(16, 16, 3))
        result = visualizer.explain(Logit(1) + Channel("conv", 2), seed=0, verbose=0)
        assert result.images.shape == (1, 24, 24, 3)
        assert result.transparency.max() > 0


def test_preprocessing_may_change_the_layout(images):
    keras.utils.set_random_seed(0)
    first = keras.layers.Conv2D(4, 3, data_format="channels_first", name="first")
    inputs = keras.Input((3, 16, 16))
    pooled = keras.layers.GlobalAveragePooling2D(data_format="channels_first")(first(inputs))
    model = keras.Model(inputs, keras.layers.Dense(5)(pooled))

    def to_first(x):
        return tf.transpose(x, (0, 3, 1, 2))

    activations = Activations(model, to_first, (16, 16, 3))
    np.testing.assert_allclose(run(activations, images, [LOGITS])[LOGITS], model(to_first(images)), atol=1e-5)
    with pytest.raises(ValueError, match=r'"layer" must not hold maps.*channels_last'):
        activations.shapes(["first"])
    with pytest.raises(ValueError, match=r"'first' with channels_first.*tf\.transpose"):
        Activations(model)


def test_the_result_of_the_preprocessing_is_checked():
    grey = build_tiny_model(channels=1)
    with pytest.raises(ValueError, match=r'"preprocessing" must return .*16, 16, 1.*Received: \(16, 16, 3\)'):
        Activations(grey, lambda x: x, (16, 16, 3)).shapes([LOGITS])
    # Without a function, the shapes must agree.
    for preprocessing in ("auto", None, "tf"):
        with pytest.raises(ValueError, match='"input_shape" must fit'):
            Activations(grey, preprocessing, (16, 16, 3))


@pytest.mark.parametrize("shape", [(6, 7), (5, 6, 7, 3), (36,), (4, None, 7, 3)], ids=str)
def test_inputs_of_another_rank_name_the_wrapper_that_works(shape):
    inputs = keras.Input(shape)
    pooled = keras.layers.Flatten()(inputs) if len(shape) < 3 else keras.ops.mean(inputs, tuple(range(1, len(shape))))
    model = keras.Model(inputs, keras.layers.Dense(3)(pooled))
    with pytest.raises(ValueError, match=r'"model" must take one batch of images.*Wrap it: ') as error:
        Activations(model)
    # The remedy is run as it stands, with a size in place of the letter of an open one.
    code = re.search(r"Wrap it: (.*?\)\))\. ", str(error.value))[1]
    scope = {"keras": keras, "model": model, "A": 4, "B": 6}
    exec(code, scope)
    wrapped = scope["wrapped"]
    assert Activations(wrapped).shapes([LOGITS]) == {LOGITS: (3,)}
    assert len(wrapped.input_shape) == 4


@pytest.mark.parametrize("make", [list, lambda inputs: {tensor.name: tensor for tensor in inputs}])
@pytest.mark.parametrize("shape", [(8, 8, 3), (2, 8, 8, 3), (None, 8, 8, 3)], ids=str)
def test_several_inputs_are_refused_with_a_remedy_that_works(make, shape, rng):
    """As in CLIP, SAM or PaliGemma: images, and integers of another shape; some models take several images."""
    inputs = [keras.Input(shape, name="images"), keras.Input((None,), dtype="int32", name="token-ids")]
    pooled = keras.ops.mean(inputs[0], tuple(range(1, len(shape))))
    words = keras.ops.mean(keras.layers.Embedding(4, 3)(inputs[1]), axis=1)
    model = keras.Model(make(inputs), keras.layers.Concatenate(name="joined")([pooled, words]))
    with pytest.raises(ValueError, match=r"one batch of images.*token-ids \(None, None\).*token_ids of int32") as error:
        Activations(model)
    code = re.search(r"Wrap it: (.*?\)\))\. Here", str(error.value))[1]
    scope = {"keras": keras, "tf": tf, "model": model, "token_ids": np.array([1, 3, 3], "int32")}
    exec(code, scope)
    images = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    found = run(Activations(scope["wrapped"], None), images, ["joined"])["joined"]
    tokens = np.tile(scope["token_ids"], (2, 1))
    several = images if len(shape) == 3 else np.repeat(images[:, None], shape[0] or 1, axis=1)
    expected = model(
        make([keras.ops.convert_to_tensor(several), keras.ops.convert_to_tensor(tokens)])
        if make is list
        else {"images": several, "token-ids": tokens}
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)
