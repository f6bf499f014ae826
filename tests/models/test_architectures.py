"""Activations and explanations of published architectures with random weights, and of handwritten models."""

from pathlib import Path

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import LOGITS, Activations, logits_of, zoo
from maco_tf.objectives import Channel, Logit, Neuron
from maco_tf.visualizers import MacoVisualizer
from tests.conftest import build_tiny_model

CHECKPOINT = Path(__file__).parent / "fixtures" / "flexivit.npz"


def values_and_gradient(activations, images, layers):
    """The layers' values, and the gradient of the sum of their mean squares with respect to the images."""

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            values = activations(x, layers)
            score = sum(tf.reduce_mean(tf.square(value)) for value in values.values())
        return values, tape.gradient(score, x)

    return tf.function(run, autograph=False)(tf.constant(images, tf.float32))


def snapshot(model):
    """Everything in a model that an explanation must not change."""
    states = [variable.numpy().tobytes() for variable in model.variables]
    attributes = {path.path: sorted(vars(path)) for path in model._flatten_layers()}
    return states, attributes, keras.Operation.__call__


def one_step(model, objective, **settings):
    visualizer = MacoVisualizer(model, steps=1, crops=1, jit_compile=False, **settings)
    return visualizer.explain(objective, seed=0, verbose=0)


# Name, a small input side, a layer deep inside.
APPLICATIONS = [
    ("ResNet50V2", 32, "conv4_block3_out"),
    ("MobileNetV3Small", 32, "expanded_conv_4_squeeze_excite_mul"),
    ("ConvNeXtTiny", 32, "convnext_tiny_stage_2_block_2_depthwise_conv"),
    ("EfficientNetV2B0", 32, "block5b_add"),
    ("DenseNet121", 32, "conv4_block11_concat"),
    ("InceptionV3", 75, "mixed4"),
    ("VGG16", 32, "block4_conv2"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "side", "layer"), APPLICATIONS, ids=[name for name, *_ in APPLICATIONS])
def test_architectures_of_keras(name, side, layer, rng):
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=7)
    before = snapshot(model)
    images = rng.uniform(size=(2, side, side, 3)).astype("float32")
    found, gradient = values_and_gradient(Activations(model, None), images, [layer, LOGITS])
    inside, probabilities = keras.Model(model.input, [model.get_layer(layer).output, model.output])(images)
    tolerance = 1e-4 * np.abs(inside).max()
    np.testing.assert_allclose(found[layer], inside, atol=tolerance)
    np.testing.assert_allclose(tf.nn.softmax(found[LOGITS]), probabilities, atol=1e-5)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max(axis=(1, 2, 3)).min() > 0
    assert snapshot(model) == before


@pytest.mark.slow
def test_a_transformer_of_keras_hub(rng):
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(16, 16, 3), patch_size=4, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16
    )
    inputs = keras.Input((16, 16, 3))
    outputs = keras.layers.Dense(5, activation="softmax")(backbone(inputs)[:, 0])
    model = keras.Model(inputs, outputs)
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    embedded = backbone.get_layer("vit_patching_and_embedding")(images)
    first, second = backbone.get_layer("vit_encoder").encoder_layers
    # The names of the blocks have changed between releases of KerasHub.
    paths = [f"vit_encoder/{first.name}", f"{second.name}/mha", "vit_encoder/ln"]
    found, gradient = values_and_gradient(Activations(model), images, [*paths, LOGITS])
    np.testing.assert_allclose(found[paths[0]], first(embedded), atol=1e-5)
    normed = second.layer_norm_1(first(embedded))
    np.testing.assert_allclose(found[paths[1]], second.mha(normed, normed), atol=1e-5)
    np.testing.assert_allclose(found[paths[2]], backbone(images), atol=1e-5)
    assert found[paths[2]].shape == (2, 17, 8)
    assert np.abs(gradient).max() > 0
    explanation = one_step(model, Channel(paths[0], 3) - Neuron(paths[0], ("class", 3)), image_size=32)
    assert np.isfinite(explanation.scores).all()


class Block(keras.layers.Layer):
    """A residual block that normalises, drops and counts."""

    def __init__(self, width, name):
        super().__init__(name=name)
        self.convolution = keras.layers.Conv2D(width, 3, padding="same", activity_regularizer="l2", name="convolution")
        self.norm = keras.layers.BatchNormalization(name="norm")
        self.drop = keras.layers.Dropout(0.5, seed=1, name="drop")
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, x, training=False):
        self.calls.assign_add(1.0)
        y = self.drop(self.norm(self.convolution(x), training=training), training=training)
        return y if training else x + y


class Handwritten(keras.Model):
    """Blocks in a list, a block called twice, noise at inference, and a dictionary of outputs."""

    def __init__(self):
        super().__init__(name="handwritten")
        self.stem = keras.layers.Conv2D(4, 1, name="stem")
        self.blocks = [Block(4, f"block{index}") for index in range(2)]
        self.noise = keras.random.SeedGenerator(3)
        self.head = keras.layers.Dense(5, name="head")

    def call(self, x, training=False):
        x = self.stem(x)
        for block in (*self.blocks, self.blocks[0]):
            x = block(x, training=training)
        pooled = tf.reduce_mean(x, axis=(1, 2)) + keras.random.normal((4,), stddev=0.01, seed=self.noise)
        return {"classes": tf.nn.softmax(self.head(pooled)), "map": x}


@pytest.fixture
def handwritten(rng):
    keras.utils.set_random_seed(0)
    model = Handwritten()
    model(np.zeros((1, 8, 8, 3), "float32"))
    return model


def test_layers_of_a_handwritten_model(handwritten, rng):
    images = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    activations = Activations(handwritten, input_shape=(8, 8, 3))
    layers = ["block1/norm", "block0#1", "stem", logits_of("classes"), logits_of("map")]
    found, gradient = values_and_gradient(activations, images, layers)
    stem, (first, second) = handwritten.stem(images), handwritten.blocks
    np.testing.assert_allclose(found["stem"], stem, atol=1e-6)
    np.testing.assert_allclose(found["block1/norm"], second.norm(second.convolution(first(stem))), atol=1e-5)
    np.testing.assert_allclose(found["block0#1"], first(second(first(stem))), atol=1e-5)
    np.testing.assert_array_equal(found[logits_of("map")], found["block0#1"])
    logits = handwritten.head(tf.reduce_mean(found["block0#1"], (1, 2)))
    # These are the values before the softmax, up to the model's noise of 0.01.
    np.testing.assert_allclose(found[logits_of("classes")], logits, atol=0.1)
    assert np.abs(tf.reduce_sum(found[logits_of("classes")], 1) - 1).min() > 1e-3
    assert np.abs(gradient).max() > 0


@pytest.mark.slow
def test_an_explanation_does_not_change_the_model(handwritten, rng):
    """Its weights, counters, states of random layers, attributes, losses and outputs keep every bit."""
    images = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    before = snapshot(handwritten)
    # The state of the noise is restored, so that the call after the explanation draws the same noise.
    states = [variable.numpy() for variable in handwritten.variables]
    expected = handwritten(images)["classes"].numpy()
    for variable, state in zip(handwritten.variables, states):
        variable.assign(state)
    objective = Logit(3, output="classes") + Channel("block1", 1)
    first, second = (one_step(handwritten, objective, input_shape=(8, 8, 3), image_size=16) for _ in range(2))
    np.testing.assert_array_equal(first.images, second.images)
    assert snapshot(handwritten) == before
    assert not any(tf.is_symbolic_tensor(loss) for loss in handwritten.losses)
    np.testing.assert_array_equal(handwritten(images)["classes"], expected)


@pytest.mark.slow
def test_an_explanation_does_not_change_the_configuration_and_the_compilation():
    model = build_tiny_model(size=16)
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    before, config, compiled = snapshot(model), model.get_config(), model.get_compile_config()
    one_step(model, Logit(1), image_size=16)
    assert snapshot(model) == before
    assert model.get_config() == config
    assert model.get_compile_config() == compiled
    # The model still learns: no weight has been frozen or compiled in as a constant.
    model.fit(np.random.default_rng(0).uniform(size=(4, 16, 16, 3)), np.arange(4), verbose=0)
    assert snapshot(model)[0] != before[0]


def two_outputs(make):
    inputs = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Flatten()(inputs)
    classes = keras.layers.Dense(5, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, make(classes, keras.layers.Dense(4, name="box")(x)))


@pytest.mark.parametrize(
    ("make", "name"),
    [(lambda a, b: {"classes": a, "boxes": b}, "classes"), (lambda a, b: [b, a], "classifier")],
    ids=["dictionary", "list"],
)
def test_an_objective_names_one_of_several_outputs(make, name, rng):
    model, images = two_outputs(make), rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    activations = Activations(model)
    found, _ = values_and_gradient(activations, images, [logits_of(name), "classifier"])
    np.testing.assert_allclose(tf.nn.softmax(found[logits_of(name)]), found["classifier"], atol=1e-6)
    visualizer = MacoVisualizer(model, steps=1)
    visualizer.check(Logit(4, output=name))
    with pytest.raises(ValueError, match=r"must lie in 0\.\.4"):
        visualizer.check(Logit(5, output=name))
    for objective in (Logit(0), Logit(0, output="absent")):
        with pytest.raises(ValueError, match=f'"output" must be one of .*{name}.* Received'):
            visualizer.check(objective)
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(Logit(4, output=name)))
    assert restored.structure() == Logit(1, output=name).structure() != Logit(1).structure()
    with pytest.raises(ValueError, match='"output" must be the name'):
        Logit(1, output=1)


def test_a_layer_with_several_outputs_is_refused():
    inputs = keras.Input((8, 8, 3))
    halves = keras.ops.split(keras.layers.Conv2D(4, 1)(inputs), 2, axis=-1)
    model = keras.Model(inputs, keras.layers.Flatten()(halves[0]))
    split = next(operation.name for operation in model.operations if "split" in operation.name)
    with pytest.raises(ValueError, match=r'"layer" must have one output.* 2 tensor.*:0", .*:1"'):
        Activations(model).shapes([split])


@pytest.mark.parametrize("make", [list, lambda inputs: {"image": inputs[0]}], ids=["list", "dictionary"])
def test_the_image_is_passed_in_the_structure_that_the_model_declares(make, recwarn, rng):
    inputs = keras.Input((8, 8, 3), name="image")
    model = keras.Model(make([inputs]), keras.layers.Flatten(name="flat")(inputs))
    images = rng.uniform(size=(1, 8, 8, 3)).astype("float32")
    found, _ = values_and_gradient(Activations(model), images, ["flat"])
    np.testing.assert_array_equal(found["flat"], images.reshape(1, -1))
    assert not [str(warning.message) for warning in recwarn if "structure" in str(warning.message)]


def test_channels_first_is_refused_at_any_depth():
    class Hidden(keras.Model):
        def __init__(self):
            super().__init__()
            pool = keras.layers.GlobalAveragePooling2D(data_format="channels_first", name="pool")
            self.inner = [keras.Sequential([pool])]

        def call(self, x):
            return self.inner[0](x)

    model = Hidden()
    model(np.zeros((1, 3, 8, 8), "float32"))
    with pytest.raises(ValueError, match="'pool' with channels_first"):
        Activations(model, input_shape=(8, 8, 3))


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_quantised_layers_have_the_gradient_of_the_weights_that_they_encode(rng):
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    plain, quantised = build_tiny_model(), build_tiny_model()
    quantised.quantize("int8")
    assert quantised.get_layer("head").quantization_mode == "int8"
    (exact, wanted), (found, gradient) = (
        values_and_gradient(Activations(model), images, [LOGITS]) for model in (plain, quantised)
    )
    np.testing.assert_allclose(tf.nn.softmax(found[LOGITS]), quantised(images), atol=1e-6)
    np.testing.assert_allclose(found[LOGITS], exact[LOGITS], atol=0.02)
    assert np.corrcoef(np.ravel(wanted), np.ravel(gradient))[0, 1] > 0.99


@pytest.mark.slow
def test_an_input_of_unknown_size_takes_the_given_shape(rng):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    activations = Activations(model, input_shape=(33, 21, 3))
    images = rng.uniform(size=(2, 33, 21, 3)).astype("float32")
    found, _ = values_and_gradient(activations, images, ["conv"])
    np.testing.assert_allclose(found["conv"], model.get_layer("conv")(images), atol=1e-5)
    assert activations.shapes(["conv"]) == {"conv": (16, 10, 4)}
    assert one_step(model, Channel("conv", 1), input_shape=(33, 21, 3)).images.shape == (1, 34, 21, 3)


@pytest.mark.slow
def test_class_token_and_patch_tokens_are_explained_separately():
    model = zoo.flexivit(CHECKPOINT, 6, image_size=24)
    before = snapshot(model)
    patches, by_class, neuron = (
        one_step(model, objective, image_size=32).images
        for objective in (
            Channel("block0_out", 2),
            Channel("block0_out", 2, tokens="class"),
            Neuron("block0_out", ("class", 2)),
        )
    )
    np.testing.assert_array_equal(by_class, neuron)
    assert not np.array_equal(by_class, patches)
    assert snapshot(model) == before
