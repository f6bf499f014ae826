import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Logit, accentuate
from tests.conftest import build_tiny_model

# Without crops, so that the network sees the whole image, and little time goes into tracing.
SETTINGS = {"steps": 20, "transforms": [], "image_size": 24, "seed": 0, "verbose": 0, "layer": "conv"}


@pytest.fixture
def photograph(rng):
    """A picture of coloured blocks with a little noise, larger than the result."""
    blocks = np.kron(rng.uniform(0.1, 0.6, (6, 8, 3)), np.ones((4, 4, 1)))
    return (blocks + rng.uniform(0, 0.05, blocks.shape)).astype("float32")


@pytest.mark.slow
def test_the_objective_rises_and_the_weight_keeps_the_image(tiny_model, photograph):
    linear = build_tiny_model(activation=None)
    conv = keras.Model(linear.input, linear.get_layer("conv").output)
    photograph = photograph[:, 4:28]

    def view(images):
        return tf.image.resize(images, (16, 16), antialias=True)

    rises, distances = [], []
    for weight in (0.0, 100.0):
        images = accentuate(tiny_model, photograph, Logit(2), weight=weight, **SETTINGS).images
        rises.append(linear(view(images)).numpy()[0, 2] - linear(view(photograph[None])).numpy()[0, 2])
        difference = conv(view(images)) - conv(view(photograph[None]))
        distances.append(float(tf.norm(difference) / tf.norm(conv(view(photograph[None])))))
    assert rises[0] > 0.01
    assert rises[1] > 0
    assert distances[1] < distances[0] / 3


def test_a_tiny_learning_rate_returns_the_image(tiny_model, photograph):
    settings = {**SETTINGS, "steps": 1, "learning_rate": 1e-5}
    images = accentuate(tiny_model, np.round(255 * photograph).astype("uint8"), Logit([0, 1]), **settings).images
    np.testing.assert_allclose(images[0], images[1], atol=1e-3)
    np.testing.assert_allclose(images[0], photograph[:, 4:28], atol=5e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": np.zeros((2, 8, 8, 3))}, '"image" must be one image'),
        ({"image": np.full((32, 32, 3), (0.1, 0.5, 0.2))}, '"image" must .*not all alike'),
        ({"image": np.eye(4)[..., None] * np.ones(3)}, '"image" must have at least 8 x 8'),
        ({"image": np.linspace(0, 1, 256).reshape(16, 16, 1)}, '"image" must have as many channels'),
        ({"objective": "pug"}, '"objective" must be a maco_tf objective'),
        ({"weight": -1.0}, '"weight" must be'),
        ({"weight": True}, '"weight" must be'),
        ({"mean_level": 0.0}, "must be those of the image. Received: mean_level"),
        ({"layer": "cnv"}, "Did you mean conv"),
    ],
)
def test_a_wrong_argument_is_named(tiny_model, photograph, arguments, message):
    arguments = {**SETTINGS, "image": photograph, "objective": Logit(0), **arguments}
    with pytest.raises(ValueError, match=message):
        accentuate(tiny_model, arguments.pop("image"), arguments.pop("objective"), **arguments)
