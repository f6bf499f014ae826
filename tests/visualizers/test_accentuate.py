import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Logit, accentuate
from tests.conftest import build_tiny_model

SETTINGS = {"steps": 30, "crops": 2, "image_size": 24, "seed": 0, "verbose": 0, "layer": "conv"}


@pytest.fixture
def photograph(rng):
    blocks = np.kron(rng.uniform(0.1, 0.6, (6, 8, 3)), np.ones((4, 4, 1)))
    return (blocks + rng.uniform(0, 0.05, blocks.shape)).astype("float32")


def test_the_objective_rises_and_the_weight_keeps_the_image(photograph):
    linear = build_tiny_model(activation=None)
    conv = keras.Model(linear.input, linear.get_layer("conv").output)
    photograph = photograph[:, 4:28]

    def seen(images):
        return tf.image.resize(images, (16, 16), antialias=True)

    strengths, distances = [], []
    for weight in (0.0, 100.0):
        images = accentuate(build_tiny_model(), photograph, Logit(2), weight=weight, **SETTINGS).images
        strengths.append(linear(seen(images)).numpy()[0, 2] - linear(seen(photograph[None])).numpy()[0, 2])
        difference = conv(seen(images)) - conv(seen(photograph[None]))
        distances.append(float(tf.norm(difference) / tf.norm(conv(seen(photograph[None])))))
    assert strengths[0] > 0.01
    assert strengths[1] > 0
    assert distances[1] < distances[0] / 3


def test_without_steps_worth_mentioning_it_is_the_image(photograph):
    settings = {**SETTINGS, "steps": 1, "learning_rate": 1e-5}
    images = accentuate(
        build_tiny_model(), np.round(255 * photograph).astype("uint8"), Logit([0, 1]), **settings
    ).images
    np.testing.assert_allclose(images[0], images[1], atol=1e-3)
    np.testing.assert_allclose(images[0], photograph[:, 4:28], atol=5e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": np.zeros((2, 8, 8, 3))}, '"image" must be one image'),
        ({"image": np.full((32, 32, 3), (0.1, 0.5, 0.2))}, "not all alike"),
        ({"image": np.eye(4)[..., None] * np.ones(3)}, "at least 8 x 8"),
        ({"image": np.linspace(0, 1, 256).reshape(16, 16, 1)}, r'"image" must have as many channels'),
        ({"objective": "pug"}, '"objective" must be a maco_tf objective'),
        ({"weight": -1.0}, '"weight"'),
        ({"weight": True}, '"weight"'),
        ({"mean_level": 0.0}, "mean_level"),
        ({"layer": "cnv"}, "Did you mean conv"),
    ],
)
def test_wrong_arguments(photograph, arguments, message):
    given = {**SETTINGS, "image": photograph, "objective": Logit(0), **arguments}
    with pytest.raises(ValueError, match=message):
        accentuate(build_tiny_model(), given.pop("image"), given.pop("objective"), **given)
